# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of a rotation: does the engine's steps with other collections' modules and reports what they answered.

It decides nothing. No result and no text of a module leaves here: only one of the words of `rotation.steps`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import LOOK, STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import postgresql, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.postgresql import Call, Connection

RunModule = Callable[[Call, float], Mapping[str, Any]]
"""Runs a module on the task's host for at most so many seconds; a result without an answer is `{unreachable: True}`."""

POLL_INTERVAL = 1.0


def elapsed() -> float:
    """Seconds of a clock that goes on while the machine sleeps (Linux: `time.monotonic` does not)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


_QUESTION_LIMIT = 30.0
_WRONG_BYTES = 24


class RotationDriver:
    """Drives one rotation against PostgreSQL."""

    def __init__(
        self,
        ask: Callable[[dict[str, Any]], Outcome],
        run_module: RunModule,
        monotonic: Callable[[], float] = elapsed,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take how to ask the operation (with `step` as its answer to the last one) and how to run a module."""
        self._ask = ask
        self._run_module = run_module
        self._monotonic = monotonic
        self._pause = pause

    def drive(self) -> Outcome:
        """Take the rotation to its end.

        Raises:
            CredentialError: it was not begun, or did not end with the new value promoted.
        """
        looked = self._ask({LOOK: True})
        if STEP in looked.result:
            self._look(looked.result[STEP])
        else:
            return looked
        outcome = self._ask({})
        while outcome.result[STEP]["kind"] != steps.DONE:
            given = self._monotonic()
            told = outcome.result[STEP]
            outcome = self._ask({"ticket": told["ticket"], "outcome": self._do(told, given)})
        return outcome

    def _look(self, told: Mapping[str, Any]) -> None:
        for role in told["roles"]:
            call = postgresql.look(_connection(told), role)
            postgresql.seen(self._run_module(call, _QUESTION_LIMIT), role)

    def _do(self, told: Mapping[str, Any], given: float) -> str:
        return self._apply(told, given) if told["kind"] == steps.APPLY else self._question(told, given)

    def _apply(self, told: Mapping[str, Any], given: float) -> str:
        call = postgresql.apply(_connection(told), told["role"], told["password"])
        left = given + told["limit"] - self._monotonic()
        if left <= 0:
            # The lease may be over: a controller that slept until now sends nothing any more.
            return steps.UNAVAILABLE
        return postgresql.applied(self._run_module(call, left))

    def _question(self, told: Mapping[str, Any], given: float) -> str:
        """Ask; after a change, until the answer is yes or the limit is reached."""
        while True:
            answer = self._answer(told)
            if answer in (steps.ACCEPTED, steps.ACCEPTS_ANYTHING) or self._monotonic() + POLL_INTERVAL > given + told["limit"]:
                return answer
            self._pause(POLL_INTERVAL)

    def _answer(self, told: Mapping[str, Any]) -> str:
        right = self._open(told, told["password"])
        if right != steps.ACCEPTED:
            return right
        return postgresql.judged(right, self._open(told, secrets.token_urlsafe(_WRONG_BYTES)))

    def _open(self, told: Mapping[str, Any], password: str) -> str:
        return postgresql.answered(self._run_module(postgresql.ask(_connection(told), told["role"], password), _QUESTION_LIMIT))


def _connection(told: Mapping[str, Any]) -> Connection:
    way = dict(told["connection"])
    return Connection(admin_password=Secret(way.pop("admin_password")), **way)
