# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A full file of the trail is turned, and the chain continues in the next one: through crashes, races and losses of files (E5)."""

from __future__ import annotations

import multiprocessing
import os
from itertools import count
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit import log_file
from ansible_collections.nebula.credential.plugins.module_utils.audit import verification as inspection
from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import NoSeals
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import Journal, list_turned
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import Finding, query, read_lines, verify_chain
from tests.unit.audit.crashes import is_killed_at
from tests.unit.audit.place import Place, fill

TURN_AT = 1000


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "audit.jsonl")


def append(path, name, entries=1):
    entry = {"time": "2026-11-29T12:00:00.000001Z", "action": "read", "result": "ok", "store": "prod", "uid": 0, "name": name}
    Journal(path, TURN_AT).append([entry] * entries, False, NoSeals(path)())


def fill_files(path, files=3):
    """Append until so many files are turned. Return the names of all entries."""
    names = []
    while len(list_turned(path)) < files:
        names.append("n{0}".format(len(names)))
        append(path, names[-1])
    return names


def read_names(path):
    return [entry["name"] for entry in query(path)]


def test_a_full_file_is_turned_and_the_chain_continues(path):
    names = fill_files(path)
    turned = list_turned(path)
    assert [each.path for each in turned] == ["{0}.{1:020d}".format(path, each.last) for each in turned]
    for each in turned:
        assert TURN_AT <= os.path.getsize(each.path) < 2 * TURN_AT
    assert read_names(path) == names
    assert verify_chain(path) == []


def test_a_trail_of_a_store_is_turned_with_its_keyed_chain(tmp_path, monkeypatch):
    monkeypatch.setattr(log_file, "TURN_AT", TURN_AT)
    place = Place(tmp_path)
    fill(place, 0)
    for _each in range(12):
        manager = place.open()
        manager.get("db")
        manager.close()
    assert list_turned(str(place.trail))
    assert place.verify() == []


def test_a_turned_file_that_is_missing_shows(path):
    fill_files(path)
    turned = list_turned(path)
    os.rename(turned[1].path, path + ".aside")
    first = turned[1].last + 1
    assert verify_chain(path) == [Finding(inspection.CUT, 1, first, turned[2].path)]
    os.rename(path + ".aside", turned[1].path)
    os.unlink(turned[0].path)
    assert verify_chain(path) == [Finding(inspection.BEGINS_LATER, 1, turned[0].last + 1, turned[1].path)]


def test_a_turned_file_that_lost_its_end_shows(path):
    fill_files(path)
    last = list_turned(path)[-1]
    content = Path(last.path).read_bytes()
    for left, kind in ((content[: content.rindex(b"\n", 0, -1) + 1], []), (content[:-5], [inspection.UNFINISHED])):
        Path(last.path).write_bytes(left)
        assert [finding.kind for finding in verify_chain(path)] == [*kind, inspection.CUT]


def test_an_edit_in_a_turned_file_shows_with_its_line_and_file(path):
    fill_files(path)
    second = list_turned(path)[1]
    lines = Path(second.path).read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"uid":0', b'"uid":1')
    Path(second.path).write_bytes(b"".join(lines))
    assert verify_chain(path) == [Finding(inspection.EDITED, 2, list_turned(path)[0].last + 2, second.path)]


def test_a_file_that_is_lost_after_its_turn_shows_by_the_mark(path):
    fill_files(path, 1)
    os.unlink(path)
    assert [finding.kind for finding in verify_chain(path)] == [inspection.CUT_AT_END]
    os.unlink(list_turned(path)[0].path)
    append(path, "later")
    assert [finding.kind for finding in verify_chain(path)] == [inspection.BEGINS_LATER]


def test_a_directory_that_allows_no_rename_keeps_one_file(path, monkeypatch):
    def refuse(*_paths):
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(os, "rename", refuse)
    for number in range(20):
        append(path, "n{0}".format(number))
    assert list_turned(path) == []
    assert len(read_names(path)) == 20
    assert verify_chain(path) == []


def test_no_turned_file_is_ever_replaced(path):
    """The numbers begin anew if the trail and its mark are lost, but not all of its files."""
    fill_files(path, 1)
    kept = list_turned(path)[0]
    content = Path(kept.path).read_bytes()
    os.unlink(path)
    os.unlink(path + ".mark")
    os.rename(kept.path, path + ".aside")
    for _each in range(kept.last):
        append(path, "again")
    os.rename(path + ".aside", kept.path)
    append(path, "again")
    assert Path(kept.path).read_bytes() == content


def test_a_crash_at_any_call_of_a_turn_loses_nothing_that_was_acknowledged(tmp_path):
    """And the next writer continues the chain."""
    for wanted in count():
        path = str(tmp_path / str(wanted) / "audit.jsonl")
        names = []
        while not os.path.exists(path) or os.path.getsize(path) < TURN_AT:
            names.append("n{0}".format(len(names)))
            append(path, names[-1])
        died = is_killed_at(wanted, lambda path=path: append(path, "dying"))
        append(path, "after")
        assert [name for name in read_names(path) if name != "dying"] == [*names, "after"]
        assert verify_chain(path) == []
        assert [each.last for each in list_turned(path)] == [len(names)]
        if not died:
            break
    assert wanted > 20


def append_many(path, who, entries):
    trail = Trail(Journal(path, 4000), NoSeals(path), who)
    for number in range(entries):
        trail.record("read", "ok", "db", str(number))
        if number % 3 == 0:
            trail.flush()
    trail.flush()


def test_many_processes_turn_the_files_of_one_chain(path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=append_many, args=(path, "w{0}".format(number), 60)) for number in range(6)]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        # A reader meanwhile misses no line, whatever is turned under it.
        lines = [inspection.read_line(raw.content.rstrip(b"\n")) for raw in read_lines(path)] if os.path.exists(path) else []
        assert [line.link.sequence for line in lines if line is not None] == list(range(1, len([line for line in lines if line]) + 1))
        seen = max(seen, len(lines))
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 6
    assert len(list_turned(path)) > 10
    assert verify_chain(path) == []
    for number in range(6):
        mine = [entry["version"] for entry in query(path) if entry["store"] == "w{0}".format(number)]
        assert mine == [str(each) for each in range(60)]
