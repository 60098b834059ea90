# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `key_file`: random keys in a file outside the store that only its owner can read (ENVELOPE rule 11).

One line per key: `nebula-key-1`, its id (32 hex digits), the key (base64). A cut or flipped line does not match its id. The
last line wraps new slots; a rotation of the master key appends one.
"""

from __future__ import annotations

import base64
import os
from typing import Any, Callable, Dict, FrozenSet, Iterable, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Terms
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_source import KeySource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, check_texts
from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import default_key_path
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidConfiguration, MissingKey, WrongPassphrase
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import (
    create_exclusively,
    fsync_directory,
    remove_file,
    remove_left_over,
    write_durably,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import (
    check_private_file,
    ensure_private_directory,
    has_file,
    make_directory,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file

_MARK = "nebula-key-1"
_ROLE = "the key file"
_WAIT = 30.0
_VANISHES = (
    "Nothing was written. The home ends with the job. Use 'passphrase_env', 'ansible_vault' or 'vault_transit' in 'key_sources', or"
    " 'key_file' with a 'path' on a volume that stays (docs/advanced/keys.md)."
)
_JOB = "AWX_HOST"
"""A variable that AWX sets for every job."""
COPY = "Put the file back from your copy of it. A new key would not help: what is stored was encrypted with this one."


class KeyFile(KeySource):
    """A key file, at the configured path or at the store's default path."""

    kind = "key_file"

    def __init__(self, path: Optional[str], warn: Callable[[str], object]) -> None:
        """Take the path (None: `$XDG_CONFIG_HOME/nebula/keys/<store id>.key`). Opens nothing."""
        self._configured = path
        self._warn = warn

    def path(self, store_id: bytes) -> str:
        """Return the path of the file, whether or not it exists."""
        return self._configured or default_key_path(store_id)

    def prepare(self, store_id: bytes, *, renew: bool) -> Tuple[Terms, bytes]:
        path = self.path(store_id)
        self._check_home(path)
        directory = os.path.dirname(os.path.abspath(path))
        with translated(_ROLE, path):
            make_directory(directory)
            remove_left_over(directory)
            created = create_exclusively(path, write_line(os.urandom(primitives.KEY_SIZE)))
            if renew and not created:
                self._append(path)
        label, key = list(self._read(path).items())[-1]
        return Terms(self.kind, label, None, os.urandom(16)), key

    def _check_home(self, path: str) -> None:
        """Check that a new key would outlive the run: the home of a job in AWX does not.

        Raises:
            InvalidConfiguration: it would not.
        """
        if self._configured is None and os.environ.get(_JOB) and not has_file(path, _ROLE):
            raise InvalidConfiguration("the key would be made in the home of a job in AWX", option="key_sources", remedy=_VANISHES)

    def check(self, store_id: bytes) -> None:
        path = self.path(store_id)
        if has_file(path, _ROLE):
            self._read(path)

    def _append(self, path: str) -> None:
        """Add a new key to the file, durable before any slot needs it."""
        with FileLock(path + ".lock", _WAIT, operation="adding a key to the key file"):
            lines = [write_line(key) for key in self._read(path).values()]
            write_durably(path, b"".join([*lines, write_line(os.urandom(primitives.KEY_SIZE))]))

    def secret(self, terms: Terms, store_id: bytes) -> bytes:
        path = self.path(store_id)
        keys = self._read(path)
        if terms.label not in keys:
            raise WrongPassphrase("the key file {0} holds another key than this store's".format(path), option="key_sources", remedy=COPY)
        return keys[terms.label]

    def _read(self, path: str) -> Dict[str, bytes]:
        if not has_file(path, _ROLE):
            raise MissingKey("the key file {0} is gone".format(path), option="key_sources", remedy=COPY)
        if self._configured is None:
            ensure_private_directory(os.path.dirname(path), "the directory of the keys", self._warn)
        check_private_file(path, _ROLE, self._warn)
        with translated(_ROLE, path, writing=False):
            return _parse(read_file(path, MIB), path)

    def is_among(self, slots: Iterable[Terms], store_id: bytes) -> bool:
        """Return True also if the file is gone: its loss is reported, not hidden behind a new slot."""
        labels = {terms.label for terms in slots if self.fits(terms)}
        path = self.path(store_id)
        return bool(labels) and (not has_file(path, _ROLE) or not labels.isdisjoint(self._read(path)))

    def abandon(self, store_id: bytes) -> None:
        """Remove the file at a default path: it belongs to this store alone, which was never created."""
        path = self.path(store_id)
        if self._configured is None and has_file(path, _ROLE):
            with translated(_ROLE, path):
                remove_file(path)
                fsync_directory(os.path.dirname(path))

    def forget_all_but(self, labels: FrozenSet[str], store_id: bytes) -> None:
        """Drop old keys from a file at a default path. A file that the user named may serve other stores and stays unchanged."""
        if self._configured is not None:
            return
        path = self.path(store_id)
        with translated(_ROLE, path), FileLock(path + ".lock", _WAIT, operation="removing a key from the key file"):
            kept = [write_line(key) for label, key in self._read(path).items() if label in labels]
            if kept:
                write_durably(path, b"".join(kept))


def from_options(given: Mapping[str, Any], surroundings: Surroundings) -> KeyFile:
    """Build the source of an entry of `key_sources`."""
    check_texts(KeyFile.kind, given)
    return KeyFile(given.get("path"), surroundings.warn)


def _id(key: bytes) -> str:
    return primitives.derive(key, None, primitives.info_for(primitives.KEY_FILE_ID))[:16].hex()


def write_line(key: bytes) -> bytes:
    """Return the line of a key."""
    return " ".join((_MARK, _id(key), base64.b64encode(key).decode("ascii"))).encode("ascii") + b"\n"


def _parse(content: bytes, path: str) -> Dict[str, bytes]:
    """Return the keys by id, in the order of the file."""
    keys = parse_lines(content)
    if keys is None:
        raise Damaged("the key file {0} is damaged".format(path), option="key_sources", remedy=COPY)
    return keys


def parse_lines(content: bytes) -> Optional[Dict[str, bytes]]:
    """Return the keys of lines that `write_line` wrote by their ids, in order; None if there is none, or another line."""
    keys = [_key(line) for line in content.splitlines(keepends=True)]
    return {_id(key): key for key in keys if key is not None} if keys and None not in keys else None


def _key(line: bytes) -> Optional[bytes]:
    """Return the key of one line, or None if the line is not what `write_line` writes for it."""
    try:
        key = base64.b64decode(line[len(_MARK) + 34 :].rstrip(b"\n"), validate=True)
    except ValueError:  # binascii.Error is one
        return None
    return key if len(key) == primitives.KEY_SIZE and write_line(key) == line else None
