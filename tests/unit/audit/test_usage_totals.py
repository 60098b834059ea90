# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The totals of a trail's usage: each entry is counted once, and totals that do not agree with the trail are counted anew (B6)."""

from __future__ import annotations

import os
import random
import threading
from itertools import count
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit import usage as counting
from ansible_collections.nebula.credential.plugins.module_utils.audit import usage_totals
from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import NoSeals
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import Journal, list_turned
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage import read_usage
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import read_lines
from tests.unit.audit.crashes import is_killed_at

UPKEEP = ["find"]
ENTRY = {"time": "2026-11-29T12:00:00.000001Z", "action": "read", "result": "ok", "store": "prod", "uid": 0, "name": "db"}


class Counted:
    """A trail, and how many of its entries are read."""

    def __init__(self, directory, turn_at=10**6):
        self.path = str(directory / "audit.jsonl")
        self.totals = Path(self.path + ".usage")
        self._journal = Journal(self.path, turn_at)
        self.read = 0

    def append(self, *names, **parts):
        self._journal.append([dict(ENTRY, name=name, **parts) for name in names or ["db"]], False, NoSeals(self.path)())

    def usage(self, *names, shared=False, upkeep=None):
        names = names or ("db",)
        return read_usage(Trail(self._journal, NoSeals(self.path), "prod", shared=shared), names, UPKEEP if upkeep is None else upkeep)

    def uses(self, name="db", **options):
        self.read = 0
        return self.usage(name, **options).of(name)["uses"]


@pytest.fixture
def trail(tmp_path, monkeypatch):
    trail = Counted(tmp_path)

    def lines(*arguments):
        for raw in read_lines(*arguments):
            trail.read += 1
            yield raw

    monkeypatch.setattr(counting, "read_lines", lines)
    monkeypatch.setattr(counting, "SAVE_AFTER", 1)
    return trail


def test_entries_that_were_counted_are_not_read_again(trail):
    trail.append(*["db", "other"] * 500)
    assert (trail.uses(), trail.read) == (500, 1000)
    assert (trail.uses(), trail.read) == (500, 0)
    trail.append("db", "db", "new")
    assert (trail.uses(), trail.read) == (502, 3)
    assert (trail.uses("other"), trail.read) == (500, 0)
    assert (trail.uses("new"), trail.read) == (1, 0)


def test_few_new_entries_are_counted_without_a_write(trail, monkeypatch):
    trail.append(*["db"] * 500)
    trail.uses()
    monkeypatch.setattr(counting, "SAVE_AFTER", 10**6)
    written = trail.totals.read_bytes()
    trail.append(*["db"] * 5)
    assert (trail.uses(), trail.read) == (505, 5)
    assert (trail.uses(), trail.read) == (505, 5)
    assert trail.totals.read_bytes() == written


def test_the_last_use_is_kept_with_the_totals(trail):
    trail.append(user="ada", host="web1", operation="get")
    trail.append("other")
    last = trail.usage("db").of("db")["last_used"]
    assert last == {"at": ENTRY["time"], "operation": "get", "uid": 0, "user": "ada", "host": "web1"}
    assert trail.usage("db").of("db")["last_used"] == last


def test_a_file_that_is_turned_after_the_count_is_continued(tmp_path, trail):
    small = Counted(tmp_path, 2000)
    for number in range(1, 60):
        small.append()
        assert (trail.uses(), trail.read) == (number, 1)
    assert len(list_turned(small.path)) > 3


def test_a_deleted_credential_leaves_the_totals(trail):
    trail.append("db", "other")
    assert trail.uses() == 1
    trail.append(action="delete", stage="current")
    assert (trail.uses(), trail.uses("other")) == (0, 1)
    assert b"db" not in trail.totals.read_bytes()
    trail.append()
    assert trail.uses() == 1


def test_deleting_another_stage_keeps_the_uses(trail):
    trail.append()
    trail.append(action="delete", stage="pending")
    assert trail.uses() == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content.split(b"\n", 1)[1],
        lambda content: content.replace(b'"uses":3', b'"uses":-3'),
        lambda content: content.replace(b'"uses":3', b'"uses":"3"'),
        lambda content: content.replace(b'"format":1', b'"format":2'),
        lambda content: content.replace(b'"chain":"', b'"chain":"0'),
        lambda content: content.replace(b'"offset":', b'"offset":1'),
        lambda content: content.replace(b'"sequence":', b'"sequence":1'),
        lambda content: content.replace(b'"since":"', b'"since":null,"x":"'),
        lambda _content: b"\xff" * 100000,
    ],
)
def test_totals_that_are_not_what_was_written_are_counted_anew(trail, spoil):
    trail.append(*["a", "db", "z"] * 3)
    assert trail.uses() == 3
    before = trail.totals.read_bytes()
    trail.totals.write_bytes(spoil(before))
    assert trail.totals.read_bytes() != before
    assert (trail.uses(), trail.read) == (3, 9)
    assert trail.totals.read_bytes() == before


def test_totals_of_another_trail_are_counted_anew(trail):
    trail.append(*["db"] * 9)
    assert trail.uses() == 9
    os.unlink(trail.path)
    os.unlink(trail.path + ".mark")
    trail.append(*["db"] * 12, host="web2")
    assert (trail.uses(), trail.read) == (12, 12)


def test_totals_of_other_rules_are_counted_anew(trail):
    trail.append("db", "db", operation="credential_info")
    assert trail.uses() == 2
    assert trail.uses(upkeep=[*UPKEEP, "credential_info"]) == 0


def test_each_store_that_shares_a_trail_has_totals_of_its_own(trail):
    trail.append("db", "db")
    trail.append(store="other")
    assert trail.uses(shared=True) == 2
    assert (trail.uses(shared=True), trail.read) == (2, 0)
    assert trail.uses() == 3


def test_totals_that_cannot_be_written_change_no_answer(trail):
    trail.totals.mkdir()
    trail.append("db", "db")
    assert trail.uses() == trail.uses() == 2
    assert os.listdir(trail.totals) == []


def test_totals_that_can_no_longer_be_written_change_no_answer(trail, monkeypatch):
    trail.append("db", "db")
    assert trail.uses() == 2
    trail.append("db")

    def read_and_lose_the_place(*arguments):
        yield from read_lines(*arguments)
        trail.totals.unlink()
        trail.totals.mkdir()

    monkeypatch.setattr(counting, "read_lines", read_and_lose_the_place)
    assert trail.uses() == 3


def test_a_trail_that_lost_entries_stays_incomplete(trail):
    trail.append("db")
    assert trail.usage().complete is True
    trail.append(action="lost", missed=3)
    assert [trail.usage().complete, trail.usage().complete] == [False, False]
    assert trail.usage().since == ENTRY["time"]


def test_a_crash_at_any_call_of_a_count_changes_no_answer(trail, tmp_path):
    for wanted in count():
        trail.append("db", "other")
        killed = is_killed_at(wanted, trail.uses)
        assert (trail.uses(), trail.uses("other")) == (wanted + 1, wanted + 1)
        if not killed:
            break
    assert wanted > 15


@pytest.mark.parametrize("save_after", [1, 10**6])
def test_a_count_during_another_one_counts_no_entry_twice(trail, monkeypatch, save_after):
    """Both begin from the same totals, and the second one saves its own before the first one has ended."""
    trail.append("db", "other")
    assert trail.uses() == 1
    trail.append("db", "other")
    between = iter([trail.uses])

    def read_and_be_overtaken(*arguments):
        yield from read_lines(*arguments)
        for count_meanwhile in between:
            assert count_meanwhile() == 2
            monkeypatch.setattr(counting, "SAVE_AFTER", save_after)

    monkeypatch.setattr(counting, "read_lines", read_and_be_overtaken)
    assert (trail.uses(), trail.uses("other"), trail.uses()) == (2, 2, 2)


def test_a_line_that_is_finished_during_a_count_is_counted_by_the_next_one(trail, monkeypatch):
    """A write of several pages becomes visible page by page."""
    trail.append(*["db"] * 10)
    whole = Path(trail.path).read_bytes()
    os.truncate(trail.path, len(whole) - 100)

    def read_while_it_is_written(*arguments):
        for raw in read_lines(*arguments):
            yield raw
            if not raw.content.endswith(b"\n"):
                Path(trail.path).write_bytes(whole)
                trail.append()

    monkeypatch.setattr(counting, "read_lines", read_while_it_is_written)
    assert (trail.uses(), trail.uses(), trail.usage().complete) == (9, 11, True)


def describe(report, names):
    return report.describe(), {name: report.of(name) for name in names}


def test_whatever_is_counted_in_steps_is_the_same_at_once(tmp_path, monkeypatch):
    """Any entries, counted after any number of them, in files of any size."""
    monkeypatch.setattr(counting, "SAVE_AFTER", 1500)
    monkeypatch.setattr(counting, "_SAVE_AT", 4000)
    monkeypatch.setattr(counting, "_PAUSE_AFTER", 1000)
    chance = random.Random(13)
    names = ["n{0}".format(number) for number in range(12)]
    trail = Counted(tmp_path, 7000)
    for _round in range(60):
        for _each in range(chance.randrange(40)):
            action = chance.choice(["read"] * 6 + ["refresh", "delete", "write"])
            trail.append(chance.choice(names), action=action, host="h{0}".format(chance.random()), operation=chance.choice(["get", "find"]))
        if os.path.exists(trail.path):
            stepwise = describe(trail.usage(*names), names)
            kept = trail.totals.read_bytes() if trail.totals.exists() else None
            trail.totals.unlink(missing_ok=True)
            assert describe(trail.usage(*names), names) == stepwise
            if kept is not None:
                trail.totals.write_bytes(kept)
    assert len(list_turned(trail.path)) > 5


def test_a_count_lets_other_threads_run(trail, monkeypatch):
    """A session answers from its memory meanwhile."""
    pauses = []
    monkeypatch.setattr(usage_totals.time, "sleep", pauses.append)
    trail.append(*["db"] * 500, *["n{0}".format(number) for number in range(500)])
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    assert trail.uses() == 500
    stop.set()
    other.join()
    # In the count, in the write of the totals, and in the read of them.
    assert len(pauses) >= os.path.getsize(trail.path) // counting._PAUSE_AFTER - 1 + 2 * (501 // usage_totals._PAUSE_AFTER)
