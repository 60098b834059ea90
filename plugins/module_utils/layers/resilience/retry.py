# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repeat requests as a layer, around a backend and inside the time limits: only requests that are safe to repeat.

A read is safe. A write is safe if its failure says that nothing happened. If a response was lost (`outcome_unknown`), the write
is reconciled by reading and never blindly repeated: `reconcile` says what is read, `write_retry` what follows. Then a write that
does not name what it replaces is never made again. A write that does is made again: of the two requests, the backend refuses the
one that comes second, even if that is the first request arriving late.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Mapping, Optional, Set

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    EnvelopeRewriter,
    PathRequests,
    VersionRemover,
    require_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.layers.intercept import (
    Answer,
    BackendCall,
    BatchedRows,
    InterceptingLayer,
    batch_rows,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import Observer
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience import reconcile
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.backoff import DELAYS, RetryDelays, RetryPolicy
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.write_retry import ReconciledWrite
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.model.path_request import PathRequest

_RECORD_ID_SIZE = 16
_LISTING = BackendCall("list")


class Retry(InterceptingLayer):
    """Repeat requests that fail with `Unavailable` or `Timeout`, but not with `CircuitOpen`.

    The last error is raised and keeps its class. Its message has the number of attempts.
    """

    def __init__(
        self,
        inner: Backend,
        repeats: int,
        observer: Optional[Observer] = None,
        sleep: Callable[[float], None] = time.sleep,
        delays: RetryDelays = DELAYS,
    ) -> None:
        """Wrap `inner`.

        Args:
            inner: the backend.
            repeats: how many times a request is repeated at most.
            observer: called for each repeat.
            sleep: waits the given seconds.
            delays: how long it waits.
        """
        super().__init__(inner)
        self._attempts = RetryPolicy(repeats, observer, sleep, delays)

    def connect(self) -> None:
        """Load tenacity, and connect the backend.

        Raises:
            MissingLibrary: tenacity is not installed. This is raised here, so that it does not wait for the first failure.
        """
        self._attempts.prepare()
        self.inner.connect()

    def intercept(self, call: BackendCall, work: Callable[[], Answer]) -> Answer:
        """Make a read; writes have methods of their own here."""
        return self._attempts.run(call, work)

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        if create and record.record_id is None:
            # By this id a new credential is recognised as ours, even after another run has changed it.
            record = replace(record, record_id=os.urandom(_RECORD_ID_SIZE))
        others: Set[str] = set()
        swaps = create or expected is not None
        write = ReconciledWrite(
            lambda: self.inner.put(record, expected, create=create),
            lambda: reconcile.put(self.inner, record, expected, create, others),
            repeatable=swaps,
        )
        return write.carry_out(self._attempts, BackendCall("put", record.name, True))

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        write = ReconciledWrite(
            lambda: self.inner.patch_metadata(record, expected_revision),
            lambda: reconcile.patch_metadata(self.inner, record, expected_revision),
            repeatable=True,
        )
        return write.carry_out(self._attempts, BackendCall("patch_metadata", record.name, True))

    def rewrite_envelope(self, record: Record, replaces: bytes) -> None:
        write = ReconciledWrite(
            lambda: require_protocol(self.inner, EnvelopeRewriter, record.name).rewrite_envelope(record, replaces),
            lambda: reconcile.rewrite_envelope(self.inner, record, replaces),
            repeatable=True,
        )
        write.carry_out(self._attempts, BackendCall("rewrite_envelope", record.name, True))

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        write = ReconciledWrite(
            lambda: self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable),
            lambda: reconcile.delete(self.inner, name, stage, expected),
            repeatable=expected is not None,
        )
        write.carry_out(self._attempts, BackendCall("delete", name, True))

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        remover = require_protocol(self.inner, VersionRemover, name)
        write = ReconciledWrite(
            lambda: remover.remove_version(name, version, recoverable=recoverable, check=check),
            lambda: reconcile.remove_version(remover, name, version, recoverable),
            repeatable=True,
        )
        write.carry_out(self._attempts, BackendCall("remove_version", name, not check))

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        write = ReconciledWrite(
            lambda: self.inner.write_store_document(content, replaces),
            lambda: reconcile.write_store_document(self.inner, content, replaces),
            repeatable=True,
        )
        write.carry_out(self._attempts, BackendCall("write_store_document", None, True))

    def request_path(self, request: PathRequest) -> Mapping[str, Any]:
        """Make a request for a path. One that may have changed something is not repeated: nothing says what a second one would do."""
        requests = require_protocol(self.inner, PathRequests)
        call = BackendCall("request_path", None, request.writing)
        return _repeat_unless_unknown(self._attempts, call, lambda: requests.request_path(request))

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """List the records. A request that fails is repeated by itself, if the backend declares its requests (`repeat_in_listings`).

        A listing that fails midway otherwise begins again and skips the names that were returned already.
        """
        return BatchedRows(_Listing(self.inner, wanted, self._attempts).take)


class _End(Exception):
    """Nothing is repeated for this error."""

    def __init__(self, problem: CredentialError) -> None:
        super().__init__()
        self.problem = problem


def _repeat_unless_unknown(attempts: RetryPolicy, call: BackendCall, request: Callable[[], Answer]) -> Answer:
    """Make one request, and make it again if it fails for a temporary reason and has changed nothing."""

    def attempt() -> Answer:
        try:
            return request()
        except CredentialError as problem:
            if problem.outcome_unknown:
                raise _End(problem) from None
            raise

    try:
        return attempts.run(call, attempt)
    except _End as end:
        problem = end.problem
    raise problem


class _Listing:
    """The rows of a listing: each name once, however often the listing begins again."""

    def __init__(self, inner: Backend, wanted: Filter, attempts: RetryPolicy) -> None:
        self._inner = inner
        self._wanted = wanted
        self._attempts = attempts
        self._rows: Optional[BatchedRows] = None
        self._returned: Set[str] = set()
        self._failure: Optional[CredentialError] = None

    def take(self) -> List[Record]:
        """Return the next rows; none at the end."""
        try:
            return self._attempts.run(_LISTING, self._take)
        except _End as end:
            problem = end.problem
        raise problem

    def _take(self) -> List[Record]:
        # Imported here, because a session that lists nothing does not need it.
        from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeating

        try:
            with repeating(self._repeat):
                self._rows = self._rows or batch_rows(self._list_others())
                return self._rows.take()
        except CredentialError as problem:
            self._rows = None
            if problem is self._failure:
                raise _End(problem) from None  # its request was repeated as often as it may be
            raise

    def _repeat(self, request: Callable[[], Answer]) -> Answer:
        """Make one request of the listing as `_repeat_unless_unknown`."""
        try:
            return _repeat_unless_unknown(self._attempts, _LISTING, request)
        except CredentialError as failure:
            self._failure = None if failure.outcome_unknown else failure
            raise

    def _list_others(self) -> Iterator[Record]:
        """List anew, without the names that were returned."""
        for row in self._inner.list(self._wanted):
            if row.name not in self._returned:
                self._returned.add(row.name)
                yield row
