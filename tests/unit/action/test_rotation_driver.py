# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver does what the engine says, in its time, and lets no module's text out; a lease knows its holder."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import Any, Mapping, Sequence

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.rotation.lease_holder import holder_of, may_live
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import handover, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.postgresql import PostgreSQL
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import RotationDriver, combine

WAY = {
    "options": {"admin_user": "admin", "admin_password": "admin-word", "host": "db"},
    "credentials": {},
    "current": handover.encode_value(Value({"username": Secret("app"), "password": Secret("old-word")})),
}
REFUSED = {"is_available": False, "conn_err_msg": "password authentication failed"}


class Engine:
    """Hands out given steps and keeps what is reported."""

    def __init__(self, *handed_out: dict[str, Any]) -> None:
        self.steps = [{"kind": "look", **WAY}, *handed_out, {"kind": steps.DONE}]
        self.reports: list[dict[str, Any]] = []

    def __call__(self, step: dict[str, Any]) -> Outcome:
        self.reports.append(step)
        return Outcome({"outcome": "promoted", "step": self.steps.pop(0)})


class Server:
    """Runs modules: remembers them and answers in turn; whatever comes last goes on."""

    def __init__(self, *answers: Mapping[str, Any]) -> None:
        self.calls: list[str] = []
        self.limits: list[float] = []
        self.answers = [{"rowcount": 1}, *answers]
        self.now = 0.0

    def run_module(self, name: str, arguments: Mapping[str, Any], limit: float) -> Mapping[str, Any]:
        self.calls.append(name.rpartition("_")[2])
        self.limits.append(limit)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def run_program(self, argv: Sequence[str], stdin: bytes, limit: float) -> int | None:
        raise AssertionError("PostgreSQL runs no program")

    def wait(self, seconds: float) -> None:
        self.now += seconds


def step(kind: str, limit: int = 10) -> dict[str, Any]:
    value = handover.encode_value(Value({"username": Secret("app"), "password": Secret("word")}))
    return {"kind": kind, "ticket": "7", "stage": "pending", "limit": limit, "wait": 0, "places": [""], "value": value, **WAY}


def drive(engine: Engine, server: Server) -> list[str]:
    driver = RotationDriver(engine, PostgreSQL, server, lambda: server.now, server.wait)
    driver.drive()
    assert engine.reports[:2] == [{"look": True}, {}]
    return [report["outcome"] for report in engine.reports[2:]]


def test_it_looks_then_applies_then_asks_with_the_value_and_a_wrong_one() -> None:
    server = Server({"changed": True}, {"is_available": True}, REFUSED)
    assert drive(Engine(step(steps.APPLY), step(steps.ASK)), server) == [steps.APPLIED, steps.ACCEPTED]
    assert server.calls == ["query", "user", "ping", "ping"]


def test_each_call_has_its_time_limit() -> None:
    server = Server({"changed": True}, {"is_available": True}, REFUSED)
    drive(Engine(step(steps.APPLY, limit=60), step(steps.ASK)), server)
    assert dict(zip(server.calls, server.limits)) == {"query": 30, "user": 60, "ping": 30}


NOLOGIN = {"rowcount": 1, "query_result": [{"rolcanlogin": False}]}


def test_it_checks_the_current_value_and_a_wrong_one() -> None:
    server = Server({"is_available": True}, REFUSED)
    assert drive(Engine(step(steps.CHECK, limit=0)), server) == [steps.ACCEPTED]
    assert server.calls == ["query", "ping", "ping"]


@pytest.mark.parametrize("kind", [steps.CHECK, steps.ASK])
def test_a_refusal_of_an_account_that_may_not_log_in_shows_nothing_about_the_value(kind: str) -> None:
    engine = Engine(step(kind, limit=0))
    assert drive(engine, Server(REFUSED, NOLOGIN)) == [steps.UNAVAILABLE]
    assert "NOLOGIN" in engine.reports[-1]["note"]


def test_a_previous_value_that_is_refused_is_refused_whatever_the_cause() -> None:
    engine = Engine({**step(steps.ASK, limit=0), "stage": "previous"})
    assert drive(engine, Server(REFUSED, NOLOGIN)) == [steps.REFUSED]


def test_the_account_of_the_next_value_is_looked_at_before_anything_is_sent() -> None:
    options = {"options": {**WAY["options"], "usernames": ["app", "app_b"]}}
    engine = Engine({**step(steps.CHECK, limit=0), **options})
    engine.steps[0].update(options)
    assert drive(engine, Server({"rowcount": 1}, {"is_available": True}, REFUSED, NOLOGIN)) == [steps.UNAVAILABLE]
    assert "'app_b'" in engine.reports[-1]["note"]


def test_a_report_brings_back_that_the_run_only_finishes_what_is_open() -> None:
    engine = Engine({**step(steps.ASK, limit=0), "settles": True})
    drive(engine, Server({"is_available": True}, REFUSED))
    assert engine.reports[-1]["settles"] is True


def test_nothing_to_do_after_the_look_is_an_end_too() -> None:
    assert drive(Engine(), Server()) == []


def test_the_diff_begins_with_what_the_look_saw() -> None:
    engine = Engine()
    seen = iter([{"before": {"state": "active"}}, {"before": {"state": "rotating"}, "after": {"state": "active"}}])

    def perform(step: dict[str, Any]) -> Outcome:
        return Outcome({**engine(step).result, "diff": next(seen)})

    diff = RotationDriver(perform, PostgreSQL, Server()).drive().result["diff"]
    assert diff == {"before": {"state": "active"}, "after": {"state": "active"}}


def test_it_asks_again_until_the_limit() -> None:
    server = Server(REFUSED)
    assert drive(Engine(step(steps.ASK, limit=10)), server) == [steps.REFUSED]
    assert server.calls.count("ping") == 11


def test_a_question_without_a_limit_is_asked_once() -> None:
    server = Server(REFUSED)
    assert drive(Engine(step(steps.ASK, limit=0)), server) == [steps.REFUSED]
    assert server.calls.count("ping") == 1


class TwoPasswords(PostgreSQL):
    """Drops a value by one module, and takes as long at a place as that module may take."""

    def retire(self, modules: Any, value: Value, place: str = "") -> str:
        modules.run("drop", {})
        return steps.APPLIED


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [({"password": "old-word"}, []), ({"password": "old-word", "username": "other"}, ["drop"]), ({"password": "word"}, ["drop"])],
)
def test_the_current_secret_is_never_dropped_with_another_version_of_it(fields: dict[str, str], dropped: list[str]) -> None:
    older = {"username": "app", "port": "5433", **fields}
    value = handover.encode_value(Value({name: Secret(text) for name, text in older.items()}))
    engine, server = Engine({**step(steps.RETIRE), "stage": "previous", "value": value}), Server()
    RotationDriver(engine, TwoPasswords, server, lambda: server.now, server.wait).drive()
    assert engine.reports[-1]["outcome"] == steps.APPLIED
    assert server.calls[1:] == dropped


class SlowPlaces(Server):
    """A server whose first place takes all the time that it gets."""

    def has(self, place: str) -> bool:
        return True

    def at(self, place: str) -> Any:
        self.place = place
        return self

    def run_module(self, name: str, arguments: Mapping[str, Any], limit: float) -> Mapping[str, Any]:
        if getattr(self, "place", "") == "h1":
            self.now += min(limit, 1000)
            return {"unreachable": True}
        return super().run_module(name, arguments, limit)


class AtPlaces(PostgreSQL):
    """Applies and tries a value by a module at the place."""

    def apply(self, modules: Any, value: Value, place: str = "") -> str:
        return steps.UNKNOWN if modules.run("apply", {}, place).get("unreachable") else steps.APPLIED

    def probe(self, modules: Any, value: Value, place: str = "") -> str:
        return steps.UNAVAILABLE if modules.run("probe", {}, place).get("unreachable") else steps.ACCEPTED

    def wrong_value(self, value: Value) -> None:
        return None


@pytest.mark.parametrize(
    ("kind", "slow", "good"), [(steps.APPLY, steps.UNKNOWN, steps.APPLIED), (steps.ASK, "unavailable", steps.ACCEPTED)]
)
def test_a_place_that_does_not_respond_takes_no_time_from_the_others(kind: str, slow: str, good: str) -> None:
    engine, server = Engine({**step(kind, limit=90), "places": ["h1", "h2", "h3"]}), SlowPlaces({})
    RotationDriver(engine, AtPlaces, server, lambda: server.now, server.wait).drive()
    assert engine.reports[-1]["places"] == {"h1": slow, "h2": good, "h3": good}
    assert server.now <= 60


def test_it_sends_nothing_when_its_time_is_over() -> None:
    engine, server = Engine(step(steps.APPLY, limit=60)), Server({"changed": True})
    clock = itertools.count(0, 61)
    RotationDriver(engine, PostgreSQL, server, lambda: next(clock)).drive()
    assert engine.reports[-1]["outcome"] == steps.UNAVAILABLE
    assert server.calls == ["query"]


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [(steps.REFUSED, steps.ACCEPTED), (steps.ACCEPTED, steps.ACCEPTS_ANYTHING), (steps.UNAVAILABLE, steps.UNAVAILABLE)],
)
def test_a_value_counts_as_accepted_only_where_a_wrong_one_is_refused(wrong: str, outcome: str) -> None:
    assert combine(wrong) == outcome


def test_it_begins_nothing_where_there_is_nothing_to_do() -> None:
    engine = Engine()
    idle = Outcome({"outcome": "idle", "step": {"kind": steps.DONE}})
    assert RotationDriver(lambda _: idle, PostgreSQL, Server()).drive() is idle
    assert not engine.reports


def test_a_living_holder_counts_and_a_dead_one_does_not() -> None:
    assert may_live(holder_of(os.getpid(), "host"))
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = holder_of(child.pid)
    assert may_live(holder)
    child.kill()
    child.communicate()
    assert not may_live(holder)


def test_of_another_machine_nobody_can_tell() -> None:
    parts = holder_of(os.getpid()).split("|")
    assert may_live("|".join(["elsewhere", *parts[1:]]))
    assert may_live("|".join([parts[0], "another boot", *parts[2:]]))
    assert may_live("garbage")


def test_a_process_id_that_was_given_again_is_another_holder() -> None:
    parts = holder_of(os.getpid()).split("|")
    assert not may_live("|".join([*parts[:3], "1", parts[4]]))
