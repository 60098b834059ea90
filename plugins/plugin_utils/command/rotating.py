# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`rotate`: give a credential a new value, at the target that it is assigned to.

Modules of Ansible act at a target. So this runs a play of one task, `credential_rotate`, as a person would: it comes through a pipe,
because the description of a target may hold a login.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import CREDENTIAL_ROTATE
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, RotationFailed
from ansible_collections.nebula.credential.plugins.module_utils.model.assignment import read_assignment
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ROTATES
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import OK
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation
from ansible_collections.nebula.credential.plugins.plugin_utils.command.reading import describe
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import note, write_json
from ansible_collections.nebula.credential.plugins.plugin_utils.config.rotation_targets import DescribedTarget, DescribedTargets
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.failure_options import error_from

_MODULE = "nebula.credential.credential_rotate"
ROOT = Path(os.path.abspath(__file__)).parents[6]
"""The directory above `ansible_collections` of this collection. What links to a checkout is not followed: the name is above the link."""
_RESULT = re.compile(r"^\S+ \| ([A-Z]+)!? => ", re.MULTILINE)
_DONE = ("SUCCESS", "CHANGED")
_OUTPUT = {
    "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_FORCE_COLOR": "0",
    "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "0",
    "ANSIBLE_VERBOSITY": "0",
}


def rotate(invocation: Invocation) -> int:
    """Rotate one credential now, whether or not it is due."""
    given = invocation.arguments
    target = _find_target(invocation)
    target.check_takes(given.name)
    arguments = {"name": given.name, **target.build_arguments({})}
    if any(invocation.scope.values()):
        arguments["scope"] = {name: value for name, value in invocation.scope.items() if value}
    if target.kind == NO_TARGET:
        result = invocation.perform_module("credential_rotate", CREDENTIAL_ROTATE, arguments, given.check).result
    else:
        invocation.close()
        result = _play(invocation, arguments)
    if given.json:
        write_json({name: value for name, value in result.items() if name not in ("diff", "invocation")})
    elif given.check:
        note("{0}: would be rotated (not done: --check)".format(given.name))
        for step in (result.get("plan") or {}).get("steps", ()):
            note("  {0}".format(step))
    else:
        note("{0}: {1}".format(given.name, result.get("outcome") or result.get("phase")))
    return OK


def _find_target(invocation: Invocation) -> DescribedTarget:
    given = invocation.arguments
    if given.target is not None:
        return DescribedTargets(invocation.around).find(given.target)
    rotation = describe(invocation, given.name)["rotation"]
    # Options in metadata may choose hosts and programs. Who may take them is for `credential_rotate_due`, which knows what is authentic.
    assigned = read_assignment({ROTATES: rotation}, is_authenticated=False)
    if assigned is None:
        remedy = "Give --target NAME of the targets in nebula.yml, or '--target {0}' for a value that no service has.".format(NO_TARGET)
        raise InvalidInput("it is assigned to no rotation target", name=given.name, remedy=remedy)
    return DescribedTargets(invocation.around).find(assigned.target)


def _play(invocation: Invocation, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of the task.

    Raises:
        CredentialError: of the class that the task's result names.
        RotationFailed: the play has no result.
    """
    given = invocation.arguments
    store = {} if given.store is None else {"store": given.store}
    play = [{"hosts": given.host, "gather_facts": False, "tasks": [{_MODULE: {**arguments, **store}, "run_once": True}]}]
    command = [sys.executable, "-m", "ansible", "playbook", "/dev/stdin", *_list_options(given)]
    paths = os.pathsep.join([str(ROOT), *constants.COLLECTIONS_PATHS])
    environment = {**os.environ, **_OUTPUT, "ANSIBLE_COLLECTIONS_PATH": paths}
    done = subprocess.run(command, input=json.dumps(play).encode("ascii"), stdout=subprocess.PIPE, env=environment, check=False)
    result = _read_result(done.stdout.decode("utf-8", "replace"))
    if result is None:
        what = "the play ended with status {0} and no result".format(done.returncode)
        remedy = "See what it wrote above, and what is stored: 'history {0}'.".format(given.name)
        raise RotationFailed(what, name=given.name, remedy=remedy)
    if result.pop("failed") or done.returncode:
        raise _error_of(result)
    return result


def _list_options(given: Any) -> list[str]:
    options = ["--inventory={0}".format(each) for each in given.inventory or ()]
    options += ["--vault-id={0}".format(each) for each in given.vault_id or ()]
    options += ["--vault-password-file={0}".format(each) for each in given.vault_password_file or ()]
    return [*options, *(["--ask-vault-pass"] if given.ask_vault_pass else []), *(["--check"] if given.check else [])]


def _read_result(output: str) -> dict[str, Any] | None:
    """Return the result in what `minimal` wrote, with `failed`: `host | STATE => {…}`. The state alone shows a failure."""
    found = _RESULT.search(output)
    if found is None:
        return None
    try:
        return {**json.JSONDecoder().raw_decode(output, found.end())[0], "failed": found.group(1) not in _DONE}
    except ValueError:
        return None


def _error_of(result: Mapping[str, Any]) -> CredentialError:
    return error_from({"code": str(result.get("code") or RotationFailed.code), "message": str(result.get("msg"))})
