# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scope: who is let through, and that every operation asks (E4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope, check_access, mismatch
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

WORDS = st.sampled_from(["a", "b", "c"])
TAGS = st.dictionaries(WORDS, WORDS, max_size=3)
OPTIONAL = st.none() | WORDS
SCOPED = Scope(workflow="deploy", user="alice", tags={"team": "web"})
INSIDE = AccessContext(workflow="deploy", user="alice", tags={"team": "web", "more": "yes"})
OUTSIDE = AccessContext(workflow="deploy", user="mallory", tags={"team": "web"})


@given(st.builds(Scope, WORDS, OPTIONAL, OPTIONAL, TAGS), st.builds(AccessContext, WORDS, OPTIONAL, OPTIONAL, TAGS))
def test_a_caller_matches_when_every_dimension_that_is_set_does(scope, context):
    expected = (
        scope.tenant == context.tenant
        and scope.workflow in (None, context.workflow)
        and scope.user in (None, context.user)
        and all(context.tags.get(tag) == value for tag, value in scope.tags.items())
    )
    assert (mismatch(scope, context) is None) == expected


@given(st.builds(AccessContext, st.just("default"), OPTIONAL, OPTIONAL, TAGS))
def test_a_credential_without_scope_is_for_everybody_of_the_tenant(context):
    assert mismatch(Scope(), context) is None


def test_a_denial_names_the_dimension_and_not_what_it_should_have_been():
    with pytest.raises(AccessDenied) as caught:
        check_access(Scope(workflow="deploy", tags={"team": "web"}), AccessContext(workflow="deploy"), "db")
    assert "'tags.team'" in str(caught.value)
    assert "web" not in str(caught.value)


@pytest.fixture
def manager():
    opened = open_store({"backend": "memory", "audit": "off"}, name="prod")
    opened.create(DesiredCredential("db", value=Secret("one"), scope=SCOPED), INSIDE)
    yield opened
    opened.close()


OPERATIONS = {
    "get": lambda manager, who: manager.get("db", context=who),
    "token": lambda manager, who: manager.token("db", context=who),
    "describe": lambda manager, who: manager.describe("db", context=who),
    "exists": lambda manager, who: manager.exists("db", who),
    "versions": lambda manager, who: manager.versions("db", who),
    "update": lambda manager, who: manager.update("db", who, description="mine"),
    "ensure": lambda manager, who: manager.ensure(DesiredCredential("db", value=Secret("two")), who),
    "revoke": lambda manager, who: manager.revoke("db", who),
    "restore": lambda manager, who: manager.restore("db", "1", who),
    "delete": lambda manager, who: manager.delete("db", who),
    "forced delete": lambda manager, who: manager.delete("db", who, force=True),
    "read directly": lambda manager, who: _direct(manager, who, lambda backend: backend.get("db")),
    "batch read": lambda manager, who: _direct(manager, who, lambda backend: backend.get_many(["db"])),
    "written directly": lambda manager, who: _direct(manager, who, lambda backend: backend.put(backend.get("db"))),
}


def _direct(manager, who, work):
    with manager.acting(who):
        return work(manager.backend)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_refuses_a_caller_out_of_scope(manager, operation):
    with pytest.raises(AccessDenied) as caught:
        operation(manager, OUTSIDE)
    assert (caught.value.name, caught.value.store) == ("db", "prod")
    assert manager.token("db", context=INSIDE) == Secret("one")


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_serves_a_caller_in_scope(manager, operation):
    operation(manager, INSIDE)


def test_a_list_leaves_out_what_is_out_of_scope_also_when_only_names_are_asked_for(manager):
    manager.create(DesiredCredential("free", value=Secret("x")))
    for wanted in (Filter(), Filter(names_only=True)):
        assert [row.name for row in manager.list(wanted, OUTSIDE)] == ["free"]
        assert sorted(row.name for row in manager.list(wanted, INSIDE)) == ["db", "free"]


def test_who_asked_for_a_list_is_settled_when_it_is_asked_for(manager):
    rows = manager.list(Filter(), OUTSIDE)
    with manager.acting(INSIDE):
        assert list(rows) == []


def test_the_tenant_comes_from_the_store_and_not_from_the_caller(manager):
    assert manager.token("db", context=AccessContext("other", "deploy", "alice", {"team": "web"})) == Secret("one")
    assert manager.describe("db", context=INSIDE)["scope"]["tenant"] == "default"


def test_another_tenants_store_refuses_what_it_finds(manager):
    other = CredentialManager(manager.backend, store="other", tenant="other")
    with pytest.raises(AccessDenied, match="'tenant'"):
        other.get("db", context=INSIDE)


def test_a_caller_in_the_old_scope_can_change_it_by_a_new_version(manager):
    done = manager.ensure(DesiredCredential("db", scope=Scope(workflow="release")), INSIDE)
    assert done.changed
    assert done.credential.version == "2"
    with pytest.raises(AccessDenied):
        manager.get("db", context=INSIDE)
    assert manager.token("db", context=AccessContext(workflow="release")) == Secret("one")


def test_outside_of_any_block_nobody_asks(manager):
    with pytest.raises(AccessDenied):
        manager.backend.get("db")


def test_a_deleted_credential_and_one_that_never_was_are_told_alike(manager):
    manager.delete("db", INSIDE)
    messages = []
    for name in ("db", "never"):
        with pytest.raises(NotFound) as caught:
            manager.get(name, context=INSIDE)
        messages.append(str(caught.value).replace(name, "…"))
    assert messages[0] == messages[1]
