# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manager's operations, on a real encrypted local store (B1, B2)."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    Damaged,
    Duplicate,
    Expired,
    InvalidInput,
    NotFound,
    Revoked,
    RotationInProgress,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import JOURNAL, PENDING, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import CANARY, START, Clock, ask, create, cut, in_state


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def manager(tmp_path, clock):
    opened = open_store({"backend": "local", "path": str(tmp_path / "store"), "audit": "off"}, name="prod")
    yield CredentialManager(opened.backend, store="prod", clock=clock)
    opened.close()


def test_what_is_created_can_be_read(manager):
    credential = create(manager, type="basic", fields={"username": Secret("app")}, description="the shop's", tags={"team": "web"})
    assert (credential.version, credential.record.serial) == ("1", 1)
    assert manager.token("db") == Secret(CANARY)
    assert manager.token("db", "username") == Secret("app")
    assert manager.exists("db")
    assert not manager.exists("other")


def test_a_description_holds_everything_but_values(manager):
    create(manager, type="basic", fields={"username": Secret("app-user")}, expires_at=START + timedelta(days=1), tags={"team": "web"})
    described = manager.describe("db")
    assert described["field_names"] == ["password", "username"]
    assert described["expires_at"] == "2026-11-23T12:00:00Z"
    assert (described["state"], described["usable"], described["verified"], described["tags"]) == ("active", True, True, {"team": "web"})
    assert CANARY not in repr(described)
    assert "app-user" not in repr(described)


def test_no_repr_shows_a_value(manager):
    credential = create(manager)
    wanted = DesiredCredential("db", value=Secret(CANARY))
    assert CANARY not in "{0!r} {1!r} {2!r}".format(credential, wanted, manager.ensure(wanted))


def test_creating_twice_is_a_duplicate(manager):
    create(manager)
    with pytest.raises(Duplicate) as caught:
        create(manager)
    assert str(caught.value).startswith("credential 'db', store 'prod': it exists already")


def test_creating_again_with_the_same_key_answers_the_first_one(manager):
    create(manager, idempotency_key="request-1")
    again = create(manager, value=Secret("other"), idempotency_key="request-1")
    assert again.version == "1"
    assert manager.token("db") == Secret(CANARY)
    with pytest.raises(Duplicate):
        create(manager, idempotency_key="request-2")


def test_metadata_changes_without_a_new_version(manager, clock):
    create(manager)
    clock.now += timedelta(hours=1)
    updated = manager.update("db", description="new", tags={"a": "b"})
    assert (updated.version, updated.record.revision) == ("1", 1)
    described = manager.describe("db")
    assert (described["description"], described["tags"], described["updated_at"]) == ("new", {"a": "b"}, "2026-11-22T13:00:00Z")
    assert manager.update("db", description="new").record.revision == 1, "nothing to change, nothing written"
    assert manager.token("db") == Secret(CANARY)


@pytest.mark.parametrize("part", [{"value": Secret("new")}, {"fields": {"password": Secret("new")}}, {"ttl": timedelta(hours=1)}])
def test_an_update_of_more_than_metadata_is_refused(manager, part):
    """It writes no value, so a value that is given to it would be lost."""
    create(manager)
    with pytest.raises(InvalidInput, match="'update' changes description, tags, policy, expires_at") as caught:
        manager.update("db", description="new", **part)
    assert caught.value.option in part
    assert manager.describe("db")["description"] == ""


def test_an_expired_value_is_refused_and_its_metadata_is_not(manager, clock):
    create(manager, expires_at=START + timedelta(minutes=1))
    clock.now += timedelta(minutes=1)
    with pytest.raises(Expired, match="2026-11-22T12:01:00Z"):
        manager.get("db")
    assert manager.describe("db")["expired"]


def test_a_revoked_value_is_refused_in_every_version_and_for_good(manager):
    create(manager)
    manager.ensure(DesiredCredential("db", value=Secret("two")))
    assert manager.revoke("db").metadata.lifecycle == "revoked"
    for version in (None, "1", "2"):
        with pytest.raises(Revoked):
            manager.get("db", version)
    with pytest.raises(Revoked):
        manager.ensure(DesiredCredential("db", value=Secret("three")))
    assert manager.revoke("db").record.revision == 1, "revoking again writes nothing"


@pytest.mark.parametrize("state", ["uninitialized", "pending_interaction", "authenticating", "expired", "failed"])
def test_a_state_without_a_value_is_refused(manager, state):
    create(manager)
    in_state(manager, state)
    with pytest.raises(Unusable, match=state):
        manager.get("db")


@pytest.mark.parametrize("state", ["rotating", "grace_period"])
def test_in_the_midst_of_a_rotation_nothing_is_written_or_deleted_unless_forced(manager, state):
    create(manager)
    in_state(manager, state)
    for operation in (lambda: manager.ensure(DesiredCredential("db", value=Secret("two"))), lambda: manager.delete("db")):
        with pytest.raises(RotationInProgress, match=state) as refused:
            operation()
        assert ("phase: settle" in str(refused.value)) is (state == "grace_period")
        assert "commit" not in str(refused.value)
    assert manager.token("db") == Secret(CANARY)
    manager.delete("db", force=True)
    assert not manager.exists("db")


def test_a_delete_removes_every_stage_and_version(manager):
    create(manager)
    with manager.acting():
        record = manager.backend.get("db")
        for stage in (PENDING, PREVIOUS, JOURNAL):
            manager.backend.put(type(record)("db", fields=record.fields, metadata=record.full_metadata, stage=stage))
    manager.delete("db")
    for stage in ("current", PENDING, PREVIOUS, JOURNAL):
        with pytest.raises(NotFound):
            manager.inspect("db", stage=stage)
    with pytest.raises(NotFound):
        manager.get("db", "1")
    assert create(manager).record.serial == 2, "a serial is never used again"


def test_a_delete_of_another_version_than_expected_is_a_conflict(manager):
    create(manager)
    with pytest.raises(Conflict, match="1, not 7"):
        manager.delete("db", expected_version="7")


def test_a_damaged_credential_is_deleted_only_by_force(manager, tmp_path):
    create(manager)
    cut(tmp_path / "store" / "db.enc")
    with pytest.raises(Damaged):
        manager.delete("db")
    manager.delete("db", force=True)
    assert not manager.exists("db")


def test_old_versions_can_be_read_and_restored(manager):
    create(manager)
    manager.ensure(DesiredCredential("db", value=Secret("two")))
    assert [info.version for info in manager.versions("db")] == ["2", "1"]
    assert manager.get("db", "1").token() == Secret(CANARY)
    assert manager.restore("db", "1").version == "3"
    assert manager.token("db") == Secret(CANARY)
    with pytest.raises(NotFound):
        manager.restore("db", "99")


def test_a_damaged_current_value_leaves_the_older_ones_readable_and_restorable(manager, tmp_path):
    create(manager, description="d")
    manager.ensure(DesiredCredential("db", value=Secret("two")))
    cut(tmp_path / "store" / "db.enc")
    with pytest.raises(Damaged):
        manager.get("db")
    assert manager.get("db", "1").token() == Secret(CANARY)
    assert [info.version for info in manager.versions("db")] == ["1"]
    restored = manager.restore("db", "1")
    assert (manager.token("db"), restored.metadata.description) == (Secret(CANARY), "d")
    assert restored.record.serial > 2
    with pytest.raises(NotFound):
        manager.inspect("db", stage=PREVIOUS)


def test_a_damaged_value_is_not_replaced_over_what_a_rotation_has_stored(manager, tmp_path):
    create(manager)
    with manager.acting():
        record = manager.backend.get("db")
        manager.backend.put(type(record)("db", fields=record.fields, metadata=record.full_metadata, stage=PENDING))
    manager.ensure(DesiredCredential("db", value=Secret("two")))
    cut(tmp_path / "store" / "db.enc")
    with pytest.raises(RotationInProgress, match="stage 'pending'"):
        manager.restore("db", "1")
    assert manager.get("db", "1").token() == Secret(CANARY)


def test_a_file_put_back_is_refused_until_it_is_restored(manager, tmp_path):
    create(manager)
    path = tmp_path / "store" / "db.enc"
    old = path.read_bytes()
    manager.ensure(DesiredCredential("db", value=Secret("two")))
    path.write_bytes(old)
    outcome = [ask_code(manager, "get", name="db")]
    manager.restore("db", "1")
    outcome.append(ask_code(manager, "get", name="db"))
    assert outcome == ["rolled_back", "ok"]
    assert manager.token("db") == Secret(CANARY)
    assert manager.describe("db")["serial"] == 3


def ask_code(manager, operation, **parameters):
    try:
        ask(manager, operation, **parameters)
    except Exception as error:  # noqa: BLE001  # its code is what is compared
        return error.code
    return "ok"


def test_a_list_has_metadata_and_no_field(manager):
    for name in ("a/one", "a/two", "b"):
        create(manager, name)
    rows = sorted(manager.list(Filter(prefix="a/")), key=lambda row: row.name)
    assert [row.name for row in rows] == ["a/one", "a/two"]
    assert all(row.fields == {} and row.describe()["field_names"] is None for row in rows)


def test_a_batch_has_a_result_for_each(manager):
    create(manager, "there")
    created = manager.batch_create(DesiredCredential(name, value=Secret("x")) for name in ("one", "there", "../bad", "two"))
    assert [(result.name, result.error and result.error.code) for result in created] == [
        ("one", None),
        ("there", "duplicate"),
        ("../bad", "invalid_input"),
        ("two", None),
    ]
    deleted = manager.batch_delete(["one", "gone", "two"])
    assert [result.error and result.error.code for result in deleted] == [None, "not_found", None]
    assert [row.name for row in manager.list()] == ["there"]


def test_writers_at_once_lose_no_metadata_and_generate_one_value(manager):
    """Whoever comes second finds what the first generated (ansible#27277)."""
    done = []
    threads = [threading.Thread(target=lambda: done.append(manager.ensure(DesiredCredential("db", type="basic")))) for _each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.changed for one in done) == 1
    assert len({one.credential.token().expose() for one in done}) == 1


def test_health_names_the_store(manager):
    told = manager.health()
    assert told.pop("checked_in_ms") >= 0
    assert told == {"store": "prod", "status": "healthy", "reasons": [], "code": None}
