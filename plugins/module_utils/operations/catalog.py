# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The traits of each operation, as data. This file imports no operation, so that a worker can read it without loading one."""

from __future__ import annotations

from typing import Dict, FrozenSet, NamedTuple, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import SYNC
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import EXPORT, IMPORT


class OperationTraits(NamedTuple):
    """One operation.

    Attributes:
        name: the name of the lookup or module.
        read_only: it changes nothing in a store, so it may be repeated if its response was lost.
        cacheable: it may return values from the cache. Otherwise it reads from the backend: an operation that compares or describes must.
        counts_as_use: a read by it is a use of the credential. Otherwise it reads to describe, compare, copy or replace.
        shared: callers that ask it at the same time, with the same parameters and the same rights, may get one response. It reads what is
            stored for all of them, and hands out nothing that one of them must have alone.
        returns_secrets: its result is made to be used by later tasks, secrets included. So the edge does not take them out of it, and hides
            the whole result from the output if there are any.
        other_stores: the roles of the other stores that it names; its function takes their managers by these names.
        mirrored: after it, the copies of what it names are brought up to date in the stores that `mirror` of its store names.
    """

    name: str
    read_only: bool = False
    cacheable: bool = False
    counts_as_use: bool = False
    shared: bool = False
    returns_secrets: bool = False
    other_stores: Tuple[str, ...] = ()
    mirrored: bool = False


CATALOG: Dict[str, OperationTraits] = {
    traits.name: traits
    for traits in (
        OperationTraits("get", read_only=True, cacheable=True, counts_as_use=True),
        OperationTraits("get_many", read_only=True, cacheable=True, counts_as_use=True),
        OperationTraits("find", read_only=True, shared=True),
        OperationTraits("credential", mirrored=True),
        OperationTraits("credential_flow"),
        OperationTraits("credential_info", read_only=True, shared=True),
        OperationTraits("credential_rotate", mirrored=True),
        OperationTraits("credential_rotate_due", read_only=True, shared=True),
        OperationTraits("rotation_informed"),
        OperationTraits("credential_refresh"),
        OperationTraits("store_info", read_only=True, shared=True),
        OperationTraits("audit_info", read_only=True),
        OperationTraits("store_key"),
        OperationTraits("store_purge"),
        OperationTraits("store_schema"),
        OperationTraits("cache", read_only=True),
        OperationTraits("preflight", read_only=True, shared=True),
        OperationTraits("scan", read_only=True),
        OperationTraits("vault", read_only=True),
        OperationTraits("vault_request", returns_secrets=True),
        OperationTraits("migrate", other_stores=("to",)),
        OperationTraits(SYNC, other_stores=("to",)),
        OperationTraits("adopt", mirrored=True),
        OperationTraits("deploy", read_only=True, cacheable=True, counts_as_use=True),
        OperationTraits("record_deployment"),
        OperationTraits("list_deployments", read_only=True),
        OperationTraits("run", read_only=True, cacheable=True, counts_as_use=True),
    )
}
"""Every operation by its name."""


def traits_of(operation: str) -> OperationTraits:
    """Return the traits of an operation.

    Raises:
        InvalidInput: there is no such operation.
    """
    if operation not in CATALOG:
        remedy = "Use one of: {0}.".format(", ".join(CATALOG))
        raise InvalidInput("there is no operation {0}".format(ascii(operation)), option="operation", remedy=remedy)
    return CATALOG[operation]


def list_administrative() -> FrozenSet[str]:
    """Return the operations whose reads do not count as a use, among them export and import when the library is called directly."""
    return frozenset((EXPORT, IMPORT, *(traits.name for traits in CATALOG.values() if not traits.counts_as_use)))
