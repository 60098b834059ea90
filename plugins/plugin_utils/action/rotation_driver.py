# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of a rotation: performs the engine's steps with a target and reports the outcomes.

The driver decides nothing. It passes on no result and no text of a module, only an outcome named in `rotation.targets.steps`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    RotationFailed,
    RotationInProgress,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import LOOK, SETTLES, STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import handover, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Modules, Target, Value

POLL_INTERVAL = 1.0
_DECIDED = (RotationInProgress, RotationFailed)
"""Errors that are no reason to retire what the service made: it is stored, or the journal says that a run must look for it."""
_PROBE_LIMIT = 30.0
_PRECHECK_LIMIT = 120.0


class Runner(Protocol):
    """What runs on one host, for at most `limit` seconds."""

    def run_module(self, name: str, arguments: Mapping[str, Any], limit: float) -> Mapping[str, Any]:
        """Return a module's result; without a response `{"unreachable": True}`."""

    def run_program(self, argv: Sequence[str], stdin: bytes, limit: float) -> int | None:
        """Return a program's exit status; None without a response."""

    def read_connection(self) -> Mapping[str, Any]:
        """Return how the host is reached, as `Modules.read_connection` does."""

    def has(self, place: str) -> bool:
        """Return True if the inventory has a host of that name."""

    def at(self, place: str) -> Runner:
        """Return the runner of another host of the inventory."""


def read_clock() -> float:
    """Return the seconds of a clock that also runs while the machine sleeps (on Linux, `time.monotonic` does not)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class StepModules:
    """The `Modules` of one step, which ends at `deadline` of the driver's clock. No call takes longer than `each` seconds."""

    def __init__(self, runner: Runner, monotonic: Callable[[], float], deadline: float, each: float, note: Callable[[str], None]) -> None:
        """Set the runner of the task's host, the driver's clock, the end of the step by that clock, the seconds one call may take,
        and who keeps a note.
        """
        self.note = note
        self._each = each
        self._runner = runner
        self._monotonic = monotonic
        self._deadline = deadline

    def run(self, name: str, arguments: Mapping[str, Any], place: str = "") -> Mapping[str, Any]:
        """Return the result of a module, as `Modules.run` does."""
        return self._at(place).run_module(name, arguments, min(self.time_left(), self._each))

    def run_program(self, argv: Sequence[str], stdin: bytes, place: str = "") -> int | None:
        """Return the exit status of a program, as `Modules.run_program` does."""
        return self._at(place).run_program(argv, stdin, min(self.time_left(), self._each))

    def read_connection(self, place: str) -> Mapping[str, Any]:
        """Return how a host is reached, as `Modules.read_connection` does."""
        return self._at(place).read_connection()

    def time_left(self) -> float:
        """Return the seconds that the step may still take."""
        return self._deadline - self._monotonic()

    def _at(self, place: str) -> Runner:
        return self._runner.at(place) if place else self._runner


class RotationDriver:
    """Drives one rotation against a target."""

    def __init__(
        self,
        perform: Callable[[dict[str, Any]], Outcome],
        target: type[Target],
        runner: Runner,
        monotonic: Callable[[], float] = read_clock,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set the function that performs the operation (its argument is the report on the last step), the target and its runner."""
        self._perform = perform
        self._target = target
        self._runner = runner
        self._monotonic = monotonic
        self._pause = pause
        self._note = ""

    def drive(self) -> Outcome:
        """Drive the rotation to its end and return the last outcome.

        Raises:
            CredentialError: the rotation was not begun, or did not end with the new value promoted.
        """
        looked = self._perform({LOOK: True})
        if looked.result[STEP]["kind"] == steps.DONE:
            return looked
        self._build_target(looked.result[STEP]).precheck(self._modules(_PRECHECK_LIMIT, _PROBE_LIMIT))
        outcome = self._perform({})
        while outcome.result[STEP]["kind"] != steps.DONE:
            given, self._note = self._monotonic(), ""
            step = outcome.result[STEP]
            target = self._build_target(step)
            report = _ACTS[step["kind"]](self, target, step, given)
            outcome = self._report({**_echo(step), **report, "note": self._note}, target, step, given)
        # The last report saw the rotation under way: before it, things were as they were at the look.
        outcome.result.get("diff", {}).update(before=looked.result.get("diff", {}).get("before"))
        return outcome

    def _report(self, report: dict[str, Any], target: Target, step: Mapping[str, Any], given: float) -> Outcome:
        """Report a step and return the next outcome. Retire a value that the service made if it could not be stored."""
        made = handover.decode_made(report.get("made"))
        if made is None or made.value is None:
            return self._perform(report)
        try:
            return self._report_twice(report)
        except _DECIDED:
            raise
        except CredentialError:
            left = self._time_left(step, given)
            if left > 0:
                target.retire(self._modules(left), made.value)
            raise

    def _report_twice(self, report: dict[str, Any]) -> Outcome:
        """Report a step; repeat the report with the same ticket if it fails, for example because the session was killed.

        The value is stored once.
        """
        try:
            return self._perform(report)
        except _DECIDED:
            raise
        except CredentialError:
            return self._perform(report)

    def _apply(self, target: Target, step: Mapping[str, Any], given: float) -> dict[str, Any]:
        return self._send(target.apply, target, step, given)

    def _retire(self, target: Target, step: Mapping[str, Any], given: float) -> dict[str, Any]:
        if target.is_same(handover.decode_value(step["value"]), handover.decode_value(step["current"])):
            # Two versions of one secret (another comment, another port): the target would drop the current value with the old one.
            return self._at_each_place(lambda _place: steps.APPLIED, target, step)
        return self._send(target.retire, target, step, given)

    def _send(self, act: Callable[[Modules, Value, str], str], target: Target, step: Mapping[str, Any], given: float) -> dict[str, Any]:
        value = handover.decode_value(step["value"])

        def send(place: str) -> str:
            left = min(self._time_left(step, given), _share(step))
            return act(self._modules(left), value, place) if left > 0 else steps.UNAVAILABLE

        return self._at_each_place(send, target, step)

    def _make(self, target: Target, step: Mapping[str, Any], given: float) -> dict[str, Any]:
        left = self._time_left(step, given)
        if left <= 0:
            return {"outcome": steps.UNAVAILABLE}
        made = target.make(self._modules(left), handover.decode_value(step["value"]), step["mark"])
        return {"outcome": made.outcome, "made": handover.encode_made(made)}

    def _list(self, target: Target, step: Mapping[str, Any], given: float) -> dict[str, Any]:
        held = target.list_held(self._modules(step["limit"]))
        return {"outcome": steps.UNAVAILABLE} if held is None else {"outcome": steps.LISTED, "held": handover.encode_held(held)}

    def _ask(self, target: Target, step: Mapping[str, Any], given: float) -> dict[str, Any]:
        """Probe the value at each place; after a change, repeat until it is accepted or the limit is reached."""
        value = handover.decode_value(step["value"])
        self._pause(step["wait"])

        def probe(place: str) -> str:
            end = min(given + step["wait"] + step["limit"], self._monotonic() + _share(step))
            while True:
                outcome = self._probe_twice(target, value, place)
                over = self._monotonic() + POLL_INTERVAL > end
                if over or outcome in (steps.ACCEPTED, steps.ACCEPTS_ANYTHING):
                    looks = outcome == steps.REFUSED and step["stage"] != PREVIOUS  # whatever the cause, the previous value is refused
                    return self._look_for_obstacle(target, value, place) if looks else outcome
                self._pause(POLL_INTERVAL)

        return self._at_each_place(probe, target, step)

    def _check(self, target: Target, step: Mapping[str, Any], given: float) -> dict[str, Any]:
        """Probe the current value at each place, and look for what makes the target refuse the account of the next value."""
        value = handover.decode_value(step["value"])
        following = replace(value, fields={**value.fields, **target.next_fields(value)})

        def check(place: str) -> str:
            outcome = self._probe_twice(target, value, place)
            if outcome == steps.REFUSED:
                return self._look_for_obstacle(target, value, place)
            if outcome == steps.ACCEPTED and following != value and self._look_for_obstacle(target, following, place) != steps.REFUSED:
                return steps.UNAVAILABLE
            return outcome

        return self._at_each_place(check, target, step)

    def _at_each_place(self, act: Callable[[str], str], target: Target, step: Mapping[str, Any]) -> dict[str, Any]:
        """Perform a step at its places, one after the other, and return the report.

        On a store of another service somebody may have changed the journal, which names the places. So one that neither the target's
        options nor the inventory has is not contacted.
        """
        known = target.places()
        outcomes = {}
        for place in step["places"]:
            is_known = place in known or self._runner.has(place)
            outcomes[place] = act(place) if is_known else steps.UNAVAILABLE
            if not is_known:
                self._note = "{0}: neither the target's options nor the inventory has it; phase 'forget' leaves it out".format(ascii(place))
        return {"outcome": outcomes[""]} if set(outcomes) == set(steps.ONE_PLACE) else {"places": outcomes}

    def _look_for_obstacle(self, target: Target, value: Value, place: str) -> str:
        """Return refused, or unavailable if the target would refuse every value of that account: then nothing is known of this one."""
        obstacle = target.find_obstacle(self._modules(_PROBE_LIMIT), value, place)
        self._note = obstacle or self._note
        return steps.UNAVAILABLE if obstacle else steps.REFUSED

    def _probe_twice(self, target: Target, value: Value, place: str) -> str:
        """Return the outcome for the value, confirmed by a random wrong one if the target can try one."""
        right = target.probe(self._modules(_PROBE_LIMIT), value, place)
        wrong = target.wrong_value(value) if right == steps.ACCEPTED else None
        return right if wrong is None else combine(target.probe(self._modules(_PROBE_LIMIT), wrong, place))

    def _time_left(self, step: Mapping[str, Any], given: float) -> float:
        """Return the seconds in which the step may send. At 0 or below, the lease may be over and nothing may be sent."""
        return float(given + step["limit"] - self._monotonic())

    def _modules(self, seconds: float, each: float = math.inf) -> StepModules:
        return StepModules(self._runner, self._monotonic, self._monotonic() + seconds, each, self._keep_note)

    def _keep_note(self, text: str) -> None:
        self._note = text

    def _build_target(self, step: Mapping[str, Any]) -> Target:
        credentials = {name: handover.decode_fields(fields) for name, fields in step["credentials"].items()}
        return self._target({**step["options"], **credentials}, handover.decode_value(step["current"]))


def _echo(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a step that its report brings back."""
    return {name: step[name] for name in ("ticket", SETTLES) if name in step}


def _share(step: Mapping[str, Any]) -> float:
    """Return the seconds that one place may take, so that one that does not respond takes no time from the others."""
    return float(step["limit"]) / len(step["places"])


def combine(wrong: str) -> str:
    """Return the outcome for a value that was accepted, from the outcome of a random wrong one."""
    return {steps.REFUSED: steps.ACCEPTED, steps.ACCEPTED: steps.ACCEPTS_ANYTHING}.get(wrong, steps.UNAVAILABLE)


_ACTS: Mapping[str, Callable[[RotationDriver, Target, Mapping[str, Any], float], dict[str, Any]]] = {
    steps.CHECK: RotationDriver._check,
    steps.APPLY: RotationDriver._apply,
    steps.ASK: RotationDriver._ask,
    steps.RETIRE: RotationDriver._retire,
    steps.LIST: RotationDriver._list,
    steps.MAKE: RotationDriver._make,
}
