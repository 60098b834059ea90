# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.unit.adoption.stores import Target
from tests.unit.store.portable_stores import Stores


@pytest.fixture
def target(tmp_path):
    stores = Stores(tmp_path)
    yield Target(stores.local("target"))
    for manager in stores.managers:
        manager.close()
