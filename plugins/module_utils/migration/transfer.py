# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying or moving a credential from one store to another.

Each store acts for its own tenant: no `acting` block of one store's manager contains calls of the other's. The destination is read
again and compared before the source is deleted. So is the source: a refresh or a change of its metadata keeps its version.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Dict, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import NOTHING
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Portable


@dataclass(frozen=True)
class TransferOptions:
    """How to transfer.

    Attributes:
        delete: delete the source once the destination holds the same.
        other_tenant: transfer also if the stores have different tenants.
        lossy: transfer also if the destination cannot keep all of it.
        check: report what would be done, and do nothing.
    """

    delete: bool = False
    other_tenant: bool = False
    lossy: bool = False
    check: bool = False


@dataclass(frozen=True)
class Transfer:
    """The result of the transfer of one credential.

    Attributes:
        action: create, resume or nothing.
        deleted: whether the source was deleted.
        lost, not_kept: as in `Plan`.
        versions: the destination's version for each of the source's; empty in check mode.
    """

    action: str
    deleted: bool
    lost: Tuple[str, ...]
    not_kept: Tuple[str, ...]
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_effect(self) -> bool:
        """Whether anything was, or would be, written or deleted."""
        return self.action != NOTHING or self.deleted


def transfer_credential(
    source: CredentialManager, destination: CredentialManager, name: str, context: AccessContext, options: TransferOptions
) -> Transfer:
    """Copy a credential as it is, or move it. Return what was done.

    Raises:
        InvalidInput: both stores are one place, or the source is to be deleted and they may be one, or something would be lost.
        AccessDenied: the scope does not match, or the tenant differs.
        Duplicate: the destination has another credential of that name.
        RotationInProgress, Unusable: the source is not at rest.
        Conflict: another run changed it meanwhile; the source was not deleted.
    """
    key = secrets.token_bytes(32)
    portable = source.export(name, context)
    plan = destination.plan_import(portable, key, context)
    plan.check(other_tenant=options.other_tenant, lossy=options.lossy)
    if options.delete and plan.may_be_source:
        raise _same_record_error(source, destination, name)
    versions: Dict[str, str] = {}
    if not options.check:
        versions = destination.import_(portable, context, other_tenant=options.other_tenant, lossy=options.lossy)
        if destination.plan_import(portable, key, context).action != NOTHING:
            what = "store '{0}' does not hold what was written".format(destination.store)
            raise Conflict(what, name=name, remedy="Another run changed it. Compare both stores; the source was not deleted.")
    if options.delete and not options.check:
        _check_unchanged(source, portable, key, context)
        source.delete(name, context, expected_version=portable.current.version)
    return Transfer(plan.action, options.delete, plan.lost, plan.not_kept, versions)


def _check_unchanged(source: CredentialManager, portable: Portable, key: bytes, context: AccessContext) -> None:
    """Check that the source is still what was exported.

    Raises:
        Conflict: it was changed meanwhile.
        RotationInProgress, Unusable: a rotation or a refresh has begun meanwhile.
    """
    if source.export(portable.name, context).digest(key, portable.tenant) != portable.digest(key, portable.tenant):
        what = "it was changed in store '{0}' while it was moved".format(source.store)
        raise Conflict(what, name=portable.name, remedy="The source was not deleted. Compare both stores.")


def _same_record_error(source: CredentialManager, destination: CredentialManager, name: str) -> InvalidInput:
    """Return the error of a move that could delete the only copy: two addresses of one server show the same record."""
    what = "another tool wrote it, so it has no id, and the stores '{0}' and '{1}' may be one place under two names"
    remedy = "Nothing was deleted. Give it a tag in store '{0}', which also gives it an id, and run it again."
    return InvalidInput(what.format(source.store, destination.store), name=name, remedy=remedy.format(source.store))
