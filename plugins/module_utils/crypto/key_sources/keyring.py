# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `keyring`: random keys in the keyring of the operating system, which opens with the user's session (E2).

One entry for each store, with the lines of a key file (`key_file`). Only keyrings that encrypt are used: those of macOS and Windows, the
Secret Service (GNOME, KeePassXC) and KWallet. What else `keyring` may be set up to use is not looked at.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Mapping, Optional, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.context.bounded_call import call_in_time
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Terms
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, naming_source, read_entry
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.key_file import parse_lines, write_line
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.wrapping import TimedSource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import default_key_path
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
    InvalidConfiguration,
    MissingKey,
    WrongPassphrase,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import remove_left_over
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import make_directory

_WAIT = 30.0
_NONE = "Log in to a desktop, or start a Secret Service (gnome-keyring-daemon). A service or cron needs another key source."
_UNLOCK = "Unlock it, or use another key source of the store."
Answer = TypeVar("Answer")


class SystemKeyring(TimedSource):
    """The keys of each store in the keyring of the user. Build it with `from_options`."""

    kind = "keyring"
    operation = "asking the keyring"

    def __init__(self, service: str, seconds: float) -> None:
        """Take the name of the entries, and the time limit of each use in seconds. Opens nothing."""
        super().__init__("", seconds)
        self._service = service

    def prepare(self, store_id: bytes, *, renew: bool) -> Tuple[Terms, bytes]:
        with self._lock_entry(store_id):
            keys = self._find(store_id) or {}
            if renew or not keys:
                self._keep(store_id, [*keys.values(), os.urandom(primitives.KEY_SIZE)])
                keys = self._read(store_id)
        label, key = list(keys.items())[-1]
        return Terms(self.kind, label, None, os.urandom(16)), key

    def secret(self, terms: Terms, store_id: bytes) -> bytes:
        keys = self._read(store_id)
        if terms.label not in keys:
            raise WrongPassphrase("the keyring holds another key than this store's", remedy="Restore the keyring from a backup.")
        return keys[terms.label]

    def check(self, store_id: bytes) -> None:
        self._find(store_id)

    def is_among(self, slots: Iterable[Terms], store_id: bytes) -> bool:
        """Return True also if the entry is gone: its loss is reported, not hidden behind a new slot."""
        labels = {terms.label for terms in slots if self.fits(terms)}
        return bool(labels) and not labels.isdisjoint(self._find(store_id) or labels)

    def abandon(self, store_id: bytes) -> None:
        """Remove the entry: it belongs to this store alone, which was never created."""
        if self._find(store_id) is not None:
            self._ask(lambda ring: ring.delete_password(self._service, store_id.hex()))

    def forget_all_but(self, labels: FrozenSet[str], store_id: bytes) -> None:
        with self._lock_entry(store_id):
            kept = [key for label, key in (self._find(store_id) or {}).items() if label in labels]
            if kept:
                self._keep(store_id, kept)

    def _lock_entry(self, store_id: bytes) -> FileLock:
        """Return the lock of the store's entry: a keyring has no compare-and-swap."""
        path = default_key_path(store_id)
        with translated("the directory of the keys", os.path.dirname(path)):
            make_directory(os.path.dirname(path))
            remove_left_over(os.path.dirname(path))
        return FileLock(path + ".keyring.lock", _WAIT, operation="adding a key to the keyring")

    def _read(self, store_id: bytes) -> Dict[str, bytes]:
        keys = self._find(store_id)
        if keys is None:
            raise MissingKey(
                "the keyring has no key of this store under '{0}'".format(self._service),
                remedy="It is in the keyring of the user, and on the machine, that made it. Restore that, or use another key source.",
            )
        return keys

    def _find(self, store_id: bytes) -> Optional[Dict[str, bytes]]:
        """Return the keys of a store by their ids, oldest first; None if there is no entry."""
        text: Optional[str] = self._ask(lambda ring: ring.get_password(self._service, store_id.hex()))
        if text is None:
            return None
        keys = parse_lines(text.encode("utf-8"))
        if keys is None:
            raise Damaged("the entry of this store in the keyring is damaged", remedy="Restore the keyring from a backup.")
        return keys

    def _keep(self, store_id: bytes, keys: List[bytes]) -> None:
        text = b"".join(map(write_line, keys)).decode("ascii")
        self._ask(lambda ring: ring.set_password(self._service, store_id.hex(), text))

    def _ask(self, work: Callable[[Any], Answer]) -> Answer:
        """Return what the keyring says. A locked one may ask the user meanwhile, who has the time of one use for it."""

        def ask() -> Answer:
            ring = _find_backend()
            if ring is None:
                raise self.unusable("this user has no keyring that is running", _NONE)
            try:
                return work(ring)
            except Exception:  # noqa: BLE001  # each keyring has errors of its own, with texts that are not ours
                raise self.unusable("the keyring is locked, or refuses", _UNLOCK) from None

        with self._in_use():
            return call_in_time(ask, "the keyring")


def _find_backend() -> Optional[Any]:
    """Return the first keyring that encrypts what it keeps, and that this user has and is running; None if there is none."""
    for find in (_find_macos, _find_windows, _find_secret_service, _find_kwallet):
        # What it raises is its own affair: it belongs to another system.
        with suppress(Exception):
            found = find()
            if found.viable:
                return found()
    return None


def _find_macos() -> Any:
    from keyring.backends import macOS

    return macOS.Keyring


def _find_windows() -> Any:
    from keyring.backends import Windows

    return Windows.WinVaultKeyring


def _find_secret_service() -> Any:
    from keyring.backends import SecretService

    return SecretService.Keyring


def _find_kwallet() -> Any:
    from keyring.backends import kwallet

    return kwallet.DBusKeyring


def from_options(given: Mapping[str, Any], _surroundings: Surroundings) -> SystemKeyring:
    """Build the source of an entry of `key_sources`.

    Raises:
        InvalidConfiguration: an option is wrong.
    """
    with naming_source(SystemKeyring.kind):
        entry = read_entry(SystemKeyring.kind, given).config
        if not entry["service"] or not entry["service"].isprintable():
            raise InvalidConfiguration("it is empty, or not printable", option="service", remedy="Leave it out.")
    return SystemKeyring(entry["service"], entry["read_timeout"])
