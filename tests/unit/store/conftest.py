# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.portable_stores import Stores, make_source


@pytest.fixture
def manager():
    """A store in memory, without a trail. A file that needs another one has a fixture of this name itself."""
    with closing(open_store({"backend": "memory", "audit": "off"}, name="prod")) as opened:
        yield opened


@pytest.fixture
def stores(tmp_path):
    """Opens stores in the test's directory."""
    made = Stores(tmp_path)
    yield made
    for manager in made.managers:
        manager.close()


@pytest.fixture
def source(stores):
    """A store with a credential of three versions (`make_source`)."""
    return make_source(stores)
