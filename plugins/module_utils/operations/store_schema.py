# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of a store: the module `store_schema`."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager


def store_schema(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool) -> Outcome:
    """Bring the tables of a store up to date.

    Args:
        manager: the manager of the store.
        parameters: none of its own.
        context: the caller.
        check_mode: change nothing, and return what would be done.

    Returns:
        `{changed, found, version, statements, diff}`: the version of the tables before (0: there were none) and after, and
        the SQL that was run, or would be run.

    Raises:
        InvalidInput: the store has no tables.
        StorageError: a later release created them.
        AccessDenied: the login may not change them.
    """
    done = manager.ensure_schema(asserting(context, parameters.get("scope")), check=check_mode)
    diff = {"before": {"version": done.before}, "after": {"version": done.after}}
    changed = done.before != done.after
    return Outcome({"changed": changed, "found": done.before, "version": done.after, "statements": list(done.statements), "diff": diff})
