# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One kind of store of a backend: all that the suite has to know of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Protocol, Type

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.layers.encryption.encrypt import wrap_in_encryption
from ansible_collections.nebula.credential.plugins.module_utils.layers.write_lock import WriteLock
from ansible_collections.nebula.credential.plugins.module_utils.locks.configuration import StoreLock
from ansible_collections.nebula.credential.plugins.module_utils.locks.file import FileLocks
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

Options = Mapping[str, Any]
LONG = os.environ.get("NEBULA_TEST_PROFILE") == "long"
"""Whether everything is tried, not only a part of it."""
CROWD = 32 if LONG else 12
"""Writers at once. Where each compares and swaps, one of them wins at a time, so the requests grow with the square."""


class Bare(Protocol):
    """A client library by itself, as code without this collection would call it: one value by name."""

    def write(self, name: str, value: str) -> object:
        """Create it, or replace it."""

    def read(self, name: str) -> object:
        """Return its value."""

    def list(self) -> object:
        """Return all names."""

    def close(self) -> None:
        """Release what it holds."""


def no_layers(backend: Backend) -> Backend:
    """Return the backend as it is."""
    return backend


def encrypting(backend: Backend) -> Backend:
    """Put the layer that encrypts around a backend, with the key of the home directory; and locks, if it needs them."""
    return wrap_in_encryption(backend if backend.capabilities.native_cas else locking(backend), {})


def locking(backend: Backend) -> Backend:
    """Put the layer that locks writes around a backend that cannot compare and swap, with files in the home directory."""
    service = FileLocks({"path": "~/.nebula/write-locks"}, backend.context.store, backend.context.warn)
    return WriteLock(backend, StoreLock(service, "nebula", 60.0, excludes_all=False))


@dataclass(frozen=True)
class StoreKind:
    """One kind of store of a backend. What takes a directory is about the store of that directory: each test has one of its own.

    Attributes:
        label: for people; it begins with the backend's name.
        options: the backend's options.
        wrap: puts the layers around the backend that the kind needs.
        server: the module of `tests.servers` whose server it is on, if it is on one.
        persistent: a store outlives the process that opened it.
        many: it is meant for thousands of records. One that writes all of them each time is not.
        crowd: how many write at once. Fewer where each request is a process: to the last of them, all others come first.
        server_counts: the server counts the values: no serial can be given, and a delete takes one too.
        plays: whole plays run on it. A kind that differs from another in what is stored alone needs none, one that cannot rotate has none.
        configurable: a user's configuration can name it. One whose layer only the suite has cannot be.
        lists_everything: the server lists page by page whatever it has, so the requests of a list depend on other stores.
        figures_only: no suite runs on it: its server models no more than what the bench measures.
        long_only: the suites run on it with the long profile alone: what it adds is tried on a kind of another backend.
        bare: the client library on the same server, for the bench. None: it is not measured.
        requests: how many requests the server has counted for this store.
        most: how many of them an operation makes at most, by its name.
        load: stores envelopes of new credentials in the backend, many at once and without syncs, for the bench.
        unregistered: the backend, if it is not in the registry.
    """

    label: str
    backend: str
    options: Callable[[Path], Options]
    wrap: Callable[[Backend], Backend] = no_layers
    server: Optional[str] = None
    persistent: bool = True
    many: bool = True
    crowd: int = CROWD
    server_counts: bool = False
    plays: bool = True
    figures_only: bool = False
    long_only: bool = False
    lists_everything: bool = False
    configurable: bool = True
    bare: Optional[Callable[[Path], Bare]] = None
    requests: Optional[Callable[[Path], int]] = None
    most: Mapping[str, int] = field(default_factory=dict)
    load: Optional[Callable[[Any, Iterable[Record]], None]] = None
    unregistered: Optional[Type[Backend]] = None

    @property
    def encrypted(self) -> bool:
        """Whether the collection encrypts its values."""
        return self.wrap is encrypting

    @property
    def counts_serials(self) -> bool:
        """Whether a serial can be given from outside; the layer that encrypts counts them itself, and so do some servers."""
        return not self.encrypted and not self.server_counts

    @property
    def serials_of_a_delete(self) -> int:
        """How many serials a delete takes."""
        return 1 if self.server_counts else 0

    def raw(self, directory: Path) -> Backend:
        """Return the backend without its layers, not yet connected."""
        return (self.unregistered or backend_class(self.backend))(self.options(directory), BackendContext(store="conformance"))

    def open(self, directory: Path) -> Backend:
        """Open the store of `directory`; opened again, it is the same one if the kind is persistent."""
        wrapped = self.wrap(self.raw(directory))
        wrapped.connect()
        return wrapped

    def configuration(self, directory: Path, **more: Any) -> Dict[str, Any]:
        """Return the store as a user would write it in nebula.yml."""
        encrypt = self.encrypted
        return {**self.options(directory), "backend": self.backend, "encrypt": encrypt, "allow_plaintext": not encrypt, **more}
