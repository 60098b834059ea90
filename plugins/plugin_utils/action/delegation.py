# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of an inventory that a task names by patterns, and an action for each, as `delegate_to` would make it."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.executor.task_executor import TaskExecutor
from ansible.inventory.manager import split_host_pattern
from ansible.plugins.action import ActionBase

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

_EXCLUDES = ("!", "&")
_ARGUMENTS = ("ssh_args", "ssh_common_args", "ssh_extra_args")


def find_host(pattern: str | None, action: ActionBase, variables: Mapping[str, Any], option: str) -> str:
    """Return the name of the one host that a pattern matches; the task's host without one.

    Raises:
        InvalidInput: it matches none, or several.
    """
    if pattern is None:
        return str(action._task.delegate_to or variables["inventory_hostname"])
    found = find_hosts([pattern], action, variables, option)
    if len(found) > 1:
        remedy = "Nothing was changed. Name one: this target changes one host with one credential."
        raise InvalidInput("it matches {0} hosts".format(len(found)), option=option, remedy=remedy)
    return found[0]


def find_hosts(patterns: Iterable[str] | None, action: ActionBase, variables: Mapping[str, Any], option: str) -> list[str]:
    """Return the names of hosts of the inventory.

    `--limit` does not count: a host that is left out by it would keep an old value for ever.

    Args:
        patterns: patterns as in `hosts:` of a play; None for the hosts of the play, or the one that the task is delegated to.
        action: the task's action.
        variables: the variables of the task.
        option: the option that holds the patterns, for errors.

    Raises:
        InvalidInput: a pattern matches no host.
    """
    if patterns is None:
        here = [find_host(None, action, variables, option)]
        return here if action._task.delegate_to else [str(host) for host in variables.get("ansible_play_hosts_all") or here]
    lookup = action._shared_loader_obj.lookup_loader.get(
        "ansible.builtin.inventory_hostnames", loader=action._loader, templar=action._templar
    )
    every = split_host_pattern([str(pattern) for pattern in patterns])
    for pattern in every:
        if not pattern.startswith(_EXCLUDES) and not lookup.run([pattern], variables=variables):
            what = "the pattern {0} matches no host of the inventory".format(ascii(pattern))
            raise InvalidInput(what, option=option, remedy="Nothing was changed. Name hosts or groups of the inventory, as in 'hosts:'.")
    found = [str(host) for host in lookup.run(every, variables=variables)]
    if not found:
        raise InvalidInput("no host is left", option=option, remedy="Nothing was changed. Name one host or more.")
    return found


def delegate(action: ActionBase, host: str, variables: Mapping[str, Any]) -> tuple[ActionBase, dict[str, Any]]:
    """Return an action that runs modules on another host, and the variables of that task. Contact nothing.

    Raises:
        InvalidInput: the host's variables make no connection.
    """
    task, templar = action._task.copy(), action._templar
    task.delegate_to = host
    try:
        delegated, _name = variables["hostvars"]._variable_manager.get_delegated_vars_and_hostname(templar, task, variables)
        own = delegated["ansible_delegated_vars"][host]
        together = {**variables, **delegated}
        context = action._play_context.set_task_and_variable_override(task=task, variables=together, templar=templar)
        templar = templar.copy_with_new_env(available_variables=own)
        context.post_validate(templar=templar)
        connection = _Connector(action, task, context).connect(own, templar)
    except AnsibleError:
        what = "the variables of the host {0} make no connection".format(ascii(host))
        raise InvalidInput(what, option="target", remedy="Nothing was changed. Correct them; 'ansible -m ping' shows more.") from None
    normal = action._shared_loader_obj.action_loader.get(
        "ansible.builtin.normal",
        task=task,
        connection=connection,
        play_context=context,
        loader=action._loader,
        templar=templar,
        shared_loader_obj=action._shared_loader_obj,
    )
    return normal, together


class _Connector(TaskExecutor):
    """Makes a connection as ansible-core does for a task: plugins of connection, shell and become, with their options and passwords."""

    # From ansible-core 2.21 on, this is a property of the base that returns the task of the process, whichever host that is for.
    _task: Any = None

    def __init__(self, action: ActionBase, task: Any, context: Any) -> None:
        self._task = task
        self._play_context = context
        self._loader = action._loader
        self._shared_loader_obj = action._shared_loader_obj
        self._connection: Any = None

    def connect(self, variables: dict[str, Any], templar: Any) -> Any:
        """Return a connection that has its options, and is not open yet."""
        kind = templar.template(variables.get("ansible_connection")) or self._task.connection
        self._connection = self._get_connection(variables, templar, kind)
        self._set_connection_options(variables, templar)
        self._connection._play_context = self._play_context
        return self._connection


def read_connection(action: ActionBase) -> dict[str, Any]:
    """Return how an action reaches its host, as `Modules.read_connection` does."""
    connection, context = action._connection, action._play_context
    known = connection.option_definitions
    found = {"host": context.remote_addr, "port": context.port}
    if connection.transport == "ssh":
        found = {name: connection.get_option(name) for name in ("host", "port")}
        found["executable"] = connection.get_option("ssh_executable")
        given = [connection.get_option(name) or "" for name in _ARGUMENTS if name in known]
        found["arguments"] = [argument for text in given for argument in shlex.split(text)]
        found["host_key_checking"] = connection.get_option("host_key_checking")
    return {**found, "password_users": _find_password_users(connection, context)}


def _find_password_users(connection: Any, context: Any) -> list[str]:
    """Return the accounts of the host whose passwords a connection is given, to log in and to become another user."""
    known, become = connection.option_definitions, connection.become
    user = (connection.get_option("remote_user") if "remote_user" in known else None) or context.remote_user
    user = user or connection.default_user or getpass.getuser()
    users = [user] if "password" in known and connection.get_option("password") else []
    if become is not None and become.get_option("become_pass", playcontext=context):
        # su takes the password of the account that it becomes; sudo and its like, that of the account which is logged in.
        is_su = become.name.rpartition(".")[2] == "su"
        users.append((become.get_option("become_user", playcontext=context) or "root") if is_su else user)
    return [str(each) for each in users]
