# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scope: who a credential is meant for, and the one function that enforces it (E4).

It prevents mistakes, not attacks: anyone who holds a store's key or login can read all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied

DEFAULT_TENANT = "default"


@dataclass(frozen=True)
class Scope:
    """The dimensions that a caller has to match. The tenant always counts, the others only if they are set."""

    tenant: str = DEFAULT_TENANT
    workflow: Optional[str] = None
    user: Optional[str] = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AccessContext:
    """The caller, as far as it is known. The tenant comes from the store's configuration; the play asserts the rest.

    `uid`, `username`, `controller` (the machine's name), `run`, `host`, `task`, `execution_id` and `address` go into the audit trail
    and decide nothing.
    """

    tenant: str = DEFAULT_TENANT
    workflow: Optional[str] = None
    user: Optional[str] = None
    tags: Mapping[str, str] = field(default_factory=dict)
    uid: Optional[int] = None
    username: Optional[str] = None
    controller: Optional[str] = None
    run: Optional[str] = None
    host: Optional[str] = None
    task: Optional[str] = None
    execution_id: Optional[str] = None
    address: Optional[str] = None


def mismatch(scope: Scope, context: AccessContext) -> Optional[str]:
    """Return the first dimension in which `context` does not match `scope`, or None."""
    if scope.tenant != context.tenant:
        return "tenant"
    for dimension in ("workflow", "user"):
        wanted = getattr(scope, dimension)
        if wanted is not None and wanted != getattr(context, dimension):
            return dimension
    for tag, wanted in scope.tags.items():
        if context.tags.get(tag) != wanted:
            return "tags.{0}".format(tag)
    return None


def check_access(scope: Scope, context: AccessContext, name: str) -> None:
    """Check that a caller matches a scope.

    Raises:
        AccessDenied: the caller does not match. The message names the dimension, not the expected value.
    """
    dimension = mismatch(scope, context)
    if dimension is not None:
        raise AccessDenied(
            "the scope does not match in '{0}'".format(dimension),
            name=name,
            remedy="Use the {0} that the credential was created for (option 'scope').".format(dimension),
        )


NOBODY = AccessContext()
"""A caller that asserts nothing: it can read only credentials without a scope."""
