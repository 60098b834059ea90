# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The leases of a store: obtained once, returned again, renewed while they are used, revoked at the end (J8)."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.lease import Lease, read_lease
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Timeout, Unavailable

CLOSING = 5.0
"""The time limit for revoking all leases, in seconds. Leases that are not revoked by then end by themselves."""
POSTPONED = 30.0
"""Seconds until a failed renewal is tried again; less if the lease ends sooner."""
ATTENTION = 30.0
"""The longest time between two checks of the login, in seconds: the login may end before its leases do."""

Clock = Callable[[], float]
Warn = Callable[[str], object]


class Server(NamedTuple):
    """The operations of the server. Each returns the parsed body, and raises only errors of the neutral tree."""

    obtain: Callable[[str], Mapping[str, Any]]
    """Obtain a lease, by the credential's name."""
    renew: Callable[[str], Mapping[str, Any]]
    """Renew a lease, by its id."""
    revoke: Callable[[str], object]
    """Revoke a lease, by its id."""
    attend: Callable[[], int] = int
    """Keep the login alive, because its leases end with it. Returns a number that changes with each new login."""


class _Held:
    """The lease of one name. Each caller takes `lock`, so that concurrent callers cause one request."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lease: Optional[Lease] = None
        self.login = 0
        self.postponed_to = 0.0


class Leases:
    """The leases of one store, in memory, by name. Safe to share between threads."""

    def __init__(self, server: Server, warn: Warn, *, longest: float = 0.0, clock: Clock = time.monotonic) -> None:
        """Hold no lease yet.

        Args:
            server: the operations of the server.
            warn: called with failures that do no harm yet.
            longest: seconds after which a lease is replaced instead of renewed; 0 for the server's own limit.
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
        """Return the lease of a name: the held one, renewed or replaced first if that is due.

        Raises:
            The errors of the server, but not while the held lease is valid: then it is returned, with a warning.
        """
        held = self._place(name)
        with deadline.hold(held.lock):
            return self._fresh(name, held)

    def peek(self, name: str) -> Optional[Lease]:
        """Return the held lease, or None. Sends nothing."""
        held = self._held.get(name)
        return held.lease if held is not None and held.lease is not None and held.lease.seconds_left(self._clock()) > 0 else None

    def renew_due(self) -> Optional[float]:
        """Renew what is due, the login too. Return the seconds until the next call; None if no held lease ends."""
        for name, held in list(self._held.items()):
            try:
                if held.lease is not None and held.lease.lease_id:
                    self.get(name)
            except CredentialError as problem:
                self._warn("the lease of '{0}' has ended, and a new one cannot be obtained: {1}".format(name, problem.what))
        times = [self._next(held) for held in list(self._held.values())]
        return min((min(seconds, ATTENTION) for seconds in times if seconds is not None), default=None)

    def close(self) -> None:
        """Revoke all held leases, within `CLOSING` seconds. Failures become warnings. May be called twice."""
        with deadline.within(CLOSING, "revoking leases"):
            for lease in self._give_up():
                if lease.lease_id and lease.seconds_left(self._clock()) > 0:
                    self._revoke(lease)

    def _give_up(self) -> List[Lease]:
        """Return everything that was held, including leases that other threads are obtaining; afterwards nothing is held."""
        with self._lock:
            held, leases = list(self._held.values()), self._replaced
            self._held, self._replaced = {}, []
        for one in held:
            with suppress(Timeout), deadline.hold(one.lock):
                leases.append(one.lease)
        return [lease for lease in leases if lease is not None]

    def _place(self, name: str) -> _Held:
        with self._lock:
            return self._held.setdefault(name, _Held())

    def _fresh(self, name: str, held: _Held) -> Lease:
        lease, now = held.lease, self._clock()
        if lease is None or lease.seconds_left(now) <= 0:
            lease = self._obtain(name, held)
        elif now >= held.postponed_to and (self._is_of_another_login(held) or lease.due_in(now) <= 0):
            lease = self._prolong(lease, held)
        held.lease = lease if lease.seconds_left(self._clock()) > 0 else None
        return lease

    def _is_of_another_login(self, held: _Held) -> bool:
        try:
            return held.login != self._server.attend()
        except CredentialError:
            return False  # the held lease counts as valid until the server says otherwise

    def _obtain(self, name: str, held: _Held) -> Lease:
        asked_at = self._clock()
        lease = read_lease(name, self._server.obtain(name), asked_at)
        held.login = self._server.attend()
        return lease

    def _prolong(self, lease: Lease, held: _Held) -> Lease:
        """Return the lease renewed, else a new one; the same one if the server provides neither and it is still valid."""
        try:
            renewed = self._renew(lease) if held.login == self._server.attend() else None
            return renewed if renewed is not None else self._another(lease, held)
        except CredentialError as problem:
            left = lease.seconds_left(self._clock())
            if left <= 0:
                raise
            held.postponed_to = self._clock() + min(POSTPONED, left / 2)
            self._warn("the lease of '{0}' was not renewed ({1}); it is valid for another {2:.0f} s".format(lease.name, problem.what, left))
            return lease

    def _renew(self, lease: Lease) -> Optional[Lease]:
        """Return the lease renewed; None if it cannot be, or gains too little because its longest time is near."""
        now = self._clock()
        if not (lease.renewable and lease.lease_id) or now - lease.began + lease.span > self._longest:
            return None
        try:
            renewed = lease.prolong(self._server.renew(lease.lease_id), now)
        except (Unavailable, Timeout):
            raise
        except CredentialError:
            return None  # Refused: it was revoked, or may not be renewed.
        return renewed if renewed.span > lease.margin else None

    def _another(self, lease: Lease, held: _Held) -> Lease:
        """Return a new lease. The one before may still be in use: it ends by itself, or with the store."""
        new = self._obtain(lease.name, held)
        with self._lock:
            self._replaced.append(lease)
        return new

    def _next(self, held: _Held) -> Optional[float]:
        if held.lease is None or held.lease.ends is None or not held.lease.lease_id:
            return None  # What has no lease cannot be renewed: the next read requests it anew.
        now = self._clock()
        return max(0.0, held.lease.due_in(now), held.postponed_to - now)

    def _revoke(self, lease: Lease) -> None:
        try:
            self._revoke_once_or_twice(lease)
        except CredentialError as problem:
            when = "" if lease.expires_at is None else " at {0:%Y-%m-%d %H:%M:%S} UTC".format(lease.expires_at)
            self._warn("the lease of '{0}' was not revoked ({1}); the server ends it{2}".format(lease.name, problem.what, when))

    def _revoke_once_or_twice(self, lease: Lease) -> None:
        """Revoke, with one retry of its own: no layer retries this last request, and revoking twice does no harm."""
        if deadline.is_over():
            raise deadline.timeout_error()
        try:
            self._server.revoke(lease.lease_id)
        except Unavailable:
            self._server.revoke(lease.lease_id)
