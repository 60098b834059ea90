# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files of hosts hold a credential: what is recorded beside it, by whom, and in how many writes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidConfiguration, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import DEPLOYED
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.deployments import Deployments
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

CALLER = AccessContext()


class Counting(Layer):
    """Counts the writes of each stage, and lets another run write before the first one."""

    def __init__(self, inner, meanwhile=None):
        super().__init__(inner)
        self.writes = Counter()
        self.meanwhile = meanwhile

    def put(self, record, expected=None, *, create=False):
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        self.writes[record.stage] += 1
        return self.inner.put(record, expected, create=create)


@pytest.fixture
def warned():
    return []


@pytest.fixture
def store(tmp_path, warned):
    opened = open_store({"backend": "local", "path": str(tmp_path / "s")}, warn=warned.append)
    for name in ("db", "api"):
        opened.create(DesiredCredential(name, value=Secret("v4lue of " + name)))
    yield opened
    opened.close()


def file(host="web1", dest="/etc/db", before=(), **versions):
    written = {"host": host, "dest": dest, "versions": versions, "how": {"credential": "db"}, "controller": ""}
    return {**written, "before": None if before is None else list(before)}


def record(manager, *files, context=CALLER):
    return perform(manager, "record_deployment", {"files": list(files)}, context).result


def describe(manager, name="db"):
    (row,) = perform(manager, "credential_info", {"name": name, "deployed": True}, CALLER).result["credentials"]
    return {version: [(each["host"], each["dest"]) for each in files] for version, files in row["deployed"].items()}


def test_a_credential_that_was_never_deployed_has_no_files(store):
    assert describe(store) == {}


def test_files_are_listed_by_version_and_a_new_version_replaces_the_old_one(store):
    record(store, file("web1", db="1"), file("web2", db="1"))
    assert describe(store) == {"1": [("web1", "/etc/db"), ("web2", "/etc/db")]}
    record(store, file("web2", db="2"))
    assert describe(store) == {"1": [("web1", "/etc/db")], "2": [("web2", "/etc/db")]}


def test_the_record_is_no_version_of_the_credential_and_goes_with_it(store):
    record(store, file(db="1"))
    assert [row.name for row in store.list()] == ["api", "db"] or {row.name for row in store.list()} == {"api", "db"}
    assert len(store.versions("db")) == 1
    store.delete("db")
    with store.acting(), pytest.raises(NotFound):
        store.backend.get("db", stage=DEPLOYED)


def test_a_file_that_was_removed_is_not_listed_wherever_it_was(store):
    record(store, file(db="1", api="1"), file("web2", db="1"))
    record(store, file(before=None))
    assert (describe(store), describe(store, "api")) == ({"1": [("web2", "/etc/db")]}, {})


@pytest.mark.parametrize("before", [["db"], None], ids=["noted on the host", "not noted on the host"])
def test_a_file_that_holds_another_credential_by_now_leaves_the_first_one(store, before):
    record(store, file(db="1"))
    record(store, file(before=before, api="1"))
    assert (describe(store), describe(store, "api")) == ({}, {"1": [("web1", "/etc/db")]})


def test_what_is_recorded_already_is_not_written(store):
    store.backend = counting = Counting(store.backend)
    for _run in range(3):
        record(store, file(db="1"))
    assert counting.writes == {DEPLOYED: 1}


def test_a_session_writes_once_for_many_hosts_and_tasks(store):
    counting = Counting(store.backend)
    store.recording = Deployments(counting, "local", store.clock, waits=True)
    waits = [record(store, file("web{0}".format(number), dest, db="1"))["waits"] for number in range(20) for dest in ("/a", "/b")]
    assert waits == [True] + 39 * [False]
    assert counting.writes == {}
    store.write_deployments()
    assert counting.writes == {DEPLOYED: 1}
    assert len(describe(store)["1"]) == 40
    assert record(store, file("later", db="1"))["waits"]


def test_a_later_task_of_a_session_replaces_what_an_earlier_one_has_written(store):
    store.recording = Deployments(store.backend, "local", store.clock, waits=True)
    record(store, file(db="1"))
    record(store, file(before=None, api="1"))
    assert (describe(store), describe(store, "api")) == ({}, {"1": [("web1", "/etc/db")]})


def test_a_session_that_ends_has_recorded_what_it_kept(store, tmp_path):
    store.recording = Deployments(store.backend, "local", store.clock, waits=True)
    record(store, file(db="1"))
    store.close()
    other = open_store({"backend": "local", "path": str(tmp_path / "s")})
    assert describe(other) == {"1": [("web1", "/etc/db")]}
    other.close()


def test_two_runs_keep_the_files_of_each_other(store, tmp_path):
    other = open_store({"backend": "local", "path": str(tmp_path / "s")})
    store.backend = Counting(store.backend, lambda: record(other, file("web2", db="1")))
    record(store, file("web1", db="1"))
    other.close()
    assert describe(store) == {"1": [("web1", "/etc/db"), ("web2", "/etc/db")]}


def test_check_mode_records_nothing(store):
    perform(store, "record_deployment", {"files": [file(db="1")]}, CALLER, check_mode=True)
    assert describe(store) == {}


def test_a_credential_that_is_gone_gets_no_record(store, warned):
    record(store, file(gone="1"))
    assert warned == []


def test_a_store_that_takes_no_writes_says_once_that_nothing_was_recorded(store, tmp_path, warned):
    store.close()
    reading = open_store({"backend": "local", "path": str(tmp_path / "s"), "read_only": True}, warn=warned.append)
    for _task in range(2):
        assert record(reading, file(db="1")) == {"changed": False, "waits": False}
    reading.close()
    (warning,) = warned
    assert "it was not recorded" in warning
    assert "The files are written" in warning


def test_a_login_that_may_not_write_says_that_nothing_was_recorded(store, warned):
    class Denying(Layer):
        def put(self, record, expected=None, *, create=False):
            raise AccessDenied("this login may not write", name=record.name)

    store.backend = Denying(store.backend)
    record(store, file(db="1", api="1"))
    (warning,) = warned
    assert "(api, db)" in warning
    assert "this login may not write" in warning


def test_a_caller_out_of_scope_records_and_sees_nothing(store, warned):
    store.create(DesiredCredential("scoped", value=Secret("x-x-x-x"), scope=Scope(workflow="pay")))
    record(store, file(scoped="1"), context=replace(CALLER, workflow="other"))
    assert "workflow" in warned[0]
    record(store, file(scoped="1"), context=replace(CALLER, workflow="pay"))
    with store.acting(replace(CALLER, workflow="other")), pytest.raises(AccessDenied):
        store.backend.get("scoped", stage=DEPLOYED)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_a_host_names_of_another_scope_hinders_no_record_of_those_who_wrote_it(store, warned, order):
    store.create(DesiredCredential("scoped", value=Secret("x-x-x-x"), scope=Scope(workflow="pay")))
    store.recording = Deployments(store.backend, "local", store.clock, waits=True)
    pay = replace(CALLER, workflow="pay")
    tasks = [
        lambda: record(store, file("hostile", before=["scoped"], db="1"), context=replace(CALLER, workflow="other")),
        lambda: record(store, file("web1", scoped="1"), context=pay),
    ]
    for each in order:
        tasks[each]()
    store.write_deployments()
    assert warned == []
    with store.acting(pay):
        assert "web1" in store.backend.get("scoped", stage=DEPLOYED).fields["files"].expose().decode()


def test_only_an_authenticated_store_says_how_a_file_is_written_anew(store, tmp_path):
    record(store, file(db="1"))
    (row,) = perform(store, "list_deployments", {"names": ["db"]}, CALLER).result["credentials"]
    assert (row["version"], [each["how"] for each in row["files"]]) == ("1", [{"credential": "db"}])
    plain = open_store({"backend": "local", "path": str(tmp_path / "p"), "format": "json", "allow_plaintext": True})
    plain.create(DesiredCredential("db", value=Secret("v4lue")))
    record(plain, file(db="1"))
    assert describe(plain) == {"1": [("web1", "/etc/db")]}
    with pytest.raises(InvalidConfiguration, match="no key authenticates"):
        perform(plain, "list_deployments", {"names": ["db"]}, CALLER)
    plain.close()
