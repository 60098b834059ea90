# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of public keys at an issuer's address (RFC 7517 section 5), fetched once and again if a token names a key that is not there."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any, Dict, List, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, Package, StorageError, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import JOSERFC, OCT, SignatureKey, read_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.verification import Expectation, UnknownKey, verify_token

REQUESTS = Package("requests >= 2.31", "requests")
FRESH = 600.0
"""Seconds for which a set is used without another request."""
PAUSE = 30.0
"""Seconds between two requests to one address, whatever keys the tokens name: anyone can write a token that names an unknown one."""
MAX_SETS = 32
MAX_BYTES = 256 * 1024


class _KeptSet(NamedTuple):
    keys: List[SignatureKey]
    fetched_at: float


class KeySets:
    """The sets of several addresses. Threads share it."""

    def __init__(self) -> None:
        """Fetch nothing yet."""
        self._kept: Dict[str, _KeptSet] = {}
        self._lock = threading.Lock()

    def verify(self, text: bytes, url: str, tls: Tls, expected: Expectation, now: datetime) -> Dict[str, Any]:
        """Return the claims of a token as `verify_token` does, with the keys at an address; fetched again if it names an unknown one.

        Raises:
            InvalidToken: it is not accepted.
            CredentialError: as `read`.
        """
        try:
            return verify_token(text, self.read(url, tls), expected, now)
        except UnknownKey:
            return verify_token(text, self.read(url, tls, again=True), expected, now)

    def read(self, url: str, tls: Tls = Tls(), *, again: bool = False) -> List[SignatureKey]:
        """Return the keys at an address.

        Args:
            url: https, or http to this machine.
            tls: the trusted authorities.
            again: fetch them even if the kept ones are fresh, unless they are less than `PAUSE` seconds old.

        Raises:
            MissingLibrary: joserfc or requests is not installed; the message names both.
            InvalidInput: the address cannot be used, or the set is damaged or holds a key that is not public.
            Unavailable, Timeout, StorageError: the server does not respond, or responds with something else.
        """
        place = "{0} {1}".format(tls.ca_file or "", url)
        with self._lock:
            kept, now = self._kept.get(place), time.monotonic()
            if kept is not None and now - kept.fetched_at < (PAUSE if again else FRESH):
                return kept.keys
            found = _fetch(url, tls)
            self._kept.pop(place, None)
            while len(self._kept) >= MAX_SETS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[place] = _KeptSet(found, now)
            return found


def _fetch(url: str, tls: Tls) -> List[SignatureKey]:
    check_packages((JOSERFC, REQUESTS))
    # Imported here: requests takes long to load.
    from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient

    client = HttpClient(tls, max_bytes=MAX_BYTES)
    try:
        response = client.request("GET", url).check_available()
    finally:
        client.close()
    if response.status != 200:
        what = "the server {0} responded with status {1} instead of a set of keys".format(response.host, response.status)
        raise StorageError(what, remedy="Correct the address.")
    keys = read_keys(response.body)
    if any(key.is_private or key.kind == OCT for key in keys):
        raise InvalidInput("the set of {0} holds a key that is not public".format(response.host), remedy="Report it to the issuer.")
    return keys
