# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores for the tests of keys and envelopes."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import EphemeralKeyring
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import Encrypt, wrap_in_encryption
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=timezone.utc)
KEY = bytes(range(32))


def a_record(name: str = "db_pass", value: bytes = b"correct horse", *, stage: str = "current", **metadata: Any) -> Record:
    """A record to be put."""
    known = Metadata(NOW, NOW, tags={"env": "prod"}, **metadata)
    return Record(name, "basic", {"password": Secret(value)}, metadata=known, stage=stage)


def value_of(record: Record) -> bytes:
    """What `a_record` was given."""
    return record.fields["password"].expose()


def backend(directory: Path, **options: Any) -> Local:
    """A local backend of envelopes."""
    return Local(dict({"path": str(directory / "store")}, **options), BackendContext("test"))


def a_store(directory: Path, vault_password: Any = None, inner: Any = None, **configuration: Any) -> Encrypt:
    """An encrypted store in `directory`; opened again, it is the same one."""
    opened = wrap_in_encryption(inner or backend(directory), configuration, vault_password)
    opened.connect()
    return opened


def a_memory_store(**configuration: Any) -> Encrypt:
    """An encrypted store that ends with its process."""
    return wrap_in_encryption(Memory({}, BackendContext("memory")), configuration)


def file_of(directory: Path, name: str) -> Path:
    """The file of a current value."""
    return directory / "store" / (name + ".enc")


def keys_directory() -> Path:
    """Where keys and marks lie."""
    return Path(os.environ["XDG_CONFIG_HOME"], "nebula", "keys")


def the_key_file() -> Path:
    """The one key file at a default path."""
    (path,) = keys_directory().glob("*.key")
    return path


def document_path(directory: Path) -> Path:
    """The store's document."""
    return directory / "store" / ".nebula" / "metadata.json"


def change_document(directory: Path, **changes: Any) -> None:
    """Replace parts of the store's document."""
    path = document_path(directory)
    path.write_text(json.dumps(dict(json.loads(path.read_text()), **changes)))


def with_passphrase(text: str) -> Mapping[str, Any]:
    """The configuration of a store that a passphrase opens."""
    return {"key_sources": [{"source": "passphrase", "passphrase": text}]}


class FixedKeyring(EphemeralKeyring):
    """A ring with a key that the test chooses."""

    def __init__(self, key: bytes = KEY) -> None:
        super().__init__(Memory({}, BackendContext("fixed")))
        master = MasterKey(key)
        self._ring = self._ring._replace(active=master, keys={master.key_id: master})


def key_ids(directory: Path) -> set[bytes]:
    """The keys that envelopes and marks are under."""
    envelopes = [read_envelope(path.read_bytes()).header.key_id for path in (directory / "store").rglob("*.enc")]
    return set(envelopes) | {path.read_bytes()[8:24] for path in keys_directory().glob("*.marks/*")}
