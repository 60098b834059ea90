# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit trail: everything is in it, no value is, and a cut or an edit shows (E5)."""

from __future__ import annotations

import os
import stat
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import NoSeals
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import Journal
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import CROWDED_AT, FLUSH_AT, KEPT_AT_MOST, WAKES_AT, Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import query
from ansible_collections.nebula.credential.plugins.module_utils.backends import registry
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, AuditFailed, CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.audit.place import CANARY, Place, fill

CALLER = AccessContext(
    workflow="deploy", user="alice", uid=1234, run="77", host="web1", task="read\nit", execution_id="job-9", address="192.0.2.1"
)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_an_entry_tells_who_when_what_and_with_what_result(place):
    manager = place.open()
    manager.create(DesiredCredential("db", value=Secret(CANARY)))
    perform(manager, "get", {"name": "db"}, CALLER)
    entry = place.entries()[-1]
    when = datetime.fromisoformat(entry.pop("time").replace("Z", "+00:00"))
    assert abs(datetime.now(timezone.utc) - when) < timedelta(minutes=5)
    for part in ("chain", "key", "sequence"):
        entry.pop(part)
    assert entry == {
        "action": "read",
        "result": "ok",
        "store": "prod",
        "tenant": "default",
        "uid": 1234,
        "process": os.getpid(),
        "name": "db",
        "version": "1",
        "stage": "current",
        "operation": "get",
        "user": "alice",
        "workflow": "deploy",
        "run": "77",
        "host": "web1",
        "task": "read\nit",
        "execution_id": "job-9",
        "address": "192.0.2.1",
    }


def test_every_operation_is_in_the_trail_and_no_value_is(place):
    manager = place.open()
    manager.create(DesiredCredential("db", type="basic", value=Secret(CANARY), fields={"username": Secret("us3r-n4me")}))
    manager.get("db")
    manager.update("db", description="d")
    manager.ensure(DesiredCredential("db", value=Secret(CANARY + "2")))
    list(manager.list())
    manager.versions("db")
    manager.revoke("db")
    manager.delete("db")
    with pytest.raises(NotFound):
        manager.get("db")
    manager.close()
    actions = [(entry["action"], entry["result"]) for entry in place.entries()]
    for expected in ("write", "read", "patch", "list", "versions", "delete"):
        assert (expected, "ok") in actions
    assert actions[-1] == ("read", "not_found")
    content = place.trail.read_text(encoding="ascii")
    assert CANARY not in content
    assert "us3r-n4me" not in content
    assert place.verify() == []


def test_deleting_a_credential_leaves_its_trail(place):
    fill(place)
    manager = place.open()
    manager.delete("db")
    manager.close()
    assert len(list(query(str(place.trail), name="db"))) > 4


def test_violations_are_entries_of_their_own_and_written_at_once(place):
    manager = place.open()
    manager.create(DesiredCredential("mine", value=Secret("x"), scope=Scope(user="bob")))
    manager.create(DesiredCredential("db", value=Secret("x")))
    with pytest.raises(AccessDenied):
        manager.get("mine", context=CALLER)
    denied = place.entries()[-1]
    assert (denied["result"], denied["violation"], denied["name"], denied["user"]) == ("access_denied", True, "mine", "alice")
    path = place.path / "db.enc"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CredentialError):
        manager.get("db")
    assert (place.entries()[-1]["result"], place.entries()[-1]["violation"]) == ("damaged", True)
    path.write_bytes((place.path / "mine.enc").read_bytes())
    with pytest.raises(CredentialError):
        manager.get("db", context=AccessContext(user="bob"))
    assert (place.entries()[-1]["result"], place.entries()[-1]["violation"]) == ("misplaced", True)
    assert not any("violation" in entry for entry in place.entries() if entry["result"] == "ok")


def test_reads_are_held_until_there_are_many_or_the_manager_closes(place):
    fill(place, 0)
    manager = place.open()
    written = len(place.entries())
    for _read in range(FLUSH_AT - 1):
        manager.get("db")
    assert len(place.entries()) == written
    manager.get("db")
    assert len(place.entries()) == written + FLUSH_AT
    manager.get("db")
    manager.close()
    assert len(place.entries()) == written + FLUSH_AT + 1


class Counting(Journal):
    """A real file, and the number of entries of each write to it."""

    def __init__(self, path):
        super().__init__(path)
        self.parts = []

    def append(self, entries, durable, seal):
        self.parts.append(len(entries))
        super().append(entries, durable, seal)


def test_a_session_holds_a_bounded_number_of_reads_and_writes_them_in_parts(place):
    """A read must not wait for the file, so it is left to a thread; which is told when many are held."""
    fill(place, 0)
    manager, woken = place.open(), []
    manager.trail._journal = Counting(manager.trail.path)
    manager.trail.leave_to_keeper(lambda: woken.append(len(manager.trail._events)))
    for number in range(KEPT_AT_MOST - 1):
        assert manager.trail.is_crowded == (number >= CROWDED_AT)
        manager.get("db")
    assert woken == list(range(WAKES_AT, KEPT_AT_MOST, WAKES_AT))
    assert manager.trail._journal.parts == []
    manager.get("db")
    assert manager.trail._journal.parts == [WAKES_AT] * (KEPT_AT_MOST // WAKES_AT)
    assert manager.trail._events == []
    manager.close()
    assert place.verify() == []


def test_a_file_that_cannot_be_written_is_tried_once_for_many_reads_and_they_are_counted(place):
    fill(place, 0)
    manager = place.open()
    journal = manager.trail._journal = Counting(manager.trail.path)
    journal.path = str(place.trail / "no directory" / "trail.jsonl")
    manager.trail.leave_to_keeper()
    for _read in range(2 * WAKES_AT):
        manager.get("db")
    manager.flush()
    assert journal.parts == [WAKES_AT]
    journal.path = str(place.trail)
    manager.get("db")
    manager.close()
    (lost,) = [entry for entry in place.entries() if entry["action"] == "lost"]
    assert lost["missed"] == 2 * WAKES_AT
    assert place.verify() == []


def test_an_operation_of_the_edge_leaves_nothing_in_memory(place):
    """A worker of ansible-core ends without notice."""
    fill(place, 0)
    manager = place.open()
    written = len(place.entries())
    perform(manager, "get", {"name": "db"}, CALLER)
    assert len(place.entries()) == written + 1


def test_reading_where_nothing_was_ever_stored_makes_nothing(place):
    manager = place.open()
    with pytest.raises(NotFound):
        perform(manager, "get", {"name": "db"}, CALLER)
    assert not place.trail.exists()
    manager.create(DesiredCredential("db", value=Secret("x")))
    assert [entry["action"] for entry in place.entries()] == ["read", "write"]


def test_off_writes_nothing(place):
    manager = place.open("off")
    manager.create(DesiredCredential("db", value=Secret("x")))
    manager.get("db")
    manager.close()
    assert not place.trail.exists()


def test_the_trail_is_for_its_owner_alone(place):
    fill(place)
    assert stat.S_IMODE(place.trail.stat().st_mode) == 0o600


def test_a_batched_trail_that_cannot_be_written_warns_once_and_serves(tmp_path):
    warnings = []
    blocked = tmp_path / "file"
    blocked.write_text("")
    options = {"backend": "local", "path": str(tmp_path / "store"), "audit_path": str(blocked / "audit.jsonl")}
    manager = open_store(options, name="prod", warn=warnings.append)
    manager.create(DesiredCredential("db", value=Secret("x")))
    for _read in range(2 * FLUSH_AT):
        manager.get("db")
    assert len(warnings) == 1
    assert "audit trail cannot be written" in warnings[0]
    assert "audit: strict" in warnings[0]


def test_entries_that_could_not_be_written_are_counted_in_the_trail(tmp_path):
    folder = tmp_path / "folder"
    folder.write_text("")
    path = str(folder / "audit.jsonl")
    trail = Trail(Journal(path), NoSeals(path), "prod")
    trail.record("write", "ok", "lost")
    folder.unlink()
    trail.record("write", "ok", "kept")
    assert [(entry["action"], entry.get("missed")) for entry in query(path)] == [("lost", 1), ("write", None)]


def test_a_strict_trail_is_written_before_anything_is_served(place):
    manager = place.open("strict")
    manager.create(DesiredCredential("db", value=Secret("x")))
    manager.get("db")
    assert [(entry["action"], entry["result"]) for entry in place.entries()] == [("write", "begun"), ("write", "ok"), ("read", "ok")]


def test_a_strict_trail_is_written_before_the_first_request_of_a_process(place):
    """Also where nothing has opened the store's key yet."""
    fill(place, reads=0)
    seen = []

    class Looking(Local):
        def delete(self, *arguments, **options):
            seen.extend((entry["action"], entry["result"]) for entry in place.entries())
            super().delete(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.BACKENDS, "local", lambda: (TRAITS, lambda: Looking))
        manager = place.open("strict")
        with manager.acting():
            manager.backend.delete("db")
    assert seen[-1] == ("delete", "begun")


def test_what_a_strict_trail_cannot_record_is_not_served_and_not_written(place, tmp_path):
    fill(place)
    blocked = tmp_path / "file"
    blocked.write_text("")
    manager = place.open("strict", audit_path=str(blocked / "audit.jsonl"))
    for operation in (
        lambda: manager.get("db"),
        lambda: manager.update("db", description="d"),
        lambda: manager.delete("db"),
        lambda: list(manager.list()),
    ):
        with pytest.raises(AuditFailed) as caught:
            operation()
        assert str(blocked / "audit.jsonl") in str(caught.value)
        assert caught.value.store == "prod"
    assert place.open("off").describe("db")["description"] == ""


def test_a_query_takes_credential_action_result_and_time(place):
    fill(place, 2)
    path = str(place.trail)
    assert [entry["action"] for entry in query(path, name="db")] == ["write", "read", "read"]
    assert len(list(query(path, action="read", result="ok"))) == 2
    assert list(query(path, name="other")) == []
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    assert list(query(path, since=later)) == []
    assert len(list(query(path, until=later))) == 3
    with pytest.raises(NotFound):
        list(query(path + ".gone"))
