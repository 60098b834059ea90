# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver interface for backends that store objects: seven methods, of which `objects.backend` makes the whole contract.

Secrets of a cluster, KV version 1, and version 2 where values are envelopes: places that replace an object whole, and have no
versions that could hold ours. `docs/development.md` shows how to write one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Iterator, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES, Record

DELETED = "deleted"
"""The kind of the small object that remembers the last serial of a deleted value of `current`; of a stage, `deleted-<stage>`."""


class Place(NamedTuple):
    """Where an object lies: a credential's name, and a stage, `v<serial>` (an older value of `current`) or a kind of `DELETED`."""

    name: str
    kind: str = CURRENT

    @classmethod
    def of_version(cls, name: str, serial: int) -> Place:
        """Where the older value `serial` of a credential lies."""
        return cls(name, "v{0}".format(serial))

    @classmethod
    def of_tombstone(cls, name: str, stage: str) -> Place:
        """Where the last serial of a deleted value is remembered."""
        return cls(name, DELETED if stage == CURRENT else "{0}-{1}".format(DELETED, stage))

    @property
    def is_stage(self) -> bool:
        """Whether consumers and `list` know it."""
        return self.kind in STAGES


class Kept(NamedTuple):
    """An older value of `current` that lies in a place of its own, `v<serial>`, and when it was written, where that is known."""

    serial: int
    written_at: Optional[datetime] = None


@dataclass(frozen=True)
class StoredObject:
    """An object as the backend has it. All but `token` and `problem` is stored with it and comes back from `read`.

    Attributes:
        record: fields and state, or envelope; type, metadata, serial, record_id, revision; `version` is set by `objects.backend`.
            One that another tool wrote is of type `opaque`, has no serial and no record_id, and its metadata is what the backend tells.
            Of a kind of `DELETED` it has a serial and nothing else: no metadata either.
        token: the backend's own word for this state of the object, for compare-and-swap; None where it has none.
        older: the older values that can be read, newest first. Only an object of `current` has any.
        leftover: serials whose places are to be removed: of values that are kept no longer, or whose credential was deleted.
        touched: what tells apart values that another tool wrote over ours without counting the serial up; "" where none did. What
            `create` and `replace` are given is what `read` answers until another tool writes again, so that new metadata leaves it.
        written_at: when the value was written, where that is known.
        problem: why the record cannot be read (damaged, plain where it should be an envelope), where it cannot; the rest is there
            as far as it can be told. Such an object can be removed.
    """

    record: Record
    token: Optional[str] = None
    older: Tuple[Kept, ...] = ()
    leftover: Tuple[int, ...] = ()
    touched: str = ""
    written_at: Optional[datetime] = None
    problem: Optional[CredentialError] = None


class ObjectPlaces(ABC):
    """The primitives. Every one is one request, two at most; all raise errors of the neutral tree alone."""

    @abstractmethod
    def read(self, place: Place) -> Optional[StoredObject]:
        """The object there, or None."""

    @abstractmethod
    def create(self, place: Place, content: StoredObject) -> StoredObject:
        """Make an object where there is none. `content.token` is not looked at; the answer's is set.

        Raises:
            Conflict: there is one.
            TooLarge, InvalidInput: the backend does not take it. Told before anything is sent.
        """

    @abstractmethod
    def replace(self, place: Place, content: StoredObject, found: StoredObject) -> StoredObject:
        """Replace `found` whole, by compare-and-swap on its token.

        Raises:
            Conflict: it is another by now, or gone; and what `create` raises.
        """

    @abstractmethod
    def remove(self, place: Place, found: Optional[StoredObject]) -> None:
        """Remove `found`, by compare-and-swap on its token; with None, whatever is there. One that is gone already is fine.

        Raises:
            Conflict: it is another by now.
        """

    @abstractmethod
    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        """The objects of a stage whose names begin with `prefix`, page by page: no fields, no state; an envelope, where it is one.

        With `names_only` the record needs to have no more than its name.
        """

    @abstractmethod
    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        """The store's document and its token, or None."""

    @abstractmethod
    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        """Write the store's document where `found` is (None: nothing).

        Raises:
            Conflict: something else is there by now.
        """
