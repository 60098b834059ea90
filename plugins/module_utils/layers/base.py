# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of every layer: a backend around a backend. It changes some calls and passes on the rest."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ContextManager, Dict, Iterable, Iterator, List, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Capabilities, Filter, Health
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Recoverable, VersionRemover, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, LastSerial, Record, VersionInfo


def wrap_source(record: Record) -> Record:
    """Return the record of the layer below as this layer returns it: it is the source, in which a later write finds it."""
    return replace(record, source=record)


def find_source(name: str, stage: str, expected: Optional[Etag]) -> Optional[Record]:
    """Return the record of the layer below that a write names, as it was read; None if it must be read for this write."""
    base = None if expected is None else expected.source
    if expected is None or not isinstance(base, Record):
        return None
    return base if (base.name, base.stage) == (name, stage) and expected.matches(base) else None


def name_source(expected: Optional[Etag], base: Optional[Record]) -> Optional[Etag]:
    """Return what a write names, for the layer below: `base` is the record that `find_source` returned."""
    return expected and replace(expected, source=base and base.source)


class Layer(Backend):
    """Pass every call on to `inner`. A layer overrides the calls that it changes.

    This class has no method of a protocol: `backends.protocols.find_protocol` skips a layer that does not inherit the protocol.
    """

    inner: Backend

    def __init__(self, inner: Backend) -> None:
        """Wrap `inner`, and use its options and context."""
        super().__init__(inner.settings, inner.context)
        self.inner = inner

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override]  # a class attribute in a backend, derived in a layer
        """What the wrapped backend can do."""
        return self.inner.capabilities

    def connect(self) -> None:
        self.inner.connect()

    def close(self) -> None:
        self.inner.close()

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        return self.inner.put(record, expected, create=create)

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        return self.inner.get(name, version, stage)

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        return self.inner.get_many(names)

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        return self.inner.patch_metadata(record, expected_revision)

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable)

    def find_stages(self, name: str) -> Sequence[str]:
        return self.inner.find_stages(name)

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        return self.inner.list(wanted)

    def versions(self, name: str) -> List[VersionInfo]:
        return self.inner.versions(name)

    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        return self.inner.last_serial(name, stage)

    def read_vacancy(self, name: str, stage: str) -> LastSerial:
        return self.inner.read_vacancy(name, stage)

    def read_store_document(self) -> Optional[bytes]:
        return self.inner.read_store_document()

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        self.inner.write_store_document(content, replaces)

    def health(self) -> Health:
        return self.inner.health()


class Keeper(Layer, Recoverable, VersionRemover):
    """A layer that keeps what was read: it overrides `changing`, within which each write is passed on."""

    @abstractmethod
    def changing(self, name: str, stage: str) -> ContextManager[None]:
        """Return what surrounds a write of a stage: whatever becomes of it, what is kept of the credential may be old."""

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        with self.changing(record.name, record.stage):
            return self.inner.put(record, expected, create=create)

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        with self.changing(record.name, CURRENT):
            return self.inner.patch_metadata(record, expected_revision)

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        with self.changing(name, CURRENT):
            return require_protocol(self.inner, Recoverable, name).restore(name, stage, version=version, check=check)

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        with self.changing(name, CURRENT):
            require_protocol(self.inner, VersionRemover, name).remove_version(name, version, recoverable=recoverable, check=check)

    def restore_version(self, name: str, version: str, *, check: bool = False) -> Record:
        with self.changing(name, CURRENT):
            return require_protocol(self.inner, VersionRemover, name).restore_version(name, version, check=check)

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        with self.changing(name, stage):
            self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable)
