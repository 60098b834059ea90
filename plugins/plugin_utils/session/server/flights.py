# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What callers wait for together: requests that are being performed, and digests that one of them resolves.

Callers that ask the same question at the same time get the response of one request. To resolve a digest that the session does not know
yet, one worker sends the whole operation. For that it loads the collection, which takes longer than all its later requests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from ansible_collections.nebula.credential.plugins.module_utils.context.progress import Progress
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.connection import ClientConnection

RESOLVE_TIMEOUT = 2.0
"""Seconds that resolving may take. After that, every worker resolves the digest itself, and gets its own error."""
ENDING_TIMEOUT = 20.0
"""Seconds that a caller waits for the end of a request that it has broken off."""
REMEMBERED = 20000
"""The greatest number of digests that are kept; the oldest are dropped first."""


class Flight:
    """One request, and the callers that get its response. The first one is the caller that it is performed for."""

    def __init__(self, question: str | None, first: ClientConnection) -> None:
        """Take what identifies the question (None if no other caller may share the response), and the first caller."""
        self.question = question
        self.callers = [first]
        self.progress = Progress()
        self.warnings: Sequence[str] = ()
        """The warnings of its response, for a caller that no longer waits for that."""
        self.has_landed = threading.Event()

    def is_wanted(self) -> bool:
        """Return True if a caller waits for the response."""
        return any(caller.is_waiting() for caller in self.callers)


class Flights:
    """The requests that are waiting for a thread or being performed. Safe for several threads."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._shared: dict[str, Flight] = {}
        self._named: dict[str, Flight] = {}

    def board(self, question: str | None, caller: ClientConnection) -> Flight | None:
        """Return the request to perform; None if one is under way that will respond to this caller, too."""
        with self._lock:
            found = None if question is None else self._shared.get(question)
            flight = found or Flight(question, caller)
            if found is not None:
                found.callers.append(caller)
            else:
                flight.progress = Progress(lambda: not self.cancel(flight))
                if question is not None:
                    self._shared[question] = flight
            if caller.asked.get("progress"):
                self._named[caller.asked["progress"]] = flight
        return flight if found is None else None

    def cancel(self, flight: Flight) -> bool:
        """Take a request back if none of its callers waits any more, so that no other one joins it. Return True if that was done."""
        with self._lock:
            if flight.is_wanted():
                return False
            self._close(flight)
        return True

    def land(self, flight: Flight) -> list[ClientConnection]:
        """Return the callers to respond to. No other caller can join this request any more."""
        with self._lock:
            self._close(flight)
            for caller in flight.callers:
                self._named.pop(caller.asked.get("progress"), None)
        flight.has_landed.set()
        return flight.callers

    def _close(self, flight: Flight) -> None:
        if flight.question is not None and self._shared.get(flight.question) is flight:
            del self._shared[flight.question]

    def find_progress(self, name: str) -> Progress | None:
        """Return how far a request is, by the name that its caller gave it; None if there is no such request under way."""
        with self._lock:
            flight = self._named.get(name)
        return None if flight is None else flight.progress

    def wait_for_end(self, name: str) -> Sequence[str]:
        """Wait until a request that its caller has broken off does nothing more. Return its warnings. `name` is as in `find_progress`."""
        with self._lock:
            flight = self._named.get(name)
        if flight is None:
            return ()
        if not flight.has_landed.wait(ENDING_TIMEOUT):
            return ("The task was broken off, and its last request is still being performed.",)
        return flight.warnings


class PendingDigests:
    """The digests that a worker is expected to resolve, and until when (`time.monotonic`). Safe for several threads."""

    def __init__(self) -> None:
        """Start with no digest."""
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def claim(self, digest: str) -> bool:
        """Return True if another worker is already resolving this digest; the first caller gets False and resolves it."""
        now = time.monotonic()
        with self._lock:
            known = digest in self._until
            until = self._until.setdefault(digest, now + RESOLVE_TIMEOUT)
            while len(self._until) > REMEMBERED:
                del self._until[next(iter(self._until))]
        return known and now < until

    def resolve(self, digest: str) -> None:
        """Record that the digest was resolved, or cannot be: no caller waits for it any more."""
        with self._lock:
            self._until[digest] = 0.0
