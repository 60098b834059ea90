# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock on a name, which all controllers respect (D4): what every kind of lock does.

A lock is held for one write of a backend that cannot compare and swap. It serialises the writers of one credential; it fences nothing. So
a write ends before its lock does, and a lock that did not last until the write had ended is reported.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from abc import ABC, abstractmethod
from typing import Any, Callable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

RESPONSE = 10.0
"""The most seconds for an attempt to acquire a lock, and to free it, if its server does not respond."""
_HOLDER = re.compile(r"([A-Za-z0-9._-]{1,63})/([0-9]{1,10})/[0-9a-f]{16}\Z")


class Lock(ABC):
    """A lock on one name. It is acquired once at most, and used by one thread."""

    @abstractmethod
    def try_acquire(self) -> bool:
        """Return True if the lock is now held, False if another process holds it. Does not wait for that process.

        Raises:
            CredentialError: the lock cannot be used; the class says why.
        """

    @abstractmethod
    def release(self) -> bool:
        """Free the lock. Return True if it was held until now; False if it was lost, was never held, or its server does not confirm it."""

    def find_holder(self) -> str:
        """Return who holds the lock, as `build_holder` wrote it, or a text of someone else; empty if that is not known."""
        return ""


class LockService(ABC):
    """A place that keeps locks."""

    lease: float = 20.0
    """Seconds after which the lock of a holder that was killed, or does not respond, is free."""
    packages: Tuple[Package, ...] = ()
    """The packages that it needs."""

    def __init__(self, settings: Mapping[str, Any], store: str, warn: Callable[[str], object]) -> None:
        """Check the validated options of this kind, and open nothing.

        Raises:
            InvalidConfiguration: one is wrong. It is named without `lock.`.
        """
        self.settings = settings
        self.store = store
        self.warn = warn
        self.lease = settings.get("lease") or type(self).lease

    @abstractmethod
    def build_lock(self, key: str) -> Lock:
        """Return the lock of a key of `build_key`, not yet acquired."""

    def close(self) -> None:
        """Close the connections. May be called twice. The default has none."""


def build_key(prefix: str, name: str) -> str:
    """Return the key of a name: 32 hexadecimal digits, so that who reads the locks does not learn what credentials there are."""
    return hashlib.sha256("{0}\n{1}".format(prefix, name).encode("utf-8")).hexdigest()[:32]


def build_holder() -> str:
    """Return a text that no other holder has: host, process, and a random part."""
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:63] or "host"
    return "{0}/{1}/{2}".format(host, os.getpid(), os.urandom(8).hex())


def describe_holder(holder: Optional[str]) -> str:
    """Return who holds a lock, for people. A text that `build_holder` did not write is not shown."""
    found = _HOLDER.match(holder or "")
    return "process {0} on {1}".format(found[2], found[1]) if found else "another process"
