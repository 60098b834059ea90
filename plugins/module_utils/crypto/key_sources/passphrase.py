# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `passphrase`: Argon2id over a passphrase from a person, a file or the environment (ENVELOPE rule 10)."""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import RECOMMENDED, SALT_SIZE, derive_from
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Terms
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_source import KeySource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, check_texts
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import OPTION, PASSPHRASES
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, KeySourceUnavailable
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file, has_file
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import SECRET_FILE, read_file
from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import name_source
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

Read = Callable[[], Optional[Secret]]


class RememberedSource(KeySource):
    """A source whose secret is derived from a passphrase. `label` distinguishes two of one kind."""

    def __init__(self, label: str, read: Read, absent: str) -> None:
        """Take the label, the function that reads the passphrase, and the reason to report if there is none."""
        self.label = label
        self._read = read
        self._absent = absent

    def fits(self, terms: Terms) -> bool:
        return terms.source == self.kind and terms.label == self.label and terms.parameters is not None

    def prepare(self, store_id: bytes, *, renew: bool) -> Tuple[Terms, bytes]:
        terms = Terms(self.kind, self.label, RECOMMENDED, os.urandom(SALT_SIZE))
        return terms, self.secret(terms, store_id)

    def check(self, store_id: bytes) -> None:
        self._read_passphrase()

    def secret(self, terms: Terms, store_id: bytes) -> bytes:
        return derive_from(self._read_passphrase(), terms.parameters or RECOMMENDED, terms.salt)

    def _read_passphrase(self) -> Secret:
        passphrase = self._read()
        if not passphrase:
            raise KeySourceUnavailable(
                "the key source '{0}' has no passphrase: {1}".format(name_source(self.kind, self.label), self._absent),
                option="key_sources",
                remedy="Provide it, or remove the source from 'key_sources'.",
            )
        return passphrase


class Passphrase(RememberedSource):
    """The store's own passphrase."""

    kind = "passphrase"


def from_options(given: Mapping[str, Any], surroundings: Surroundings) -> Passphrase:
    """Build the source of an entry of `key_sources`.

    Raises:
        InvalidConfiguration: the passphrase is given in no way, or in two.
    """
    check_texts(Passphrase.kind, given)
    ways = [way for way in PASSPHRASES if way in given]
    if len(ways) != 1:
        raise InvalidConfiguration("the key source 'passphrase' takes exactly one of {0}".format(", ".join(PASSPHRASES)), option=OPTION)
    value, label = given[ways[0]], given.get("label", "")
    if ways[0] == "passphrase_file":
        return from_file(value, label, surroundings.warn)
    if ways[0] == "passphrase_env":
        return from_environment(value, label)
    return from_text(value, label)


def from_text(passphrase: str, label: str = "") -> Passphrase:
    """Return the source for a passphrase in the configuration (a vaulted variable)."""
    return Passphrase(label, lambda: Secret(passphrase), "the passphrase is empty")


def from_environment(variable: str, label: str = "") -> Passphrase:
    """Return the source for a passphrase in an environment variable."""
    absent = "the environment variable {0} is not set".format(variable)
    return Passphrase(label, lambda: Secret(os.environ.get(variable, "")), absent)


def from_file(path: str, label: str, warn: Callable[[str], object]) -> Passphrase:
    """Return the source for a passphrase file that only its owner can read: its content without one line end.

    Raises (when it is read):
        InsecurePermissions: others can read the file.
        StorageError: it cannot be read.
    """
    return Passphrase(label, lambda: _read_file(path, warn), "{0} is absent or empty".format(path))


def _read_file(path: str, warn: Callable[[str], object]) -> Optional[Secret]:
    if not has_file(path, "the passphrase file"):
        return None
    check_private_file(path, "the passphrase file", warn)
    with translated("the passphrase file", path, writing=False):
        content = read_file(path, SECRET_FILE)
    return Secret(content[: -1 if content.endswith(b"\n") else None].rstrip(b"\r"))
