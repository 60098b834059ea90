# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What unit tests share."""

from __future__ import annotations

from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.portable_stores import Stores


@pytest.fixture(autouse=True)
def no_session(home, monkeypatch):
    """Lookups that are called in the process of the tests start no session, which would stay as long as the tests do."""
    monkeypatch.setenv("NEBULA_CREDENTIAL_SESSION", "false")


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
