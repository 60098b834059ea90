# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argon2id (RFC 9106) for passphrases that people remember. If it is missing, nothing weaker replaces it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import keys_directory
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, KeySourceUnavailable, Tampered, Timeout
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import make_directory
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
except ImportError:
    HAS_ARGON2ID = False
else:
    HAS_ARGON2ID = True

LOCK_NAME = ".argon2id.lock"
LONGEST_TURN = 600.0
"""Seconds to wait for other derivations. 50 forks of one run take a tenth of a second each, at worst some seconds on a slow machine."""


class Parameters(NamedTuple):
    """Iterations (t), lanes (p), memory in KiB (m)."""

    iterations: int
    lanes: int
    memory: int


RECOMMENDED = Parameters(3, 4, 64 * 1024)
"""RFC 9106 section 4, the second recommended profile."""
LEAST = Parameters(1, 1, 19 * 1024)
MOST = Parameters(10, 8, 1024 * 1024)
SALT_SIZE = 16
ACCEPTED_SALT = range(16, 65)


def check_parameters(parameters: Parameters, salt: bytes) -> None:
    """Check that the parameters are within bounds. Called before any derivation: a file must not weaken the key or exhaust the machine.

    Raises:
        Tampered: they are out of bounds.
    """
    fitting = all(least <= value <= most for least, value, most in zip(LEAST, parameters, MOST))
    if not fitting or len(salt) not in ACCEPTED_SALT:
        raise Tampered(
            "a key slot requires Argon2id with t={0}, p={1}, m={2} KiB and {3} bytes of salt, which is out of bounds".format(
                *parameters, len(salt)
            ),
            remedy="No release writes such a slot. Restore the store's document from a backup.",
        )


def derive_from(passphrase: Secret, parameters: Parameters, salt: bytes) -> bytes:
    """Derive 32 bytes from a passphrase, one process of this user at a time (each takes 64 MiB).

    Raises:
        Tampered: parameters out of bounds.
        KeySourceUnavailable: this machine has no Argon2id.
        Timeout: other processes were deriving keys for the whole waiting time.
    """
    check_parameters(parameters, salt)
    if not HAS_ARGON2ID:
        raise unavailable()
    with _turn():
        try:
            function = Argon2id(
                salt=salt, length=32, iterations=parameters.iterations, lanes=parameters.lanes, memory_cost=parameters.memory
            )
            return function.derive(passphrase.expose())
        except UnsupportedAlgorithm:
            raise unavailable() from None


def unavailable() -> KeySourceUnavailable:
    """Return the error for a machine without Argon2id."""
    return KeySourceUnavailable(
        "passphrase sources need Argon2id, which comes with cryptography 44 or later on OpenSSL 3.2 or later",
        option="key_sources",
        remedy="Run: pip install 'cryptography>=44'. Or use the source 'key_file'.",
    )


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for this process's turn, which saves memory; the keys' safety does not depend on it. Without a lock file, do not wait."""
    try:
        make_directory(keys_directory())
        lock = FileLock(os.path.join(keys_directory(), LOCK_NAME), LONGEST_TURN, operation="deriving a key from a passphrase")
        lock.acquire()
    except Timeout:
        raise
    except (OSError, CredentialError):
        yield
        return
    try:
        yield
    finally:
        lock.release()
