# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scope, enforced for every operation in one place (E4).

The layer is outside encryption, so metadata is authenticated before its scope is believed. It is inside audit, so a denial is
one entry of the trail. The caller comes from `current_caller`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, Iterator, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Recoverable, VersionRemover, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller, is_scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.errors import EncryptionError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope, check_access, mismatch


class ScopeGuard(Layer, Recoverable, VersionRemover):
    """Refuse what is out of the caller's scope, and leave it out of lists."""

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        record = self.inner.get(name, version, stage)
        if not is_scope_checked(name):
            check_access(_scope(record), current_caller().context, name)
        return record

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        found = self.inner.get_many(names)
        for name, record in found.items():
            check_access(_scope(record), current_caller().context, name)
        return found

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        if not create:
            self._check(record.name)
        return self.inner.put(record, expected, create=create)

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        self._check(record.name)
        return self.inner.patch_metadata(record, expected_revision)

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        recoverable = require_protocol(self.inner, Recoverable, name)
        seen = recoverable.restore(name, stage, version=version, check=True)
        check_access(_scope(seen), current_caller().context, name)
        return seen if check else recoverable.restore(name, stage, version=seen.version)

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        self._check(name)
        require_protocol(self.inner, VersionRemover, name).remove_version(name, version, recoverable=recoverable, check=check)

    def restore_version(self, name: str, version: str, *, check: bool = False) -> Record:
        self._check(name)
        return require_protocol(self.inner, VersionRemover, name).restore_version(name, version, check=check)

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        self._check(name)
        self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable)

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        # This method is not a generator: the caller is determined when the list is requested, not when its rows are read.
        # A list of names alone would reveal the credentials that are out of scope.
        return _visible(self.inner.list(replace(wanted, names_only=False)), current_caller().context)

    def versions(self, name: str) -> List[VersionInfo]:
        self._check(name)
        return self.inner.versions(name)

    def _check(self, name: str) -> None:
        """Check the caller against the credential's scope, which is that of its current value."""
        if is_scope_checked(name):
            return
        try:
            scope = _scope(self.inner.get(name))
        except (NotFound, EncryptionError):
            # A value that cannot be read has no scope to check, and must stay replaceable. The write itself reports what is wrong.
            return
        check_access(scope, current_caller().context, name)


def _scope(record: Record) -> Scope:
    return record.full_metadata.scope


def _visible(rows: Iterator[Record], context: AccessContext) -> Iterator[Record]:
    """Leave out what is out of scope. A record that cannot be read has no known scope: its name and the reason are shown."""
    return (row for row in rows if row.problem is not None or mismatch(_scope(row), context) is None)
