# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The provider contract (A9): what every backend, and every layer around one, does.

A backend stores records. It knows nothing of retries, caches, encryption, audit, types or lifecycles, and its
constructor opens nothing: `connect` does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.record import CURRENT, Fields, Record, VersionInfo

HEALTHY = "healthy"
DEGRADED = "degraded"
UNHEALTHY = "unhealthy"


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do, as data. A limit of None means that the backend states none.

    Attributes:
        versions: older values can be read with `get(name, version=…)`.
        native_cas: `put` compares and swaps in one step.
        stages: `pending`, `previous` and `journal` have a place of their own.
        soft_delete: a deleted credential can be recovered for a while.
        batch_get: `get_many` costs fewer requests than as many `get`.
        envelopes: values are encrypted by us unless that is refused in so many words.
        persistent: what was written outlives the process.
        server_side_encryption: the backend encrypts at rest by itself.
        max_bytes: the largest value, in bytes as stored.
        max_tags: the most tags a record may have.
    """

    versions: bool = False
    native_cas: bool = False
    stages: bool = False
    soft_delete: bool = False
    batch_get: bool = False
    envelopes: bool = False
    persistent: bool = True
    server_side_encryption: bool = False
    max_bytes: Optional[int] = None
    max_tags: Optional[int] = None


@dataclass(frozen=True)
class Filter:
    """Which records `list` yields. Every part that is set must hold.

    A provider may yield more than what matches `type`, `created_after` and `created_before` (inclusive, exclusive), where
    its indices say no more; whoever asks checks again. It never yields less. `names_only` yields records without metadata.
    """

    prefix: str = ""
    type: Optional[str] = None
    created_after: Optional[datetime] = None
    created_before: Optional[datetime] = None
    stage: str = CURRENT
    names_only: bool = False


@dataclass(frozen=True)
class Health:
    """`healthy`, `degraded` or `unhealthy`, and why in words for people."""

    status: str = HEALTHY
    reasons: Tuple[str, ...] = ()


@dataclass
class ProviderContext:
    """What a provider is told beside its options: the user's name for the store, and where warnings go."""

    store: str
    warn: Any = field(default=lambda message: None)


class Provider(ABC):
    """A place that keeps records. All methods raise errors of the neutral tree only."""

    options: Mapping[str, Mapping[str, Any]] = {}
    """The backend's options as an Ansible argument spec."""

    capabilities: Capabilities = Capabilities()

    def __init__(self, options: Mapping[str, Any], context: ProviderContext) -> None:
        """Take validated options. Opens nothing."""
        self.settings = options
        self.context = context

    def connect(self) -> None:
        """Open what is needed. Called once, before anything else. The default opens nothing."""

    def close(self) -> None:
        """Release everything. May be called twice. The default has nothing to release."""

    @abstractmethod
    def put(self, record: Record, expected_version: Optional[str] = None, *, create: bool = False) -> Record:
        """Store a value under (`record.name`, `record.stage`).

        Args:
            record: name, type, fields or envelope, and metadata. Where it carries a `serial`, that is stored; else the
                provider counts one up from `last_serial`.
            expected_version: the version this value replaces.
            create: there must be none yet. With neither, whatever is there is replaced.

        Returns:
            The record as stored, with `version`, `serial` and `revision` (0 again with every value) set.

        Raises:
            Conflict: another version is there than expected, or one at all with `create`, or `serial` was used before.
            TooLarge: the backend does not take as much.
        """

    @abstractmethod
    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        """Read a value: of `stage`, or an older version of `current`.

        Raises:
            NotFound: there is none.
        """

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        """Read current values by name; names without one are left out."""
        found = {}
        for name in names:
            try:
                found[name] = self.get(name)
            except NotFound:
                continue
        return found

    def update_state(self, name: str, state: Fields, expected_version: str) -> Record:
        """Store a new version whose `state` is replaced and whose fields and metadata stay (a refresh does this)."""
        current = self.get(name)
        return self.put(replace(current, state=state, serial=None, record_id=None), expected_version)

    @abstractmethod
    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        """Replace the metadata (and envelope, where there is one) of the version `record.version`; the value stays.

        Returns:
            The record with its revision, `expected_revision` + 1.

        Raises:
            Conflict: the stored version or revision is another.
            NotFound: there is no such credential.
        """

    def rewrite_envelope(self, record: Record, replaces: bytes) -> None:
        """Put `record.envelope` where the envelope `replaces` is: in (`name`, `stage`), or in the kept version `version` of `current`.

        Version, serial, revision and metadata stay: it is the same value, under another master key (ENVELOPE rule 12). Backups
        stay as they are. A backend that keeps envelopes implements it.

        Raises:
            Conflict: other bytes are there than `replaces`.
            NotFound: there is no such object or version.
        """
        raise StorageError("this backend cannot rewrite an envelope in place", name=record.name, store=self.context.store)

    @abstractmethod
    def delete(self, name: str, *, stage: str = CURRENT, expected_version: Optional[str] = None, recoverable: bool = False) -> None:
        """Remove a value; of `current` with every kept version. Its last serial is remembered.

        Raises:
            NotFound: there is none.
            Conflict: another version is there than expected.
        """

    @abstractmethod
    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Yield what is stored, in no order, one at a time, without reading a secret. Concurrent writes may or may not show."""

    @abstractmethod
    def versions(self, name: str) -> List[VersionInfo]:
        """The versions of `current` that `get` can read, newest first.

        Raises:
            NotFound: there is no such credential.
        """

    @abstractmethod
    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        """The highest serial ever stored there, also after a delete; 0 when never."""

    @abstractmethod
    def read_store_document(self) -> Optional[bytes]:
        """The store's own document (store id, key slots), or None in a new store."""

    @abstractmethod
    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        """Write the store's document, durably.

        Raises:
            Conflict: what is there is not `replaces` (None: nothing).
        """

    @abstractmethod
    def health(self) -> Health:
        """Tell whether the backend can be used now. Raises nothing of the neutral tree."""
