# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""credential_rotate uses every option that it is given, or refuses it by name; and a driver learns when there is nothing to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from tests.unit.operations.rotated_store import DUAL, PG, SERVER, Store


@pytest.fixture
def store() -> Store:
    made = Store()
    made.create()
    return made


@pytest.mark.parametrize("step", [{"look": True}, {}])
@pytest.mark.parametrize("options", [PG, DUAL])
def test_a_driver_is_told_that_there_is_nothing_to_do(store: Store, options: dict[str, Any], step: dict[str, Any]) -> None:
    store.manager.update("db_pass", policy={"kind": "periodic", "every": 7776000})
    for phase in ("auto", "settle"):
        due = {"only_if_due": True} if phase == "auto" else {}
        result = store.rotate(phase=phase, step=step, **due, **options)
        assert (result["changed"], result["outcome"], result["step"]) == (False, "idle", {"kind": "done"})


def test_a_rotation_that_another_run_made_after_the_look_leaves_nothing_to_do(store: Store) -> None:
    store.manager.update("db_pass", policy={"kind": "periodic", "every": 3600})
    store.now += timedelta(hours=1)
    assert store.rotate(step={"look": True}, only_if_due=True, **PG)["step"]["kind"] == "look"
    store.rotate(target="none")
    assert store.rotate(step={}, only_if_due=True, **PG)["step"] == {"kind": "done"}


def test_what_is_not_due_is_only_finished_and_a_rollback_of_it_is_no_failure(store: Store) -> None:
    step = store.begin(**PG)
    store.manager.update("db_pass", policy={"kind": "periodic", "every": 7776000})
    store.rotate(step={"ticket": step["ticket"], "outcome": "unknown"}, **PG)
    store.now += timedelta(hours=1)
    asked = store.rotate(step={}, only_if_due=True, **PG)["step"]
    assert (asked["kind"], asked["settles"]) == ("ask", True)
    report = {"ticket": asked["ticket"], "settles": True, "outcome": "refused"}
    asked = store.rotate(step=report, only_if_due=True, **PG)["step"]
    done = store.rotate(step={"ticket": asked["ticket"], "settles": True, "outcome": "accepted"}, only_if_due=True, **PG)
    assert (done["outcome"], done["step"]) == ("rolled_back", {"kind": "done"})


@pytest.mark.parametrize(
    ("phase", "options"),
    [
        ("commit", {"value": "x"}),
        ("commit", {"only_if_due": True}),
        ("commit", {"target": "none"}),
        ("prepare", {"target": "none"}),
        ("prepare", {"accepted": True}),
        ("prepare", {"current_unverified": True}),
        ("auto", {"accepted": False, "target": "none"}),
        ("auto", {"sent": False, "target": "none"}),
        ("auto", {"forget": ["a"], "target": "none"}),
        ("auto", {"current_unverified": True, "target": "none"}),
        ("settle", {"grace": "1h"}),
        ("settle", {"ttl": "1h"}),
        ("settle", {"generate": {"length": 9}}),
        ("status", {"fields": {"username": "x"}}),
        ("status", {"serve_stale": "1m"}),
        ("rollback", {"value": "x"}),
        ("rollback", {"wrong_refused": True}),
        ("test", {"accepted": True, "wrong_refused": True, "consumer_ttl": "1m"}),
        ("forget", {"forget": ["a"], "sent": False}),
    ],
)
def test_an_option_that_means_nothing_in_the_phase_is_refused_by_name(store: Store, phase: str, options: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        store.rotate(phase=phase, **options)
    assert refused.value.option in options
    assert refused.value.option not in ("accepted", "wrong_refused", "forget") or phase not in ("test", "forget")
    assert store.value() == "old-word"
    assert store.rotate(phase="status")["rotation"] == {"phase": None}


@pytest.mark.parametrize("option", ["grace", "consumer_ttl", "serve_stale"])
def test_a_grace_period_of_a_target_that_accepts_one_value_is_refused(store: Store, option: str) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        store.rotate(step={"look": True}, **{option: "1h"}, **PG)
    assert refused.value.option == option
    assert "one value at a time" in str(refused.value)
    store.manager.update("db_pass", policy={"kind": "periodic", "every": 3600, "grace": 60})
    assert store.rotate(step={"look": True}, **PG)["step"]["kind"] == "look"


def prepared(store: Store, **options: Any) -> None:
    store.rotate(phase="prepare", **options)
    store.rotate(phase="test", accepted=True, wrong_refused=True)


@pytest.mark.parametrize(
    ("given", "committed", "kept"),
    [
        ({}, {"grace": "1h"}, "01:00:00"),
        ({"grace": "5m"}, {"grace": "1h"}, "01:00:00"),
        ({"grace": "5m"}, {}, "00:05:00"),
        ({"consumer_ttl": "10m"}, {}, "00:12:00"),
        ({}, {"consumer_ttl": "10m", "serve_stale": "1m"}, "00:13:00"),
    ],
)
def test_by_hand_the_grace_period_is_given_with_the_value_or_with_the_commit(
    store: Store, given: dict[str, str], committed: dict[str, str], kept: str
) -> None:
    prepared(store, **given)
    done = store.rotate(phase="commit", **committed)
    assert done["rotation"]["retire_after"] == "2026-11-22T{}+00:00".format(kept)
    assert store.value("previous") == "old-word"


def test_by_hand_a_grace_period_shorter_than_consumers_need_is_refused(store: Store) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        store.rotate(phase="prepare", grace="1m", consumer_ttl="10m")
    assert refused.value.option == "grace"


def test_going_back_needs_a_target_and_changes_the_current_value(store: Store) -> None:
    prepared(store)
    store.rotate(phase="commit", grace="1h")
    with pytest.raises(errors.InvalidInput) as refused:
        store.rotate(phase="rollback")
    assert refused.value.option == "target"
    assert "target: none" in str(refused.value)
    assert store.rotate(phase="status")["rotation"]["phase"] == "grace"
    assert store.rotate(phase="rollback", target="none")["outcome"] == "promoted"
    assert store.value() == "old-word"


def test_going_back_names_the_target_that_the_rotation_was_made_with(store: Store) -> None:
    step = store.begin(**DUAL)
    step = store.rotate(step={"ticket": step["ticket"], "outcome": "applied"}, **DUAL)["step"]
    store.rotate(step={"ticket": step["ticket"], "outcome": "accepted"}, **DUAL)
    for other in ({}, {"target": "none"}, {**DUAL, "command": {**DUAL["command"], "verify": ["y"]}}):
        with pytest.raises(errors.InvalidInput) as refused:
            store.rotate(phase="rollback", step={"look": True}, **other)
        assert refused.value.option == "target"
        assert "verify x" in str(refused.value)
    assert store.rotate(phase="rollback", step={}, **DUAL)["step"]["kind"] == "check"


@pytest.mark.parametrize("options", [{"grace": "1h"}, {"consumer_ttl": "1h"}, {"target": "none", "grace": "1h"}])
def test_giving_up_a_prepared_value_takes_no_grace_period(store: Store, options: dict[str, Any]) -> None:
    store.rotate(phase="prepare")
    with pytest.raises(errors.InvalidInput) as refused:
        store.rotate(phase="rollback", **options)
    assert refused.value.option in ("grace", "consumer_ttl")
    assert store.rotate(phase="rollback", sent=False)["outcome"] == "rolled_back"


def test_a_value_in_the_grace_period_was_sent(store: Store) -> None:
    store.rotate(target="none", grace="1h")
    with pytest.raises(errors.InvalidInput) as refused:
        store.rotate(phase="rollback", target="none", sent=False)
    assert refused.value.option == "sent"


@pytest.mark.parametrize("phase", ["status", "forget"])
def test_a_target_that_is_named_is_the_one_of_the_open_rotation(store: Store, phase: str) -> None:
    store.begin(**PG)
    other = {"target": "postgresql", "postgresql": dict(SERVER, host="other")}
    with pytest.raises(errors.InvalidInput) as refused:
        store.rotate(phase=phase, **({"forget": ["a"]} if phase == "forget" else {}), **other)
    assert "began with another target" in str(refused.value)
    assert store.rotate(phase="status", **PG)["rotation"]["phase"] == "applying"


@pytest.mark.parametrize("phase", ["auto", "settle", "rollback"])
def test_without_a_driver_no_step_of_a_target_and_no_value_is_returned(store: Store, phase: str) -> None:
    if phase == "settle":
        step = store.begin(**PG)
        store.rotate(step={"ticket": step["ticket"], "outcome": "applied"}, **PG)
    with pytest.raises(errors.InvalidInput) as refused:
        store.rotate(phase=phase, **PG)
    assert refused.value.option == "run_on"


def test_a_refused_check_fails_with_the_cause_and_what_to_do(store: Store) -> None:
    step = store.rotate(step={}, **PG)["step"]
    with pytest.raises(errors.RotationFailed) as refused:
        store.rotate(step={"ticket": step["ticket"], "outcome": "unavailable", "note": "the role may not log in"}, **PG)
    assert "(the role may not log in)" in str(refused.value)
    assert "current_unverified: true" in str(refused.value)
    assert store.rotate(phase="status")["rotation"] == {"phase": None}


def test_an_unverified_current_value_is_replaced_where_the_task_says_so(store: Store) -> None:
    step = store.rotate(step={}, current_unverified=True, **PG)["step"]
    step = store.rotate(step={"ticket": step["ticket"], "outcome": "refused"}, current_unverified=True, **PG)["step"]
    assert step["kind"] == "apply"
    step = store.rotate(step={"ticket": step["ticket"], "outcome": "applied"}, current_unverified=True, **PG)["step"]
    done = store.rotate(step={"ticket": step["ticket"], "outcome": "accepted"}, current_unverified=True, **PG)
    assert (done["outcome"], done["rotation"]["current_verified"]) == ("promoted", False)


@pytest.mark.parametrize("said", [None, False, True])
def test_by_hand_the_current_value_is_verified_only_if_the_task_says_so(store: Store, said: bool | None) -> None:
    begun = store.rotate(phase="prepare", **({} if said is None else {"current_verified": said}))
    assert begun["rotation"]["current_verified"] is bool(said)
    assert store.rotate(phase="prepare")["rotation"]["current_verified"] is bool(said)


def sides(result: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs between the two sides of the diff."""
    diff = result["diff"][0] if isinstance(result["diff"], list) else result["diff"]
    before, after = diff["before"], diff["after"]
    assert set(before) == set(after)
    names = [name for name in before if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def test_the_diff_of_check_mode_has_the_plan_and_the_metadata_before_and_after(store: Store) -> None:
    store.manager.update("db_pass", expires_at=store.now + timedelta(days=9))
    result = store.rotate(check_mode=True, ttl="1d", **PG)
    before, after = sides(result)
    assert (before["version"], after["version"]) == ("1", "a new one")
    assert after["expires_at"] == "2026-11-23T00:00:00Z"
    assert before["fields"]["password"] != after["fields"]["password"]
    planned = result["diff"][1]["prepared"]
    assert planned.index("try the current value") < planned.index("store the new value as pending") < planned.index("promote it")
    assert "readers of the current value are refused" in planned
    assert store.value() == "old-word"


@pytest.mark.parametrize(
    ("phase", "options", "state"), [("prepare", {}, "rotating"), ("auto", {"target": "none", "grace": "1h"}, "grace_period")]
)
def test_check_mode_foresees_the_state_that_the_rotation_leads_to(store: Store, phase: str, options: dict[str, Any], state: str) -> None:
    _before, foreseen = sides(store.rotate(check_mode=True, phase=phase, **options))
    _before, after = sides(store.rotate(phase=phase, **options))
    assert foreseen["state"] == after["state"] == state
    assert foreseen["rotation"] == after["rotation"]


@pytest.mark.parametrize(
    ("options", "state", "rotation"),
    [
        (PG, "active", None),
        (dict(PG, postgresql=dict(SERVER, usernames=["app", "app_b"])), "grace_period", "grace"),
        (DUAL, "grace_period", "grace"),
    ],
)
def test_check_mode_foresees_how_a_rotation_against_a_target_ends(
    store: Store, options: dict[str, Any], state: str, rotation: str | None
) -> None:
    planned = store.rotate(check_mode=True, **options)
    foreseen = planned["diff"][0]["after"]
    assert ("when the grace period is over" in planned["plan"]["steps"][-1]) is (options == DUAL)
    done = store.rotate(step={}, **options)
    while done["step"]["kind"] != "done":
        outcome = "applied" if done["step"]["kind"] == "apply" else "accepted"
        done = store.rotate(step={"ticket": done["step"]["ticket"], "outcome": outcome}, **options)
    after = done["diff"]["after"]
    assert (foreseen["state"], foreseen["rotation"]) == (after["state"], after["rotation"]) == (state, rotation)


@pytest.mark.parametrize("grace", ["0s", "1h"])
def test_check_mode_foresees_the_grace_period_that_a_rotation_by_hand_was_prepared_with(store: Store, grace: str) -> None:
    store.rotate(phase="prepare", grace=grace)
    store.rotate(phase="test", accepted=True, wrong_refused=True)
    foreseen = store.rotate(check_mode=True, phase="commit")["diff"][0]["after"]
    after = store.rotate(phase="commit")["diff"]["after"]
    assert (foreseen["state"], foreseen["rotation"]) == (after["state"], after["rotation"])


def test_the_diff_of_a_rotation_has_the_metadata_and_no_value(store: Store) -> None:
    result = store.rotate(target="none")
    before, after = sides(result)
    assert (before["version"], after["version"]) == ("1", "2")
    assert store.value() not in repr(result["diff"])
    assert "old-word" not in repr(result["diff"])
