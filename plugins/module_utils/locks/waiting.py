# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a lock, and holding it."""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError, Timeout
from ansible_collections.nebula.credential.plugins.module_utils.locks.base import RESPONSE, Lock, LockService, build_key, describe_holder

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.25


class HeldLock:
    """A lock that is held, and when it ends unless it is released."""

    def __init__(self, lock: Lock, ends_at: float) -> None:
        """Take the lock, and the monotonic time at which its lease ends."""
        self._lock = lock
        self._ends_at = ends_at

    @property
    def remaining(self) -> float:
        """The seconds that are left of its lease, at least 0."""
        return max(0.0, self._ends_at - time.monotonic())

    def release(self) -> bool:
        """Free the lock. Return True if it was held until now.

        Raises:
            AccessDenied: the login may acquire locks, and not free them. It is held until its lease ends.
        """
        is_over = self.remaining <= 0
        with deadline.within(RESPONSE, "freeing the lock"):
            return _confirm_release(self._lock) and not is_over

    def give_up(self) -> None:
        """Free the lock, if that is possible."""
        with deadline.within(RESPONSE, "freeing the lock"):
            _release(self._lock)

    def keep_until_end(self) -> None:
        """Hold the lock for the rest of its lease, because a request that is still on its way may be carried out until then."""
        timer = threading.Timer(self.remaining, self.give_up)
        timer.daemon = True
        timer.start()


def wait_for_lock(service: LockService, prefix: str, name: str, wait: float) -> HeldLock:
    """Return the lock of a name, held.

    Args:
        service: the place that keeps locks.
        prefix: separates names of one place.
        name: the name of a credential; empty for the store's document.
        wait: how long to wait for other holders, in seconds.

    Raises:
        Timeout: another process held it for all that time. The message says which one, if that is known.
        CredentialError: the place cannot be used.
    """
    lock = service.build_lock(build_key(prefix, name))
    ends_at, pause = time.monotonic() + min(wait, deadline.remaining()), _FIRST_PAUSE
    try:
        while True:
            began = time.monotonic()
            with deadline.within(RESPONSE, "a request for the lock"):
                is_held = lock.try_acquire()
            if is_held:
                return HeldLock(lock, began + service.lease)
            if time.monotonic() >= ends_at:
                raise _timeout_error(lock, wait)
            # Drawn, so that waiting writers do not all try at once.
            time.sleep(min(pause * random.uniform(0.5, 1.0), max(0.0, ends_at - time.monotonic())))  # noqa: S311  # no secret
            pause = min(2 * pause, _LONGEST_PAUSE)
    except BaseException:
        _release(lock)
        raise


def _timeout_error(lock: Lock, wait: float) -> Timeout:
    holder = ""
    with suppress(CredentialError), deadline.within(RESPONSE, "a request for the lock"):
        holder = lock.find_holder()
    what = "the lock was not free within {0:g} s; {1} holds it".format(wait, describe_holder(holder))
    return Timeout(what, option="wait", remedy="Repeat when that process is done, or increase 'wait' of the option 'lock'.")


def _confirm_release(lock: Lock) -> bool:
    try:
        return lock.release()
    except AccessDenied:
        raise
    except CredentialError:
        return False


def _release(lock: Lock) -> None:
    with suppress(CredentialError):
        lock.release()
