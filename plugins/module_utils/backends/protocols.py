# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Features that only some backends and layers have: small protocols, as well as the contract of `backends.base`, found through the layers.

A backend that does more than the contract inherits a protocol too: `class Database(Backend, SchemaAdmin)`. A layer inherits a protocol
if it provides it (encryption is a `KeyAdmin`), or if it must see its calls (the audit layer records them): then it passes each call on
to `require_protocol(self.inner, …)`. Every other layer is skipped.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Type, TypeVar, cast

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, build_unreadable_row
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.model.audit_page import AuditPage
    from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import EnsuredKey, Rotated
    from ansible_collections.nebula.credential.plugins.module_utils.model.path_request import PathRequest
    from ansible_collections.nebula.credential.plugins.module_utils.model.schema_status import SchemaMigration
    from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret


class KeyAdmin(ABC):
    """Has a master key of its own, as the encryption layer does."""

    @abstractmethod
    def ensure_key(self, *, check: bool = False) -> EnsuredKey:
        """Give every configured key source a slot and return the key's status. With `check`, change nothing.

        Raises:
            EncryptionError: no source opens the key.
        """

    @abstractmethod
    def rotate_master_key(
        self,
        *,
        compromised: bool = False,
        drop_sources: Iterable[str] = (),
        keep_until: Optional[datetime] = None,
        check: bool = False,
    ) -> Rotated:
        """Put everything under a new master key, or finish a killed rotation. With `check`, return what it would do.

        Args:
            compromised: keep nothing of the former keys.
            drop_sources: sources (`kind` or `kind:label`) that get no slot of the new key.
            keep_until: when the last backup that needs the former key expires; None keeps it until a compromised rotation.
            check: change nothing.

        Raises:
            InvalidInput, EncryptionError, Conflict: see `crypto.master_key_rotation`.
        """


class SchemaAdmin(ABC):
    """Keeps tables."""

    @abstractmethod
    def ensure_schema(self, *, check: bool = False) -> SchemaMigration:
        """Bring the tables up to date, whatever the option `migration` says. With `check`, return what it would do."""


class AuditSink(ABC):
    """Keeps a copy of the audit trail, if `capabilities.audit_log` is set."""

    @abstractmethod
    def append_audit(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Keep entries of the audit trail. Each has an `id`; a repeated one changes nothing."""

    @abstractmethod
    def purge_audit(self, before: datetime, *, check: bool = False) -> int:
        """Remove the entries that are older than a time; with `check`, nothing. Return how many were removed, or would be.

        Raises:
            AccessDenied: the login may only add entries.
        """

    @abstractmethod
    def read_audit(self, page: AuditPage) -> List[Dict[str, Any]]:
        """Return entries as they were given to `append_audit`, those of other controllers included; fewer than `most` at the end.

        Raises:
            AccessDenied: the login may only add entries.
        """


class Renewable(ABC):
    """Holds something at the server that ends unless it is renewed: leases, a login."""

    @abstractmethod
    def renew_due(self) -> Optional[float]:
        """Renew what is due. A process that outlives one task calls it.

        Returns:
            The seconds until it has to be called again; None if nothing is held.
        """


class Flushable(ABC):
    """Holds values in memory before it writes them, or has written some that are not durable yet."""

    @abstractmethod
    def flush(self) -> None:
        """Write what is held, and make what is written durable.

        Raises:
            Conflict: another process has replaced what this one would replace. Nothing was written.
            StorageError: it cannot be written.
        """


class Recoverable(ABC):
    """Brings back a value that was deleted recoverably, or accepts one that was put back from a backup."""

    @abstractmethod
    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        """Make the stored value the current one, although it was deleted or is older than what was seen (ENVELOPE rule 8).

        Args:
            name: the credential.
            stage: where it is stored.
            version: the version that must be stored, or None for any.
            check: return the stored record, and change nothing.

        Raises:
            NotFound: nothing is stored.
            Conflict: another version is stored.
            EncryptionError: the stored envelope is not genuine.
        """


class SharedReads(ABC):
    """Shares the values that it has read with other controllers."""

    @abstractmethod
    def clear_shared(self, name: Optional[str] = None, *, check: bool = False) -> int:
        """Drop what is shared of a credential, or of all of the store. With `check`, drop nothing.

        Returns:
            The number of credentials that were dropped, or would be.

        Raises:
            AccessDenied, Unavailable, StorageError: the shared cache did not do it.
        """

    @abstractmethod
    def count_lookups(self) -> Tuple[int, int]:
        """Return how many reads of this process were returned from what is shared, and how many were not."""


class VersionRemover(ABC):
    """Removes single older versions. A backend that keeps versions does."""

    @abstractmethod
    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        """Remove one older version of `current`; the current value and all other versions stay.

        Args:
            name: the credential.
            version: an older version. The current one is removed by `delete` only.
            recoverable: `restore_version` can bring it back (only where `capabilities.soft_delete` is set).
            check: raise what would be raised, and change nothing.

        Raises:
            NotFound: there is no such older version, or it is removed already.
        """

    def restore_version(self, name: str, version: str, *, check: bool = False) -> Record:
        """Bring back an older version that was removed recoverably, and return it; with `check` without its fields, and change nothing.

        Raises:
            NotFound: there is none. The default has none.
            Revoked: it is of a revoked credential.
        """
        raise absent(name, version)


class EnvelopeRewriter(ABC):
    """Replaces an envelope in place. A backend that keeps envelopes for the layer that encrypts does."""

    @abstractmethod
    def rewrite_envelope(self, record: Record, replaces: bytes) -> None:
        """Put `record.envelope` where the envelope `replaces` is: in (`name`, `stage`), or in the kept version `version` of `current`.

        Version, serial, revision and metadata stay: it is the same value, under another master key (ENVELOPE rule 12). If the backend
        is `Flushable`, it is durable after `flush`.

        Raises:
            Conflict: the stored bytes are not `replaces`.
            NotFound: there is no such object or version.
        """

    def read_kept(self, current: Record) -> List[Record]:
        """Return the older values of `current`, a record as it was read or listed; one that cannot be read has a `problem`.

        The default reads them one by one. A backend overrides it if it needs fewer requests, and sets `Record.source` if
        `rewrite_envelope` then reads nothing.
        """
        backend, found = cast("Backend", self), []
        try:
            versions = [info.version for info in backend.versions(current.name) if not info.current]
        except NotFound:
            return []
        for version in versions:
            try:
                found.append(backend.get(current.name, version))
            except NotFound:
                continue  # Another process has removed it since.
            except CredentialError as problem:
                found.append(replace(build_unreadable_row(current.name, CURRENT, problem), version=version))
        return found


class BackupCopy(NamedTuple):
    """A copy of an overwritten or deleted value, which the store keeps: the credential, where the copy is, and its envelope."""

    name: str
    place: str
    envelope: bytes


class BackupKeeper(ABC):
    """Keeps copies of overwritten and deleted values of its own."""

    @abstractmethod
    def read_backups(self) -> Iterator[BackupCopy]:
        """Yield every copy that holds an envelope, whether or not the store makes new copies now.

        Raises:
            StorageError: one cannot be read.
        """

    @abstractmethod
    def rewrite_backup(self, copy: BackupCopy, envelope: bytes) -> None:
        """Replace a copy by the same value under another master key. Do nothing if its retention ended meanwhile.

        Raises:
            StorageError: it cannot be written.
        """


class WriteChecker(ABC):
    """Finds out, without a change, whether the current value of a credential can be replaced."""

    @abstractmethod
    def check_writable(self, name: str) -> None:
        """Do nothing if the backend would accept another current value. A rotation checks this before it sends anything to a service.

        Raises:
            CredentialError: what a write of another value would fail with.
        """


class WriteGate(ABC):
    """Takes writes on a condition: a lock is configured, the program behind the store writes at all."""

    @abstractmethod
    def check_takes_writes(self) -> None:
        """Do nothing if the store takes writes. A plan (check mode) checks this, as it must fail where the real run would.

        Raises:
            CredentialError: what each write would fail with.
        """


class RuleKeeper(ABC):
    """Holds what is written to the rules of the store's configuration."""

    @abstractmethod
    def check_rules(self, record: Record) -> None:
        """Do nothing if `put` would accept the record as the current value. A plan (check mode, a migration) checks this.

        Raises:
            InvalidInput: as `put` would.
        """


class Authenticating(ABC):
    """Authenticates metadata with a key of its own: a record that it returns as `verified` says what a caller of ours has written."""


class FitChecker(ABC):
    """Finds out, without a change, whether a value exceeds a limit of the backend."""

    @abstractmethod
    def check_fits(self, record: Record) -> None:
        """Do nothing if `put` would accept the size and the tags of the record.

        Raises:
            TooLarge: as `put` would.
        """


class Limited(ABC):
    """States `capabilities.max_bytes`, `capabilities.max_tags` or both. `layers.limits` checks them."""

    container: str = "the backend"
    """What holds one value, in the words of the backend's users, for a message: `a Secret`."""

    @abstractmethod
    def measure_value(self, record: Record) -> int:
        """Return the bytes that count for `max_bytes` if the record is stored: of its fields and state, or of its envelope."""


class Located(ABC):
    """States where its records are: so that people find them, and one place under two names is detected before it is copied onto itself."""

    @abstractmethod
    def location(self) -> str:
        """Return a text that is equal for all configurations of one place. It is compared, not shown."""

    @abstractmethod
    def locate(self, name: str) -> Dict[str, str]:
        """Return where the current value of a credential is, or would be, in the words of the backend's users. Sends nothing.

        For example `{"namespace": …, "secret": …}`. No login is in it.
        """


class CopyNaming(ABC):
    """A place that takes values under names of its own."""

    @abstractmethod
    def name_copy(self, name: str) -> str:
        """Return the name that the copy of a credential has there, unless the configuration gives it another one."""

    @abstractmethod
    def check_copy(self, record: Record) -> None:
        """Raise InvalidInput if the place does not take a copy like this one. Sends nothing."""


class PasswordPolicies(ABC):
    """Generates passwords by policies that are kept at the service."""

    @abstractmethod
    def generate_password(self, policy: str) -> Secret:
        """Return a password that fits the policy of this name. It is stored nowhere yet.

        Raises:
            InvalidInput: it is no name of a policy, or there is none of that name.
            CredentialError: as `Backend.get`.
        """


class PathRequests(ABC):
    """Reaches any path of its service, by the login of the store."""

    @abstractmethod
    def request_path(self, request: PathRequest) -> Mapping[str, Any]:
        """Make a request, and return the parsed response; empty if it has none.

        Raises:
            InvalidInput: the path is none, or is that of a credential of this store: those are read and written by their names.
            NotFound: there is nothing at the path.
            CredentialError: as `Backend.get`. `outcome_unknown` says whether a request that writes may have been carried out.
        """


Protocol = TypeVar("Protocol")


def find_protocol(backend: Backend, protocol: Type[Protocol]) -> Optional[Protocol]:
    """Return the outermost part of a store that takes the calls of `protocol`: a layer, else the backend; None if no part does.

    A layer that only passes the calls on is returned too, so that it sees them. Its call then fails as `require_protocol` does.
    """
    part: Optional[Backend] = backend
    while part is not None and not isinstance(part, protocol):
        part = part.inner
    return part


def require_protocol(backend: Backend, protocol: Type[Protocol], name: Optional[str] = None) -> Protocol:
    """Return what `find_protocol` returns.

    Raises:
        InvalidInput, StorageError: no part of the store does it; the class is the protocol's own. `name` is the credential's.
    """
    found = find_protocol(backend, protocol)
    if found is None:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.unsupported import build_unsupported_error

        raise build_unsupported_error(protocol, backend.context.store).within(name=name)
    return found


def check_takes_writes(backend: Backend, name: Optional[str] = None) -> None:
    """Raise what a write of a credential would fail with if the store takes none; see `WriteGate`."""
    gate = find_protocol(backend, WriteGate)
    if gate is None:
        return
    try:
        gate.check_takes_writes()
    except CredentialError as problem:
        raise problem.within(name=name) from None


def check_rules(backend: Backend, record: Record) -> None:
    """Raise what `put` would refuse a record with, if the store has rules for what is written; see `RuleKeeper`."""
    keeper = find_protocol(backend, RuleKeeper)
    if keeper is not None:
        keeper.check_rules(record)


def flush_backend(backend: Backend) -> None:
    """Write what a store holds in memory, if it is `Flushable`; raises as that does."""
    flushable = find_protocol(backend, Flushable)
    if flushable is not None:
        flushable.flush()
