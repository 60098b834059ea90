# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deletes in plain stores of KV version 2 that can be undone, and those that cannot."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Kv2Requests
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    NotFound,
    Revoked,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import a_record, value_of
from tests.integration.vault_store import VaultStore, before_request
from tests.servers import once
from tests.unit.store.managing import ask


@pytest.fixture
def store():
    return VaultStore(once.openbao())


def test_a_recoverable_delete_is_undone(store):
    backend = store.backend()
    stored = backend.put(a_record())
    backend.delete("db_pass", recoverable=True, expected=Etag("1"))
    with pytest.raises(NotFound):
        backend.get("db_pass")
    assert backend.restore("db_pass", version=stored.version).version == "1"
    assert value_of(backend.get("db_pass")) == b"s3cret"


def deleted_by_us(store, manager):
    ask(manager, "credential", name="db", state="absent")


def deleted_by_hand(store, _manager):
    store.bao("delete", "db")


def test_a_play_deletes_so_that_it_can_restore(store):
    """With every version, and all that is known of it; a second run of either changes nothing."""
    manager = store.manager()
    for value in ("one", "two"):
        ask(manager, "credential", name="db", state="present", value=value, tags={"team": "shop"})
    for wanted in ({"recoverable": True}, {}):
        done = ask(manager, "credential", name="db", state="absent", **wanted).result
        assert (done["changed"], done["recoverable"], done["recoverable_until"]) == (bool(wanted), True, None)
        with pytest.raises(NotFound):
            manager.token("db")
    assert ask(manager, "credential", name="db", state="restored").result["credential"]["tags"] == {"team": "shop"}
    assert not ask(manager, "credential", name="db", state="restored").result["changed"]
    assert (manager.token("db").expose(), [info.version for info in manager.versions("db")]) == (b"two", ["2", "1"])


def destroyed(store, name="db"):
    return {each["destroyed"] for each in store.server.call("GET", store.path(name, "metadata"))["data"]["versions"].values()}


@pytest.mark.parametrize("delete", [deleted_by_us, deleted_by_hand])
def test_absent_takes_for_good_what_could_be_brought_back(store, delete):
    manager = store.manager()
    for value in ("one", "two"):
        ask(manager, "credential", name="db", state="present", value=value)
    delete(store, manager)
    assert perform(manager, "credential", {"name": "db", "state": "absent", "permanent": True}, NOBODY, True).result["changed"]
    assert destroyed(store) == {False}
    done = ask(manager, "credential", name="db", state="absent", permanent=True).result
    assert (done["changed"], done["recoverable"], destroyed(store)) == (True, False, {True})
    for wanted in ({"permanent": True}, {}):
        done = ask(manager, "credential", name="db", state="absent", **wanted).result
        assert (done["changed"], done["recoverable"]) == (False, False)
    with pytest.raises(NotFound):
        ask(manager, "credential", name="db", state="restored")


def test_absent_takes_what_was_deleted_recoverably_before_the_name_was_used_again(store):
    manager = store.manager()
    ask(manager, "credential", name="db", state="present", value="one")
    deleted_by_us(store, manager)
    ask(manager, "credential", name="db", state="present", value="two")
    assert [info.version for info in manager.versions("db")] == ["2"]
    ask(manager, "credential", name="db", state="absent", permanent=True)
    assert destroyed(store) == {True}


def test_present_on_a_deleted_name_is_a_new_version_and_restored_alone_brings_an_old_one_back(store):
    manager = store.manager()
    ask(manager, "credential", name="db", state="present", value="one", tags={"team": "shop"})
    deleted_by_us(store, manager)
    created = ask(manager, "credential", name="db", state="present", value="two").result["credential"]
    assert (created["version"], created["tags"]) == ("2", {})
    with pytest.raises(NotFound):
        manager.get("db", "1")
    back = ask(manager, "credential", name="db", state="restored", version="1").result
    assert (back["changed"], back["credential"]["version"], manager.token("db").expose()) == (True, "3", b"one")


def test_one_version_is_removed_recoverably_or_for_good(store):
    manager = store.manager()
    for value in ("one", "two", "three", "four"):
        ask(manager, "credential", name="db", state="present", value=value)
    first = {"name": "db", "state": "absent", "version": "1"}
    for changes in (True, False):
        done = ask(manager, "credential", **first).result
        assert (done["changed"], done["recoverable"]) == (changes, True)
    assert ask(manager, "credential", **{**first, "permanent": True, "version": "2"}).result["changed"]
    assert [info.version for info in manager.versions("db")] == ["4", "3"]
    assert ask(manager, "credential", name="db", state="restored", version="1").result["credential"]["version"] == "5"
    assert manager.token("db").expose() == b"one"
    with pytest.raises(NotFound):
        ask(manager, "credential", name="db", state="restored", version="2")
    assert ask(manager, "credential", permanent=True, **first).result["changed"]
    assert store.server.call("GET", store.path("db", "metadata"))["data"]["versions"]["1"]["destroyed"]


@pytest.mark.parametrize("expected", [None, Etag("1")])
def test_a_recoverable_delete_that_another_writer_overtakes_takes_nothing_it_did_not_look_at(store, monkeypatch, expected):
    """KV does not compare here: so what came in between is deleted too, or told as a conflict, and the older version stays readable."""
    backend = store.backend()
    backend.put(a_record(value="1"))
    delete = Kv2Requests.delete

    def overtaken(requests, place, versions):
        monkeypatch.setattr(Kv2Requests, "delete", delete)
        store.backend().put(a_record(value="2"))
        delete(requests, place, versions)

    monkeypatch.setattr(Kv2Requests, "delete", overtaken)
    if expected:
        with pytest.raises(Conflict, match="version 1 was expected and version 2 is stored"):
            backend.delete("db_pass", recoverable=True, expected=expected)
    else:
        backend.delete("db_pass", recoverable=True)
        assert backend.restore("db_pass").version == "2"
    assert [value_of(backend.get("db_pass", number)) for number in "12"] == [b"1", b"2"]


def test_what_could_be_brought_back_is_taken_by_nobody_out_of_its_scope(store):
    manager, scope = store.manager(), {"workflow": "deploy"}
    ask(manager, "credential", name="db", state="present", value="one", scope=scope)
    ask(manager, "credential", name="db", state="absent", recoverable=True, scope=scope)
    with pytest.raises(AccessDenied):
        ask(manager, "credential", name="db", state="absent", permanent=True)
    assert ask(manager, "credential", name="db", state="restored", scope=scope).result["changed"]


def test_what_could_be_brought_back_is_taken_only_in_the_version_that_is_expected(store):
    manager = store.manager()
    ask(manager, "credential", name="db", state="present", value="one")
    deleted_by_us(store, manager)
    with pytest.raises(Conflict):
        ask(manager, "credential", name="db", state="absent", permanent=True, expected_version="7")
    assert ask(manager, "credential", name="db", state="absent", permanent=True, expected_version="1").result["changed"]


@pytest.mark.parametrize("options", [{"encrypt": True}, {"mount": "kv1", "kv_version": 1, "single_writer": True}], ids=["encrypted", "kv1"])
def test_a_store_that_brings_nothing_back_refuses_to_promise_it(options):
    server = once.openbao()
    server.enable("kv", "kv1", options={"version": "1"})
    manager = VaultStore(server).manager(**options)
    ask(manager, "credential", name="db", state="present", value="one")
    with pytest.raises(InvalidInput) as caught:
        ask(manager, "credential", name="db", state="absent", recoverable=True)
    assert (caught.value.option, manager.token("db").expose()) == ("recoverable", b"one")
    assert not ask(manager, "credential", name="db", state="absent").result["recoverable"]


WRITES_OVER_A_DELETE = {
    "value": ("write", lambda manager: manager.ensure(DesiredCredential("db", value=Secret("three")))),
    "restored": ("write", lambda manager: manager.restore("db", "1")),
    "tags": ("describe", lambda manager: manager.ensure(DesiredCredential("db", tags={"a": "b"}))),
    "update": ("describe", lambda manager: manager.update("db", tags={"a": "b"})),
}


@pytest.mark.parametrize("delete", [deleted_by_us, deleted_by_hand])
@pytest.mark.parametrize("write", WRITES_OVER_A_DELETE)
def test_a_write_that_read_before_a_recoverable_delete_does_not_undo_it(store, monkeypatch, write, delete):
    """KV compares numbers of versions, and a deleted version keeps its number."""
    for value in ("one", "two"):
        ask(store.manager(), "credential", name="db", state="present", value=value)
    request, make = WRITES_OVER_A_DELETE[write]
    before_request(monkeypatch, request, lambda: delete(store, store.manager()))
    with pytest.raises((Conflict, NotFound) if write == "update" else Conflict):
        make(store.manager())
    with pytest.raises(NotFound):
        store.manager().get("db")
    assert ask(store.manager(), "credential", name="db", state="restored").result["changed"]
    assert store.manager().token("db").expose() == b"two"


def test_a_put_over_a_version_that_was_deleted_meanwhile_is_a_conflict(store, monkeypatch):
    """The put has written already, so it takes its value away again."""
    backend = store.backend()
    stored = backend.put(a_record(value="1"))
    before_request(monkeypatch, "write", lambda: store.backend().delete("db_pass", recoverable=True))
    with pytest.raises(Conflict, match="version 1 was expected and none is stored"):
        backend.put(a_record(value="2"), stored.etag)
    with pytest.raises(NotFound):
        backend.get("db_pass")
    assert value_of(store.backend().restore("db_pass")) == b"1"


def test_of_a_put_and_a_recoverable_delete_that_cross_the_first_one_wins(store, monkeypatch):
    """The delete comes before the value is written, and looks after: both see the same order, so one of them succeeds."""
    backend, writer = store.backend(), store.backend()
    problems = []
    backend.put(a_record(value="1"))

    def put():
        try:
            writer.put(a_record(value="2"), Etag("1"))
        except Conflict as problem:
            problems.append(problem)

    before_request(monkeypatch, "delete", lambda: before_request(monkeypatch, "sheet", put))
    backend.delete("db_pass", recoverable=True)
    assert problems
    with pytest.raises(NotFound):
        backend.get("db_pass")
    assert value_of(backend.restore("db_pass")) == b"1"


@pytest.mark.parametrize("delete", [deleted_by_us, deleted_by_hand])
@pytest.mark.parametrize("version", ["1", "3"])
def test_no_value_of_a_revoked_credential_is_restored_after_the_name_was_used_again(store, delete, version):
    """However many values follow: the metadata of the revoked version is not kept as long as its value."""
    manager = store.manager()
    for value in ("one", "two", "three"):
        ask(manager, "credential", name="db", state="present", value=value)
    ask(manager, "credential", name="db", state="revoked")
    delete(store, manager)
    for value in ("four", "five"):
        ask(manager, "credential", name="db", state="present", value=value)
        ask(manager, "credential", name="db", state="present", tags={"value": value})
        for check in (True, False):
            with pytest.raises(Revoked):
                perform(manager, "credential", {"name": "db", "state": "restored", "version": version}, NOBODY, check)
        assert manager.token("db").expose() == value.encode()
    versions = store.server.call("GET", store.path("db", "metadata"))["data"]["versions"]
    assert versions["3"]["deletion_time"], "it was undeleted"
    assert ask(manager, "credential", name="db", state="restored", version="4").result["credential"]["state"] == "active"


def test_a_version_that_was_removed_is_not_undeleted_if_the_credential_is_revoked(store):
    manager = store.manager()
    for value in ("one", "two"):
        ask(manager, "credential", name="db", state="present", value=value)
    ask(manager, "credential", name="db", state="absent", version="1")
    ask(manager, "credential", name="db", state="revoked")
    with pytest.raises(Revoked):
        ask(manager, "credential", name="db", state="restored", version="1")
    assert store.server.call("GET", store.path("db", "metadata"))["data"]["versions"]["1"]["deletion_time"]


def test_a_revoked_credential_that_is_restored_is_still_revoked(store):
    manager = store.manager()
    ask(manager, "credential", name="db", state="present", value="one")
    ask(manager, "credential", name="db", state="revoked")
    deleted_by_us(store, manager)
    assert ask(manager, "credential", name="db", state="restored").result["credential"]["state"] == "revoked"


@pytest.mark.parametrize("delete", [deleted_by_us, deleted_by_hand])
@pytest.mark.parametrize("permanent", [True, False])
def test_an_older_version_of_a_deleted_credential_is_removed(store, delete, permanent):
    manager = store.manager()
    for value in ("one", "two"):
        ask(manager, "credential", name="db", state="present", value=value)
    delete(store, manager)
    wanted = {"name": "db", "state": "absent", "version": "1", "permanent": permanent}
    with pytest.raises(Conflict):
        ask(manager, "credential", **wanted, expected_version="1")
    with pytest.raises(InvalidInput, match="version 2 is the current one"):
        ask(manager, "credential", **{**wanted, "version": "2"})
    assert perform(manager, "credential", wanted, NOBODY, True).result["changed"]
    done = ask(manager, "credential", **wanted).result
    assert (done["changed"], done["recoverable"]) == (True, not permanent)
    removed = store.server.call("GET", store.path("db", "metadata"))["data"]["versions"]["1"]
    assert (removed["destroyed"], bool(removed["deletion_time"])) == (permanent, not permanent)
    assert not ask(manager, "credential", **wanted).result["changed"]
    ask(manager, "credential", name="db", state="restored")
    assert [info.version for info in manager.versions("db")] == ["2"]


def test_an_older_version_is_destroyed_although_the_newest_one_was_destroyed_by_hand(store):
    manager = store.manager()
    for value in ("one", "two"):
        ask(manager, "credential", name="db", state="present", value=value)
    store.bao("destroy", "-versions=2", "db")
    assert ask(manager, "credential", name="db", state="absent", version="1", permanent=True).result["changed"]
    assert destroyed(store) == {True}


@pytest.mark.parametrize("delete", [deleted_by_us, deleted_by_hand])
def test_a_deleted_credential_is_reported_as_deleted_and_a_new_one_of_its_name_as_new(store, delete):
    warnings = []
    manager = store.manager(warnings.append)
    ask(manager, "credential", name="db", state="present", value="one")
    delete(store, manager)
    for read in (manager.token, manager.describe, manager.revoke):
        with pytest.raises(NotFound, match=r"it was deleted at 20.*state: restored"):
            read("db")
    assert warnings == []
    ask(manager, "credential", name="db", state="present", generate={"length": 20})
    assert len(warnings) == 1
    assert "'db' was deleted at 20" in warnings[0]
    assert "'version: \"1\"'" in warnings[0]
    assert ask(manager, "credential", name="db", state="restored", version="1").result["changed"]
    ask(manager, "credential", name="db", state="absent", permanent=True)
    with pytest.raises(NotFound, match="no credential of that name"):
        manager.token("db")
    ask(manager, "credential", name="db", state="present", value="two")
    assert len(warnings) == 1
