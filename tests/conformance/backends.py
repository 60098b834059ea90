# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backends that the conformance suite runs against: how to open a store of each kind.

A new backend adds its line to HARNESSES. One of the registry that is missing here fails the build.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import encrypted
from tests.conformance.object_places import MemoryObjects
from tests.conformance.sealing import Sealing
from tests.servers import databases, once


@dataclass(frozen=True)
class Harness:
    """One kind of store. `options` takes the test's directory; `wrap` puts the layers around that the kind needs."""

    label: str
    backend: str
    options: Callable[[Path], Mapping[str, Any]]
    wrap: Callable[[Backend, Path], Backend] = field(default=lambda backend, _directory: backend)
    persistent: bool = True
    """Whether a store outlives the process that opened it."""
    many: bool = True
    """Whether it is meant for thousands of records: one that writes all of them each time is not."""
    unregistered: Optional[Type[Backend]] = None
    """The backend, where it is not one of the registry."""
    server_counts: bool = False
    """Whether the server counts the values by itself: no serial can be given from outside, and a delete takes one too."""

    @property
    def counts_serials(self) -> bool:
        """Whether a serial can be given from outside; the encrypt layer counts them itself, and so do some servers."""
        return self.wrap is not _encrypted and not self.server_counts

    @property
    def serials_of_a_delete(self) -> int:
        """How many serials a delete takes."""
        return 1 if self.server_counts else 0

    def open(self, directory: Path) -> Backend:
        """Open the store that lies in `directory`; opened again, it is the same one where the backend persists."""
        wrapped = self.wrap(self.raw(directory), directory)
        wrapped.connect()
        return wrapped

    def raw(self, directory: Path) -> Backend:
        """The backend without its layers, not yet connected."""
        return (self.unregistered or backend_class(self.backend))(self.options(directory), BackendContext(store="conformance"))


def _local(layout: str) -> Callable[[Path], Mapping[str, Any]]:
    # Crowds on a slow disk may wait long for a lock; what is held here is that none of them loses a write.
    plain = layout != "encrypted"
    return lambda directory: {"path": str(directory / "store"), "format": layout, "allow_plaintext": plain, "lock_timeout": 120.0}


def _memory(_directory: Path) -> Mapping[str, Any]:
    return {"max_credentials": 20000}


def _persisted(directory: Path) -> Mapping[str, Any]:
    return {"persist_on_shutdown": True, "persist_path": str(directory / "kept")}


def _objects(_directory: Path) -> Mapping[str, Any]:
    return {}


def _encrypted_objects(_directory: Path) -> Mapping[str, Any]:
    return {"encrypt": True}


@lru_cache(maxsize=None)  # also so that a forked child does not use its parent's connection to it
def _openbao() -> Any:
    server = once.openbao()
    server.enable("kv", "kv1", options={"version": "1"})
    return server


def _vault(mount: str = "secret", **options: Any) -> Callable[[Path], Mapping[str, Any]]:
    def described(directory: Path) -> Mapping[str, Any]:
        server = _openbao()
        prefix = "conformance/" + hashlib.sha256(str(directory).encode()).hexdigest()[:16]
        return dict(options, url=server.url, auth={"token": server.root_token}, mount=mount, prefix=prefix)

    return described


@lru_cache(maxsize=None)  # as above
def _namespace(directory: Path) -> Mapping[str, Any]:
    server = once.kubernetes()
    namespace = server.namespace("conformance-" + hashlib.sha256(str(directory).encode()).hexdigest()[:16])
    return {"host": server.url, "api_key": server.token, "ca_cert": str(server.ca_cert), "namespace": namespace}


def _kubernetes(*, encrypt: bool) -> Callable[[Path], Mapping[str, Any]]:
    return lambda directory: dict(_namespace(directory), encrypt=encrypt)


def _sqlite(directory: Path) -> Mapping[str, Any]:
    return {"url": "sqlite:///{0}".format(directory / "private" / "store.db")}


def _database(kind: str) -> Callable[[Path], Mapping[str, Any]]:
    # The tests share a server; each store has tables of its own.
    return lambda directory: databases.options(once.server(kind), databases.prefix(directory))


def elsewhere(urls: str) -> Tuple[Harness, ...]:
    """Stores in databases that whoever runs the tests names: those that no package brings (MySQL, CockroachDB), and other versions.

    `urls` are divided by blanks, with their passwords. Each test has tables of its own there, and leaves them.
    """
    found = []
    for url in urls.split():
        label = "database-elsewhere-{0}-{1}".format(len(found) // 2 + 1, url.partition(":")[0])
        options = _elsewhere(url)
        found += [
            Harness(label, "database", options, many=False),
            Harness(label + "-encrypted", "database", options, _encrypted, many=False),
        ]
    return tuple(found)


def _elsewhere(url: str) -> Callable[[Path], Mapping[str, Any]]:
    return lambda directory: {"url": url, "table_prefix": databases.prefix(directory)}


def _encrypted(backend: Backend, _directory: Path) -> Backend:
    return encrypted(backend, {})


def _sealed(backend: Backend, _directory: Path) -> Backend:
    return Sealing(backend)


HARNESSES = (
    Harness("memory", "memory", _memory, persistent=False),
    Harness("local-json", "local", _local("json")),
    Harness("local-yaml", "local", _local("yaml")),
    Harness("local-binary", "local", _local("binary")),
    Harness("local-envelopes", "local", _local("encrypted"), _sealed),
    Harness("memory-encrypted", "memory", _memory, _encrypted, persistent=False),
    Harness("memory-persisted", "memory", _persisted, _encrypted, many=False),
    Harness("local-encrypted", "local", _local("encrypted"), _encrypted),
    Harness("vault-kv2", "vault", _vault(), many=False, server_counts=True),
    Harness("vault-kv2-encrypted", "vault", _vault(encrypt=True), _encrypted, many=False),
    Harness("vault-kv1", "vault", _vault("kv1", kv_version=1, single_writer=True), many=False),
    Harness("database-sqlite", "database", _sqlite, many=False),
    Harness("database-sqlite-encrypted", "database", _sqlite, _encrypted, many=False),
    Harness("database-postgresql", "database", _database("postgresql"), many=False),
    Harness("database-postgresql-encrypted", "database", _database("postgresql"), _encrypted, many=False),
    Harness("database-mariadb", "database", _database("mariadb"), many=False),
    Harness("database-mariadb-encrypted", "database", _database("mariadb"), _encrypted, many=False),
    Harness("kubernetes", "kubernetes", _kubernetes(encrypt=False), many=False),
    Harness("kubernetes-encrypted", "kubernetes", _kubernetes(encrypt=True), _encrypted, many=False),
    Harness("objects", "objects", _objects, persistent=False, unregistered=MemoryObjects),
    Harness("objects-encrypted", "objects", _encrypted_objects, _encrypted, persistent=False, unregistered=MemoryObjects, many=False),
    *elsewhere(os.environ.get("NEBULA_TEST_DATABASES", "")),
)
