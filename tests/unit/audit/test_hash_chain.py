# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chain of the audit trail: a cut or an edit shows, and many processes write one chain (E5)."""

from __future__ import annotations

import multiprocessing
import os

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit import verification as inspection
from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import NoSeals
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import Journal
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import Finding, query, verify_chain
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.audit.place import Place, fill


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_a_whole_trail_verifies(place):
    fill(place)
    manager = place.open()
    manager.get("db")
    assert manager.trail.verify() == place.verify() == []


@pytest.mark.parametrize("line", range(5))
def test_an_edit_shows_at_its_line(place, line):
    fill(place, 4)
    lines = place.trail.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"uid":', b'"uid":1')
    place.trail.write_bytes(b"".join(lines))
    assert place.verify()[0] == Finding(inspection.EDITED, line + 1, line + 1)


@pytest.mark.parametrize("line", range(1, 4))
def test_a_line_cut_out_shows_at_the_next_one(place, line):
    fill(place, 4)
    lines = place.trail.read_bytes().splitlines(keepends=True)
    place.trail.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    assert place.verify() == [Finding(inspection.CUT, line + 1, line + 2)]


def test_a_cut_at_the_end_shows_by_the_mark(place):
    fill(place, 4)
    lines = place.trail.read_bytes().splitlines(keepends=True)
    place.trail.write_bytes(b"".join(lines[:-2]))
    assert place.verify() == [Finding(inspection.CUT_AT_END, 0, 5)]
    place.trail.write_bytes(b"")
    assert place.verify() == [Finding(inspection.CUT_AT_END, 0, 5)]


def test_a_cut_at_the_beginning_shows(place):
    fill(place, 4)
    lines = place.trail.read_bytes().splitlines(keepends=True)
    place.trail.write_bytes(b"".join(lines[2:]))
    assert place.verify() == [Finding(inspection.BEGINS_LATER, 1, 3)]


def test_swapped_and_foreign_lines_show(place):
    fill(place, 4)
    lines = place.trail.read_bytes().splitlines(keepends=True)
    place.trail.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    assert place.verify()[0] == Finding(inspection.CUT, 2, 3)
    place.trail.write_bytes(b"".join([lines[0], b"hello\n", *lines[1:]]))
    assert place.verify() == [Finding(inspection.NOT_AN_ENTRY, 2)]


def test_a_chain_forged_without_the_key_shows(place, tmp_path):
    fill(place, 2)
    forged = tmp_path / "forged.jsonl"
    Journal(str(forged)).append([{"time": "2026-11-29T12:00:00Z", "action": "read", "result": "ok"}] * 3, False, NoSeals(str(forged))())
    place.trail.write_bytes(forged.read_bytes())
    assert {finding.kind for finding in place.verify()} == {inspection.OTHER_KEY}


def test_the_mark_is_missed_where_it_is_gone(place):
    fill(place)
    os.unlink(place.seals()().mark_path)
    assert place.verify() == [Finding(inspection.MARK_UNREADABLE, 0)]


def test_the_mark_lies_beside_the_key_and_not_in_the_store(place, home):
    fill(place)
    assert place.seals()().mark_path.startswith(str(home / ".config" / "nebula" / "keys"))


def test_a_line_that_its_writer_did_not_finish_is_told_and_cut_off_by_the_next(place):
    fill(place)
    with open(place.trail, "ab") as file:
        file.write(b'{"sequence":9,"act')
    assert place.verify() == [Finding(inspection.UNFINISHED, 5)]
    fill_more = place.open()
    fill_more.get("db")
    fill_more.close()
    assert place.verify() == []


def test_a_trail_that_was_moved_away_is_gone_on_with(place):
    fill(place, 2)
    place.trail.rename(place.trail.with_suffix(".1"))
    manager = place.open()
    manager.get("db")
    manager.close()
    assert place.entries()[0]["sequence"] == 4
    assert place.verify() == [Finding(inspection.BEGINS_LATER, 1, 4)]


def append_many(path, who, count):
    trail = Trail(Journal(path), NoSeals(path), who)
    for number in range(count):
        trail.record("read", "ok", "db", str(number))
        if number % 7 == 0:
            trail.flush()
    trail.flush()


def test_many_processes_at_once_keep_one_chain(tmp_path):
    path = str(tmp_path / "audit.jsonl")
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=append_many, args=(path, "w{0}".format(number), 60)) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 6
    assert verify_chain(path) == []
    for number in range(6):
        mine = [entry["version"] for entry in query(path) if entry["store"] == "w{0}".format(number)]
        assert mine == [str(count) for count in range(60)]


def test_a_forked_child_does_not_write_what_its_parent_holds(tmp_path):
    path = str(tmp_path / "audit.jsonl")
    trail = Trail(Journal(path), NoSeals(path), "prod")
    trail.record("read", "ok", "parents")

    def child():
        trail.record("read", "ok", "childs")
        trail.flush()

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    trail.flush()
    assert [entry["name"] for entry in query(path)] == ["childs", "parents"]


def test_a_trail_without_a_key_of_its_own_still_shows_a_careless_edit(tmp_path):
    manager = open_store({"backend": "memory", "audit_path": str(tmp_path / "audit.jsonl")})
    manager.create(DesiredCredential("db", value=Secret("x")))
    manager.close()
    path = tmp_path / "audit.jsonl"
    assert verify_chain(str(path)) == []
    path.write_bytes(path.read_bytes().replace(b'"db"', b'"dc"'))
    assert [finding.kind for finding in verify_chain(str(path))] == [inspection.EDITED]
