# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a target's modules and programs on a host, within a time limit. Their output is not shown or logged."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.plugin_utils.action.delegation import delegate, read_connection
from ansible_collections.nebula.credential.plugins.plugin_utils.action.run_on_target import Unshown
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking

_TRACEBACK = "Traceback (most recent call last)"


class _Late(BaseException):
    """The time limit is over. Not an Exception, so that no `except Exception` below catches it."""


class HostRunner:
    """Runs modules and programs of a target on the host of one task, and on other hosts of the inventory."""

    def __init__(self, action: ActionBase, variables: Mapping[str, Any], secret_arguments: Sequence[str] = ()) -> None:
        """Set the task's action, the host's variables, and the arguments of the target's modules whose values are masked."""
        self._secret_arguments = secret_arguments
        self._action = action
        self._variables = dict(variables)
        self._others: dict[str, HostRunner] = {}

    @property
    def action(self) -> ActionBase:
        """The action by which the host is reached."""
        return self._action

    @property
    def variables(self) -> Mapping[str, Any]:
        """The variables of the host."""
        return self._variables

    def close(self) -> None:
        """Close the connections to other hosts."""
        for other in self._others.values():
            with suppress(AnsibleError):
                other._action._connection.close()

    def has(self, place: str) -> bool:
        """Return True if the inventory has a host of that name."""
        return place in self._variables["hostvars"]

    def at(self, place: str) -> HostRunner:
        """Return the runner of another host of the inventory, reached as `delegate_to` would reach it. Contact nothing.

        Raises:
            InvalidInput: the host's variables make no connection.
        """
        if place not in self._others:
            self._others[place] = HostRunner(*delegate(self._action, place, self._variables), self._secret_arguments)
        return self._others[place]

    def read_connection(self) -> dict[str, Any]:
        """Return how the host is reached, as `Modules.read_connection` does."""
        return read_connection(self._action)

    def run_module(self, name: str, arguments: Mapping[str, Any], limit: float) -> dict[str, Any]:
        """Return the result of a module of another collection; without a response `{"unreachable": True}`.

        `msg` of a failed one is its message, or that of the exception that ended it. It may hold a value, so it is not passed on.
        """
        masking.register(list(_find_secrets(arguments, self._secret_arguments)))
        try:
            with without_log(self._action._task), _at_most(limit):
                found = self._action._execute_module(module_name=name, module_args=Unshown(arguments), task_vars=self._variables)
                return _with_message(dict(found))
        except (AnsibleError, _Late):
            return {"unreachable": True}

    def run_program(self, argv: Sequence[str], stdin: bytes, limit: float) -> int | None:
        """Return a program's exit status; None without a response. The bytes reach it through the connection, without a file.

        Raises:
            Unavailable: the connection plugin cannot send a program its standard input.
        """
        connection = self._action._connection
        if not connection.has_pipelining:
            raise Unavailable(
                "the connection plugin '{0}' cannot send a program its standard input".format(connection.transport),
                option="target",
                remedy="Use a connection plugin with pipelining (ssh or local).",
            )
        try:
            with without_log(self._action._task), _pipelining(connection), _at_most(limit):
                command = "{0} >/dev/null 2>&1".format(shlex.join(argv))
                return int(self._action._low_level_execute_command(command, in_data=stdin)["rc"])
        except (AnsibleError, _Late):
            return None


@contextmanager
def without_log(task: Any) -> Iterator[None]:
    """Have the modules of a task log nothing on their host."""
    before, task.no_log = task.no_log, True
    try:
        yield
    finally:
        task.no_log = before


def _find_secrets(arguments: Mapping[str, Any], names: Sequence[str]) -> Iterator[Secret]:
    """Yield the values of the arguments of these names, also of those within a mapping: a query's own arguments are one."""
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            yield from _find_secrets(value, names)
        elif name in names:
            yield Secret(value)


def _with_message(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a module with the message of the exception that ended it, if it has no message of its own.

    Up to ansible-core 2.18 that is the end of a traceback in the module's output; later, an event in `exception`.
    """
    event = getattr(result.get("exception"), "event", None)
    if event is not None and not result.get("msg"):
        return {**result, "msg": str(event.msg)}
    outputs = [str(result.get(output) or "") for output in ("module_stdout", "module_stderr")]
    written = next((output for output in outputs if _TRACEBACK in output), "")
    if result.get("failed") and written:
        lines = written.rpartition(_TRACEBACK)[2].splitlines()
        return {**result, "msg": "\n".join(line for line in lines[1:] if not line.startswith(" "))}
    return result


@contextmanager
def _pipelining(connection: Any) -> Iterator[None]:
    """Have become run the program without a terminal: with one, the program would wait for standard input for ever."""
    if "pipelining" not in connection.option_definitions:
        yield  # a connection plugin without the option never uses a terminal
        return
    before = connection.get_option("pipelining")
    connection.set_option("pipelining", True)
    try:
        yield
    finally:
        connection.set_option("pipelining", before)


@contextmanager
def within_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError if the `with` block takes longer. As `_at_most`, it sets no limit in a thread."""
    try:
        with _at_most(seconds):
            yield
    except _Late:
        raise TimeoutError from None


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise `_Late` after that time. Set no limit in a thread, or if the task has a time limit of its own."""
    if threading.current_thread() is not threading.main_thread() or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def ring(*_: Any) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
