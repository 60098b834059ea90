# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests on the page that compares the backends are those that the servers count now."""

from __future__ import annotations

import pytest

from tests.bench.figures import count_requests, list_kinds, read_figures

pytestmark = pytest.mark.server
COUNTED = [kind for kind in list_kinds() if kind.requests]


@pytest.mark.parametrize("kind", COUNTED, ids=lambda kind: kind.label)
def test_the_requests_of_the_page_are_those_of_now(kind, tmp_path):
    assert count_requests(kind, tmp_path) == read_figures()[kind.label]["requests"], "run python -m tests.bench.figures " + kind.label
