# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole backend contract, built from the primitives of `objects.store`.

A value is one object. If a process is killed at any time, the old value is current or the new one is, no acknowledged version
is lost, and no serial is used twice. `objects.history` and `objects.tombstones` explain how.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any, Callable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import (
    Backend,
    BackendContext,
    Filter,
    Health,
    build_unreadable_row,
    unhealthy,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import (
    absent,
    check_revision,
    check_swap,
    document_conflict,
    envelope_conflict,
    next_serial,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import attempts, mark_outcome
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.history import RECORD_ID_SIZE, build_history, is_counted
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.source import (
    Change,
    Vacancy,
    answer,
    find_rewritten,
    find_source,
    locate_envelope,
    read_kept_objects,
    version_of,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.tombstones import Tombstones
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import EnvelopeRewriter, VersionRemover
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import public_record
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, InvalidConfiguration, ReadOnly
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ABSENT, CURRENT, Etag, LastSerial, Record, VersionInfo


class ObjectBackend(Backend, EnvelopeRewriter, VersionRemover):
    """A backend of objects. A subclass provides `make_places`, its capabilities and its options (with `objects.options`).

    It overrides `connect` and `close` if its places have a connection, and `health` if it can report more than that the store is readable.
    """

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Take validated options. Opens nothing.

        Raises:
            InvalidConfiguration: `keep_versions` is negative.
        """
        super().__init__(options, context)
        keep = self.setting("keep_versions")
        if keep < 0:
            raise InvalidConfiguration("{0} is too small".format(keep), option="keep_versions", remedy="Give 0 or more.")
        self.places = self.make_places()
        self._history = build_history(self.places, keep, context.warn)
        self._tombstones = Tombstones(self.places)

    @abstractmethod
    def make_places(self) -> ObjectStore:
        """Return the backend's primitives for `self.settings`. Opens nothing."""

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        place = ObjectKey(check_name(record.name), record.stage)
        base = self._find_source(place, expected)
        is_empty = create and expected == ABSENT and not self._may_be_going(place)
        for attempt in attempts(record.name):
            # What the caller has read, or did not find, is not read again: the backend compares what is there.
            known = attempt == 0 and (base is not None or is_empty)
            found = base if known else self._find_writable(place)
            check_swap(record.name, None if found is None else answer(found), expected, create)
            change = self._plan_change(record, found, expected.source if known and expected is not None else None)
            try:
                return replace(change.record, source=self._store(place, change))
            except Conflict:
                continue
        raise AssertionError

    def _find_source(self, place: ObjectKey, expected: Optional[Etag]) -> Optional[StoredObject]:
        """As `find_source`. A stage is read again where a delete takes a while: its credential may be going."""
        return None if self._may_be_going(place) else find_source(place, expected)

    def _may_be_going(self, place: ObjectKey) -> bool:
        return self.places.ends_later and place.kind != CURRENT

    def _find(self, place: ObjectKey) -> Optional[StoredObject]:
        """Return the object of a place, or None. Raises its problem if it cannot be read."""
        return self._check_readable(place.name, self.places.read(place))

    def _check_readable(self, name: str, found: Optional[StoredObject]) -> Optional[StoredObject]:
        """Return an object. Raises its problem if it cannot be read."""
        if found is not None and found.problem is not None:
            raise found.problem.within(name=name, store=self.context.store)
        return found

    def _find_writable(self, place: ObjectKey) -> Optional[StoredObject]:
        """As `_find`, for a write. Raises if the backend is deleting the object, or the credential that a stage belongs to."""
        if self._may_be_going(place):
            self._check_stays(place.name, self.places.read(ObjectKey(place.name)))
        return self._check_stays(place.name, self._find(place))

    def _check_stays(self, name: str, found: Optional[StoredObject]) -> Optional[StoredObject]:
        """Return an object. Raises if the backend is deleting it."""
        if found is not None and found.ending is not None:
            raise found.ending.within(name=name, store=self.context.store)
        return found

    def _plan_change(self, record: Record, found: Optional[StoredObject], source: object) -> Change:
        """Plan a write. If the record is an envelope, the envelope sets its serial and its identity."""
        offered = record if record.envelope is None else public_record(record.name, record.stage, record.envelope)
        vacancy = source if isinstance(source, Vacancy) and source.fits(record) else None
        last, tombstone = (vacancy.last, vacancy.tombstone) if vacancy else self._last(record.name, record.stage, found)
        keeping = found is not None and record.stage == CURRENT and record.keep_replaced
        kept_as = self._history.serial_to_keep(found, last, offered.serial) if found is not None and keeping else None
        serial = next_serial(record.name, offered.serial, max(last, kept_as or 0))
        record_id = offered.record_id or (found and found.record.record_id) or os.urandom(RECORD_ID_SIZE)
        stored = replace(record, version=str(serial), serial=serial, record_id=record_id, revision=0)
        return Change(found, stored, kept_as, tombstone)

    def _last(self, name: str, stage: str, found: Optional[StoredObject]) -> Tuple[int, Optional[StoredObject]]:
        """Return the last used serial, and the tombstone if it had to be read for that."""
        if found is not None and found.record.serial is not None:
            return found.record.serial, None
        tombstone = self._tombstones.read(name, stage)
        seen = self._history.find_last(name, found) if found else 0
        return max(seen, (tombstone and tombstone.record.serial) or 0), tombstone

    def _store(self, place: ObjectKey, change: Change) -> StoredObject:
        content = StoredObject(change.record, written_at=datetime.now(timezone.utc))
        if change.found is not None:
            return self._replace(place, change, change.found, content)
        if change.tombstone is not None:
            self._clean(place, change.tombstone)
        return self.places.create(place, content)

    def _replace(self, place: ObjectKey, change: Change, found: StoredObject, content: StoredObject) -> StoredObject:
        name, copy = place.name, None
        with mark_outcome(unknown=False):
            unswept = self._history.sweep(name, found.garbage)
            if change.kept_as is not None:
                found, copy = self._history.keep(name, found, change.kept_as)
        older, leftover = self._history.after(found, change.kept_as, unswept)
        try:
            stored = self.places.replace(place, replace(content, older=older, garbage=leftover), found)
        except Conflict:
            if copy is not None and change.kept_as is not None:
                self._history.discard(name, change.kept_as, copy)
            raise
        self._history.sweep(name, [serial for serial in leftover if serial not in unswept])
        return stored

    def _clean(self, place: ObjectKey, tombstone: StoredObject) -> None:
        """Remove the rest of a deleted value. Clear its list in the tombstone once all of it is gone."""
        if tombstone.garbage and not self._history.sweep(place.name, tombstone.garbage):
            self._tombstones.clean(place.name, place.kind, tombstone)

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        found = self.places.read(ObjectKey(check_name(name), stage))
        if found is None:
            raise absent(name, stage=stage)
        if found.problem is None and version in (None, version_of(found)):
            return replace(answer(found), source=found)
        kept = self._older(name, found, version)
        if found.problem is not None and kept is None:
            raise found.problem.within(name=name, store=self.context.store)
        if kept is None:
            older = self._history.list_older(name, found)
            raise absent(name, version, stage, [version_of(found), *(str(each.serial) for each in older)])
        return answer(kept)

    def _older(self, name: str, found: StoredObject, version: Optional[str]) -> Optional[StoredObject]:
        """Return an older value of the current one, damaged or not; None if there is no such version."""
        for kept in self._history.list_older(name, found):
            if str(kept.serial) == version:
                return self._check_readable(name, self._history.read_older(name, kept))
        return None

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        place = ObjectKey(check_name(record.name), record.stage)
        offered = record if record.envelope is None else public_record(record.name, record.stage, record.envelope)
        base = self._find_source(place, Etag(record.version, expected_revision, record.source))
        for attempt in attempts(record.name):
            found = (base if attempt == 0 else None) or self._check_stays(record.name, self._find(place))
            if found is None:
                raise absent(record.name, stage=record.stage)
            check_revision(answer(found), offered, record.version, expected_revision)
            patched = replace(found.record, metadata=record.metadata, envelope=record.envelope, revision=expected_revision + 1)
            try:
                stored = self.places.replace(place, replace(found, record=patched), found)
            except Conflict:
                continue
            return replace(record, serial=patched.serial, record_id=patched.record_id, revision=patched.revision, source=stored)
        raise AssertionError

    def rewrite_envelope(self, record: Record, replaces: bytes) -> None:
        check_name(record.name)
        read = find_rewritten(record)
        for attempt in attempts(record.name):
            place, found = read if read is not None and attempt == 0 else locate_envelope(self.places, record)
            if found is None:
                raise absent(record.name, record.version, record.stage)
            if found.record.envelope != replaces:
                raise envelope_conflict(record.name)
            rewritten = replace(found, record=replace(found.record, envelope=record.envelope), problem=None)
            try:
                self.places.replace(place, rewritten, found)
            except Conflict:
                continue
            return

    def read_kept(self, current: Record) -> List[Record]:
        check_name(current.name)
        return read_kept_objects(self.places, current)

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        place = ObjectKey(check_name(name), stage)
        base = self._find_source(place, expected)
        for attempt in attempts(name):
            # An unreadable value can be deleted too, unless a version of it is expected.
            found = (base if attempt == 0 else None) or (self.places.read(place) if expected is None else self._find(place))
            if found is None:
                raise absent(name, stage=stage)
            check_swap(name, answer(found), expected)
            self._check_stays(name, found)
            try:
                self._remove(place, found, recoverable=recoverable and self.capabilities.soft_delete)
            except Conflict:
                continue
            return

    def _remove(self, place: ObjectKey, found: StoredObject, *, recoverable: bool) -> None:
        """Write the tombstone first: no crash loses the serial, and the tombstone lists the older values that are still to be removed."""
        last, _each = self._last(place.name, place.kind, found)
        used = last if is_counted(found) else last + 1
        left = self._history.list_leftover(found, used) if place.kind == CURRENT else ()
        # The serials of a name that was never deleted begin with 1, without a gap.
        first = used - len(found.older) == 1
        with mark_outcome(unknown=False):
            tombstone = self._tombstones.bury(place.name, place.kind, used, left, first=first)
        self._finish_remove(partial(self.places.hide if recoverable else self.places.remove, place, found), place, tombstone)

    def _finish_remove(self, remove: Callable[[], None], place: ObjectKey, tombstone: StoredObject) -> None:
        try:
            remove()
        except ReadOnly:  # It goes later. The older values go now.
            self._clean(place, tombstone)
            raise
        except CredentialError as problem:
            if problem.rest is not None:
                problem.rest = partial(self._finish_remove, problem.rest, place, tombstone)
            raise
        self._clean(place, tombstone)

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        place = ObjectKey(check_name(name))
        for _each in attempts(name):
            found = self._find(place)
            if found is None:
                raise absent(name)
            older = self._history.list_older(name, found)
            chosen = [kept for kept in older if str(kept.serial) == version]
            if not chosen:
                raise absent(name, version, kept=[str(kept.serial) for kept in older])
            if check:
                return
            try:
                self._history.remove_older(found, chosen[0])
            except Conflict:
                continue
            return

    def find_stages(self, name: str) -> Sequence[str]:
        return self.places.find_stages(check_name(name))

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        for found in self.places.scan(wanted.prefix, wanted.stage, wanted.names_only):
            if wanted.names_only:
                yield Record(found.record.name, stage=wanted.stage)
            elif found.problem is not None:
                yield build_unreadable_row(found.record.name, wanted.stage, found.problem)
            else:
                # A listed envelope is the whole value: a write that names it need not read it again.
                yield replace(answer(found), source=None if found.record.envelope is None else found)

    def versions(self, name: str) -> List[VersionInfo]:
        found = self.places.read(ObjectKey(check_name(name)))
        if found is None:
            raise absent(name)
        older = self._history.list_older(name, found)
        if found.problem is not None and not older:
            raise found.problem.within(name=name, store=self.context.store)
        current = [] if found.problem else [VersionInfo(version_of(found), found.written_at, current=True)]
        return [*current, *(VersionInfo(str(kept.serial), kept.written_at) for kept in older)]

    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        return self._last(name, stage, self.places.read(ObjectKey(check_name(name), stage)))[0]

    def read_vacancy(self, name: str, stage: str) -> LastSerial:
        last, tombstone = self._last(check_name(name), stage, None)
        return LastSerial(last, Etag(None, source=Vacancy(name, stage, last, tombstone)))

    def read_store_document(self) -> Optional[bytes]:
        found = self.places.read_document()
        return None if found is None else found[0]

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        found = self.places.read_document()
        if (None if found is None else found[0]) != replaces:
            raise document_conflict()
        try:
            self.places.write_document(content, found)
        except Conflict:
            raise document_conflict() from None

    def health(self) -> Health:
        """Return `healthy` if the store's document can be read, or is missing."""
        try:
            self.places.read_document()
        except CredentialError as problem:
            return unhealthy(problem)
        return Health()
