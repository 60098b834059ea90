# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collect the entries of an audit trail and write them: batched, or strictly one by one."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.audit.entry import BEGUN, OK, VIOLATIONS, Event, build_entry
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller
from ansible_collections.nebula.credential.plugins.module_utils.errors import AuditFailed, CredentialError

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.audit.chain_key import TrailKey, TrailKeys
    from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import Journal
    from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import Finding

BATCHED, STRICT, OFF = "batched", "strict", "off"
MODES = (BATCHED, STRICT, OFF)

FLUSH_AT = 256
"""The greatest number of reads held in memory. A process that is killed loses them; `strict` loses none."""

WAKES_AT = 1024
"""The number of reads held in memory that wakes the thread which writes them every second or so, and that are written at once."""

CROWDED_AT = 6144
"""The number of reads held in memory from which a read that must not wait for the file has to be made in another thread."""

KEPT_AT_MOST = 8192
"""The number of reads held in memory from which each read waits until they are written."""

HELD_WITHOUT_KEY = 4096
"""The greatest number of entries that wait until the store's key is made."""

HAND_ON_WITHIN = 2.0
"""Seconds to pass entries on to the backend: if the backend is down, the operation has waited for it already."""

READ, LIST, VERSIONS = "read", "list", "versions"
ROTATE = "rotate"
"""The action of an entry about a rotation; `outcome` says what happened."""
PURGE = "purge"
"""The action of an entry that says that the oldest files were removed; `version` is the number of their last entry."""
_HELD_BACK = frozenset((READ, LIST, VERSIONS))

_OUT_OF_REACH = frozenset(("unavailable", "timeout", "circuit_open", "login_failed"))

LOST = "lost"
"""The action of an entry that says how many entries could not be written before it."""


class Trail:
    """The audit trail of one store, as one process writes it."""

    def __init__(
        self,
        journal: Journal,
        seals: TrailKeys,
        store: str,
        *,
        strict: bool = False,
        shared: bool = False,
        hand_on: Optional[Callable[[List[Mapping[str, Any]]], None]] = None,
        warn: Callable[[str], object] = lambda _message: None,
    ) -> None:
        """Write to `journal`, chained by `seals`, for the store named `store`. If a batched trail cannot be written, call `warn` once.

        `shared` means that the file may have entries of other stores: those that do not name `store`.
        `hand_on` takes the entries that were written to the file, each with an `id`, to where other controllers' entries are too.
        """
        self._journal = journal
        self._seals = seals
        self.store = store
        self.shared = shared
        self._strict = strict
        self._hand_on = hand_on
        self._warn = warn
        self._warned = False
        self._lost = 0
        self._flush_at = FLUSH_AT
        self._wake: Callable[[], object] = lambda: None
        self._begin()

    @property
    def journal(self) -> Journal:
        """The files."""
        return self._journal

    @property
    def key(self) -> Optional[TrailKey]:
        """The key to chain with; None if nothing was ever stored."""
        return self._seals()

    def keys(self) -> List[bytes]:
        """Return the keys of every part of the trail that can be checked; none for a trail without a key.

        Raises:
            EncryptionError: they cannot be read.
        """
        return self._seals.keys()

    @property
    def path(self) -> str:
        """The path of the file."""
        return self._journal.path

    @property
    def strict(self) -> bool:
        """True if no value is returned before its entry is on the disk."""
        return self._strict

    @property
    def is_crowded(self) -> bool:
        """True if so many reads are held that one more may have to wait for the file."""
        return len(self._events) >= CROWDED_AT

    @property
    def is_empty(self) -> bool:
        """True if no entry waits to be written."""
        return not self._events

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._events: List[Event] = []

    def record(
        self, action: str, result: str, name: Optional[str] = None, version: Optional[str] = None, stage: Optional[str] = None
    ) -> None:
        """Record an event of this moment. Reads are held in memory; writes and violations are written at once.

        Raises:
            AuditFailed: the trail is strict and cannot be written.
        """
        event = Event(time.time_ns(), current_caller(), action, result, name, version, stage)
        seen = _SEEN.get()
        if seen is not None:
            seen.add(self, event)
        self.hold(event)

    def hold(self, event: Event) -> None:
        """Hold a read in memory, and write everything else at once.

        Raises:
            AuditFailed: the trail is strict and cannot be written.
        """
        if os.getpid() != self._process:
            # The parent process writes the entries that it holds.
            self._begin()
        with self._lock:
            self._events.append(event)
            held = len(self._events)
        if self._strict or event.action not in _HELD_BACK or event.result in VIOLATIONS or held >= self._flush_at:
            self.flush()
        elif held % WAKES_AT == 0:
            self._wake()

    def record_rotation(self, outcome: str, name: str, target: Mapping[str, Any]) -> None:
        """Record what happened to a rotation: by the current caller, against that target. Written at once.

        Raises:
            AuditFailed: the trail is strict and cannot be written.
        """
        self._record_at_once(Event(time.time_ns(), current_caller(), ROTATE, OK, name, outcome=outcome, target=target))

    def record_purge(self, last: int) -> None:
        """Record that the entries up to a number are about to be removed. Written at once.

        Raises:
            AuditFailed: the trail is strict and cannot be written.
        """
        self._record_at_once(Event(time.time_ns(), current_caller(), PURGE, OK, version=str(last)))

    def _record_at_once(self, event: Event) -> None:
        if os.getpid() != self._process:
            self._begin()
        with self._lock:
            self._events.append(event)
        self.flush()

    def leave_to_keeper(self, wake: Callable[[], object] = lambda: None) -> None:
        """Hold reads until the next `flush`, which the keeper calls every second or so: a read must not wait for the file.

        `wake` is called when so many are held that the keeper should come at once.
        """
        self._flush_at = KEPT_AT_MOST
        self._wake = wake

    def flush(self) -> None:
        """Write the entries that are held.

        Raises:
            AuditFailed: the trail is strict and cannot be written.
        """
        if os.getpid() != self._process or not self._events or self._is_out_of_reach():
            return
        seal = self._seals()
        if seal is None:
            # Nothing was ever stored, or nothing of it can be opened: there is nothing to protect yet.
            with self._lock:
                del self._events[:-HELD_WITHOUT_KEY]
            return
        with self._writing:
            # The list is replaced before it is written: events of other threads meanwhile go into the next list.
            with self._lock:
                events, self._events = self._events, []
            if events:
                self._write(events, seal)

    def _is_out_of_reach(self) -> bool:
        """Return True if every event held is an unreachable backend. A request for the key would only take as long again."""
        with self._lock:
            results = {event.result for event in self._events} - {BEGUN}
        return bool(results) and results <= _OUT_OF_REACH and not self._seals.are_at_hand()

    def verify(self) -> List[Finding]:
        """Check the chain of the file. Return what is wrong; an empty list if all is well.

        Raises:
            NotFound: there is no trail.
            EncryptionError: the keys of the chain cannot be read.
        """
        from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import verify_chain

        self.flush()
        seal = self._seals()
        return verify_chain(self.path, self._seals.keys(), None if seal is None else seal.mark_path)

    def _write(self, events: List[Event], seal: TrailKey) -> None:
        """Write the events in parts, so that only the entries of one part are in memory. After a failure nothing more is tried."""
        file_works = forwards = True
        for start in range(0, len(events), WAKES_AT):
            part = events[start : start + WAKES_AT]
            entries = [build_entry(event, self.store) for event in part]
            if file_works:
                file_works = self._append(entries, len(part), seal)
            else:
                self._lost += len(part)
            if forwards:
                forwards = self._forward(entries)

    def _append(self, entries: List[Dict[str, Any]], number: int, seal: TrailKey) -> bool:
        """Append the entries of so many events to the file. Return False if a trail that is not strict cannot be written.

        Raises:
            AuditFailed: the trail is strict and cannot be written.
        """
        if self._lost:
            event = Event(time.time_ns(), current_caller(), LOST, OK, missed=self._lost)
            entries.insert(0, build_entry(event, self.store))
        try:
            self._journal.append(entries, self._strict, seal)
        except AuditFailed as error:
            self._lost += number
            if self._strict:
                raise error.within(store=self.store) from None
            self._warn_once(error)
            return False
        self._lost = 0
        return True

    def _forward(self, entries: List[Dict[str, Any]]) -> bool:
        """Pass entries on to the backend. Return False if it does not take them.

        Raises:
            AuditFailed: it does not, and the trail is strict.
        """
        import uuid

        if self._hand_on is None:
            return False
        try:
            with deadline.within(HAND_ON_WITHIN, "the audit trail"):
                self._hand_on([dict(entry, id=uuid.uuid4().hex) for entry in entries])
        except CredentialError as problem:
            what = "the backend does not take the audit trail: {0}".format(problem.what)
            error = AuditFailed(what, remedy=problem.remedy, store=self.store)
            if self._strict:
                raise error from None
            self._warn_once(error)
            return False
        return True

    def _warn_once(self, error: AuditFailed) -> None:
        if not self._warned:
            self._warned = True
            self._warn("{0} Operations continue; 'audit: strict' would refuse them.".format(error.within(store=self.store)))

    def __reduce__(self) -> Any:
        raise TypeError("a Trail belongs to one process")


class SeenEntries:
    """The reads that an operation recorded for its caller, to record them for other callers that get the same response."""

    def __init__(self) -> None:
        """Start with none."""
        self._reads: List[Tuple[Trail, Event]] = []

    def add(self, trail: Trail, event: Event) -> None:
        """Keep an event of that trail, if it is a read."""
        if event.action in _HELD_BACK:
            self._reads.append((trail, event))

    def record_for(self, host: Optional[str], task: Optional[str]) -> None:
        """Record the same reads now, by a caller that differs in its host and task alone.

        Raises:
            AuditFailed: a strict trail cannot be written.
        """
        for trail, event in self._reads:
            caller = replace(event.asking, context=replace(event.asking.context, host=host, task=task))
            trail.hold(event._replace(nanoseconds=time.time_ns(), asking=caller))


_SEEN: ContextVar[Optional[SeenEntries]] = ContextVar("nebula_credential_seen_entries", default=None)


@contextmanager
def collect_entries(seen: SeenEntries) -> Iterator[None]:
    """Inside the `with` block, keep in `seen` the reads that are recorded."""
    token = _SEEN.set(seen)
    try:
        yield
    finally:
        _SEEN.reset(token)
