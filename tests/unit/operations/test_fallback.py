# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A missing or expired credential is answered by its fallbacks, in their order, and the answer says which."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Expired, NotFound, NoToken, Revoked
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store


class Store:
    """A store in memory, its clock and its warnings."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=timezone.utc)
        self.warnings: list[str] = []
        opened = open_store({"backend": "memory", "audit": "off"}, warn=self.warnings.append)
        self.manager = CredentialManager(opened.backend, clock=lambda: self.now)
        self.warnings.clear()


@pytest.fixture
def store() -> Store:
    return Store()


def add(store: Store, name: str, **wanted: Any) -> None:
    store.manager.create(DesiredCredential(name, value=Secret("value of " + name), **wanted))


def get(store: Store, name: str, *fallback: str) -> dict[str, Any]:
    return perform(store.manager, "get", {"name": name, "fallback": list(fallback)}, AccessContext()).result


def test_a_credential_that_is_there_needs_no_fallback(store: Store) -> None:
    add(store, "a")
    add(store, "b")
    assert get(store, "a", "b")["value"] == "value of a"
    assert store.warnings == []


def test_a_missing_one_is_answered_by_the_first_fallback_that_is_there(store: Store) -> None:
    add(store, "c")
    add(store, "d")
    found = get(store, "a", "b", "c", "d")
    assert (found["name"], found["value"]) == ("c", "value of c")
    (warning,) = store.warnings
    assert "'a' is missing, so the value is that of its fallback 'c'" in warning


def test_an_expired_one_is_answered_too_and_an_expired_fallback_is_passed_over(store: Store) -> None:
    for name in ("a", "b"):
        add(store, name, ttl=timedelta(hours=1))
    add(store, "c")
    store.now += timedelta(hours=2)
    assert get(store, "a", "b", "c")["name"] == "c"
    (warning,) = store.warnings
    assert "'a' has expired" in warning


def test_if_none_has_a_value_the_error_is_that_of_the_credential_and_names_them(store: Store) -> None:
    add(store, "b", ttl=timedelta(hours=1))
    store.now += timedelta(hours=2)
    with pytest.raises(NotFound, match=r"'a'.*None of its fallbacks has a value: b, c"):
        get(store, "a", "b", "c")
    with pytest.raises(Expired, match="'b'"):
        get(store, "b", "a")


def test_after_any_other_failure_no_fallback_is_read(store: Store) -> None:
    add(store, "a")
    add(store, "b")
    store.manager.revoke("a")
    with pytest.raises(Revoked):
        get(store, "a", "b")
    add(store, "user")
    with pytest.raises(NoToken):
        perform(store.manager, "get", {"name": "user", "field": "nothing", "fallback": ["b"]}, AccessContext())
