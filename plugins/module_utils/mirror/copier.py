# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making one copy. The copy is read before its source: a run that has read an older value loses the compare-and-swap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    CopyNaming,
    FitChecker,
    check_rules,
    find_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.errors import Drift, Duplicate, EncryptionError, NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.mirror.copy_content import (
    Origin,
    build_copy,
    check_copyable,
    has_same_metadata,
    has_same_value,
    is_revoked,
    read_single_value,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import CHANGED_OUTSIDE, SYNC, CopyMark, is_copy, read_mark
from ansible_collections.nebula.credential.plugins.module_utils.model.mirror import REMOVE, Mirror
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import same_place_error
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.writer import retry_conflicts

CREATE, UPDATE, DELETE, NOTHING, KEPT = "create", "update", "remove", "nothing", "keep"
WRITES = (CREATE, UPDATE, DELETE)


@dataclass(frozen=True)
class Options:
    """How copies are made.

    Attributes:
        mirror: what the configuration says of the store that gets them.
        on_delete: what becomes of the copy of a deleted credential: keep or remove.
        overwrite_drift: whether a copy that was changed outside is written over.
        check: write nothing.
    """

    mirror: Mirror
    on_delete: str
    overwrite_drift: bool = False
    check: bool = False


@dataclass(frozen=True)
class Copied:
    """What was done, or would be. `before` and `after` are the versions of the source: None without a copy, or if it is not known.

    `drift` says what was found to be changed outside, and is empty otherwise.
    """

    name: str
    to: str
    action: str
    before: Optional[str] = None
    after: Optional[str] = None
    drift: str = ""


class Copier:
    """Makes the copies of one store in another."""

    def __init__(
        self,
        source: CredentialManager,
        destination: CredentialManager,
        context: AccessContext,
        options: Options,
        origin: Origin,
        there: Mapping[str, Record],
    ) -> None:
        """Copy on behalf of one caller.

        `origin` is the source. `there` is what a place that is only written lists, by name; other copies are read one by one.
        """
        self._origin = origin
        self._source = source
        self._destination = destination
        self._context = context
        self._options = options
        self._there = there
        self._is_written_only = destination.backend.capabilities.write_only

    def copy(self, name: str, to: str) -> Copied:
        """Bring the copy of a credential up to date.

        Raises:
            Drift: it was changed outside, and may not be overwritten.
            Duplicate: something else has its name.
            CredentialError: one of both cannot be read, or the copy cannot be written.
        """
        return retry_conflicts(partial(self._copy, name, to))

    def _copy(self, name: str, to: str) -> Copied:
        there, here = self._find_copy(to), self._find_source(name)
        if here is None or (self._is_written_only and is_revoked(here)):
            return self._end(name, to, there)
        check_copyable(here)
        wanted = self._build(here, to)
        if there is None:
            return self._write(CREATE, here, wanted, None)
        if there.record_id is not None and there.record_id == here.record_id:
            raise same_place_error(self._source.store, self._destination.store).within(name=name)
        mark = self._read_mark(there, name)
        examine = self._examine_written_only if self._is_written_only else self._examine
        action, drift = examine(here, there, wanted, mark)
        self._check_drift(drift, to)
        return self._write(action, here, wanted, there, mark, drift)

    def _check_drift(self, drift: str, to: str) -> None:
        if drift and not self._options.overwrite_drift:
            remedy = "Look at what was changed. To write over it, run nebula.credential.sync with 'overwrite_drift: true'."
            raise Drift(drift, name=to, store=self._destination.store, remedy=remedy)

    def _examine(self, here: Record, there: Record, wanted: Record, mark: Optional[CopyMark]) -> Tuple[str, str]:
        """Return what has to be done, and how the copy was changed outside; empty if it was not, or if that cannot be told."""
        is_same, is_described = has_same_value(there, wanted), has_same_metadata(there, wanted)
        if mark is None:
            return UPDATE, "" if is_same else "another tool has written another value over this copy, or wrote one before there was a copy"
        if not is_same:
            base = here if mark.version == here.version else self._find_version(here.name, mark.version)
            is_changed = base is not None and not has_same_value(there, base)
            return UPDATE, "the value of this copy was changed there" if is_changed else ""
        if not is_described:
            is_changed = (mark.version, mark.revision) == (here.version, here.revision)
            return UPDATE, "the description, tags, scope or end of this copy were changed there" if is_changed else ""
        return (NOTHING if mark.version == here.version else UPDATE), ""

    def _examine_written_only(self, here: Record, there: Record, _wanted: Record, mark: Optional[CopyMark]) -> Tuple[str, str]:
        """The same where no value can be read: by what was recorded with the copy, and nothing else is known."""
        if mark is None:
            return UPDATE, "there is a value of this name that no sync has recorded"
        change = there.full_metadata.attributes.get(CHANGED_OUTSIDE)
        if change:
            return UPDATE, str(change)
        return (NOTHING if mark.version == here.version else UPDATE), ""

    def _write(
        self, action: str, here: Record, wanted: Record, there: Optional[Record], mark: Optional[CopyMark] = None, drift: str = ""
    ) -> Copied:
        done = Copied(here.name, wanted.name, action, None if mark is None else mark.version, here.version, drift)
        if action == NOTHING:
            return done
        if self._options.check:
            self._check_fits(wanted)
            return done
        backend = self._destination.backend
        with self._destination.acting(self._context, SYNC, cacheable=False):
            if there is None:
                backend.put(wanted, create=True)
            elif not self._is_written_only and there.type == wanted.type and has_same_value(there, wanted):
                backend.patch_metadata(replace(there, metadata=wanted.metadata), there.revision)
            else:
                backend.put(wanted, None if self._is_written_only else there.etag)
        return done

    def _check_fits(self, wanted: Record) -> None:
        """Raise what the write would fail with, as far as that is known without it."""
        backend = self._destination.backend
        naming, checker = find_protocol(backend, CopyNaming), find_protocol(backend, FitChecker)
        with self._destination.acting(self._context, SYNC, cacheable=False):
            if naming is not None:
                naming.check_copy(wanted)
            if checker is not None:
                checker.check_fits(wanted)
            check_rules(backend, wanted)

    def _end(self, name: str, to: str, there: Optional[Record]) -> Copied:
        """Do with the copy of a credential that is gone what the options say. A value that is no copy of it stays."""
        if there is None or not is_copy(there.full_metadata):
            return Copied(name, to, NOTHING)
        mark = read_mark(there.full_metadata.attributes)
        if not mark.is_of(self._origin.place, name):
            return Copied(name, to, NOTHING)
        if self._options.on_delete != REMOVE:
            return Copied(name, to, KEPT, mark.version)
        drift = str(there.full_metadata.attributes.get(CHANGED_OUTSIDE) or "")
        self._check_drift(drift, to)
        if not self._options.check:
            with self._destination.acting(self._context, SYNC, cacheable=False):
                self._destination.backend.delete(to, expected=None if self._is_written_only else there.etag)
        return Copied(name, to, DELETE, mark.version, drift=drift)

    def _read_mark(self, there: Record, name: str) -> Optional[CopyMark]:
        """Return the mark of the copy; None if another tool wrote what is there.

        Raises:
            Duplicate: it is another credential, or the copy of another one.
        """
        if is_copy(there.full_metadata):
            mark = read_mark(there.full_metadata.attributes)
            if mark.is_of(self._origin.place, name):
                return mark
            what = "it is the copy of '{0}' of store '{1}'".format(mark.name, mark.store)
        elif there.record_id is None:
            return None
        else:
            what = "another credential of that name is there"
        remedy = "Give the copy another name in 'mirror', or delete what is there."
        raise Duplicate(what, name=there.name, store=self._destination.store, remedy=remedy)

    def _build(self, here: Record, to: str) -> Record:
        able = self._destination.backend.capabilities
        wanted = build_copy(here, self._origin, to, self._destination.tenant, json_fields=able.json_fields)
        if not self._is_written_only:
            return wanted
        return Record(to, fields={"value": read_single_value(here)}, metadata=wanted.metadata)

    def _find_copy(self, to: str) -> Optional[Record]:
        if self._is_written_only:
            return self._there.get(to)
        with self._destination.acting(self._context, SYNC, cacheable=False):
            try:
                return self._destination.backend.get(to)
            except NotFound:
                return None

    def _find_source(self, name: str) -> Optional[Record]:
        with self._source.acting(self._context, SYNC, cacheable=False):
            try:
                return self._source.backend.get(name)
            except NotFound:
                return None

    def _find_version(self, name: str, version: str) -> Optional[Record]:
        """Return an older version of the source; None if it cannot be read any more."""
        # The scope was checked on the current value. That of an older one must not hinder the comparison.
        with self._source.acting(self._context, SYNC, cacheable=False), scope_checked(name):
            try:
                return self._source.backend.get(name, version)
            except (NotFound, EncryptionError, Unusable):
                return None
