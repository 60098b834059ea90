# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program that the configuration names: which one, with which environment, and what an end without an answer means."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import Any, Callable, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.process import (
    Finished,
    TooSlow,
    find_environment,
    run_program,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_not_open_to_all

_LONGEST_MESSAGE = 300
_HIDDEN = "Its own words may hold a secret, and are shown only with 'show_messages: true'."


class Program:
    """A command."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        warn: Callable[[str], object],
        more: Optional[Mapping[str, str]] = None,
        *,
        purpose: str = "store",
    ) -> None:
        """Take its options (`command`, `environment`, `show_messages`), and variables that it gets as well.

        Args:
            settings: the options.
            warn: called with each warning.
            more: variables of its environment.
            purpose: what it is for, for messages.

        Raises:
            InvalidConfiguration: `command` names no program, or one by a relative path.
        """
        self._argv = _read_argv(settings.get("command"))
        self._names = [str(name) for name in settings.get("environment") or ()]
        self._more = dict(more or {})
        self._shows = bool(settings.get("show_messages"))
        self._warn = warn
        self._purpose = purpose

    @property
    def name(self) -> str:
        """The name of the program, for people."""
        return os.path.basename(self._argv[0])

    @property
    def argv(self) -> List[str]:
        """The program and its arguments."""
        return list(self._argv)

    def prepare(self) -> None:
        """Find the program. Runs nothing.

        Raises:
            InvalidConfiguration: there is none, or it cannot be executed.
            InsecurePermissions: everyone can change it, or a file among its arguments, as the script of an interpreter is.
        """
        found = shutil.which(self._argv[0])
        if found is None:
            raise _build_missing_error(self._argv[0])
        scripts = (argument for argument in self._argv[1:] if os.path.isabs(argument) and os.path.isfile(argument))
        for path in (found, *scripts):
            check_not_open_to_all(path, "the program of the {0}".format(self._purpose), self._warn)

    def run(self, arguments: List[str], given: bytes, *, writing: bool = False) -> Finished:
        """Run it within the time that is left.

        Raises:
            Timeout: it did not end, and was killed with its children.
            InvalidConfiguration, Unavailable, StorageError: see `run_program`.
        """
        environment = find_environment(self._names, self._more)
        try:
            return run_program([*self._argv, *arguments], given, environment, deadline.remaining())
        except TooSlow:
            raise deadline.timeout_error(outcome_unknown=writing, server="the command {0}".format(ascii(self.name))) from None
        except CredentialError as problem:
            # A program that wrote too much may have done its work before.
            raise problem.annotate(outcome_unknown=writing and not isinstance(problem, InvalidConfiguration)) from None

    def describe_end(self, finished: Finished) -> str:
        """Return how it ended, as a clause."""
        if finished.status < 0:
            return "it was killed by signal {0}".format(-finished.status)
        return "it ran in the directory / and ended with status {0}".format(finished.status)

    def describe_message(self, message: str) -> str:
        """Return what the command said as a sentence, if the store shows it; else why it does not."""
        if not self._shows:
            return _HIDDEN
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in message).split())
        return "It said: {0}".format(text[:_LONGEST_MESSAGE]) if text else "It said nothing."

    def describe_errors(self, finished: Finished) -> str:
        """Return the end of its error output as `describe_message` returns a message."""
        return self.describe_message(finished.errors.decode("utf-8", "replace").strip()[-_LONGEST_MESSAGE:])


def _build_missing_error(program: str) -> InvalidConfiguration:
    if os.path.isfile(program):
        what, remedy = "{0} is not executable".format(ascii(program)), "Run: chmod u+x {0}. Or name its interpreter before it."
        return InvalidConfiguration(what, option="command", remedy=remedy.format(shlex.quote(program)))
    return InvalidConfiguration(
        "there is no program {0}".format(ascii(program)), option="command", remedy="Install it, or write its whole path."
    )


def _read_argv(command: Any) -> List[str]:
    if not isinstance(command, (list, tuple)) or not command or not str(command[0]):
        raise InvalidConfiguration("it names no program", option="command", remedy="Write a list: the program, then each argument.")
    program = expand_home(str(command[0]), "command")
    if "/" in program and not os.path.isabs(program):
        what = "{0} is a relative path".format(ascii(program))
        remedy = "Write a whole path, or the name of a program on PATH; each argument is an element of the list of its own."
        raise InvalidConfiguration(what, option="command", remedy=remedy)
    return [program, *(str(argument) for argument in command[1:])]
