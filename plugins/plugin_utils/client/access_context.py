# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The caller, as far as a run knows it: recorded in the audit trail. Only the scope's dimensions decide about access."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT, AccessContext
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import is_fact
from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import controller, current_task

_USER = ("AWX_USER_NAME", "TOWER_USER_NAME")
_EXECUTION = ("AWX_JOB_ID", "TOWER_JOB_ID", "JOB_ID")


def run_id() -> str:
    """Return what identifies this run: the controller's process id and, if /proc has it, its start in clock ticks.

    The controller is the parent in a worker, and this process itself otherwise.
    """
    process, started = controller()
    return "{0}-{1}".format(process, started) if started else str(process)


def access_context(
    *,
    tenant: str | None,
    scope: Mapping[str, Any] | None,
    variables: Mapping[str, Any],
    task: str | None = None,
) -> AccessContext:
    """Describe the caller.

    Args:
        tenant: the tenant of the store's configuration; nothing else sets it.
        scope: the option `scope`: workflow, user and tags that the play asserts.
        variables: the host's variables (raw); AWX adds the job and its user to them.
        task: the task's name; None for a lookup, which finds it by its worker.
    """
    asserted = scope or {}
    return AccessContext(
        tenant=str(tenant or DEFAULT_TENANT),
        workflow=asserted.get("workflow"),
        user=asserted.get("user") or _first(_USER, variables),
        tags={str(name): str(value) for name, value in (asserted.get("tags") or {}).items()},
        uid=os.getuid(),
        username=_find_username(),
        controller=os.uname().nodename,
        run=run_id(),
        host=_text(variables.get("inventory_hostname")),
        task=current_task() if task is None else task,
        execution_id=_first(_EXECUTION, variables),
        address=_text(os.environ.get("SSH_CLIENT", "").partition(" ")[0]),
    )


def _find_username() -> str | None:
    """Return the name of the user; None if the system has none for its id."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return None


def _first(names: tuple[str, ...], variables: Mapping[str, Any]) -> str | None:
    """Return the first of these parts of an AWX job. AWX sets them as environment variables and, in lower case, as extra variables.

    A fact of the same name is what a host says, and counts for nothing.
    """
    for name in names:
        found = os.environ.get(name) or (None if is_fact(name.lower(), variables) else variables.get(name.lower()))
        if found:
            return str(found)
    return None


def _text(value: Any) -> str | None:
    return str(value) if value else None
