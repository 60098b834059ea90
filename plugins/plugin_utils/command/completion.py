# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Completion of the command line by `argcomplete`, names of credentials included, and the shell code that sets it up."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import OK
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import PROGRAM, Invocation

ALIAS = "nebula"
_ALIAS = """
if ! command -v {alias} >/dev/null 2>&1; then
  alias {alias}={program}
fi
"""


def _load() -> Any:
    try:
        import argcomplete
    except ImportError:
        remedy = "Install it, or the package nebula-credential-cli, which brings it along."
        raise MissingLibrary("argcomplete is not installed", remedy=remedy) from None
    return argcomplete


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell that asks for completions, and end the process. Do nothing if no shell asks."""
    for action in _list_actions(parser):
        if action.dest in ("name", "names"):
            action.completer = _complete_name  # type: ignore[attr-defined]  # argcomplete reads it
    _load().autocomplete(parser)


def _list_actions(parser: argparse.ArgumentParser) -> Iterable[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _list_actions(inner)
        else:
            yield action


def _complete_name(prefix: str, parsed_args: argparse.Namespace, **_more: Any) -> list[str]:
    """Return the names that begin with what was typed; none if the store cannot be read."""
    invocation = Invocation(parsed_args)
    try:
        return [row["name"] for row in invocation.perform("find", {"prefix": prefix}).result["credentials"]]
    except Exception:  # noqa: BLE001  # a message would be written over what is being typed
        return []
    finally:
        invocation.close()


def write_shell_code(invocation: Invocation) -> int:
    """Write what a shell evaluates: completion, and the short name if no other program has it."""
    programs = [PROGRAM, ALIAS]
    print(_load().shellcode(programs, shell=invocation.arguments.shell, argcomplete_script=PROGRAM))
    print(_ALIAS.format(alias=ALIAS, program=PROGRAM))
    return OK
