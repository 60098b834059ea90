# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operation credential_rotate, as plugins reach it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import handover
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.postgresql import PostgreSQL
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.operations.rotated_store import DUAL, PG, SERVER, Store
from tests.unit.rotation.targets.recorded_modules import Recorded


def reached(step: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the modules that PostgreSQL is looked at and probed with, as a driver runs them for a step."""
    credentials = {name: handover.decode_fields(fields) for name, fields in step["credentials"].items()}
    target = PostgreSQL({**step["options"], **credentials}, handover.decode_value(step["current"]))
    modules = Recorded({"rowcount": 1})
    target.precheck(modules)
    target.probe(modules, handover.decode_value(step.get("value", step["current"])))
    return {name.rpartition("_")[2]: arguments for name, arguments in modules.calls}


@pytest.fixture
def store() -> Store:
    made = Store()
    made.create()
    return made


def test_target_none_changes_the_value_and_shows_neither(store: Store) -> None:
    result = store.rotate(target="none")
    assert (result["changed"], result["outcome"]) == (True, "promoted")
    assert "step" not in result
    assert store.value() != "old-word"
    assert store.value() not in repr(result)


@pytest.mark.parametrize(
    "named",
    [
        {"target": "none"},
        {"target": "none", "phase": "prepare"},
        {"target": "postgresql", "postgresql": SERVER},
        {"phase": "prepare"},
        {"phase": "status"},
    ],
)
def test_options_of_a_target_that_is_not_named_are_refused(store: Store, named: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        store.rotate(**named, command={"apply": ["x"], "verify": ["x"]})
    assert refused.value.option == "command"
    assert store.value() == "old-word"


def test_a_given_value_is_used_and_the_current_one_is_no_new_value(store: Store) -> None:
    store.rotate(target="none", value="given-word")
    assert store.value() == "given-word"
    with pytest.raises(errors.InvalidInput):
        store.rotate(target="none", value="given-word")
    assert store.rotate(target="none", value="other-word")["outcome"] == "promoted"


def test_the_phases_by_hand(store: Store) -> None:
    assert store.rotate(phase="prepare")["changed"]
    assert not store.rotate(phase="prepare")["changed"]
    pending = store.value("pending")
    assert store.rotate(phase="test", accepted=True, wrong_refused=True)["rotation"]["tested"]
    assert store.rotate(phase="commit")["outcome"] == "promoted"
    assert store.value() == pending


def test_auto_without_a_target_and_a_target_by_hand_are_refused(store: Store) -> None:
    for parameters in ({}, {"phase": "prepare", "target": "postgresql", "postgresql": SERVER}):
        with pytest.raises(errors.InvalidInput) as raised:
            store.rotate(**parameters)
        assert raised.value.option == "target"


@pytest.mark.parametrize("target", ["manual", "postgres", "x"])
@pytest.mark.parametrize("phase", ["auto", "prepare", "status"])
def test_an_unknown_target_is_refused(store: Store, target: str, phase: str) -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        store.rotate(phase=phase, target=target)
    assert raised.value.option == "target"
    assert store.rotate(phase="status")["rotation"] == {"phase": None}


def test_a_target_without_a_driver_is_refused(store: Store) -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        store.rotate(target="postgresql", postgresql=SERVER)
    assert raised.value.option == "run_on"
    assert store.rotate(phase="status")["rotation"] == {"phase": None}


def test_check_mode_answers_the_plan_and_changes_nothing(store: Store) -> None:
    result = store.rotate(check_mode=True, target="postgresql", postgresql=SERVER)
    assert result["changed"]
    assert any("pending" in step for step in result["plan"]["steps"])
    assert store.value() == "old-word"
    assert store.rotate(phase="status")["rotation"] == {"phase": None}


def test_a_driver_is_told_the_way_and_then_the_steps(store: Store) -> None:
    looked = store.rotate(target="postgresql", postgresql=SERVER, step={"look": True})["step"]
    assert looked["kind"] == "look"
    assert reached(looked)["query"]["login_host"] == "db"
    assert reached(looked)["query"]["named_args"] == {"role": "app"}
    assert store.rotate(phase="status")["rotation"] == {"phase": None}
    step = store.begin(target="postgresql", postgresql=SERVER)
    assert step["kind"] == "apply"
    assert (reached(step)["ping"]["login_user"], reached(step)["ping"]["login_password"]) == ("app", store.value("pending"))
    report = {"ticket": step["ticket"], "outcome": "applied"}
    asked = store.rotate(target="postgresql", postgresql=SERVER, step=report)["step"]
    assert (asked["kind"], asked["stage"]) == ("ask", "pending")
    with pytest.raises(errors.RotationInProgress):
        store.rotate(target="postgresql", postgresql=SERVER, step=report)
    done = store.rotate(target="postgresql", postgresql=SERVER, step={"ticket": asked["ticket"], "outcome": "accepted"})
    assert (done["outcome"], done["step"]) == ("promoted", {"kind": "done"})


def test_an_admin_login_is_needed_and_may_be_a_credential(store: Store) -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        store.rotate(target="postgresql", postgresql={"host": "db"}, step={"look": True})
    assert raised.value.option == "postgresql.admin_user"
    store.create("postgresql/admin", username="root")
    looked = store.rotate(target="postgresql", postgresql={"admin_credential": "postgresql/admin"}, step={"look": True})["step"]
    assert reached(looked)["query"]["login_user"] == "root"
    assert reached(looked)["query"]["login_password"] == "old-word"


def test_two_users_take_turns_and_the_grace_period_covers_the_consumers(store: Store) -> None:
    options = {"target": "postgresql", "postgresql": dict(SERVER, usernames=["app", "app_b"])}
    with pytest.raises(errors.InvalidInput) as raised:
        store.rotate(grace="5m", consumer_ttl="5m", step={}, **options)
    assert raised.value.option == "grace"
    step = store.begin(consumer_ttl="5m", **options)
    assert reached(step)["ping"]["login_user"] == "app_b"
    step = store.rotate(consumer_ttl="5m", step={"ticket": step["ticket"], "outcome": "applied"}, **options)["step"]
    done = store.rotate(consumer_ttl="5m", step={"ticket": step["ticket"], "outcome": "accepted"}, **options)
    assert done["rotation"]["retire_after"] == "2026-11-22T00:07:00+00:00"
    assert (store.value(field="username"), store.value("previous")) == ("app_b", "old-word")
    store.now += timedelta(minutes=10)
    assert reached(store.begin(consumer_ttl="5m", **options))["ping"]["login_user"] == "app"
    assert store.value("previous") == "old-word"


def test_what_is_not_due_is_left_alone(store: Store) -> None:
    store.manager.update("db_pass", policy={"kind": "periodic", "every": 3600})
    assert store.rotate(target="none", only_if_due=True)["outcome"] == "idle"
    store.now += timedelta(hours=1)
    assert store.rotate(target="none", only_if_due=True)["outcome"] == "promoted"
    assert store.rotate(target="none", only_if_due=True)["outcome"] == "idle"


def test_what_is_not_due_is_not_prepared_but_what_was_prepared_goes_on(store: Store) -> None:
    store.manager.update("db_pass", policy={"kind": "periodic", "every": 3600})
    assert store.rotate(phase="prepare", only_if_due=True)["outcome"] == "idle"
    assert store.rotate(phase="status")["rotation"] == {"phase": None}
    store.rotate(phase="prepare")
    assert store.rotate(phase="prepare", only_if_due=True)["outcome"] == "prepared"


def test_a_failure_says_why_and_has_a_code(store: Store) -> None:
    options = {"target": "postgresql", "postgresql": SERVER}
    step = store.begin(**options)
    with pytest.raises(errors.RotationFailed) as raised:
        store.rotate(step={"ticket": step["ticket"], "outcome": "unavailable"}, **options)
    assert "could not be reached" in str(raised.value)
    assert store.value() == "old-word"


def test_a_lifetime_is_carried_over(store: Store) -> None:
    store.manager.update("db_pass", expires_at=store.now + timedelta(days=9))
    store.now += timedelta(days=3)
    store.rotate(target="none")
    assert store.manager.inspect("db_pass").metadata.expires_at == store.now + timedelta(days=9)
    store.rotate(target="none", ttl="1d")
    assert store.manager.inspect("db_pass").metadata.expires_at == store.now + timedelta(days=1)


def test_only_what_an_open_rotation_waits_for_is_forgotten(store: Store) -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        store.rotate(phase="forget", forget=["web1"])
    assert "'web1'" in str(raised.value)


def test_blue_green_is_refused_at_a_target_that_accepts_one_value_at_a_time(store: Store) -> None:
    store.manager.update("db_pass", policy={"kind": "manual", "strategy": "blue_green"})
    with pytest.raises(errors.InvalidInput, match=r"policy\.strategy.*one value at a time"):
        store.rotate(step={"look": True}, **PG)
    assert store.rotate(phase="status")["rotation"]["phase"] is None
    assert store.rotate(step={"look": True}, **DUAL)["step"]["kind"] == "look"
    store.manager.update("db_pass", policy={"kind": "manual", "strategy": "replace"})
    assert store.rotate(step={"look": True}, **PG)["step"]["kind"] == "look"


@pytest.mark.parametrize("options", [PG, {"target": "none"}])
def test_a_target_without_a_grace_period_is_refused_if_the_previous_value_is_to_be_tried(store: Store, options: dict[str, Any]) -> None:
    for given in (True, False):
        with pytest.raises(errors.InvalidInput, match="validate_rotated"):
            store.rotate(step={"look": True}, validate_rotated=given, **options)
    store.manager.update("db_pass", policy={"kind": "manual", "validate_rotated": True})
    with pytest.raises(errors.InvalidInput, match=r"policy\.validate_rotated"):
        store.rotate(step={"look": True}, **options)
    assert store.rotate(phase="status")["rotation"]["phase"] is None


@pytest.mark.parametrize(
    ("policy", "option", "tried"), [(True, None, True), (True, False, False), (False, True, True), (False, None, False)]
)
def test_the_option_wins_over_the_policy_and_a_refused_previous_value_is_a_warning(
    store: Store, policy: bool, option: bool | None, tried: bool
) -> None:
    warned: list[str] = []
    store.manager.backend.context = replace(store.manager.backend.context, warn=warned.append)
    store.manager.update("db_pass", policy={"kind": "manual", "validate_rotated": policy})
    options = {**DUAL, **({} if option is None else {"validate_rotated": option})}
    step = store.begin(**options)
    asked = []
    for outcome in ("applied", "accepted", "refused"):
        if step["kind"] != "done":
            asked.append(step["stage"])
            done = store.rotate(step={"ticket": step["ticket"], "outcome": outcome}, **options)
            step = done["step"]
    assert asked == ["pending", "pending", *(["previous"] if tried else [])]
    assert done["outcome"] == "promoted"
    assert done["rotation"].get("previous_accepted", "untried") == (False if tried else "untried")
    assert ("refuses the previous value" in " ".join(warned)) is tried


PIN = {"name": "pin", "type": "custom", "declared_fields": [{"name": "pin", "pattern": "[0-9]{12}"}], "value": "0" * 12}


def test_a_pattern_in_metadata_that_no_key_authenticates_makes_no_value() -> None:
    """On a plain store, whoever may change metadata could write a pattern of which they know the value."""
    manager = open_store({"backend": "memory", "encrypt": False, "allow_plaintext": True, "audit": "off"})
    perform(manager, "credential", PIN, AccessContext())
    with pytest.raises(errors.InvalidInput, match="no key authenticates the metadata"):
        perform(manager, "credential_rotate", {"name": "pin", "target": "none"}, AccessContext())
    generate = {"kind": "pattern", "pattern": "[5-9]{12}"}
    perform(manager, "credential_rotate", {"name": "pin", "target": "none", "generate": generate}, AccessContext())
    assert set(manager.get("pin").token().expose().decode()) <= set("56789")
    perform(manager, "credential_rotate", {"name": "pin", "target": "none", "value": "1" * 12}, AccessContext())


def test_a_pattern_in_metadata_of_an_encrypted_store_makes_the_value() -> None:
    store = Store()
    perform(store.manager, "credential", PIN, AccessContext())
    perform(store.manager, "credential_rotate", {"name": "pin", "target": "none"}, AccessContext())
    drawn = store.manager.get("pin").token().expose().decode()
    assert re.fullmatch("[0-9]{12}", drawn)
    assert drawn != "0" * 12
