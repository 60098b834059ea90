# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store keeps: a record, and its metadata, which may be read without a key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

CURRENT = "current"
PENDING = "pending"
PREVIOUS = "previous"
JOURNAL = "journal"
DEPLOYED = "deployed"
STAGES = (CURRENT, PENDING, PREVIOUS, JOURNAL, DEPLOYED)
"""A stage is a separate object in every backend, so that what consumers mount holds `current` only (ROTATION)."""

OPAQUE = "opaque"

REFRESH = "refresh"
"""The attribute that says how the refreshing of a value stands (`model.refresh_status`). Another value begins without it."""

ROTATES = "rotates"
"""The attribute with the rotation target that the credential is assigned to (`model.assignment`, which a read does not load)."""

Fields = Mapping[str, Secret]


def find_values(fields: Fields) -> Dict[str, Secret]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if not value.is_null}


def without_forms(fields: Fields) -> Dict[str, Secret]:
    """Return the fields as a store keeps them that knows no JSON: a number is its text, and a field without a value is left out."""
    return {name: Secret(value.expose()) for name, value in find_values(fields).items()}


@dataclass(frozen=True)
class Transition:
    """One step of a credential's life: the event, the states before and after it, and when (UTC)."""

    event: str
    origin: str
    target: str
    at: datetime


@dataclass(frozen=True)
class Metadata:
    """What is known about a value and is not secret. Times are aware datetimes in UTC, to the microsecond.

    `created_at` is the creation of the credential; `model.dates` reads the dates of the value.
    `policy` and `attributes` hold JSON-like data without floats: None, bool, int, str, lists and mappings with str keys.
    `policy` is a rotation policy as `rotation_policy.RotationPolicy` reads it; `attributes` belong to the library (an idempotency
    key, a journal, the flag `orphaned`).
    """

    created_at: datetime
    updated_at: datetime
    expires_at: Optional[datetime] = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)
    lifecycle: str = "active"
    history: Tuple[Transition, ...] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Etag:
    """The stored state of a value. A write names the state that it was made from, and replaces no other.

    `revision` is None for any revision of the version: only for a value whose metadata cannot be read.

    A version of None is the state of a name without a value: the caller has looked, and found none.

    `source` is that of the record which was read, or None: then each layer that needs more than the state reads it again.
    """

    version: Optional[str]
    revision: Optional[int] = None
    source: object = field(default=None, repr=False, compare=False)

    def matches(self, found: Optional[Record]) -> bool:
        """Return True if `found`, or its absence, is in this state."""
        if found is None:
            return self.version is None
        return found.version == self.version and self.revision in (None, found.revision)


ABSENT = Etag(None)
"""The state of a name without a value. A new value names it, with `create`, if the caller has just read that there is none."""


class LastSerial(NamedTuple):
    """The last used serial of a name without a value, and the state in which a new value finds it."""

    serial: int
    etag: Etag = ABSENT


@dataclass(frozen=True)
class Record:
    """One value of one credential, as the manager, the layers and the backends pass it to each other.

    Either `fields` (and `state`) hold the value, or `envelope` holds all of it, encrypted. A record that `list` yields
    holds neither fields nor state, and no metadata if only names were requested.

    `version` is the backend's own version token (compare it for equality, show it to people). The library assigns `serial` and
    `record_id`: each new value gets the next serial, and a serial is never used again under that name, even after a delete.
    `revision` counts the changes of this version's metadata. `verified` is False if metadata was read without the key that
    authenticates it.

    Only a row of `list` has a `problem`: the error of a record that cannot be read. Then only `name` and `stage` are set.

    `ends_at` is when the service will delete this value by itself; no writer sets it. None if it will not, or does not say.

    `source` is what the layer that returned this record had read or written: its inner layer's record, or a backend's own object. It
    comes back in the etag of a write, so that the layer reads nothing twice. Each layer looks only into its own, and checks that it
    is of the state that the write names. The write compares that state with the stored one, so an old source costs a `Conflict` at most.

    `copied_at` is when it was read from the backend, if it is a copy that answers while the backend does not respond; else None.

    Only `put` reads `keep_replaced`: False if the replaced value is not to be kept as an older version. A service that
    keeps versions by itself (Vault's KV version 2) keeps it all the same.
    """

    name: str
    type: str = OPAQUE
    fields: Fields = field(default_factory=dict)
    state: Fields = field(default_factory=dict)
    metadata: Optional[Metadata] = None
    stage: str = CURRENT
    version: Optional[str] = None
    serial: Optional[int] = None
    record_id: Optional[bytes] = None
    revision: int = 0
    envelope: Optional[bytes] = None
    verified: bool = True
    keep_replaced: bool = True
    problem: Optional[CredentialError] = None
    ends_at: Optional[datetime] = None
    copied_at: Optional[datetime] = None
    source: object = field(default=None, repr=False, compare=False)

    @property
    def etag(self) -> Etag:
        """The state in which this record was read, or to which a write brought it."""
        return Etag(self.version, self.revision, self.source)

    @property
    def full_metadata(self) -> Metadata:
        """The metadata of a record that was read completely.

        Raises:
            ValueError: the record was listed by name only.
        """
        if self.metadata is None:
            raise ValueError("this record was listed by name only")
        return self.metadata

    def with_metadata(self, **changes: Any) -> Record:
        """Return a copy of this record with some of its metadata replaced."""
        return replace(self, metadata=replace(self.full_metadata, **changes))


@dataclass(frozen=True)
class VersionInfo:
    """One kept version: the backend's version token, when it was written, and whether it is the current one."""

    version: str
    created_at: Optional[datetime] = None
    current: bool = False
