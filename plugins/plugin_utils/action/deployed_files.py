# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is recorded of the files that a task has written: where they are, what is in them, and how each can be written anew."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.deploy import CREDENTIAL, TEMPLATE, VALUES
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.names import is_name
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret, find_secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.delegation import find_host
from ansible_collections.nebula.credential.plugins.plugin_utils.action.deployment import File
from ansible_collections.nebula.credential.plugins.plugin_utils.session.run_end import write_at_run_end

RECORD = "record_deployment"
_KEPT = (CREDENTIAL, VALUES, "field", "fields", "format", "section", "mode", "validate")
_LOCAL = "local"
_ACCOUNT = re.compile(r"[\w.$@\\-]{1,64}\Z")
_MOST_NAMES = 100
"""What a host says of its accounts and files is recorded only if it is of the form that it has to be."""


def describe_written(
    action: ActionBase,
    variables: Mapping[str, Any],
    files: Sequence[File],
    found: Sequence[Mapping[str, Any]],
    secrets: Sequence[Secret],
) -> list[dict[str, Any]]:
    """Return the files of a task as the operation `record_deployment` takes them. Nothing in them is a value.

    Args:
        action: the task's action.
        variables: the variables of its host.
        files: the files of the task.
        found: what the host said of each.
        secrets: the values that the task has read.
    """
    here = _describe_host(action, variables)
    return [{**here, **_describe(file, row, secrets)} for file, row in zip(files, found)]


def forget_file(action: ActionBase, variables: Mapping[str, Any], file: File) -> dict[str, Any]:
    """Return what is recorded of a file that no longer holds the credentials that it was to hold."""
    before = [] if file.content is None else list(file.content.versions)
    return {**_describe_host(action, variables), "dest": file.options["dest"], "versions": {}, "before": before}


def _describe_host(action: ActionBase, variables: Mapping[str, Any]) -> dict[str, str]:
    return {"host": find_host(None, action, variables, "dest"), "controller": find_controller(action)}


def record_files(ask: Callable[[Mapping[str, Any]], Outcome], files: Sequence[Mapping[str, Any]]) -> None:
    """Have the store record what was written. The files are there, so that whatever fails is a warning.

    Args:
        ask: performs `record_deployment`.
        files: as `describe_written` returns them.
    """
    try:
        if ask({"files": list(files)}).result["waits"]:
            write_at_run_end()
    except CredentialError as error:
        Display().warning("It was not recorded which files of hosts hold the credentials. The files are written. {0}".format(error))


def find_controller(action: ActionBase) -> str:
    """Return the name of this controller if the files of an action's host are on it; else an empty text."""
    return os.uname().nodename if action._connection.transport == _LOCAL else ""


def _describe(file: File, row: Mapping[str, Any], secrets: Sequence[Secret]) -> dict[str, Any]:
    dest = file.options["dest"]
    if file.content is None:
        # Not even the host knows what was in a file that is gone.
        return {"dest": dest, "versions": {}, "before": None}
    why = next(_list_obstacles(file.options, secrets), "")
    how = {} if why else {name: file.options[name] for name in _KEPT if file.options.get(name) is not None}
    owned = {name: row[name] for name in ("owner", "group") if isinstance(row.get(name), str) and _ACCOUNT.match(row[name])}
    return {
        "dest": dest,
        "versions": dict(file.content.versions),
        "how": {**how, **owned} if how else {},
        "why": why,
        "before": _list_before(row),
    }


def _list_before(row: Mapping[str, Any]) -> list[str] | None:
    """Return the credentials that were in the file; None if it was another one, and nothing was noted with it."""
    names = list(row["versions"])
    is_known = names or row["before"] is None or "content" not in row["differs"]
    return names if is_known and len(names) <= _MOST_NAMES and all(map(is_name, names)) else None


def _list_obstacles(options: Mapping[str, Any], secrets: Iterable[Secret]) -> Iterator[str]:
    """Yield why a file cannot be written anew without the play that wrote it."""
    if options.get(TEMPLATE) is not None:
        yield "it was written from a template"
    values = list((options.get(VALUES) or {}).values())
    if not all(isinstance(value, Mapping) for value in values):
        yield "it has texts of its play, which may be secret"
    if any(source.get("version") is not None for source in (options, *values) if isinstance(source, Mapping)):
        yield "its play has chosen the version"
    texts = [*shlex.split(options.get("validate") or ""), options.get("section") or "", *(options.get(VALUES) or ())]
    if find_secret(texts, secrets) is not None:
        yield "one of its options holds a value"
