# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error for a missing credential names the place where the store looked for it."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

STORES = {
    "local": {"backend": "local", "path": "{0}/store", "encrypt": False, "allow_plaintext": True},
    "database": {"backend": "database", "url": "sqlite:///{0}/db", "encrypt": False, "allow_plaintext": True},
    "memory": {"backend": "memory", "encrypt": False, "allow_plaintext": True},
}
CALLS = {
    "get": lambda manager: manager.get("app/db"),
    "inspect": lambda manager: manager.inspect("app/db"),
    "token": lambda manager: manager.token("app/db"),
    "versions": lambda manager: manager.versions("app/db"),
}


@pytest.fixture(params=STORES.values(), ids=STORES)
def manager(request, tmp_path):
    options = {option: value.format(tmp_path) if isinstance(value, str) else value for option, value in request.param.items()}
    return open_store(dict(options, audit="off"), name="mine")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_missing_credential_is_looked_for_at_a_place_that_is_named(manager, call):
    with pytest.raises(NotFound) as caught:
        call(manager)
    (first, *_others) = manager.locate("app/db").values()
    message = str(caught.value)
    assert "credential 'app/db', store 'mine': there is no credential of that name (" in message
    assert message.count(first) == 1


def test_a_place_is_named_once(manager):
    with pytest.raises(NotFound) as caught, manager.acting():
        manager.get("app/db")
    assert str(caught.value).count(next(iter(manager.locate("app/db").values()))) == 1
