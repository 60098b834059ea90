# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What backends have in common that only read the entries of a service which people fill by its own means.

An entry is one credential: its fields by name, its dates and its version. A subclass finds entries; all writes are refused.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, NoReturn, Optional, Tuple, TypeVar, Union

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import (
    CONNECTIONS,
    Capabilities,
    Filter,
    Health,
    build_unreadable_row,
    unhealthy,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Located, WriteGate
from ansible_collections.nebula.credential.plugins.module_utils.backends.reader import UNKNOWN, Reader
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_connection import ServiceConnection
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, ReadOnly, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name, read_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Metadata, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Entry:
    """What the service has under one name. `fields` is empty in a listing, which reads no values."""

    version: str
    fields: Mapping[str, Union[str, bytes]] = field(default_factory=dict, repr=False)
    tags: Tuple[str, ...] = ()
    created_at: datetime = UNKNOWN
    updated_at: datetime = UNKNOWN


class ServiceReader(Reader, Located, WriteGate):
    """A store that reads the entries of a service."""

    capabilities = Capabilities(native=True, remote=True, read_only=True, server_side_encryption=True, parallel=CONNECTIONS, batch_get=True)
    service = "the service"
    """Its name, for messages."""
    _connection: ServiceConnection
    """What the constructor of a subclass makes. It opens nothing yet."""

    def connect(self) -> None:
        """Load the SDK. The first operation sends the first request."""
        self._connection.prepare()

    def close(self) -> None:
        self._connection.close()

    @abstractmethod
    def read_entry(self, name: str) -> Optional[Entry]:
        """Return the entry of a name; None if there is none."""

    @abstractmethod
    def list_entries(self) -> Iterator[Tuple[str, Entry]]:
        """Yield each entry that this login may read, by its name as the service writes it, without its fields."""

    @abstractmethod
    def check_health(self) -> None:
        """Raise why the service cannot be used. Sends one request."""

    def read_entries(self, names: Iterable[str]) -> Dict[str, Entry]:
        """Return the entries of these names, without those that there are not. The default reads each, several at once if it may."""
        wanted = list(names)
        parallelism = self.context.parallelism
        found = map(self.read_entry, wanted) if parallelism is None else parallelism.map(wanted, self.read_entry)
        return {name: entry for name, entry in zip(wanted, found) if entry is not None}

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        check_name(name)
        found = self._name_store(lambda: self.read_entry(name), name) if stage == CURRENT else None
        if found is None:
            raise absent(name, stage=stage)
        if version not in (None, found.version):
            raise absent(name, version, kept=[found.version])
        return self._build_record(name, found)

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        wanted = [check_name(name) for name in names]
        found = self._name_store(lambda: self.read_entries(wanted)) if wanted else {}
        return {name: self._build_record(name, entry) for name, entry in found.items()}

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        if wanted.stage != CURRENT:
            return
        seen = set()
        for written, entry in self.list_entries():
            name = read_name(written)
            if name is None or not name.startswith(wanted.prefix):
                continue
            if name in seen:
                yield build_unreadable_row(name, CURRENT, self.ambiguous(name))
            elif wanted.names_only:
                yield Record(name)
            else:
                yield self._build_record(name, entry)
            seen.add(name)

    def _name_store(self, read: Callable[[], Answer], name: Optional[str] = None) -> Answer:
        try:
            return read()
        except CredentialError as problem:
            raise problem.within(name=name, store=self.context.store) from None

    def _build_record(self, name: str, entry: Entry) -> Record:
        tenant = self.settings.get("tenant") or DEFAULT_TENANT
        metadata = Metadata(entry.created_at, entry.updated_at, tags=dict.fromkeys(entry.tags, ""), scope=Scope(tenant=tenant))
        fields = {key: Secret(value) for key, value in entry.fields.items()}
        return Record(name, fields=fields, metadata=metadata, version=entry.version)

    def versions(self, name: str) -> List[VersionInfo]:
        return [VersionInfo(str(self.get(name).version), current=True)]

    def health(self) -> Health:
        try:
            self._name_store(self.check_health)
        except CredentialError as problem:
            return unhealthy(problem)
        return Health()

    def check_takes_writes(self) -> None:
        self.refuse_write(None)

    def refuse_write(self, name: Optional[str]) -> NoReturn:
        what = "this collection only reads from {0}".format(self.service)
        raise ReadOnly(what, remedy="Change the value there, or name a store that takes writes.").within(
            name=name, store=self.context.store
        )

    def ambiguous(self, name: str) -> CredentialError:
        """Return the error for a name that several entries have."""
        what = "{0} has several entries of this name".format(self.service)
        return StorageError(what, name=name, remedy="Rename all but one there.")
