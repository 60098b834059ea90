# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record beside each credential which files of hosts it was written to (`model.deployments`).

A session keeps what it is to record until its run ends, or until an operation reads it, so a task on many hosts is one write for each
credential. Another process records at once. Each write is a compare-and-swap on what is stored, so two runs keep each other's files.
"""

from __future__ import annotations

import threading
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Set

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import check_takes_writes
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import acting_as, scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.deployments import (
    DeployedFile,
    Place,
    read_deployed,
    write_deployed,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import DEPLOYED, Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import each
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock
from ansible_collections.nebula.credential.plugins.module_utils.store.writer import retry_conflicts

OPERATION = "record_deployment"
_NAMED = 5
"""How many credentials a warning names."""


class WrittenFile(NamedTuple):
    """A file as a task left it.

    Attributes:
        place: the file.
        contents: what is in it, by the names of the credentials; empty if it was removed.
        before: the credentials that were in it before; None if that is not known, so that any may have been.
    """

    place: Place
    contents: Mapping[str, DeployedFile]
    before: Optional[Set[str]]


class _Changes:
    """What is to be recorded: of each credential the files that it is in now (None: not any more), and on whose behalf."""

    def __init__(self) -> None:
        self.by_name: Dict[str, Dict[Place, Optional[DeployedFile]]] = {}
        self.callers: Dict[str, AccessContext] = {}
        self.searched: Dict[Place, AccessContext] = {}
        """The files that any other credential may have been in."""

    def add(self, file: WrittenFile, caller: AccessContext) -> None:
        for name in {*(file.before or ()), *(name for name, files in self.by_name.items() if file.place in files)} - set(file.contents):
            self._set(name, file.place, None, caller)
        for name, content in file.contents.items():
            self._set(name, file.place, content, caller)
        if file.before is None:
            self.searched[file.place] = caller

    def drop_from(self, name: str) -> None:
        """Have the files that are searched for no longer be in a credential, unless it was written to them."""
        for place, caller in self.searched.items():
            if place not in self.by_name.get(name, {}):
                self._set(name, place, None, caller)

    def _set(self, name: str, place: Place, content: Optional[DeployedFile], caller: AccessContext) -> None:
        self.by_name.setdefault(name, {})[place] = content
        if content is None:
            self.callers.setdefault(name, caller)  # the host has named it, so that the credential may be out of this caller's scope
        else:
            self.callers[name] = caller


class Deployments:
    """Records the files of the credentials of one store. Failures are warnings: what was deployed is there all the same."""

    def __init__(self, backend: Backend, store: str, clock: Clock, *, waits: bool) -> None:
        """Set the store in its layers, its name and clock, and whether this process records later, when `write` is called."""
        self._backend = backend
        self._store = store
        self._clock = clock
        self._waits = waits
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._changes = _Changes()
        self._is_refused = False

    def note(self, files: Iterable[WrittenFile], caller: AccessContext) -> bool:
        """Record what a task has written, or keep it for `write`. Return True if it is the first that is kept: `write` has to be called."""
        noted = list(files)
        if not noted or not self._takes_writes():
            return False
        with self._lock:
            is_first = not self._changes.by_name and not self._changes.searched
            for file in noted:
                self._changes.add(file, caller)
        if not self._waits:
            self.write()
        return self._waits and is_first

    def write(self) -> None:
        """Record what is kept. A caller of another thread waits until it is recorded."""
        with self._writing:
            with self._lock:
                changes, self._changes = self._changes, _Changes()
            problems = self._search(changes)
            done = each(sorted(changes.by_name), str, lambda name: self._write_one(name, changes), self._backend.context.parallelism)
            problems += [result.error for result in done if result.error is not None]
            if problems:
                self._warn(problems)

    def _takes_writes(self) -> bool:
        """Return whether the store may record; warn once if not."""
        try:
            check_takes_writes(self._backend)
            able = self._backend.capabilities
            if not able.stages or not able.native_cas:
                remedy = "Deploy with 'record: false', or keep the credentials in a store of another backend."
                raise StorageError("this backend keeps no record beside a credential", remedy=remedy)
        except CredentialError as error:
            if not self._is_refused:
                self._is_refused = True
                self._warn([error])
            return False
        return True

    def _search(self, changes: _Changes) -> List[Exception]:
        """Add the credentials that the record of another one may list with a file that they are not in. Return what went wrong."""
        if not changes.searched:
            return []
        try:
            with acting_as(next(iter(changes.searched.values())), OPERATION):
                for row in self._backend.list(Filter(stage=DEPLOYED, names_only=True)):
                    changes.drop_from(row.name)
        except CredentialError as error:
            return [error]
        return []

    def _write_one(self, name: str, changes: _Changes) -> None:
        with acting_as(changes.callers[name], OPERATION):
            retry_conflicts(lambda: self._merge(name, changes.by_name[name]))

    def _merge(self, name: str, changed: Mapping[Place, Optional[DeployedFile]]) -> None:
        try:
            scope = self._backend.get(name).full_metadata.scope
        except NotFound:
            return  # the record has gone with the credential
        with scope_checked(name):
            found = find_deployed(self._backend, name)
            before = {} if found is None else read_deployed(found)
            after = {place: file for place, file in {**before, **changed}.items() if file is not None}
            if after == before:
                return
            now = self._clock()
            record = write_deployed(name, after, Metadata(created_at=now, updated_at=now, scope=scope))
            if found is None:
                self._backend.put(record, create=True)
            elif after:
                self._backend.put(record, found.etag)
            else:
                self._backend.delete(name, stage=DEPLOYED, expected=found.etag)

    def _warn(self, problems: List[Exception]) -> None:
        names = sorted({str(getattr(error, "name", None)) for error in problems if getattr(error, "name", None)})
        shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
        what = "store '{0}': it was not recorded which files of hosts hold its credentials{1}. The files are written. {2}"
        self._backend.context.warn(what.format(self._store, " ({0})".format(shown) if shown else "", problems[0]))


def find_deployed(backend: Backend, name: str) -> Optional[Record]:
    """Return the record of the files of a credential; None if there is none. The caller acts, and has read the credential itself."""
    with scope_checked(name):
        try:
            return backend.get(name, stage=DEPLOYED)
        except NotFound:
            return None
