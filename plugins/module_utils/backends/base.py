# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend contract (A9): what every backend, and every layer around one, does.

A backend stores records. It knows nothing of retries, caches, encryption, audit, types or lifecycles, and its
constructor opens nothing: `connect` does. What only some backends do is a small protocol (`backends.protocols`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record, VersionInfo

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
        envelopes: values can be kept as envelopes; they are, unless that is refused in so many words or `native` is set.
        native: fields, tags and times are kept as the backend's own users expect them; encrypted by us only when asked to.
        remote: it is reached over a network: requests are bounded in time, repeated, and not made while it is down.
        persistent: what was written outlives the process.
        leased: values are lent for a time; the backend keeps them, renews them (`renew_due`) and gives them back, so no cache does.
        server_side_encryption: the backend encrypts at rest by itself. Where it does not, and `native` values are plain, the store says so.
        audit_log: it takes the entries of the audit trail too, so that several controllers share one that can be queried.
        max_bytes: the largest value, in bytes as stored (`protocols.Limited` measures it).
        max_tags: the most tags a record may have.
    """

    versions: bool = False
    native_cas: bool = False
    stages: bool = False
    soft_delete: bool = False
    batch_get: bool = False
    envelopes: bool = False
    native: bool = False
    remote: bool = False
    persistent: bool = True
    leased: bool = False
    server_side_encryption: bool = False
    audit_log: bool = False
    max_bytes: Optional[int] = None
    max_tags: Optional[int] = None


@dataclass(frozen=True)
class Filter:
    """Which records `list` yields. Every part that is set must hold.

    A backend may yield more than what matches `type`, `created_after` and `created_before` (inclusive, exclusive), where
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
    """`healthy`, `degraded` or `unhealthy`, why in words for people, and the code of the error where one is the reason."""

    status: str = HEALTHY
    reasons: Tuple[str, ...] = ()
    code: Optional[str] = None


def unhealthy(error: CredentialError) -> Health:
    """The health of a backend whose answer was `error`: its message, remedy included, is the reason."""
    return Health(UNHEALTHY, (str(error),), error.code)


@dataclass
class BackendContext:
    """What a backend is told beside its options: the user's name for the store, and where warnings go."""

    store: str
    warn: Any = field(default=lambda _message: None)


class Backend(ABC):
    """A place that keeps records. All methods raise errors of the neutral tree only."""

    options: Mapping[str, Mapping[str, Any]] = {}
    """The backend's options as an Ansible argument spec: those of its traits."""

    capabilities: Capabilities = Capabilities()
    inner: Optional[Backend] = None
    """The backend that a layer wraps; None if this is no layer."""
    plaintext_warning: str = (
        "the backend does not encrypt what it stores. Write 'encrypt: true' to have this collection encrypt it, or 'encrypt: false' "
        "where it is encrypted otherwise."
    )
    """What a store warns of once if neither the backend nor this collection encrypts its values and `encrypt` is left out."""
    default_retries: int = 5
    """How often a request is repeated at most where the store's configuration does not say (`max_retries`)."""

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Take validated options. Opens nothing."""
        self.settings = options
        self.context = context

    def setting(self, option: str) -> Any:
        """The value of an option, or its default where none is set."""
        value = self.settings.get(option)
        return self.options[option].get("default") if value is None else value

    def connect(self) -> None:
        """Open what is needed. Called once, before anything else. The default opens nothing.

        A remote backend makes no request here: the first operation logs in, within its own time limit.
        """

    def close(self) -> None:
        """Release everything. May be called twice. The default has nothing to release."""

    @abstractmethod
    def put(self, record: Record, expected_version: Optional[str] = None, *, create: bool = False) -> Record:
        """Store a value under (`record.name`, `record.stage`).

        Args:
            record: name, type, fields or envelope, and metadata. Where it carries a `serial`, that is stored; else the
                backend counts one up from `last_serial`.
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

    @abstractmethod
    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        """Replace the metadata (and envelope, where there is one) of the version `record.version`; the value stays.

        Returns:
            The record with its revision, `expected_revision` + 1.

        Raises:
            Conflict: the stored version or revision is another.
            NotFound: there is no such credential.
        """

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
