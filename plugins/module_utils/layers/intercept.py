# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A layer that treats every request to the backend alike: it overrides one method, `intercept`."""

from __future__ import annotations

from abc import abstractmethod
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    AuditSink,
    EnvelopeRewriter,
    PathRequests,
    Recoverable,
    SchemaAdmin,
    VersionRemover,
    require_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, LastSerial, Record, VersionInfo

if TYPE_CHECKING:
    from datetime import datetime

    from ansible_collections.nebula.credential.plugins.module_utils.model.audit_page import AuditPage
    from ansible_collections.nebula.credential.plugins.module_utils.model.path_request import PathRequest
    from ansible_collections.nebula.credential.plugins.module_utils.model.schema_status import SchemaMigration

Answer = TypeVar("Answer")

_MOST_IN_BATCH = 32
"""Fewer than a thread remembers envelopes (`encoding.envelope.REMEMBERED`): so a layer further out need not parse them again."""
_BATCH_SECONDS = 0.02
"""A row that took a request of its own ends its batch."""


class BackendCall(NamedTuple):
    """One operation of the backend contract: its name, the credential it concerns, and whether it changes anything."""

    operation: str
    name: Optional[str] = None
    writing: bool = False


class BatchedRows(Iterator[Record]):
    """The rows of a listing, which come in batches: what a backend has read with one request, a layer handles with one call."""

    def __init__(self, take: Callable[[], List[Record]]) -> None:
        """Take the function that returns the next rows; none at the end."""
        self.take = take
        self._batch: Iterator[Record] = iter(())

    def __next__(self) -> Record:
        for row in self._batch:
            return row
        self._batch = iter(self.take())
        return next(self._batch)


class _Batches:
    """Divides the rows of a backend into batches."""

    def __init__(self, rows: Iterator[Record]) -> None:
        self._rows = rows
        self._problem: Optional[Exception] = None

    def take(self) -> List[Record]:
        """Return the next rows, as many as come without a wait.

        Raises:
            Exception: what the listing raised. The rows before that were returned first.
        """
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem
        taken: List[Record] = []
        ends_at = monotonic() + _BATCH_SECONDS
        try:
            for row in self._rows:
                taken.append(row)
                if len(taken) == _MOST_IN_BATCH or monotonic() > ends_at:
                    break
        except Exception as error:
            if not taken:
                raise
            self._problem = error
        return taken


def batch_rows(rows: Iterator[Record]) -> BatchedRows:
    """Return the rows in batches: those in which they come already, if a layer further in has made some."""
    return rows if isinstance(rows, BatchedRows) else BatchedRows(_Batches(rows).take)


class InterceptingLayer(Layer, SchemaAdmin, AuditSink, Recoverable, VersionRemover, EnvelopeRewriter, PathRequests):
    """Pass every operation that reaches the backend to `intercept`. A page of `list` is an operation of its own."""

    @abstractmethod
    def intercept(self, call: BackendCall, work: Callable[[], Answer]) -> Answer:
        """Run `work`, which makes `call`, and add what this layer does before, after or instead of it. Return its result."""

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        return self.intercept(BackendCall("put", record.name, True), lambda: self.inner.put(record, expected, create=create))

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        return self.intercept(BackendCall("get", name), lambda: self.inner.get(name, version, stage))

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        wanted = list(names)
        return self.intercept(BackendCall("get_many"), lambda: self.inner.get_many(wanted))

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        return self.intercept(
            BackendCall("patch_metadata", record.name, True), lambda: self.inner.patch_metadata(record, expected_revision)
        )

    def rewrite_envelope(self, record: Record, replaces: bytes) -> None:
        def rewrite() -> None:
            require_protocol(self.inner, EnvelopeRewriter, record.name).rewrite_envelope(record, replaces)

        self.intercept(BackendCall("rewrite_envelope", record.name, True), rewrite)

    def read_kept(self, current: Record) -> List[Record]:
        rewriter = require_protocol(self.inner, EnvelopeRewriter, current.name)
        return self.intercept(BackendCall("read_kept", current.name), lambda: rewriter.read_kept(current))

    def ensure_schema(self, *, check: bool = False) -> SchemaMigration:
        return self.intercept(
            BackendCall("ensure_schema", None, not check), lambda: require_protocol(self.inner, SchemaAdmin).ensure_schema(check=check)
        )

    def append_audit(self, entries: Iterable[Mapping[str, Any]]) -> None:
        kept = list(entries)
        self.intercept(BackendCall("append_audit", None, True), lambda: require_protocol(self.inner, AuditSink).append_audit(kept))

    def purge_audit(self, before: datetime, *, check: bool = False) -> int:
        def purge() -> int:
            return require_protocol(self.inner, AuditSink).purge_audit(before, check=check)

        return self.intercept(BackendCall("purge_audit", None, not check), purge)

    def read_audit(self, page: AuditPage) -> List[Dict[str, Any]]:
        return self.intercept(BackendCall("read_audit"), lambda: require_protocol(self.inner, AuditSink).read_audit(page))

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        def restore() -> Record:
            return require_protocol(self.inner, Recoverable, name).restore(name, stage, version=version, check=check)

        return self.intercept(BackendCall("restore", name, not check), restore)

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        def remove() -> None:
            require_protocol(self.inner, VersionRemover, name).remove_version(name, version, recoverable=recoverable, check=check)

        self.intercept(BackendCall("remove_version", name, not check), remove)

    def restore_version(self, name: str, version: str, *, check: bool = False) -> Record:
        def restore() -> Record:
            return require_protocol(self.inner, VersionRemover, name).restore_version(name, version, check=check)

        return self.intercept(BackendCall("restore_version", name, not check), restore)

    def request_path(self, request: PathRequest) -> Mapping[str, Any]:
        requests = require_protocol(self.inner, PathRequests)
        return self.intercept(BackendCall("request_path", None, request.writing), lambda: requests.request_path(request))

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        self.intercept(
            BackendCall("delete", name, True),
            lambda: self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable),
        )

    def find_stages(self, name: str) -> Sequence[str]:
        return self.intercept(BackendCall("find_stages", name), lambda: self.inner.find_stages(name))

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Make one call for each batch of the listing, so that the time a reader spends between two rows does not count."""
        rows = batch_rows(self.inner.list(wanted))
        return BatchedRows(lambda: self.intercept(BackendCall("list"), rows.take))

    def versions(self, name: str) -> List[VersionInfo]:
        return self.intercept(BackendCall("versions", name), lambda: self.inner.versions(name))

    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        return self.intercept(BackendCall("last_serial", name), lambda: self.inner.last_serial(name, stage))

    def read_vacancy(self, name: str, stage: str) -> LastSerial:
        return self.intercept(BackendCall("read_vacancy", name), lambda: self.inner.read_vacancy(name, stage))

    def read_store_document(self) -> Optional[bytes]:
        return self.intercept(BackendCall("read_store_document"), self.inner.read_store_document)

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        self.intercept(BackendCall("write_store_document", None, True), lambda: self.inner.write_store_document(content, replaces))
