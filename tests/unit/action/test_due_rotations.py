# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many rotations at once: a limit, an order, failures that stop nothing else and failures that stop the rest, a killed process."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    NotFound,
    RotationFailed,
    RotationInProgress,
    RotationLost,
    RotationParked,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.due_rotations import DueRotations, Rotation
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_report import Row, build_done_row, write_line, write_summary

PROMOTED = {"changed": True, "outcome": "promoted", "rotation": {"phase": "closed"}}


def build(name: str, target: str = "db") -> Rotation:
    listed = {"name": name, "target": target, "due_at": None, "open": False}
    return Rotation(listed, "command", {"name": name}, is_driven=True)


def run(names: list[str], drive: Any, *, parallel: int = 2, allowed: int = 100, ask: Any = None) -> list[Row]:
    """Rotate with processes that `drive`, and a store that `ask` stands for."""
    rotations = DueRotations([build(name, name.partition("/")[0]) for name in names], 0, allowed, lambda _row: None)
    return rotations.run(parallel, drive, ask or (lambda _parameters: Outcome({"rotation": {"orphaned": False}})), False)


def results(rows: list[Row]) -> dict[str, str]:
    return {row["name"]: row["result"] for row in rows}


def promote(rotation: Any, _perform: Any) -> Outcome:
    return Outcome(dict(PROMOTED))


def test_a_step_is_performed_by_the_task_and_its_answer_reaches_the_process() -> None:
    asked = []

    def drive(rotation: Any, perform: Any) -> Outcome:
        answer = perform({"look": True})
        assert [secret.expose() for secret in answer.secrets] == [b"word"]
        perform({"ticket": answer.result["step"]["ticket"], "outcome": "applied", "pid": os.getpid()})
        return Outcome(dict(PROMOTED))

    def ask(parameters: Any) -> Outcome:
        asked.append((threading.get_ident(), parameters["step"]))
        return Outcome({"step": {"ticket": "7"}}, (Secret("word"),))

    assert results(run(["a/1"], drive, ask=ask)) == {"a/1": "promoted"}
    assert asked[0][1] == {"look": True}
    assert asked[1][1]["ticket"] == "7"
    assert asked[1][1]["pid"] != os.getpid()


def test_so_many_rotate_at_once_and_no_more(tmp_path: Path) -> None:
    """Each waits until as many are inside as may be; a further one would be counted."""
    inside, most = [0], [0]
    changed = threading.Condition()

    def drive(rotation: Any, perform: Any) -> Outcome:
        perform({"enter": True})
        perform({"leave": True})
        return Outcome(dict(PROMOTED))

    def ask(parameters: Any) -> Outcome:
        with changed:
            if "leave" in parameters["step"]:
                inside[0] -= 1
                return Outcome({})
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            changed.notify_all()
            assert changed.wait_for(lambda: most[0] >= 3, 60)
            return Outcome({})

    rows = run(["a/{0}".format(number) for number in range(12)], drive, parallel=3, ask=ask)
    assert most == [3]
    assert set(results(rows).values()) == {"promoted"}


def test_a_failure_of_one_stops_no_other_and_each_has_its_row() -> None:
    failures = {
        "a/1": RotationFailed("it was refused"),
        "a/2": RotationParked("the outcome is open"),
        "a/3": RotationLost("neither is accepted"),
        "a/4": RotationInProgress("another one is at it"),
        "a/5": NotFound("it is gone"),
        "a/6": KeyError("s3cret"),
    }

    def drive(rotation: Any, _perform: Any) -> Outcome:
        if rotation["name"] in failures:
            raise failures[rotation["name"]]
        return Outcome(dict(PROMOTED))

    rows = run([*failures, "a/7"], drive)
    assert results(rows) == {
        "a/1": "failed", "a/2": "parked", "a/3": "lost", "a/4": "waits", "a/5": "gone", "a/6": "failed", "a/7": "promoted",
    }  # fmt: skip
    assert "s3cret" not in str(rows)


def test_a_rotation_whose_attempts_are_used_up_is_orphaned() -> None:
    def drive(_rotation: Any, _perform: Any) -> Outcome:
        raise RotationParked("the attempts are used up")

    assert results(run(["a/1"], drive, ask=lambda _parameters: Outcome({"rotation": {"orphaned": True}}))) == {"a/1": "orphaned"}


@pytest.mark.parametrize(("allowed", "tried"), [(100, 10), (50, 6), (10, 2), (0, 1)])
def test_no_further_one_is_begun_once_too_many_have_failed(allowed: int, tried: int) -> None:
    def drive(_rotation: Any, _perform: Any) -> Outcome:
        raise RotationFailed("no")

    rows = run(["a/{0}".format(number) for number in range(10)], drive, parallel=1, allowed=allowed)
    assert list(results(rows).values()).count("failed") == tried
    assert list(results(rows).values()).count("not_tried") == 10 - tried


def test_targets_take_turns() -> None:
    begun = []
    rotations = DueRotations([build(name, name[0]) for name in ("a1", "a2", "a3", "b1")], 0, 100, lambda row: begun.append(row["name"]))
    rotations.run(1, promote, lambda _parameters: Outcome({}), False)
    assert begun == ["a1", "b1", "a2", "a3"]


def test_a_killed_process_leaves_its_rotation_open_and_the_others_go_on() -> None:
    def drive(rotation: Any, _perform: Any) -> Outcome:
        if rotation["name"] == "a/1":
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome(dict(PROMOTED))

    rows = run(["a/1", "b/2", "b/3"], drive)
    assert results(rows) == {"a/1": "failed", "b/2": "promoted", "b/3": "promoted"}
    assert "was killed" in rows[0]["message"]


def test_what_no_process_is_left_for_is_not_tried() -> None:
    def drive(_rotation: Any, _perform: Any) -> Outcome:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    assert sorted(results(run(["a/1", "b/2", "b/3"], drive)).values()) == ["failed", "failed", "not_tried"]


def test_no_process_outlives_the_run() -> None:
    processes = []

    def drive(_rotation: Any, perform: Any) -> Outcome:
        perform({"pid": os.getpid()})
        return Outcome(dict(PROMOTED))

    def ask(parameters: Any) -> Outcome:
        processes.append(parameters["step"]["pid"])
        return Outcome({})

    run(["a/1", "a/2", "a/3"], drive, ask=ask)
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_the_lines_name_what_happened_and_what_is_next() -> None:
    row = {"name": "shop/db", "target": "shop-db", "result": "promoted", "readers_refused_for": 2.1, "behind": ["h1"]}
    assert write_line(row, (10, 8)) == "shop/db    shop-db  promoted, readers were refused for 2.1 s, 1 hosts lack it: h1"
    listing = {"total": 9, "next": [{"name": "x", "due_at": "2026-12-01T02:00:00Z"}]}
    assert write_summary([], listing, "Store 'a'", False) == "Store 'a': nothing is due. Next: x (2026-12-01 02:00 UTC)."
    lines = write_summary([row, {"result": "lost"}, {"result": "no_target"}], listing, "Store 'a'", False)
    assert lines.startswith("Store 'a': 1 rotated, 1 failed, 1 without a target of 9 credentials.")


@pytest.mark.parametrize(("accepted", "said"), [(True, "is accepted, too"), (False, "is refused already"), (None, "could not be tried")])
def test_the_line_says_what_became_of_a_previous_value_that_was_tried(accepted: bool | None, said: str) -> None:
    rotation = {"phase": "grace", "previous_accepted": accepted}
    row = build_done_row(build("a/1").listed, {"changed": True, "outcome": "promoted", "rotation": rotation}, False)
    assert row["previous_accepted"] is accepted
    assert write_line(row, (3, 2)) == "a/1 db promoted, the previous value " + said


@pytest.mark.parametrize(("version", "result"), [("2", "promoted"), ("1", "open")])
def test_a_new_value_is_promoted_and_a_wait_for_hosts_is_open_also_after_an_earlier_grace_period(version: str, result: str) -> None:
    rotation = {"phase": "grace", "holders": ["web1"]}
    diff = {"before": {"version": "1"}, "after": {"version": version}}
    done = {"changed": True, "outcome": "promoted", "rotation": rotation, "diff": diff}
    assert build_done_row({**build("a/1").listed, "open": True}, done, False)["result"] == result


def test_an_error_of_the_store_is_the_rows() -> None:
    def drive(_rotation: Any, perform: Any) -> Outcome:
        return perform({"look": True})  # type: ignore[no-any-return]

    def ask(_parameters: Any) -> Outcome:
        raise CredentialError("the store is down", remedy="Start it.")

    (row,) = run(["a/1"], drive, ask=ask)
    assert (row["result"], row["code"]) == ("failed", "internal")
    assert "the store is down" in row["message"]
