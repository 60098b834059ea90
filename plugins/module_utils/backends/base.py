# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend contract (A9): what every backend, and every layer around one, does.

A backend stores records. It knows nothing of retries, caches, encryption, audit, types or lifecycles, and its
constructor opens nothing: `connect` does. Features that only some backends have are small protocols (`backends.protocols`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidInput,
    NotFound,
    Package,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES, Etag, LastSerial, Record, VersionInfo

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism

HEALTHY = "healthy"
DEGRADED = "degraded"
UNHEALTHY = "unhealthy"
CONNECTIONS = 32
"""How many connections a client of a server keeps (`network.http_deadline`): more operations at once would open and close some."""


@dataclass(frozen=True)
class Capabilities:
    """The features and limits of a backend, as data. A limit of None means that the backend states none.

    Attributes:
        versions: older values can be read with `get(name, version=…)`.
        native_cas: `put` compares and swaps in one step.
        stages: `pending`, `previous` and `journal` are separate objects.
        soft_delete: a deleted credential can be recovered for a while.
        batch_get: `get_many` needs fewer requests than a `get` for each name.
        envelopes: values can be stored as envelopes; they are, unless `encrypt` is false or `native` is set.
        native: fields, tags and times are stored as the backend's own users expect them; encrypted by the collection only on request.
        json_fields: a field may be a number, boolean, list or mapping of JSON, or null, and stays one. Elsewhere it is its text.
        remote: it is reached over a network: requests are bounded in time, repeated after failures, and not sent while it is down.
        persistent: stored values outlive the process.
        read_only: nothing can be written, so nothing has to be locked either.
        write_only: values are written and deleted, and no value can be read again. Only a sync writes there.
        leased: values are leased for a time; the backend keeps them, renews them (`renew_due`) and revokes them, so no cache keeps them.
        describes_later: the metadata of a value is written by a request of its own, after the value.
        server_side_encryption: the backend encrypts at rest. Without it, a store with plain `native` values warns about that.
        audit_log: it stores the entries of the audit trail too, so that several controllers share one trail that can be queried.
        max_bytes: the largest value, in bytes as stored (`protocols.Limited` measures it).
        max_tags: the most tags a record may have.
        parallel: the most operations of a batch that can be in flight at once (option `parallel`). 1: several at once gain nothing.
    """

    versions: bool = False
    native_cas: bool = False
    stages: bool = False
    soft_delete: bool = False
    batch_get: bool = False
    envelopes: bool = False
    native: bool = False
    json_fields: bool = False
    remote: bool = False
    persistent: bool = True
    read_only: bool = False
    write_only: bool = False
    leased: bool = False
    describes_later: bool = False
    server_side_encryption: bool = False
    audit_log: bool = False
    max_bytes: Optional[int] = None
    max_tags: Optional[int] = None
    parallel: int = 1


@dataclass(frozen=True)
class Filter:
    """Selects the records that `list` yields: those that match every part that is set.

    A backend may yield more records than match `type`, `tags`, `created_after` and `created_before` (inclusive, exclusive) if its
    indices do not cover them; the caller checks again. It never yields fewer. `tags` are (name, value) pairs, all of which a record
    has; the value None is any. `names_only` yields records without metadata.
    """

    prefix: str = ""
    type: Optional[str] = None
    created_after: Optional[datetime] = None
    created_before: Optional[datetime] = None
    stage: str = CURRENT
    names_only: bool = False
    tags: Tuple[Tuple[str, Optional[str]], ...] = ()

    def matches(self, record: Record) -> bool:
        """Whether a record of that stage matches every part. Of one that cannot be read only the name is known."""
        if not record.name.startswith(self.prefix) or record.problem is not None:
            return record.name.startswith(self.prefix)
        known = record.full_metadata
        return (
            self.type in (None, record.type)
            and (self.created_after is None or known.created_at >= self.created_after)
            and (self.created_before is None or known.created_at < self.created_before)
            and all(tag in known.tags and value in (None, known.tags[tag]) for tag, value in self.tags)
        )


def build_unreadable_row(name: str, stage: str, problem: CredentialError) -> Record:
    """Return the row of a listing for a record that cannot be read. The listing continues after it.

    Raises:
        InvalidInput, Unavailable, Timeout: `problem` itself, because it concerns more than this record.
    """
    if isinstance(problem, (InvalidInput, Unavailable, Timeout)):
        raise problem
    # The frames of a traceback hold what was read.
    return Record(name, stage=stage, problem=problem.within(name=name).with_traceback(None))


@dataclass(frozen=True)
class Health:
    """`healthy`, `degraded` or `unhealthy`, the reasons in words for people, and the code of the error if one is the reason."""

    status: str = HEALTHY
    reasons: Tuple[str, ...] = ()
    code: Optional[str] = None


def unhealthy(error: CredentialError) -> Health:
    """Return the health of a backend that failed with `error`. The reason is its message, with the remedy."""
    return Health(UNHEALTHY, (str(error),), error.code)


@dataclass
class BackendContext:
    """A backend's surroundings, as well as its options.

    Attributes:
        store: the user's name for the store.
        warn: the function for warnings.
        variables: the environment variable of each option whose value came from one.
        parallelism: how many operations of a batch are in flight; None: one.
        open_other: opens another store from its configuration and `name`, for a credential that a login needs.
        recipes: how values of custom types are renewed, by name; for what refreshes them, not for a backend.
        find_indices: returns the directory of this user for indices, which need not exist; None if the user has no home directory.
    """

    store: str
    warn: Any = field(default=lambda _message: None)
    find_indices: Callable[[], Optional[str]] = field(default=lambda: None)
    variables: Mapping[str, str] = field(default_factory=dict)
    parallelism: Optional[Parallelism] = None
    open_other: Optional[Callable[..., Any]] = None
    recipes: Mapping[str, Any] = field(default_factory=dict)


class Backend(ABC):
    """A store of records. All methods raise only errors of the neutral tree."""

    options: Mapping[str, Mapping[str, Any]] = {}
    """The backend's options as an Ansible argument spec: those of its traits."""

    capabilities: Capabilities = Capabilities()
    inner: Optional[Backend] = None
    """The backend that a layer wraps; None for a backend itself."""
    plaintext_warning: str = (
        "the backend does not encrypt what it stores. Write 'encrypt: true' to have this collection encrypt it, or 'encrypt: false' "
        "if it is encrypted by other means."
    )
    """The warning, given once, if neither the backend nor this collection encrypts a store's values and `encrypt` is not set."""
    packages: Tuple[Package, ...] = ()
    """The packages that this store needs, as well as those that its traits name for every store."""
    default_retries: int = 5
    """The most times a request is repeated if the store's configuration does not set `max_retries`."""

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Take validated options. Opens nothing."""
        self.settings = options
        self.context = context

    def setting(self, option: str) -> Any:
        """Return the value of an option, or its default if it is not set."""
        value = self.settings.get(option)
        return self.options[option].get("default") if value is None else value

    def connect(self) -> None:
        """Open what is needed. Called once, before all other methods. The default opens nothing.

        A remote backend makes no request here: the first operation logs in, within its own time limit.
        """

    def close(self) -> None:
        """Release everything. May be called twice. The default has nothing to release."""

    @abstractmethod
    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        """Store a value under (`record.name`, `record.stage`).

        Args:
            record: name, type, fields or envelope, and metadata. If it has a `serial`, that is stored; else the
                    backend uses `last_serial` + 1.
            expected: the state that this value replaces: the `etag` of the record that was read; with `create`, `ABSENT` if none was found.
            create: no value may exist yet. Without either, an existing value is replaced.

        Returns:
            The record as stored, with `version`, `serial` and `revision` (0 for every new value) set.

        Raises:
            Conflict: the stored version or revision is not the expected one, or `create` found a value, or `serial` was used before.
            TooLarge: the value exceeds a limit of the backend.
        """

    @abstractmethod
    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        """Return a value: that of `stage`, or an older version of `current`.

        Raises:
            NotFound: there is none.
        """

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        """Return current values by name, without the names that have none."""
        found = {}
        for name in names:
            try:
                found[name] = self.get(name)
            except NotFound:
                continue
        return found

    @abstractmethod
    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        """Replace the metadata (and the envelope, if there is one) of the version `record.version`; the value stays.

        Returns:
            The record with its new revision, `expected_revision` + 1.

        Raises:
            Conflict: the stored version or revision is not the expected one.
            NotFound: there is no such credential.
        """

    @abstractmethod
    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        """Remove a value; for `current` with every kept version. Its last serial stays recorded.

        Raises:
            NotFound: there is none.
            Conflict: the stored version or revision is not the expected one.
        """

    def find_stages(self, name: str) -> Sequence[str]:
        """Return the stages other than `current` that may hold a value of this credential, with one request at most.

        The default returns all of them. A backend overrides it if one request shows that some are empty.
        """
        check_name(name)
        return STAGES[1:]

    @abstractmethod
    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Yield the stored records one at a time, in no order, without reading a secret. Concurrent writes may or may not show.

        A record that cannot be read does not end the listing: it has a `problem` (`build_unreadable_row`).
        """

    @abstractmethod
    def versions(self, name: str) -> List[VersionInfo]:
        """Return the versions of `current` that `get` can read, newest first.

        Raises:
            NotFound: there is no such credential.
        """

    @abstractmethod
    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        """Return the highest serial ever stored for this name and stage, even after a delete; 0 if there was none."""

    def read_vacancy(self, name: str, stage: str) -> LastSerial:
        """Return the last serial of a name and stage of which the caller has read that there is no value, for `put` with `create`.

        The default reads `last_serial`. A backend overrides it if `put` would read the same again.
        """
        return LastSerial(self.last_serial(name, stage))

    @abstractmethod
    def read_store_document(self) -> Optional[bytes]:
        """Return the store's own document (store id, key slots), or None for a new store."""

    @abstractmethod
    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        """Write the store's document, durably.

        Raises:
            Conflict: the stored document is not `replaces` (None: no document).
        """

    @abstractmethod
    def health(self) -> Health:
        """Return whether the backend can be used now, and why not. Raises no error of the neutral tree."""
