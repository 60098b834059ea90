# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repeat a request while it fails for a temporary reason: how often, and after how long (S1's figures).

The wait before repeat n is drawn evenly from 0 to base * multiplier ** (n - 1) seconds, at most the longest ("full jitter"), so that
many runs that failed at the same moment do not come back at the same moment. If the backend sent a time to wait, it is added.
A backend that throttles works, and one that throttles for less than the operation's time limit is waited for: the waits for it grow
so that the repeats that are left fill the time that is left. Fewer repeats than usual make the first of the usual waits, and no longer
ones: someone who wants fewer repeats wants the error sooner. tenacity waits.
"""

from __future__ import annotations

import random
import time
from typing import Any, Callable, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    TENACITY,
    CircuitOpen,
    CredentialError,
    MissingLibrary,
    Timeout,
    Unavailable,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import Answer, BackendCall
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import Observer

PAUSE = 0.5
"""The least wait, in seconds, before a repeat to a backend that throttles."""
FILLED = (0.8, 0.9)
"""How much of the time that is left the waits for a backend that throttles fill. The rest is for the last request."""
USUAL = 3
"""The least number of repeats over which that time is spread: the fewest that the backend of a service makes by default."""


class RetryDelays(NamedTuple):
    """The limit of the wait before the first repeat in seconds, its growth for each further one, and the longest wait in seconds."""

    base: float = 0.1
    multiplier: float = 2.0
    longest: float = 2.0


DELAYS = RetryDelays()


def passes(error: Optional[BaseException]) -> bool:
    """Return True if the same request may succeed a moment later."""
    return isinstance(error, (Unavailable, Timeout)) and not isinstance(error, CircuitOpen)


class RetryPolicy:
    """Make the requests of one store: each of them once, and then at most `repeats` times more. 0 repeats nothing."""

    def __init__(
        self,
        repeats: int,
        observer: Optional[Observer] = None,
        sleep: Callable[[float], None] = time.sleep,
        delays: RetryDelays = DELAYS,
    ) -> None:
        """Take the number of repeats, and the waits. `observer` is called for each of them; `sleep` waits the given seconds."""
        self._delays = delays
        self._repeats = repeats
        self._observer = observer or Observer()
        self._sleep = sleep
        self._retrying: Any = None

    def prepare(self) -> None:
        """Load tenacity.

        Raises:
            MissingLibrary: tenacity is not installed.
        """
        if self._retrying is None:
            self._retrying = self._build_retrying()

    def run(self, call: BackendCall, work: Callable[[], Answer]) -> Answer:
        """Run `work`, and run it again if it fails for a temporary reason. Return its result.

        Raises:
            CredentialError: the last error of `work`. After several attempts its message has their number and the time they took.
        """
        self.prepare()
        made: Answer = self._retrying(self._attempt, call, work)
        return made

    def _attempt(self, _call: BackendCall, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except CredentialError as error:
            if error.throttled or (passes(error) and error.retry_after is not None):
                self._observer.on_throttled(error)
            raise

    def _build_retrying(self) -> Any:
        try:
            import tenacity
        except ImportError:
            what = "the Python package 'tenacity' is not installed, which stores on servers need"
            raise MissingLibrary(what, remedy="Run: {0}".format(pip_install(TENACITY))) from None
        self._jitter = tenacity.wait_random_exponential(
            multiplier=self._delays.base, exp_base=self._delays.multiplier, max=self._delays.longest
        )
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(passes),
            wait=self._wait,
            stop=self._stops,
            before_sleep=self._tell,
            sleep=self._sleep,
            retry_error_callback=_give_up,
        )

    def _wait(self, state: Any) -> float:
        error: CredentialError = state.outcome.exception()
        drawn = float(self._jitter(state))
        named = max(0.0, float(error.retry_after or 0.0))
        if not (error.throttled and deadline.has_limit()):
            return named + drawn
        left, least = deadline.remaining(), max(PAUSE, named)
        # Never past the time limit while there is time for another attempt.
        return max(least + min(drawn, max(0.0, FILLED[0] * left - least)), self._draw_share(state.attempt_number, left))

    def _draw_share(self, failed: int, left: float) -> float:
        """Return the wait after `failed` attempts, if the waits of the repeats, at least `USUAL`, grow to fill the time that is left."""
        parts = sum(self._delays.multiplier**number for number in range(max(self._repeats, USUAL) - failed + 1))
        return random.uniform(*FILLED) * left / parts if parts else 0.0  # noqa: S311  # no secret

    def _stops(self, state: Any) -> bool:
        """Return True if no repeat is left, or no time for one. Then the error is raised at once, without a useless wait."""
        return state.attempt_number > self._repeats or deadline.is_over(after=state.upcoming_sleep)

    def _tell(self, state: Any) -> None:
        self._observer.on_retry(state.args[0], state.outcome.exception(), state.upcoming_sleep)


def _give_up(state: Any) -> None:
    error: CredentialError = state.outcome.exception()
    if state.attempt_number > 1:
        error.what = "{0} ({1} attempts in {2:.1f} s)".format(error.what.rstrip("."), state.attempt_number, state.seconds_since_start)
    raise error
