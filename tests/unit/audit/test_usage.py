# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How credentials are used, as the audit trail tells it (B6)."""

from __future__ import annotations

import os
import tracemalloc

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit.entry import OK
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage import read_usage
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import list_administrative
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.registry import OPERATIONS
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.audit.place import Place
from tests.unit.store.managing import ask, create

PLAY = AccessContext(uid=1000, user="ada", host="web1", run="4711", task="render")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def used(manager, name="db", times=1):
    for _each in range(times):
        perform(manager, "get", {"name": name}, PLAY)


def described(manager, *names):
    told = ask(manager, "credential_info", names=list(names) or ["db"], usage=True).result
    return told["usage"], {row["name"]: row["usage"] for row in told["credentials"]}


def usage(manager, name="db"):
    return described(manager, name)[1][name]


def test_uses_are_counted_with_the_last_one_and_who_it_was(place):
    manager = place.open()
    create(manager)
    used(manager, times=3)
    told = usage(manager)
    assert (told["uses"], told["refreshes"]) == (3, 0)
    last = [entry for entry in place.entries() if entry.get("operation") == "get"][-1]
    assert told["last_used"] == {
        "at": last["time"],
        "operation": "get",
        "version": "1",
        "stage": "current",
        "uid": 1000,
        "user": "ada",
        "host": "web1",
        "run": "4711",
        "task": "render",
    }


def test_what_the_collections_own_modules_read_is_no_use(place):
    manager = place.open()
    create(manager)
    ask(manager, "credential", name="db", state="present", tags={"team": "a"})
    described(manager)
    ask(manager, "find")
    assert usage(manager)["uses"] == 0


def test_every_operation_is_a_use_or_upkeep():
    assert set(OPERATIONS) - list_administrative() == {"get", "get_many", "deploy", "run"}


def test_a_read_of_several_is_a_use_of_each(place):
    manager = place.open()
    create(manager)
    create(manager, "other")
    ask(manager, "get_many", names=["db", "other", "missing"])
    assert {name: told["uses"] for name, told in described(manager, "db", "other")[1].items()} == {"db": 1, "other": 1}


def test_a_read_that_was_refused_is_no_use(place):
    manager = place.open()
    with pytest.raises(NotFound):
        used(manager)
    create(manager)
    assert usage(manager)["uses"] == 0


def test_refreshes_are_counted(place):
    manager = place.open()
    create(manager)
    with manager.acting():
        manager.trail.record("refresh", OK, "db", "2")
    told = usage(manager)
    assert (told["refreshes"], told["uses"]) == (1, 0)
    assert told["last_refreshed_at"] == next(entry["time"] for entry in place.entries() if entry["action"] == "refresh")


def test_a_credential_made_anew_under_the_name_begins_with_no_use(place):
    manager = place.open()
    create(manager)
    used(manager)
    manager.delete("db")
    create(manager)
    assert usage(manager)["uses"] == 0


def test_where_the_trail_is_off_nothing_is_told_and_why(place):
    manager = place.open("off")
    create(manager)
    source, told = described(manager)
    assert told["db"] is None
    assert source == {"path": None, "since": None, "complete": False, "reason": "the store's audit trail is off"}


def test_where_there_is_no_trail_yet_nothing_is_told_and_why(place, tmp_path):
    create(place.open("off"))
    told = read_usage(place.open(audit_path=str(tmp_path / "elsewhere.jsonl")).trail, ["db"], list_administrative())
    assert told.of("db") is None
    assert "there is no audit trail" in told.reason


def test_a_trail_that_was_moved_away_is_told_by_when_it_begins(place):
    manager = place.open()
    create(manager)
    used(manager, times=2)
    os.rename(place.trail, str(place.trail) + ".1")
    used(manager)
    source, told = described(manager)
    assert (source["complete"], source["since"]) == (False, place.entries()[0]["time"])
    assert told["db"]["uses"] == 1


def test_a_whole_trail_says_so(place):
    manager = place.open()
    create(manager)
    assert described(manager)[0] == {"path": str(place.trail), "since": place.entries()[0]["time"], "complete": True, "reason": None}


def test_entries_that_could_not_be_written_are_told(place):
    manager = place.open()
    create(manager)
    place.trail.chmod(0o400)
    moved = place.trail.with_suffix(".aside")
    place.trail.rename(moved)
    place.trail.mkdir()
    used(manager)
    place.trail.rmdir()
    moved.rename(place.trail)
    used(manager)
    assert described(manager)[0]["complete"] is False


def test_what_is_still_held_in_memory_is_counted(place):
    manager = place.open()
    create(manager)
    manager.get("db")
    assert read_usage(manager.trail, ["db"], list_administrative()).of("db")["uses"] == 1


def test_stores_that_share_a_file_are_told_apart(tmp_path):
    path = str(tmp_path / "audit.jsonl")
    options = [{"backend": "local", "path": str(tmp_path / name), "audit_path": path} for name in ("one", "two")]
    one, two = (open_store(option, name=name) for option, name in zip(options, ("one", "two")))
    for manager in (one, two):
        create(manager)
    used(one, times=2)
    used(two)
    assert (usage(one)["uses"], usage(two)["uses"]) == (2, 1)


def test_a_store_that_has_two_names_is_one_in_its_own_trail(place):
    manager = place.open()
    create(manager)
    used(manager)
    other = open_store({"backend": "local", "path": str(place.path)}, name="the same")
    used(other)
    assert usage(manager)["uses"] == 2


def test_words_that_somebody_asserted_count_as_nothing(place):
    """A user, host or task is free text, and is no entry of its own."""
    manager = place.open()
    create(manager)
    forged = '"action":"read","result":"ok","name":"db"'
    perform(manager, "find", {}, AccessContext(user=forged, host=forged, task="\n{" + forged + "}"))
    assert usage(manager)["uses"] == 0


def test_what_is_no_entry_is_passed_over(place):
    manager = place.open()
    create(manager)
    used(manager)
    with place.trail.open("ab") as file:
        file.write(b'no entry\n{"action":"read","result":"ok","name":"db"}\n\xff\xfe\n{"sequence":1,"action":"read","resu')
    assert read_usage(manager.trail, ["db"], list_administrative()).of("db")["uses"] == 1


def test_a_long_trail_is_read_without_being_held(place):
    manager = place.open()
    create(manager)
    used(manager)
    line = place.trail.read_bytes().splitlines(keepends=True)[-1]
    with place.trail.open("ab") as file:
        for _each in range(30):
            file.write(line * 1000)
    tracemalloc.start()
    try:
        told = read_usage(manager.trail, ["db"], list_administrative())
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told.of("db")["uses"] == 30001
    assert most < place.trail.stat().st_size / 10


def test_of_what_is_out_of_scope_nothing_is_told(place):
    manager = place.open()
    create(manager)
    perform(manager, "credential", {"name": "mine", "value": "a value", "scope": {"user": "ada"}}, PLAY)
    rows = ask(manager, "credential_info", usage=True).result["credentials"]
    assert [row["name"] for row in rows] == ["db"]
