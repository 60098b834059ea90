# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`run -- command`: a program with secrets in its environment, or on its standard input, and nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import NO_PROGRAM, NOT_EXECUTABLE
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation
from ansible_collections.nebula.credential.plugins.plugin_utils.command.named_values import NamedValue, list_names, read_named, read_values
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import note

_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_OF_THE_KEYBOARD = (signal.SIGINT, signal.SIGQUIT)
_STANDARD_INPUT = "0"
"""No name of a variable: the value that goes to the program's standard input."""


def run(invocation: Invocation) -> int:
    """Run a program, and return its exit status. A signal that ends it becomes 128 and its number, as in a shell.

    This process stays until the program ends: a lease that it was given would end with the store.
    """
    given = invocation.arguments
    command = given.program[1:] if given.program[:1] == ["--"] else given.program
    if not command:
        raise InvalidInput("no program is named", remedy="Write it behind '--': run -e PGPASSWORD=db_pass -- psql.")
    named = read_named([*(given.env or ()), *(list_names(invocation, given.prefix) if given.prefix is not None else ())])
    if given.stdin is not None:
        name, _colon, field = given.stdin.partition(":")
        named.append(NamedValue(_STANDARD_INPUT, name, field or None))
    if not named:
        raise InvalidInput("no credential is named", remedy="Write --env, --prefix or --stdin.")
    values = read_values(invocation, named)
    content = values.pop(_STANDARD_INPUT, None)
    return _run(command, {**os.environ, **values}, None if content is None else content.encode("utf-8"))


def _run(command: list[str], environment: dict[str, str], content: bytes | None) -> int:
    with _passing_on_signals() as started:
        try:
            process = subprocess.Popen(command, env=environment, stdin=None if content is None else subprocess.PIPE)
        except (OSError, ValueError) as error:
            number = error.errno if isinstance(error, OSError) else None
            reason = os.strerror(number) if number else "a value or an argument holds a zero byte"
            note("{0} cannot be run: {1}".format(ascii(command[0]), reason))
            return NO_PROGRAM if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        started(process)
        process.communicate(content)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


@contextmanager
def _passing_on_signals() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Inside the `with` block the program gets this process's signals. Those of a keyboard reach it by themselves.

    Yields the function that takes the program once it is started. A signal that came before is passed on then.
    """
    programs: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _frame: Any) -> None:
        if programs:
            programs[0].send_signal(number)
        else:
            early.append(number)

    def start(process: subprocess.Popen[bytes]) -> None:
        programs.append(process)
        while early:
            process.send_signal(early.pop(0))

    # A function, because a program would inherit that a signal is ignored.
    of_keyboard: Any = (lambda _number, _frame: None) if _has_keyboard() else pass_on
    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    before.update((number, signal.signal(number, of_keyboard)) for number in _OF_THE_KEYBOARD)
    try:
        yield start
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _has_keyboard() -> bool:
    """Return True if this process belongs to a terminal, which sends its signals to the program, too."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
