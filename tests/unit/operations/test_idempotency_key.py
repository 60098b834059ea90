# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option `idempotency_key`: one key creates one credential, whatever is repeated (B2)."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Duplicate, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import ask


@pytest.fixture
def manager():
    return open_store({"backend": "memory", "audit": "off"}, name="prod")


def create(manager, key, **more):
    return ask(manager, "credential", name="db", state="present", idempotency_key=key, **more).result


def test_what_is_repeated_with_the_same_key_changes_nothing(manager):
    assert create(manager, "request-1", value="first")["changed"]
    again = create(manager, "request-1", value="second", description="another")
    assert (again["changed"], again["credential"]["version"], again["credential"]["description"]) == (False, "1", "")
    assert ask(manager, "get", name="db").result["value"] == "first"


@pytest.mark.parametrize("before", ["request-1", None])
def test_what_was_created_otherwise_is_a_duplicate(manager, before):
    create(manager, before, value="first")
    with pytest.raises(Duplicate):
        create(manager, "request-2", value="first")


def test_a_login_is_tried_at_each_run(manager):
    create(manager, "request-1", value="first")
    with pytest.raises(InvalidInput, match="has no login that can be tried"):
        create(manager, "request-1", value="first", check=True)


def test_without_a_key_it_can_be_changed_all_the_same(manager):
    create(manager, "request-1", value="first")
    assert create(manager, None, value="second")["changed"]


@pytest.mark.parametrize("state", ["absent", "revoked", "restored"])
def test_it_has_no_meaning_in_another_state(manager, state):
    create(manager, "request-1", value="first")
    with pytest.raises(InvalidInput, match="idempotency_key"):
        ask(manager, "credential", name="db", state=state, idempotency_key="request-1")


def test_each_of_a_list_has_its_own(manager):
    credentials = [{"name": "a", "value": "1", "idempotency_key": "k-a"}, {"name": "b", "value": "1", "idempotency_key": "k-b"}]
    assert ask(manager, "credential", credentials=credentials, state="present").result["changed"]
    assert not ask(manager, "credential", credentials=credentials, state="present").result["changed"]
