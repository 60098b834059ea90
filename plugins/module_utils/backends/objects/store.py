# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver interface for backends that store objects: seven methods, from which `objects.backend` builds the whole contract.

For Secrets of a cluster, KV version 1, and version 2 with envelopes: places that replace an object as a whole, and have no
versions that could hold ours. `docs/development.md` shows how to write one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Iterator, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES, Record

DELETED = "deleted"
"""The kind of the small object that records the last serial of a deleted value of `current`; for a stage, `deleted-<stage>`."""


class ObjectKey(NamedTuple):
    """The key of an object: a credential's name, and a stage, `v<serial>` (an older value of `current`) or a kind of `DELETED`."""

    name: str
    kind: str = CURRENT

    @classmethod
    def of_version(cls, name: str, serial: int) -> ObjectKey:
        """Return the place of the older value `serial` of a credential."""
        return cls(name, "v{0}".format(serial))

    @classmethod
    def of_tombstone(cls, name: str, stage: str) -> ObjectKey:
        """Return the place that records the last serial of a deleted value."""
        return cls(name, DELETED if stage == CURRENT else "{0}-{1}".format(DELETED, stage))

    @property
    def is_stage(self) -> bool:
        """Whether consumers and `list` see this place."""
        return self.kind in STAGES


class KeptVersion(NamedTuple):
    """An older value of `current`, and when it was written, if that is known.

    It is in its own place, `v<serial>`. If the service keeps it by itself (`ObjectStore.keeps_replaced`), `token` is its token.
    """

    serial: int
    written_at: Optional[datetime] = None
    token: str = ""


@dataclass(frozen=True)
class StoredObject:
    """An object of the backend. Everything but `token` and `problem` is stored with it, and `read` returns it.

    Attributes:
        record: fields and state, or envelope; type, metadata, serial, record_id, revision; `version` is set by `objects.backend`.
            A record that another tool wrote is of type `opaque`, has no serial and no record_id, and its metadata comes from the backend.
            A record of a kind of `DELETED` has only a serial, and no metadata.
        token: the backend's token for this state of the object, for compare-and-swap; None if it has none.
        older: the older values that can be read, newest first. Only an object of `current` has any.
        garbage: serials whose places are to be removed: expired versions, or those of a deleted credential.
        foreign_token: distinguishes values that another tool wrote over ours without a new serial; "" if none did. `read` returns the value
                given to `create` and `replace` until another tool writes again, so new metadata does not change it.
        written_at: when the value was written, if that is known.
        problem: why the record cannot be read (damaged, or plain instead of an envelope), else None. The other attributes are set
                as far as they are known. Such an object can be removed.
        ending: why the object takes no write although it can be read: the backend is deleting it, and others still hold it. Else None.
    """

    record: Record
    token: Optional[str] = None
    older: Tuple[KeptVersion, ...] = ()
    garbage: Tuple[int, ...] = ()
    foreign_token: str = ""
    written_at: Optional[datetime] = None
    problem: Optional[CredentialError] = None
    ending: Optional[CredentialError] = None


class ObjectStore(ABC):
    """The primitives. Each needs one request, at most two; all raise only errors of the neutral tree."""

    ends_later = False
    """Whether a deleted object may stay for a while (`StoredObject.ending`)."""
    keeps_replaced = False
    """Whether the service keeps the objects that others replace, for `read_kept`. Then no older value is copied to a place of its own.

    `replace` then keeps the values in `content.older`, and may remove those that are not in it."""

    @abstractmethod
    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        """Return the object of a place, or None."""

    def read_kept(self, name: str, kept: KeptVersion) -> Optional[StoredObject]:
        """Return an older value, or None if it is gone."""
        return self.read(ObjectKey.of_version(name, kept.serial))

    def read_listed(self, place: ObjectKey) -> Optional[StoredObject]:
        """Return what `read` returns, for a listing: an object that this login may not read has a `problem`."""
        try:
            return self.read(place)
        except AccessDenied as problem:
            return StoredObject(Record(place.name, stage=place.kind), problem=problem)

    def find_stages(self, _name: str) -> Sequence[str]:
        """See `Backend.find_stages`."""
        return STAGES[1:]

    @abstractmethod
    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        """Create an object in an empty place. Ignores `content.token`; the returned object has its new token.

        Raises:
            Conflict: the place is not empty.
            TooLarge, InvalidInput: the backend does not accept it. Raised before anything is sent.
        """

    @abstractmethod
    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        """Replace `found` as a whole, by compare-and-swap on its token.

        Raises:
            Conflict: the object has changed or is gone; and the other errors of `create`.
            ReadOnly: the backend is deleting it.
        """

    @abstractmethod
    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        """Remove `found`, by compare-and-swap on its token; with None, any object. Does nothing if it is already gone.

        Raises:
            Conflict: the object has changed.
            ReadOnly: the backend is deleting it, and others still hold it.
        """

    def hide(self, place: ObjectKey, found: StoredObject) -> None:
        """Remove `found` as `remove` does, but so that the service can bring it back (`capabilities.soft_delete`)."""
        self.remove(place, found)

    @abstractmethod
    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        """Yield the objects of a stage whose names begin with `prefix`, page by page: no fields, no state, but an envelope if it is one.

        With `names_only` the record needs only its name.
        """

    @abstractmethod
    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        """Return the store's document and its token, or None."""

    @abstractmethod
    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        """Replace the store's document `found` (None: there is none yet).

        Raises:
            Conflict: the stored document is not `found`.
        """


class ServiceVersions(ABC):
    """The further methods of an `ObjectStore` whose service not only keeps what is replaced (`keeps_replaced`), but lists it too.

    Then no object lists its older values, and one that another tool writes over ours loses none.
    """

    @abstractmethod
    def list_replaced(self, name: str, found: StoredObject) -> Sequence[KeptVersion]:
        """Return the older values of the credential that `found` is the current value of, newest first."""

    @abstractmethod
    def number_replaced(self, name: str, found: StoredObject, serial: int) -> StoredObject:
        """Give the value `found`, which another tool wrote and which is about to be replaced, a serial. Return it as it is then.

        Raises:
            Conflict: it has changed or is gone.
        """

    @abstractmethod
    def remove_replaced(self, name: str, kept: KeptVersion) -> None:
        """Remove an older value."""
