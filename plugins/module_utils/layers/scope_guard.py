# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scope, enforced for every operation in one place (E4).

Copies of another store's credentials are guarded here, too: it sees what a write replaces.

The layer is outside encryption, so metadata is authenticated before its scope is believed. It is inside audit, so a denial is
one entry of the trail. The caller comes from `current_caller`.

A write is checked on the record that it names, as this layer read it (`Record.source`): the compare-and-swap on its version and
revision binds the check to what is stored. Only a write that names none reads the current value for its scope.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, Iterator, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Recoverable, VersionRemover, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller, is_scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.errors import EncryptionError, NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer, find_source, name_source, wrap_source
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import SYNC, refuse_copy
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope, check_access, mismatch


class ScopeGuard(Layer, Recoverable, VersionRemover):
    """Refuse what is out of the caller's scope, and leave it out of lists."""

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        record = self.inner.get(name, version, stage)
        if not is_scope_checked(name):
            check_access(_scope(record), current_caller().context, name)
        return wrap_source(record)

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        found = self.inner.get_many(names)
        for name, record in found.items():
            check_access(_scope(record), current_caller().context, name)
        return {name: wrap_source(record) for name, record in found.items()}

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        base = find_source(record.name, record.stage, expected)
        if not create:
            self._check_write(record.name, base)
        return wrap_source(self.inner.put(record, name_source(expected, base), create=create))

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        base = find_source(record.name, record.stage, Etag(record.version, expected_revision, record.source))
        self._check_write(record.name, base)
        return wrap_source(self.inner.patch_metadata(replace(record, source=base and base.source), expected_revision))

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        recoverable = require_protocol(self.inner, Recoverable, name)
        seen = recoverable.restore(name, stage, version=version, check=True)
        check_access(_scope(seen), current_caller().context, name)
        return wrap_source(seen if check else recoverable.restore(name, stage, version=seen.version))

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        self._check_write(name)
        require_protocol(self.inner, VersionRemover, name).remove_version(name, version, recoverable=recoverable, check=check)

    def restore_version(self, name: str, version: str, *, check: bool = False) -> Record:
        self._check_write(name)
        return wrap_source(require_protocol(self.inner, VersionRemover, name).restore_version(name, version, check=check))

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        base = find_source(name, stage, expected)
        self._check_write(name, base)
        self.inner.delete(name, stage=stage, expected=name_source(expected, base), recoverable=recoverable)

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        # This method is not a generator: the caller is determined when the list is requested, not when its rows are read.
        # A list of names alone would reveal the credentials that are out of scope.
        return _visible(self.inner.list(replace(wanted, names_only=False)), current_caller().context)

    def versions(self, name: str) -> List[VersionInfo]:
        self._check(name)
        return self.inner.versions(name)

    def _check(self, name: str) -> None:
        """Check the caller against the credential's scope, which is that of its current value."""
        if not is_scope_checked(name):
            current = self._find_current(name, None)
            if current is not None:
                check_access(_scope(current), current_caller().context, name)

    def _check_write(self, name: str, base: Optional[Record] = None) -> None:
        """Check the caller as `_check`; `base` is the record that the write names. Refuse a copy, which only a sync writes.

        Raises:
            AccessDenied: the scope does not match the caller.
            ReadOnly: the credential is a copy of one in another store.
        """
        is_checked = is_scope_checked(name)
        if is_checked and (base is None or base.stage != CURRENT):
            return  # whoever checked the scope has looked at the current value
        current = self._find_current(name, base)
        if current is None:
            return
        if not is_checked:
            check_access(_scope(current), current_caller().context, name)
        if current_caller().operation != SYNC:
            refuse_copy(current)

    def _find_current(self, name: str, base: Optional[Record]) -> Optional[Record]:
        """Return the current value: `base`, if that is one. None if there is none, or if it cannot be read.

        What cannot be read has no scope to check, and must stay replaceable. The write itself reports what is wrong.
        """
        try:
            return base if base is not None and base.stage == CURRENT else self.inner.get(name)
        except (NotFound, EncryptionError, Unusable):
            return None


def _scope(record: Record) -> Scope:
    return record.full_metadata.scope


def _visible(rows: Iterator[Record], context: AccessContext) -> Iterator[Record]:
    """Leave out what is out of scope. A record that cannot be read has no known scope: its name and the reason are shown."""
    return (row for row in rows if row.problem is not None or mismatch(_scope(row), context) is None)
