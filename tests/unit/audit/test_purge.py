# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The oldest files of a trail are removed, and the chain of the rest can still be checked (E5)."""

from __future__ import annotations

import multiprocessing
import os
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit import log_file
from ansible_collections.nebula.credential.plugins.module_utils.audit import purge as purging
from ansible_collections.nebula.credential.plugins.module_utils.audit import verification as inspection
from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import NoSeals
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import Journal, checkpoint_path, list_turned
from ansible_collections.nebula.credential.plugins.module_utils.audit.purge import TrailPurge, purge_trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage import read_usage
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import Finding, query, verify_chain
from tests.unit.audit.crashes import is_killed_at
from tests.unit.audit.place import Place, fill

FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)
FAR = datetime(2200, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
FILES, LINES = 5, 4


class Aged:
    """A trail of several files, with one entry a day; each file but the last is turned."""

    def __init__(self, directory):
        directory.mkdir(exist_ok=True)
        self.path = str(directory / "audit.jsonl")
        self.seals = NoSeals(self.path)
        self.trail = Trail(Journal(self.path), self.seals, "prod")
        for file in range(FILES):
            entries = [self.entry(FIRST + DAY * (file * LINES + line)) for line in range(LINES)]
            Journal(self.path, 1).append(entries, False, self.seals())

    @staticmethod
    def entry(time):
        return {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "action": "read",
            "result": "ok",
            "store": "prod",
            "uid": 0,
            "name": "db",
        }

    def days(self):
        """The days of the entries that are left."""
        return [(inspection.read_time(entry) - FIRST).days for entry in query(self.path, action="read")]


@pytest.fixture
def aged(tmp_path):
    return Aged(tmp_path / "trail")


def test_files_whose_entries_are_all_older_go_and_the_rest_verifies(aged):
    turned = list_turned(aged.path)
    size = sum(os.path.getsize(each.path) for each in turned[:2])
    removed = purge_trail(aged.trail, FIRST + DAY * 9)
    assert removed == TrailPurge(2, size, 2 * LINES, "2026-01-09T00:00:00.000000Z")
    assert aged.days() == list(range(8, FILES * LINES))
    assert verify_chain(aged.path) == []
    assert purge_trail(aged.trail, FIRST + DAY * 9).files == 0


def test_check_mode_removes_nothing_and_records_nothing(aged):
    before = {name: Path(aged.path).with_name(name).read_bytes() for name in os.listdir(os.path.dirname(aged.path))}
    planned = purge_trail(aged.trail, FIRST + DAY * 9, check=True)
    assert {name: Path(aged.path).with_name(name).read_bytes() for name in os.listdir(os.path.dirname(aged.path))} == before
    assert purge_trail(aged.trail, FIRST + DAY * 9) == planned


def test_a_removal_is_recorded_before_anything_is_removed(aged):
    purge_trail(aged.trail, FIRST + DAY * 9)
    assert [(entry["result"], entry["version"]) for entry in query(aged.path, action="purge")] == [("ok", str(2 * LINES))]


def test_a_file_whose_last_entry_is_of_a_wrong_clock_stays_with_its_later_entries(aged):
    """A controller begins in 1970 until it has its time from the network."""
    wrong = aged.entry(datetime(1970, 1, 1, tzinfo=timezone.utc))
    Journal(aged.path).append([wrong], False, aged.seals())
    Journal(aged.path, 1).append([aged.entry(FAR)], False, aged.seals())
    assert len(list_turned(aged.path)) == FILES
    assert purge_trail(aged.trail, FIRST + DAY * (FILES * LINES - 1)).files == FILES - 1


def test_no_more_is_removed_than_was_recorded(aged):
    """The file that is written to is full, and the record itself turns it."""
    trail = Trail(Journal(aged.path, 1), aged.seals, "prod")
    removed = purge_trail(trail, FIRST + DAY * FILES * LINES)
    assert [entry["version"] for entry in query(aged.path, action="purge")] == [str(removed.last)] == [str((FILES - 1) * LINES)]
    assert purge_trail(trail, FIRST + DAY * FILES * LINES).last == FILES * LINES


def test_a_purge_during_another_one_finds_what_is_left(aged, monkeypatch):
    """Two hosts of a play purge the same trail."""
    others = iter([lambda: purge_trail(aged.trail, FIRST + DAY * 9)])

    def read_and_be_overtaken(path):
        line = log_file.read_last_line(path)
        for other in others:
            assert other().files == 2
        return line

    monkeypatch.setattr(purging, "read_last_line", read_and_be_overtaken)
    assert purge_trail(aged.trail, FIRST + DAY * 9).files == 0
    assert verify_chain(aged.path) == []


def test_a_file_with_one_later_entry_stays(aged):
    assert purge_trail(aged.trail, FIRST + DAY * 7).files == 1
    assert purge_trail(aged.trail, FIRST + DAY * 7 + timedelta(seconds=1)).files == 1


def test_the_file_that_is_written_to_stays_until_all_of_its_entries_are_older(aged):
    """It is turned, so that it can go the next time."""
    assert purge_trail(aged.trail, FAR).files == FILES - 1
    assert aged.days() == list(range((FILES - 1) * LINES, FILES * LINES))
    assert verify_chain(aged.path) == []
    assert len(list_turned(aged.path)) == 1
    Journal(aged.path).append([aged.entry(FAR + DAY)], False, aged.seals())
    assert purge_trail(aged.trail, FAR).files == 1
    assert aged.days() == [(FAR + DAY - FIRST).days]
    assert verify_chain(aged.path) == []


def test_a_file_that_is_missing_after_a_purge_still_shows(aged):
    purge_trail(aged.trail, FIRST + DAY * 9)
    first, second, *_more = list_turned(aged.path)
    content = Path(first.path).read_bytes()
    os.unlink(first.path)
    assert verify_chain(aged.path) == [Finding(inspection.CUT, 1, first.last + 1, second.path)]
    Path(first.path).write_bytes(content[content.index(b"\n") + 1 :])
    assert [finding.kind for finding in verify_chain(aged.path)] == [inspection.CUT]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _content, _mark: b"",
        lambda content, _mark: content[:-2] + b"0\n",
        lambda content, _mark: content.replace(b"0008", b"0009"),
        lambda _content, mark: mark,
        lambda _content, mark: b"checkpoint " + mark,
    ],
)
def test_only_the_record_of_a_purge_excuses_what_is_missing(aged, spoil):
    """A mark of the end, which is authenticated with the same key, does not."""
    mark = Path(aged.path + ".mark").read_bytes()
    purge_trail(aged.trail, FIRST + DAY * 9)
    checkpoint = Path(checkpoint_path(aged.path))
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(spoil(content, mark))
    assert [finding.kind for finding in verify_chain(aged.path)] == [inspection.BEGINS_LATER]


def test_a_removal_in_a_keyed_trail_cannot_be_forged_without_the_key(tmp_path, monkeypatch):
    monkeypatch.setattr(log_file, "TURN_AT", 1000)
    place = Place(tmp_path)
    fill(place, 0)
    for _each in range(12):
        manager = place.open()
        manager.get("db")
        manager.close()
    manager = place.open()
    assert purge_trail(manager.trail, FAR).files > 1
    manager.close()
    assert place.verify() == []
    forged = Aged(tmp_path / "other")
    purge_trail(forged.trail, FAR)
    Path(checkpoint_path(str(place.trail))).write_bytes(Path(checkpoint_path(forged.path)).read_bytes())
    assert [finding.kind for finding in place.verify()] == [inspection.BEGINS_LATER]


def test_a_crash_at_any_call_of_a_purge_leaves_a_trail_that_verifies(tmp_path):
    """And the next purge removes the rest."""
    before = FIRST + DAY * 13
    for wanted in count():
        aged = Aged(tmp_path / str(wanted))
        killed = is_killed_at(wanted, lambda aged=aged: purge_trail(aged.trail, before))
        assert {finding.kind for finding in verify_chain(aged.path)} <= {inspection.UNFINISHED, inspection.MARK_UNREADABLE}
        assert aged.days() == list(range(aged.days()[0], FILES * LINES))
        purge_trail(aged.trail, before)
        assert aged.days() == list(range(12, FILES * LINES))
        assert verify_chain(aged.path) == []
        if not killed:
            break
    assert wanted > 30


def test_the_usage_that_was_counted_outlives_its_entries(aged, monkeypatch):
    monkeypatch.setattr("ansible_collections.nebula.credential.plugins.module_utils.audit.usage.SAVE_AFTER", 1)
    counted = read_usage(aged.trail, ["db"], [])
    assert counted.of("db")["uses"] == FILES * LINES
    purge_trail(aged.trail, FIRST + DAY * 9)
    assert read_usage(aged.trail, ["db"], []) == counted
    os.unlink(aged.path + ".usage")
    anew = read_usage(aged.trail, ["db"], [])
    assert (anew.of("db")["uses"], anew.complete, anew.since) == (FILES * LINES - 8, False, "2026-01-09T00:00:00.000000Z")


def test_where_there_is_no_trail_nothing_is_removed_and_nothing_is_made(tmp_path):
    path = str(tmp_path / "none" / "audit.jsonl")
    assert purge_trail(Trail(Journal(path), NoSeals(path), "prod"), FIRST) == TrailPurge()
    assert os.listdir(tmp_path) == []


def append_many(path, who, entries):
    trail = Trail(Journal(path, 4000), NoSeals(path), who)
    for number in range(entries):
        trail.record("write", "ok", "db", str(number))


def test_a_trail_verifies_while_processes_write_and_old_files_go(aged):
    """However the three meet. What was not removed is whole."""
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=append_many, args=(aged.path, "w{0}".format(number), 150)) for number in range(3)]
    for writer in writers:
        writer.start()
    removed = 0
    while any(writer.is_alive() for writer in writers):
        removed += purge_trail(aged.trail, FAR).files
        assert verify_chain(aged.path) == []
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 3
    assert removed >= FILES - 1
    assert verify_chain(aged.path) == []


def test_a_check_that_meets_a_purge_reports_nothing_as_missing(aged, monkeypatch):
    """The files go while the check is at the first one."""
    real, met = inspection.read_lines, []

    def lines(*arguments):
        for raw in real(*arguments):
            yield raw
            if not met:
                met.append(purge_trail(aged.trail, FIRST + DAY * 13).files)

    monkeypatch.setattr(inspection, "read_lines", lines)
    assert verify_chain(aged.path) == []
    assert met == [3]


def test_usage_is_incomplete_if_a_file_in_the_middle_is_missing(aged):
    assert read_usage(aged.trail, ["db"], []).complete is True
    os.unlink(list_turned(aged.path)[1].path)
    found = read_usage(aged.trail, ["db"], [])
    assert (found.of("db")["uses"], found.complete) == ((FILES - 1) * LINES, False)
