# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trail of a store is searched, checked and exported by the operation `audit_info`."""

from __future__ import annotations

import csv
import json
import os
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit import log_file
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import list_turned
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations import audit_info as operation
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

ADA = AccessContext(uid=1000, username="deploy", user="ada", host="web1")
BOB = AccessContext(uid=1001, username="ci", user="bob", host="db1")
CANARY = "c4n4ry-v4lu3"
CONFIGS = {
    "local": lambda directory: {"backend": "local", "path": str(directory / "store")},
    "database": lambda directory: {"backend": "database", "url": "sqlite:///{0}".format(directory / "store.db")},
}


def open_in(directory, kind="local", name="prod", **options):
    config = {**CONFIGS[kind](directory), "audit_path": str(directory / "audit.jsonl"), **options}
    return open_store(config, name=name)


def fill(manager):
    """Two credentials, which two people use, and one read that finds nothing."""
    for name in ("app/db", "web/key"):
        perform(manager, "credential", {"name": name, "value": CANARY, "state": "present"}, ADA)
    for caller in (ADA, ADA, BOB):
        perform(manager, "get", {"name": "app/db"}, caller)
    perform(manager, "get", {"name": "web/key"}, BOB)
    with pytest.raises(NotFound):
        perform(manager, "get", {"name": "app/none"}, BOB)
    manager.flush()


def search(manager, check=False, **parameters):
    return perform(manager, "audit_info", parameters, ADA, check).result


@pytest.fixture
def used(tmp_path):
    manager = open_in(tmp_path)
    fill(manager)
    yield manager
    manager.close()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"names": ["app/*"], "actions": ["read"], "operations": ["get"]}, {("app/db", "ada"), ("app/db", "bob"), ("app/none", "bob")}),
        ({"names": ["web/key"], "results": ["ok"], "operations": ["get"]}, {("web/key", "bob")}),
        ({"results": ["not_found"], "operations": ["get"]}, {("app/none", "bob")}),
        ({"users": ["ci"], "names": ["app/*"], "results": ["ok"]}, {("app/db", "bob")}),
        ({"users": ["1001"], "results": ["not_found"]}, {("app/none", "bob")}),
        ({"users": ["ad?"], "actions": ["write"]}, {("app/db", "ada"), ("web/key", "ada")}),
        ({"hosts": ["db*"], "names": ["web/key", "app/none"]}, {("web/key", "bob"), ("app/none", "bob")}),
        ({"violations": True}, set()),
        ({"names": ["app"]}, set()),
    ],
)
def test_each_filter_chooses_its_entries(used, filters, expected):
    found = search(used, **filters)
    assert {(entry["name"], entry["user"]) for entry in found["entries"]} == expected
    assert found["total"] == len(found["entries"])


def test_a_violation_is_found_as_one(tmp_path):
    manager = open_in(tmp_path)
    fill(manager)
    manager.trail.record("read", "tampered", "web/key")
    assert [entry["result"] for entry in search(manager, violations=True)["entries"]] == ["tampered"]
    assert search(manager, violations=False)["total"] == search(manager)["total"] - 1


def test_times_are_from_inclusive_until_exclusive_and_last_counts_from_now(used):
    times = [entry["time"] for entry in search(used)["entries"]]
    assert [entry["time"] for entry in search(used, since=times[2], until=times[4])["entries"]] == times[2:4]
    used.clock = lambda: datetime.now(timezone.utc) + timedelta(days=31)
    assert search(used, last="30d")["total"] == 0
    assert search(used, last="32d")["total"] == len(times)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"last": "30"}, "Write '30d' for days"),
        ({"last": "month"}, "is not a duration"),
        ({"last": "1d", "since": "2026-01-01T00:00:00Z"}, "both say where the time begins"),
        ({"since": "2026-01-01"}, "has no time zone"),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "is not after the begin"),
        ({"limit": -1}, "from 0 to 10000"),
        ({"limit": 10_001}, "from 0 to 10000"),
        ({"source": "table"}, "no copy of its trail in a table"),
        ({"dest": "/nowhere/x.csv"}, "no file can be written"),
        ({"dest": "/tmp/x.txt"}, "does not say its format"),
        ({"dest": "x.csv"}, "is not an absolute path"),
    ],
)
def test_what_is_not_understood_is_refused(used, wrong, message):
    with pytest.raises(InvalidInput, match=message):
        search(used, **wrong)


def test_the_newest_entries_are_returned_up_to_the_limit(used):
    whole = search(used)
    assert whole["truncated"] is False
    some = search(used, limit=3)
    assert (some["entries"], some["total"], some["truncated"]) == (whole["entries"][-3:], whole["total"], True)
    assert search(used, limit=0)["entries"] == []


def test_no_value_is_in_the_result_or_in_an_export(used, tmp_path):
    shown = [json.dumps(search(used))]
    for ending in ("json", "csv", "pdf"):
        search(used, dest=str(tmp_path / ("out." + ending)))
        shown.append((tmp_path / ("out." + ending)).read_bytes().decode("latin-1"))
    assert not any(CANARY in text for text in shown)


def test_an_intact_trail_is_verified_over_all_of_its_files(tmp_path, monkeypatch):
    monkeypatch.setattr(log_file, "TURN_AT", 1000)
    manager = open_in(tmp_path)
    fill(manager)
    for _each in range(5):
        perform(manager, "get", {"name": "app/db"}, BOB)
    assert len(list_turned(manager.trail.path)) > 1
    found = search(manager)
    assert found["verification"]["status"] == "verified"
    assert found["verification"]["keyed"] is True
    assert found["verification"]["entries"] == found["total"] == found["entries"][-1]["sequence"]


def test_an_edited_entry_is_named(used, tmp_path):
    path = tmp_path / "audit.jsonl"
    lines = path.read_text(encoding="ascii").splitlines(keepends=True)
    path.write_text("".join([*lines[:2], lines[2].replace("ada", "eve"), *lines[3:]]), encoding="ascii")
    found = search(used, names=["web/*"])["verification"]
    assert (found["status"], found["total"], found["kinds"]) == ("broken", 1, {"edited": 1})
    assert found["findings"] == [{"kind": "edited", "line": 3, "sequence": 3, "file": None}]


def test_entries_that_are_cut_at_the_end_or_in_between_are_named(used, tmp_path):
    path = tmp_path / "audit.jsonl"
    lines = path.read_text(encoding="ascii").splitlines(keepends=True)
    path.write_text("".join([*lines[:1], *lines[2:-1]]), encoding="ascii")
    found = search(used)["verification"]
    assert (found["status"], found["kinds"]) == ("broken", {"cut": 1, "cut_at_end": 1})


def test_only_the_first_hundred_faults_are_listed(used, tmp_path):
    (tmp_path / "audit.jsonl").write_text("no entry\n" * 250, encoding="ascii")
    found = search(used)
    assert (len(found["verification"]["findings"]), found["verification"]["total"]) == (100, 251)
    assert found["verification"]["kinds"] == {"not_an_entry": 250, "cut_at_end": 1}
    assert found["entries"] == []


def test_a_reader_without_the_key_reads_and_is_told_that_nothing_is_verified(tmp_path):
    manager = open_in(tmp_path)
    fill(manager)
    expected = search(manager)["total"]
    manager.close()
    shutil.rmtree(Path.home() / ".config" / "nebula")
    reader = open_in(tmp_path)
    found = search(reader)
    assert found["total"] == expected
    assert found["verification"]["status"] == "unverifiable"
    assert found["verification"]["code"] == "missing_key"
    assert "the key of the chain cannot be read" in found["verification"]["reason"]


def test_a_reader_with_the_key_and_without_the_mark_is_told_what_is_not_verified(tmp_path):
    manager = open_in(tmp_path)
    fill(manager)
    os.unlink(manager.trail.key.mark_path)
    found = search(manager)["verification"]
    assert (found["status"], found["code"], found["keyed"]) == ("unverifiable", "mark_unreadable", True)


def test_a_chain_without_a_key_says_so(tmp_path):
    manager = open_in(tmp_path, "database", encrypt=False, allow_plaintext=True)
    fill(manager)
    found = search(manager)["verification"]
    assert (found["status"], found["keyed"]) == ("verified", False)


def test_without_the_check_nothing_is_said_of_the_chain(used):
    assert search(used, verify=False)["verification"] is None


def test_a_trail_that_is_off_or_not_there_is_an_error(tmp_path):
    with pytest.raises(InvalidInput, match="audit trail is off"):
        search(open_in(tmp_path, audit="off"))
    with pytest.raises(NotFound, match="there is no audit trail"):
        search(open_in(tmp_path, path=str(tmp_path / "empty")))
    with pytest.raises(NotFound) as caught:
        search(open_in(tmp_path), names=["app/*"])
    assert str(caught.value).startswith("store 'prod': there is no audit trail")


def test_of_a_file_that_stores_share_only_the_entries_of_this_one_are_read(used, tmp_path):
    other = open_in(tmp_path, name="other", path=str(tmp_path / "another"))
    perform(other, "credential", {"name": "theirs", "value": "x", "state": "present"}, BOB)
    other.close()
    assert {entry["store"] for entry in search(used, verify=False)["entries"]} == {"prod"}


def test_entries_after_a_purge_are_read_and_verified(tmp_path, monkeypatch):
    monkeypatch.setattr(log_file, "TURN_AT", 1000)
    manager = open_in(tmp_path)
    fill(manager)
    manager.clock = lambda: datetime.now(timezone.utc) + timedelta(days=500)
    purged = perform(manager, "store_purge", {"keep_audit": "400d"}, ADA).result["audit"]
    assert purged["files"] > 0
    found = search(manager)
    assert found["entries"][0]["sequence"] == purged["last"] + 1
    assert found["verification"]["status"] == "verified"


def test_the_table_has_the_entries_of_every_controller(tmp_path, monkeypatch):
    monkeypatch.setattr(operation, "_PAGE", 2)
    for controller in ("one", "two"):
        manager = open_in(tmp_path, "database", audit_path=str(tmp_path / controller), name=controller)
        perform(manager, "credential", {"name": controller, "value": CANARY, "state": "present"}, ADA)
        perform(manager, "get", {"name": controller}, ADA)
        manager.close()
    manager = open_in(tmp_path, "database", audit_path=str(tmp_path / "one"), name="one")
    files = [json.loads(line) for name in ("one", "two") for line in (tmp_path / name).read_text(encoding="ascii").splitlines()]
    found = search(manager, source="table")
    assert [entry["time"] for entry in found["entries"]] == sorted(entry["time"] for entry in files)
    written = {entry["time"]: {name: entry[name] for name in entry if name not in ("sequence", "key", "chain")} for entry in files}
    assert {entry["time"]: entry for entry in found["entries"]} == written
    assert found["path"] is None
    assert (found["verification"]["status"], found["verification"]["code"]) == ("unverifiable", "no_chain")
    times = [entry["time"] for entry in found["entries"]]
    assert [entry["time"] for entry in search(manager, source="table", since=times[1], until=times[-1])["entries"]] == times[1:-1]
    assert {entry["store"] for entry in search(manager, names=["tw*"], source="table")["entries"]} == {"two"}
    manager.close()


def test_an_export_has_all_that_match_and_only_they(used, tmp_path):
    path = tmp_path / "out.jsonl"
    found = search(used, names=["app/*"], dest=str(path), limit=1)
    lines = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    assert lines == search(used, names=["app/*"])["entries"]
    assert found["export"] == {"path": str(path), "format": "json", "entries": len(lines), "bytes": path.stat().st_size}
    assert path.stat().st_mode & 0o777 == 0o600
    rows = tmp_path / "out.csv"
    search(used, names=["app/*"], dest=str(rows))
    with rows.open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [(row["name"], row["user"], row["sequence"]) for row in table] == [
        (line["name"], line["user"], str(line["sequence"])) for line in lines
    ]


def test_a_second_export_changes_nothing_and_check_mode_writes_nothing(used, tmp_path):
    for name in ("out.json", "out.csv", "out.pdf"):
        path = str(tmp_path / name)
        assert search(used, check=True, dest=path)["changed"] is True
        assert not os.path.exists(path)
        assert [search(used, dest=path)["changed"] for _each in range(2)] == [True, False]
        assert search(used, check=True, dest=path)["changed"] is False
        perform(used, "get", {"name": "app/db"}, BOB)
        assert search(used, dest=path)["changed"] is True
    assert [name for name in os.listdir(tmp_path) if name.endswith(".tmp")] == []


def test_a_file_of_someone_else_is_replaced_only_on_request(used, tmp_path):
    for name in ("notes.json", "notes.csv", "notes.pdf"):
        path = tmp_path / name
        path.write_text("do not lose me", encoding="ascii")
        with pytest.raises(InvalidInput, match="overwrite: true"):
            search(used, dest=str(path))
        assert path.read_text(encoding="ascii") == "do not lose me"
        search(used, dest=str(path), overwrite=True)
        assert search(used, dest=str(path))["changed"] is False


def test_a_file_of_the_trail_is_never_replaced(used, tmp_path):
    before = (tmp_path / "audit.jsonl").read_bytes()
    for overwrite in (False, True):
        with pytest.raises(InvalidInput, match="a file of the audit trail itself"):
            search(used, dest=str(tmp_path / "audit.jsonl"), overwrite=overwrite)
    os.link(tmp_path / "audit.jsonl", tmp_path / "linked.json")
    with pytest.raises(InvalidInput, match="a file of the audit trail itself"):
        search(used, dest=str(tmp_path / "linked.json"), overwrite=True)
    assert (tmp_path / "audit.jsonl").read_bytes() == before


@pytest.mark.parametrize("make", [os.mkdir, lambda path: os.symlink("/etc/hostname", path), os.mkfifo])
def test_what_is_no_file_is_never_replaced(used, tmp_path, make):
    make(str(tmp_path / "out.csv"))
    with pytest.raises(InvalidInput, match="is not a regular file"):
        search(used, dest=str(tmp_path / "out.csv"), overwrite=True)
