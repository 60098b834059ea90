# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock as a key on one node of Redis or Valkey, by the class `Lock` of the library `redis`.

The key is set only if it is missing, with the lease as its time to live by the server's own clock, and is deleted only if it still has
the holder's token. Redlock, which votes among several nodes, is declined: docs/how-to/locks.md says what one node does not promise.
"""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    LoginFailed,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.locks.base import RESPONSE, Lock, LockService, build_holder
from ansible_collections.nebula.credential.plugins.module_utils.locks.options import OPTION
from ansible_collections.nebula.credential.plugins.module_utils.locks.redis_server import PACKAGE, closing_after, open_client, read_address
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import chain_contains, exception_chain


class RedisLocks(LockService):
    """One server. The login is read again after it was refused."""

    packages = (PACKAGE,)

    def __init__(self, settings: Mapping[str, Any], store: str, warn: Callable[[str], object]) -> None:
        super().__init__(settings, store, warn)
        address = read_address(settings, warn)
        self.place = "the lock's server {0}:{1}".format(address.host, address.port)
        self._client: Any = None

    def build_lock(self, key: str) -> Lock:
        if self._client is None:
            self._client = open_client(read_address(self.settings, self.warn), RESPONSE, OPTION)
        return _Lock(self, self._client, "{0}:lock:{1}".format(self.settings["prefix"], key), self.lease)

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


class _Lock(Lock):
    def __init__(self, service: RedisLocks, client: Any, key: str, lease: float) -> None:
        from redis.lock import Lock as KeyLock

        self._service = service
        self._client = client
        self._key = key
        # The token is not kept per thread, since another thread may free the lock.
        self._lock = KeyLock(client, key, timeout=lease, blocking=False, thread_local=False)

    def try_acquire(self) -> bool:
        with self._translating():
            return bool(self._lock.acquire(token=build_holder()))

    def release(self) -> bool:
        from redis.exceptions import LockError

        try:
            with self._translating():
                self._lock.release()
        except LockError:
            return False
        return True

    def find_holder(self) -> str:
        with self._translating():
            return (self._client.get(self._key) or b"").decode("ascii", "replace")

    @contextmanager
    def _translating(self) -> Iterator[None]:
        """Raise the errors of the library as errors of ours, without their text. After `RESPONSE` seconds the connections are closed."""
        from redis.exceptions import LockError, RedisError

        with closing_after(RESPONSE, self._client) as is_over:
            try:
                yield
            except LockError:
                raise
            except Exception as error:  # a connection that is closed during a receipt raises anything
                place = self._service.place
                if not isinstance(error, (RedisError, OSError)) and not is_over.is_set():
                    raise
                problem = _build_silence_error(place) if is_over.is_set() else _translate(error, place)
                if isinstance(problem, LoginFailed):
                    self._service.close()
                raise problem from None


def _translate(error: BaseException, place: str) -> CredentialError:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    # Of a command within the script that frees a lock the server says it in an error of the script.
    if "NoPermissionError" in kinds or "ACL failure" in str(error):
        remedy = "Allow its user the commands SET, GET, DEL, EVALSHA, EVAL and SCRIPT on the keys of 'prefix'."
        return AccessDenied("the login of {0} may not lock".format(place), remedy=remedy)
    if kinds & {"AuthenticationError", "AuthenticationWrongNumberOfArgsError"}:
        return LoginFailed("{0} does not accept the login".format(place), remedy="Correct 'username' and 'password'.")
    if chain_contains(exception_chain(error), ssl.SSLCertVerificationError):
        return StorageError("the certificate of {0} cannot be verified".format(place), remedy="Name the CA that signed it in 'ca_cert'.")
    if kinds & {"ConnectionError", "TimeoutError", "OSError"}:
        return _build_silence_error(place)
    what = "{0} refuses to lock ({1})".format(place, type(error).__name__)
    return StorageError(what, remedy="It must be the node that is written to, and must have memory left.")


def _build_silence_error(place: str) -> Unavailable:
    return Unavailable("{0} cannot be reached, or does not respond".format(place), remedy="Check that it runs, and repeat.")
