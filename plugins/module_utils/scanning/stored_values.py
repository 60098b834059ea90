# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values of a store that are searched for: every secret field of every credential, and where wanted those that were replaced."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound, WriteOnly
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result, each
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.exporter import refuse_leased
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

OLDER = "older"
"""The stage of a value that is not the current one any more, and is kept as a version."""


class Origin(NamedTuple):
    """Where a value comes from. `stage` is `current`, `pending`, `previous` or `older`."""

    name: str
    field: str
    version: Optional[str]
    stage: str

    def describe(self) -> Dict[str, Any]:
        """Return it as JSON-like data."""
        return self._asdict()


StoredValue = Tuple[Origin, Secret]


def read_values(manager: CredentialManager, prefix: str, context: AccessContext, *, older: bool) -> List[Result[List[StoredValue]]]:
    """Read the secret values of all credentials in the caller's scope, in any state, with one result for each credential.

    Args:
        manager: the manager of the store.
        prefix: what the names begin with; empty for all.
        context: the caller.
        older: also the versions that are kept, and the stages of rotations.

    Raises:
        WriteOnly: the store gives no value back.
        InvalidInput: it issues leased values and keeps none.
        CredentialError: the store cannot be listed.
    """
    if manager.backend.capabilities.write_only:
        remedy = "Scan with the store that the copies are made of."
        raise WriteOnly("this store gives no value back, so there is nothing to search for", store=manager.store, remedy=remedy)
    refuse_leased(manager.backend)
    names = sorted(row.name for row in manager.list(Filter(prefix=prefix), context))
    with manager.reading_together(names, context):
        current = each(names, str, lambda name: manager.inspect(name, context=context), manager.parallelism)
    if not older:
        return [_take(result) for result in current]
    return each(current, lambda result: result.name, lambda result: _read_all(manager, result, context), manager.parallelism)


def _take(result: Result[Credential]) -> Result[List[StoredValue]]:
    if result.answer is None:
        return Result(result.name, error=result.error)
    return Result(result.name, list(_list_secrets(result.answer, CURRENT)))


def _read_all(manager: CredentialManager, result: Result[Credential], context: AccessContext) -> List[StoredValue]:
    if result.answer is None:
        raise result.error or CredentialError("there is no result")
    found = list(_list_secrets(result.answer, CURRENT))
    for version, stage in _list_others(manager, result.name, context):
        try:
            other = manager.inspect(result.name, version, stage if version is None else CURRENT, context)
        except NotFound:
            continue  # it was dropped meanwhile, or the stage is empty
        found += _list_secrets(other, stage)
    return found


def _list_others(manager: CredentialManager, name: str, context: AccessContext) -> List[Tuple[Optional[str], str]]:
    others: List[Tuple[Optional[str], str]] = []
    with manager.acting(context, cacheable=False):
        others += [(None, stage) for stage in manager.backend.find_stages(name) if stage in (PREVIOUS, PENDING)]
    if manager.backend.capabilities.versions:
        others += [(info.version, OLDER) for info in manager.versions(name, context) if not info.current]
    return others


def _list_secrets(credential: Credential, stage: str) -> Iterator[StoredValue]:
    """Yield the values that a result would hide, and the tokens of a login. Numbers, booleans and the like are no secrets."""
    record, kind = credential.record, credential.kind
    hidden = {field: value for field, value in record.fields.items() if kind.is_hidden(field, record.fields)}
    hidden.update((field, value) for field, value in record.state.items() if kind.is_known_secret(field, record.fields))
    for field, value in find_values(hidden).items():
        if value.is_text:
            yield Origin(record.name, field, record.version, stage), value
