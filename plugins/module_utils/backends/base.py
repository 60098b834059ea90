# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend contract (A9): what every backend, and every layer around one, does.

A backend stores records. It knows nothing of retries, caches, encryption, audit, types or lifecycles, and its
constructor opens nothing: `connect` does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.unsupported import keyless, markless, tableless
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import EnsuredKey, Rotated
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Fields, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.schema_status import EnsuredSchema

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
        server_side_encryption: the backend encrypts at rest by itself.
        audit_log: it takes the entries of the audit trail too, so that several controllers share one that can be queried.
        max_bytes: the largest value, in bytes as stored.
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
    """The backend's options as an Ansible argument spec."""
    secrets: Tuple[str, ...] = ()
    """Options whose values are secret beside those with `no_log`; `auth.password` is one within a mapping. The edge masks them."""

    capabilities: Capabilities = Capabilities()
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

    def flush(self) -> None:
        """Make durable what was acknowledged, where a backend holds it in memory first. The default holds nothing back.

        Raises:
            Conflict: another process has replaced what this one would replace. Nothing was written.
            StorageError: it cannot be written.
        """

    def renew_due(self) -> Optional[float]:
        """Keep alive what is held at the backend for as long as this is open (leases, a login). For a process that outlives one task.

        Returns:
            The seconds after which to call again at the latest; None where nothing is held, which is the default.
        """
        return None

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

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        """Accept what is stored now although it is older than what was seen, or was deleted: an explicit act (ENVELOPE rule 8).

        Args:
            name: the credential.
            stage: where it is stored.
            version: the version that has to be there, or None for any.
            check: answer what is there, and accept nothing.

        Raises:
            Conflict: another version is there.

        Only a store with high-water marks refuses an older value, so only the layer that keeps them implements it.
        """
        raise markless(name, self.context.store)

    def ensure_key(self, *, check: bool = False) -> EnsuredKey:
        """See that the store's key can be had from every configured source, and tell what it is; with `check`, tell alone.

        Raises:
            InvalidInput: the store has no key of ours. Only the layer that encrypts has one.
            EncryptionError: the key cannot be had.
        """
        raise keyless(self.context.store)

    def rotate_master_key(
        self,
        *,
        compromised: bool = False,
        drop_sources: Iterable[str] = (),
        keep_until: Optional[datetime] = None,
        check: bool = False,
    ) -> Rotated:
        """Put everything under a new master key, or take up a killed rotation; with `check`, tell what would be done. As `ensure_key`."""
        raise keyless(self.context.store)

    def ensure_schema(self, *, check: bool = False) -> EnsuredSchema:
        """Bring the tables of a database up to date, whatever `migration` says; with `check`, tell alone. Others raise InvalidInput."""
        raise tableless(self.context.store)

    def append_audit(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Keep entries of the audit trail, where `capabilities.audit_log` is set. Each has an `id`; a repeated one changes nothing."""

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

    def location(self) -> Optional[str]:
        """Where the records are: equal for two configurations of one place, as far as it can be known. Compared, never shown.

        The default is None: it is not known.
        """
        return None

    def kept_versions(self) -> Optional[int]:
        """How many older versions of a credential are kept; None for all of them."""
        return self.setting("keep_versions") if "keep_versions" in self.options else None

    @abstractmethod
    def health(self) -> Health:
        """Tell whether the backend can be used now. Raises nothing of the neutral tree."""
