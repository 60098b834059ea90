# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Redis or Valkey that several controllers share. It never holds up a read: each step is bounded in time, and nothing is repeated."""

from __future__ import annotations

import ssl
from typing import List, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    CredentialError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.entries import Spot
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.options import OPTION
from ansible_collections.nebula.credential.plugins.module_utils.locks.redis_server import Address, open_client
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import chain_contains, exception_chain

BOUND = 0.2
"""Seconds for connecting, and for each response."""
UNTRUSTED = "its certificate cannot be verified; name the CA that signed it in 'shared_cache.ca_cert'"


class Server:
    """Entries by key and field, and one document. Every method may raise an error of the library `redis` or of the system."""

    def __init__(self, address: Address, prefix: str) -> None:
        """Take the address, and the prefix of the document's key. Make no request.

        Raises:
            MissingLibrary: the package `redis` is not installed.
        """
        self._client = open_client(address, BOUND, OPTION)
        self._ring = "{0}:ring".format(prefix)

    def find(self, spots: Sequence[Spot]) -> List[Optional[bytes]]:
        """Return the stored entries in one request; None for each that is missing."""
        with self._client.pipeline(transaction=False) as asked:
            for spot in spots:
                asked.hget(spot.key, spot.field)
            return list(asked.execute())

    def keep(self, entries: Mapping[Spot, bytes], ttl: float) -> None:
        """Store these entries for `ttl` seconds, in one request."""
        with self._client.pipeline(transaction=True) as asked:
            for spot, entry in entries.items():
                asked.hset(spot.key, spot.field, entry)
                asked.pexpire(spot.key, int(ttl * 1000))
            asked.execute()

    def drop(self, key: bytes, *fields: bytes) -> None:
        """Remove fields, or all of the key."""
        if fields:
            self._client.hdel(key, *fields)
        else:
            self._client.delete(key)

    def clear(self, start: bytes, *, check: bool = False) -> int:
        """Remove every key that begins with `start`; with `check`, none. Return the number of keys."""
        escaped = b"".join(b"\\" + bytes((each,)) if each in b"*?[]\\^-" else bytes((each,)) for each in start)
        return sum(self.clear_one(key, check=check) for key in set(self._client.scan_iter(match=escaped + b"*", count=1000)))

    def clear_one(self, key: bytes, *, check: bool = False) -> int:
        """Remove a key; with `check`, do not. Return 1 if there is one, else 0."""
        return int(self._client.exists(key) if check else self._client.delete(key))

    def document(self) -> Optional[bytes]:
        """Return the key ring's document, or None."""
        found: Optional[bytes] = self._client.get(self._ring)
        return found

    def replace_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        """Write the document if it is still the one that it `replaces`.

        Raises:
            Conflict: another run has written it meanwhile.
        """
        with self._client.pipeline() as asked:
            asked.watch(self._ring)
            if asked.get(self._ring) != replaces:
                raise Conflict("another run changed the shared cache's key ring first")
            asked.multi()
            asked.set(self._ring, content)
            if not asked.execute()[0]:
                raise Conflict("another run changed the shared cache's key ring first")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def clear_error(error: BaseException) -> CredentialError:
    """Return the error for what is shared and could not be dropped."""
    if isinstance(error, CredentialError):
        return error
    if any(kind.__name__ == "NoPermissionError" for kind in type(error).__mro__):
        return AccessDenied(
            "the login of the shared cache may not drop what is shared",
            option=OPTION,
            remedy="Allow it the commands DEL, EXISTS and SCAN on the keys of its prefix.",
        )
    what = "the shared cache was not cleared: {0}".format(reason(error))
    return Unavailable(what, option=OPTION, remedy="Check that its server can be reached, and repeat.")


def reason(error: BaseException) -> str:
    """Return the reason of a failure in our own words: a foreign text may hold anything."""
    if isinstance(error, CredentialError):
        return str(error)
    return UNTRUSTED if chain_contains(exception_chain(error), ssl.SSLCertVerificationError) else type(error).__name__
