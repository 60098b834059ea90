# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.unit.store.portable_stores import make_source


@pytest.fixture
def source(stores):
    """A store with a credential of three versions (`make_source`)."""
    return make_source(stores)
