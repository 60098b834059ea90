# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The leases that a store holds: asked for once, served again, renewed while they are used, revoked at the end (J8)."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.lease import Lease, read_lease
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Timeout, Unavailable

CLOSING = 5.0
"""Seconds that revoking may take altogether. What is not revoked then ends by itself."""
POSTPONED = 30.0
"""Seconds after which a renewal that failed is tried again; sooner where less is left."""
ATTENTION = 30.0
"""Seconds after which somebody who keeps leases alive looks after the login again, which may end sooner than they do."""

Clock = Callable[[], float]
Warn = Callable[[str], object]


class Server(NamedTuple):
    """What the server can be asked for. Each answers the body, parsed, and raises errors of the neutral tree alone."""

    obtain: Callable[[str], Mapping[str, Any]]
    """A new lease, by the credential's name."""
    renew: Callable[[str], Mapping[str, Any]]
    """More time for a lease, by its id."""
    revoke: Callable[[str], object]
    """The end of a lease, by its id."""
    attend: Callable[[], int] = int
    """The care for the login: what it leased ends with it. A number that is another one after another login."""


class _Held:
    """What is held of one name. Whoever asks takes `lock`, so that one request is made however many ask."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lease: Optional[Lease] = None
        self.login = 0
        self.postponed_to = 0.0


class Leases:
    """The leases of one store, in memory, by name. Safe to share between threads."""

    def __init__(self, server: Server, warn: Warn, *, longest: float = 0.0, clock: Clock = time.monotonic) -> None:
        """Hold nothing yet.

        Args:
            server: whom to ask.
            warn: told what failed and does no harm yet.
            longest: seconds after which a lease is replaced instead of renewed; 0 for as long as the server likes.
            clock: seconds that only rise.
        """
        self._server = server
        self._warn = warn
        self._longest = longest or float("inf")
        self._clock = clock
        self._held: Dict[str, _Held] = {}
        self._replaced: List[Optional[Lease]] = []
        self._lock = threading.Lock()

    def get(self, name: str) -> Lease:
        """The lease of a name: the one that is held, renewed or replaced first where its time comes.

        Raises:
            As the server; not while what is held is good: that is served, with a warning.
        """
        held = self._place(name)
        with _taken(held.lock):
            return self._fresh(name, held)

    def peek(self, name: str) -> Optional[Lease]:
        """The lease that is held, or None. Asks for nothing."""
        held = self._held.get(name)
        return held.lease if held is not None and held.lease is not None and held.lease.left(self._clock()) > 0 else None

    def renew_due(self) -> Optional[float]:
        """Renew what is due, the login too, and answer the seconds after which to look again; None where nothing is held that ends."""
        for name in list(self._held):
            try:
                self.get(name)
            except CredentialError as problem:
                self._warn("the lease of '{0}' is over, and there is no new one: {1}".format(name, problem.what))
        times = [self._next(held) for held in list(self._held.values())]
        return min((min(seconds, ATTENTION) for seconds in times if seconds is not None), default=None)

    def close(self) -> None:
        """Revoke everything that is held, within `CLOSING` seconds. Failures are told as warnings. May be called twice."""
        with deadline.within(CLOSING, "revoking leases"):
            for lease in self._given_up():
                if lease.lease_id and lease.left(self._clock()) > 0:
                    self._revoke(lease)

    def _given_up(self) -> List[Lease]:
        """Everything that was held, also what another thread is being given just now; afterwards nothing is."""
        with self._lock:
            held, leases = list(self._held.values()), self._replaced
            self._held, self._replaced = {}, []
        for one in held:
            with suppress(Timeout), _taken(one.lock):
                leases.append(one.lease)
        return [lease for lease in leases if lease is not None]

    def _place(self, name: str) -> _Held:
        with self._lock:
            return self._held.setdefault(name, _Held())

    def _fresh(self, name: str, held: _Held) -> Lease:
        lease, now = held.lease, self._clock()
        if lease is None or lease.left(now) <= 0:
            lease = self._obtained(name, held)
        elif now >= held.postponed_to and (self._is_of_another_login(held) or lease.due_in(now) <= 0):
            lease = self._prolonged(lease, held)
        held.lease = lease
        return lease

    def _is_of_another_login(self, held: _Held) -> bool:
        try:
            return held.login != self._server.attend()
        except CredentialError:
            return False  # what is held is good as long as nobody says otherwise

    def _obtained(self, name: str, held: _Held) -> Lease:
        asked_at = self._clock()
        lease = read_lease(name, self._server.obtain(name), asked_at)
        held.login = self._server.attend()
        return lease

    def _prolonged(self, lease: Lease, held: _Held) -> Lease:
        """The lease with more time, else another one; the same again where the server gives neither and it is still good."""
        try:
            renewed = self._renewed(lease) if held.login == self._server.attend() else None
            return renewed if renewed is not None else self._another(lease, held)
        except CredentialError as problem:
            left = lease.left(self._clock())
            if left <= 0:
                raise
            held.postponed_to = self._clock() + min(POSTPONED, left / 2)
            self._warn("the lease of '{0}' was not renewed ({1}); it is good for another {2:.0f} s".format(lease.name, problem.what, left))
            return lease

    def _renewed(self, lease: Lease) -> Optional[Lease]:
        """The lease with more time; None where it gets none, or too little to be worth it: its longest time is near."""
        now = self._clock()
        if not (lease.renewable and lease.lease_id) or now - lease.began + lease.span > self._longest:
            return None
        try:
            renewed = lease.renewed(self._server.renew(lease.lease_id), now)
        except (Unavailable, Timeout):
            raise
        except CredentialError:
            return None  # refused: it was revoked, or may not be renewed
        return renewed if renewed.span > lease.margin else None

    def _another(self, lease: Lease, held: _Held) -> Lease:
        """A new lease. The one before may be in use still: it ends by itself, or with the store."""
        new = self._obtained(lease.name, held)
        with self._lock:
            self._replaced.append(lease)
        return new

    def _next(self, held: _Held) -> Optional[float]:
        if held.lease is None or held.lease.ends is None:
            return None
        now = self._clock()
        return max(0.0, held.lease.due_in(now), held.postponed_to - now)

    def _revoke(self, lease: Lease) -> None:
        try:
            self._revoke_once_or_twice(lease)
        except CredentialError as problem:
            when = "" if lease.expires_at is None else " at {0:%Y-%m-%d %H:%M:%S} UTC".format(lease.expires_at)
            self._warn("the lease of '{0}' was not revoked ({1}); the server ends it{2}".format(lease.name, problem.what, when))

    def _revoke_once_or_twice(self, lease: Lease) -> None:
        """Nobody repeats it for us, as a layer does for what is read: it is the last request, and revoking twice does no harm."""
        if deadline.is_over():
            raise deadline.timed_out()
        try:
            self._server.revoke(lease.lease_id)
        except Unavailable:
            self._server.revoke(lease.lease_id)


@contextmanager
def _taken(lock: threading.Lock) -> Iterator[None]:
    if not lock.acquire(timeout=deadline.remaining()):
        raise deadline.timed_out()
    try:
        yield
    finally:
        lock.release()
