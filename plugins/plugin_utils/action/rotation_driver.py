# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of a rotation: does the engine's steps with a target and reports the outcomes.

It decides nothing. No result and no text of a module leaves here: only one of the words of `rotation.steps`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import LOOK, STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import handover, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Target, Value

POLL_INTERVAL = 1.0
_PROBE_LIMIT = 30.0
_PRECHECK_LIMIT = 120.0


class Runner(Protocol):
    """What runs on the task's host, for at most `limit` seconds."""

    def run_module(self, name: str, arguments: Mapping[str, Any], limit: float) -> Mapping[str, Any]:
        """Return a module's result; without an answer `{"unreachable": True}`."""

    def run_program(self, argv: Sequence[str], stdin: bytes, limit: float) -> int | None:
        """Return a program's exit status; None without an answer."""


def elapsed() -> float:
    """Return the seconds of a clock that runs while the machine sleeps (Linux: `time.monotonic` does not)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class StepModules:
    """The `Modules` of one step, which ends at `deadline` of the driver's clock."""

    def __init__(self, runner: Runner, monotonic: Callable[[], float], deadline: float) -> None:
        """Take what runs modules, the driver's clock, and when the step ends."""
        self._runner = runner
        self._monotonic = monotonic
        self._deadline = deadline

    def run(self, name: str, arguments: Mapping[str, Any], place: str = "") -> Mapping[str, Any]:
        """As `Modules.run`."""
        _check_place(place)
        return self._runner.run_module(name, arguments, self.time_left())

    def run_program(self, argv: Sequence[str], stdin: bytes, place: str = "") -> int | None:
        """As `Modules.run_program`."""
        _check_place(place)
        return self._runner.run_program(argv, stdin, self.time_left())

    def time_left(self) -> float:
        """As `Modules.time_left`."""
        return self._deadline - self._monotonic()


class RotationDriver:
    """Drives one rotation against a target."""

    def __init__(
        self,
        perform: Callable[[dict[str, Any]], Outcome],
        target: type[Target],
        runner: Runner,
        monotonic: Callable[[], float] = elapsed,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take how to perform the operation (with `step` as the report on the last one), the target, and what runs its modules."""
        self._perform = perform
        self._target = target
        self._runner = runner
        self._monotonic = monotonic
        self._pause = pause

    def drive(self) -> Outcome:
        """Take the rotation to its end.

        Raises:
            CredentialError: it was not begun, or did not end with the new value promoted.
        """
        looked = self._perform({LOOK: True})
        if STEP not in looked.result:
            return looked
        self._build_target(looked.result[STEP]).precheck(self._modules(_PRECHECK_LIMIT))
        outcome = self._perform({})
        while outcome.result[STEP]["kind"] != steps.DONE:
            given = self._monotonic()
            step = outcome.result[STEP]
            outcome = self._perform({"ticket": step["ticket"], "outcome": _ACTS[step["kind"]](self, step, given)})
        return outcome

    def _apply(self, step: Mapping[str, Any], given: float) -> str:
        return self._send(self._build_target(step).apply, step, given)

    def _retire(self, step: Mapping[str, Any], given: float) -> str:
        return self._send(self._build_target(step).retire, step, given)

    def _send(self, act: Callable[..., str], step: Mapping[str, Any], given: float) -> str:
        left = given + step["limit"] - self._monotonic()
        if left <= 0:
            # The lease may be over: a controller that slept until now sends nothing any more.
            return steps.UNAVAILABLE
        return act(self._modules(left), handover.decode_value(step["value"]))

    def _ask(self, step: Mapping[str, Any], given: float) -> str:
        """Probe the value; after a change, until it is accepted or the limit is reached."""
        target, value = self._build_target(step), handover.decode_value(step["value"])
        while True:
            outcome = self._probe_twice(target, value)
            if outcome in (steps.ACCEPTED, steps.ACCEPTS_ANYTHING) or self._monotonic() + POLL_INTERVAL > given + step["limit"]:
                return outcome
            self._pause(POLL_INTERVAL)

    def _probe_twice(self, target: Target, value: Value) -> str:
        """Return the outcome for the value, proved by a random wrong one where the target can try one."""
        right = target.probe(self._modules(_PROBE_LIMIT), value)
        wrong = target.wrong_value(value) if right == steps.ACCEPTED else None
        return right if wrong is None else combine(target.probe(self._modules(_PROBE_LIMIT), wrong))

    def _modules(self, seconds: float) -> StepModules:
        return StepModules(self._runner, self._monotonic, self._monotonic() + seconds)

    def _build_target(self, step: Mapping[str, Any]) -> Target:
        credentials = {name: handover.decode_fields(fields) for name, fields in step["credentials"].items()}
        return self._target({**step["options"], **credentials}, handover.decode_value(step["current"]))


def combine(wrong: str) -> str:
    """Return the outcome for a value that was accepted, from the outcome of a random wrong one."""
    return {steps.REFUSED: steps.ACCEPTED, steps.ACCEPTED: steps.ACCEPTS_ANYTHING}.get(wrong, steps.UNAVAILABLE)


def _check_place(place: str) -> None:
    if place:
        raise InvalidInput("modules of a target run on the task's host only", option="target", remedy="Run the task on {}.".format(place))


_ACTS: Mapping[str, Callable[[RotationDriver, Mapping[str, Any], float], str]] = {
    steps.APPLY: RotationDriver._apply,
    steps.ASK: RotationDriver._ask,
    steps.RETIRE: RotationDriver._retire,
}
