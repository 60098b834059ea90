# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each canary play is given: values to look for, and a place to run in."""

from __future__ import annotations

import pytest

from tests.canary import canaries
from tests.canary.sandbox import Sandbox


@pytest.fixture
def given():
    return {"canary": canaries.make(), "plain_canary": canaries.make_plain()}


@pytest.fixture
def sandbox(tmp_path, collection_root):
    return Sandbox(tmp_path / "run", collection_root)
