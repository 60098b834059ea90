# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing the copies of a store in another one up to date: all of them, or some."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import CopyNaming, check_takes_writes, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, Damaged, Drift, Duplicate, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.mirror.copier import WRITES, Copied, Copier, Options
from ansible_collections.nebula.credential.plugins.module_utils.mirror.copy_content import Origin, identify
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import SYNC, is_copy, read_mark
from ansible_collections.nebula.credential.plugins.module_utils.model.mirror import OPTION
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result, each
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

Pair = Tuple[str, str]
"""The name of a credential, and that of its copy."""


class Sync:
    """One run between two stores."""

    def __init__(self, source: CredentialManager, destination: CredentialManager, context: AccessContext, options: Options) -> None:
        """Copy from `source` to `destination` on behalf of one caller."""
        self._source = source
        self._destination = destination
        self._context = context
        self._options = options
        self._mirror = options.mirror
        self._naming = find_protocol(destination.backend, CopyNaming)

    def run(self, names: Optional[Sequence[str]]) -> List[Result[Copied]]:
        """Bring the copies of these credentials up to date; None: of all that the mirror selects, and of those that were deleted.

        Returns:
            One result for each credential, by its name in the source. One that the mirror does not select has none, and is not copied.

        Raises:
            InvalidInput: both stores are one place, or one keeps no credentials.
            InvalidConfiguration: a place that is only written would get every credential.
            AccessDenied: the tenant would change, and the configuration does not allow it.
            CredentialError: a store cannot be read, or takes no writes.
        """
        self._check_stores()
        origin = identify(self._source.store, self._source.portability(self._context).place)
        listed = self._list_copies() if names is None or self._destination.backend.capabilities.write_only else {}
        selected = self._list_names() if names is None else [name for name in dict.fromkeys(names) if self._mirror.selects(name)]
        pairs = [(name, self._name_copy(name)) for name in selected]
        if names is None:
            pairs += self._find_orphans(listed, origin, {name for name, _to in pairs})
        taken = Counter(to for _name, to in pairs)
        copier = Copier(self._source, self._destination, self._context, self._options, origin, listed)

        def copy(pair: Pair) -> Copied:
            if taken[pair[1]] > 1:
                others = sorted(name for name, to in pairs if to == pair[1] and name != pair[0])
                remedy = "Name the copies in 'names' of the mirror."
                raise Duplicate("its copy and that of '{0}' would both be '{1}'".format(others[0], pair[1]), name=pair[0], remedy=remedy)
            return copier.copy(*pair)

        return each(pairs, lambda pair: pair[0], copy, self._source.parallelism)

    def _check_stores(self) -> None:
        self._source.portability(self._context).check_apart(self._destination.portability(self._context))
        if self._destination.backend.capabilities.write_only and self._mirror.is_whole:
            what = "store '{0}' gives no value back, and every credential of this store would be written to it".format(self._mirror.to)
            remedy = "Write which ones: '{{to: {0}, names: […]}}', or 'prefix'.".format(self._mirror.to)
            raise InvalidConfiguration(what, option=OPTION, store=self._source.store, remedy=remedy)
        if self._source.tenant != self._destination.tenant and not self._mirror.other_tenant:
            what = "its tenant is '{0}', and that of store '{1}' is '{2}'"
            what = what.format(self._source.tenant, self._destination.store, self._destination.tenant)
            remedy = "Write 'other_tenant: true' in the mirror if copies are to have another tenant."
            raise AccessDenied(what, store=self._source.store, remedy=remedy)
        check_takes_writes(self._destination.backend)

    def _name_copy(self, name: str) -> str:
        given = self._mirror.name_of_copy(name)
        if given is not None:
            return given
        return name if self._naming is None else self._naming.name_copy(name)

    def _list_names(self) -> List[str]:
        rows = self._source.list(Filter(prefix=self._mirror.prefix), self._context)
        own = (row.record for row in rows if row.record.problem is not None or not is_copy(row.record.full_metadata))
        return sorted(record.name for record in own if self._mirror.selects(record.name))

    def _list_copies(self) -> Dict[str, Record]:
        with self._destination.acting(self._context, SYNC, cacheable=False):
            rows = self._destination.backend.list(Filter())
            return {row.name: row for row in rows if row.problem is None}

    def _find_orphans(self, listed: Mapping[str, Record], origin: Origin, present: Set[str]) -> List[Pair]:
        """Return the copies of credentials that are not there any more, of those with the name that the mirror gives them.

        Where no key authenticates metadata, whoever may change it writes marks: one at another name must not have that deleted.
        """
        orphans = []
        for to, row in listed.items():
            if is_copy(row.full_metadata):
                try:
                    mark = read_mark(row.full_metadata.attributes)
                except Damaged:
                    continue  # it may be a copy of anything
                is_orphan = mark.place == origin.place and mark.name not in present and self._mirror.selects(mark.name)
                if is_orphan and self._name_copy(mark.name) == to:
                    orphans.append((mark.name, to))
        return sorted(orphans)


def describe_results(results: Sequence[Result[Copied]], destination: str) -> List[Dict[str, Any]]:
    """Return a row for each copy: `{name, to, store, action, drift, failed}`, of one that failed with `code` and `msg`."""
    return [_describe(result, destination) for result in results]


def _describe(result: Result[Copied], destination: str) -> Dict[str, Any]:
    row: Dict[str, Any] = {"name": result.name, "to": None, "store": destination, "action": None, "drift": False, "failed": False}
    copied, error = result.answer, result.error
    if error is not None:
        row.update(failed=True, drift=isinstance(error, Drift), code=error.code, msg=str(error))
    elif copied is not None:
        row.update(to=copied.to, action=copied.action, drift=bool(copied.drift), before=copied.before, after=copied.after)
    return row


def has_effect(row: Mapping[str, Any]) -> bool:
    """Return True if a copy was written or deleted, or would be."""
    return row["action"] in WRITES
