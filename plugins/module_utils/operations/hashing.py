# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hash of a value in place of the value (`hash` of the lookups): what /etc/shadow, a web server or a PostgreSQL keeps of a password.

The salt is made of the credential's place, its version and `salt_for`, so a file with the hash changes only with the value. A salt has to
be unique, not secret (NIST SP 800-63B section 3.1.1.2): it holds nothing of the value. Imported when the first hash is read.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from hashlib import blake2b, sha256
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context.cache_only import require_fetch_allowed
from ansible_collections.nebula.credential.plugins.module_utils.encoding.scram import ITERATIONS, build_verifier
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidInput,
    InvalidToken,
    MissingLibrary,
    Package,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential, format_time

LIBPASS = Package("libpass>=1.9", "passlib")
BCRYPT = Package("bcrypt>=4", "bcrypt")
LONGEST_BCRYPT = 72
"""The bytes that bcrypt looks at; what is longer would be cut."""
MOST_KEPT = 4096
"""How many hashes a process keeps. One takes as long as a guess of it should, so none is computed twice."""
_CHARACTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _hash_sha256_crypt(value: bytes, salt: bytes, rounds: int) -> str:
    passlib = _load_passlib()
    return str(passlib.sha256_crypt.using(salt=_write_salt(salt, 16), rounds=rounds).hash(value))


def _hash_sha512_crypt(value: bytes, salt: bytes, rounds: int) -> str:
    passlib = _load_passlib()
    return str(passlib.sha512_crypt.using(salt=_write_salt(salt, 16), rounds=rounds).hash(value))


def _hash_bcrypt(value: bytes, salt: bytes, rounds: int) -> str:
    if len(value) > LONGEST_BCRYPT:
        raise InvalidToken(
            "the value is longer than {0} bytes, which bcrypt would cut".format(LONGEST_BCRYPT), remedy="Use 'sha512_crypt'."
        )
    try:
        import bcrypt
    except ImportError:
        raise _missing_error("bcrypt", BCRYPT) from None
    # 22 characters for 16 bytes: of the last one two bits count (the others must be zero).
    text = _write_salt(salt, 21) + "."
    return str(bcrypt.hashpw(value, "$2b${0:02d}${1}".format(rounds, text).encode("ascii")).decode("ascii"))


def _hash_scram(value: bytes, salt: bytes, rounds: int) -> str:
    return build_verifier(value.decode("utf-8"), salt[:16], rounds)


class _Scheme(NamedTuple):
    """One way to hash: the function, its cost unless `hash_rounds` says another, and the bounds of that."""

    compute: Callable[[bytes, bytes, int], str]
    rounds: int
    least: int
    most: int


_SCHEMES: Dict[str, _Scheme] = {
    "sha512_crypt": _Scheme(_hash_sha512_crypt, 656000, 1000, 5000000),
    "sha256_crypt": _Scheme(_hash_sha256_crypt, 535000, 1000, 5000000),
    "bcrypt": _Scheme(_hash_bcrypt, 12, 4, 16),
    "scram": _Scheme(_hash_scram, ITERATIONS, ITERATIONS, 5000000),
}


class _KeptHashes:
    """Hashes of this process, found by a keyed digest of all that they were made of. Equal requests wait for the first."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._lock = threading.Lock()
        self._hashes: OrderedDict[bytes, Secret] = OrderedDict()
        self._under_way: Dict[bytes, threading.Lock] = {}

    def find(self, parts: Mapping[str, bytes], compute: Callable[[], str]) -> Secret:
        """Return the hash that was computed of the same parts, else what `compute` returns.

        Raises:
            CacheMiss: it has to be computed, and the caller must not wait (`context.cache_only`).
        """
        digest = blake2b(b"".join(len(part).to_bytes(8, "big") + part for part in parts.values()), key=self._key).digest()
        with self._lock:
            found = self._hashes.get(digest)
            if found is not None:
                return found
            require_fetch_allowed()
            turn = self._under_way.setdefault(digest, threading.Lock())
        with turn:
            found = self._hashes.get(digest)
            try:
                found = found or Secret(compute())
                self._keep(digest, found)
            finally:
                with self._lock:
                    self._under_way.pop(digest, None)
        return found

    def _keep(self, digest: bytes, found: Secret) -> None:
        with self._lock:
            self._hashes[digest] = found
            while len(self._hashes) > MOST_KEPT:
                self._hashes.popitem(last=False)


_KEPT = _KeptHashes()


def hash_value(store: str, credential: Credential, field: str, value: Secret, parameters: Mapping[str, Any]) -> Secret:
    """Return the hash of a value.

    Args:
        store: the name of the store.
        credential: the credential that the value is of.
        field: the field.
        value: its value.
        parameters: `hash` (the scheme), `hash_rounds` (its cost) and `salt_for` (a text that makes another salt, such as a host's name).

    Raises:
        InvalidInput: there is no such scheme, or the cost is out of its bounds.
        InvalidToken: the scheme cannot take the value.
        MissingLibrary: what computes it is not installed.
    """
    scheme, rounds = _choose_scheme(parameters)
    content = value.expose()
    if b"\0" in content or not _is_text(content):
        raise InvalidToken("field '{0}' is not text without zero bytes, which alone is hashed".format(field), remedy="Leave 'hash' out.")
    salt = _derive_salt(store, credential, field, parameters.get("salt_for"))
    parts = {"scheme": parameters["hash"].encode("utf-8"), "rounds": str(rounds).encode("ascii"), "salt": salt, "value": content}
    return _KEPT.find(parts, lambda: scheme.compute(content, salt, rounds))


def _choose_scheme(parameters: Mapping[str, Any]) -> Tuple[_Scheme, int]:
    name, rounds = parameters["hash"], parameters.get("hash_rounds")
    if name not in _SCHEMES:
        raise InvalidInput("there is no hash {0}".format(ascii(name)), option="hash", remedy="Use one of: {0}.".format(", ".join(_SCHEMES)))
    scheme = _SCHEMES[name]
    if rounds is None:
        return scheme, scheme.rounds
    if not scheme.least <= rounds <= scheme.most:
        remedy = "Use {0} to {1}; without it, {2}.".format(scheme.least, scheme.most, scheme.rounds)
        raise InvalidInput("'{0}' does not take {1} rounds".format(name, rounds), option="hash_rounds", remedy=remedy)
    return scheme, rounds


def _derive_salt(store: str, credential: Credential, field: str, salt_for: Optional[str]) -> bytes:
    """Return 32 bytes that are the same until the value changes. One written anew under an old name has other ones."""
    record = credential.record
    identity = format_time(credential.metadata.created_at) or "" if record.record_id is None else record.record_id.hex()
    parts = (
        "nebula.credential salt",
        store,
        record.name,
        identity,
        record.version or "",
        field,
        "" if salt_for is None else "=" + salt_for,
    )
    texts = [part.encode("utf-8", "surrogateescape") for part in parts]
    return sha256(b"".join(len(text).to_bytes(8, "big") + text for text in texts)).digest()


def _write_salt(salt: bytes, length: int) -> str:
    """Return `length` characters of the alphabet that crypt(5) has, each of six bits."""
    return "".join(_CHARACTERS[byte & 63] for byte in salt[:length])


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _load_passlib() -> Any:
    try:
        from passlib import hash as schemes
    except ImportError:
        raise _missing_error("libpass", LIBPASS) from None
    return schemes


def _missing_error(name: str, package: Package) -> MissingLibrary:
    return MissingLibrary(
        "{0}, which computes the hash, is not installed".format(name), option="hash", remedy="Run: {0}".format(pip_install(package))
    )
