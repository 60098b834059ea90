# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: `nebula-credential`, and `nebula-client`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import Internal, as_credential_error
from ansible_collections.nebula.credential.plugins.plugin_utils.command.arguments import RUN, build_parser
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import INTERRUPTED, NOT_RUN, USAGE, find_status
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import note
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import UserMessage

_COMPLETION = "_ARGCOMPLETE"
"""The variable by which a shell asks for completions."""
Perform = Callable[[Invocation], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    parser = build_parser()
    if _COMPLETION in os.environ:
        from ansible_collections.nebula.credential.plugins.plugin_utils.command.completion import complete

        complete(parser)
    arguments, others = parser.parse_known_args(argv)
    if others:
        parser.error(_describe_others(arguments.command, others))
    return _perform(arguments.perform(), Invocation(arguments))


def _describe_others(command: str, others: Sequence[str]) -> str:
    """Return the message about arguments that a subcommand does not take. It shows none that may be a value."""
    options = [each.partition("=")[0] if each.startswith("--") else each[:2] for each in others if each.startswith("-")]
    if options:
        return "'{0}' has no option {1}".format(command, ", ".join(options))
    what = "'{0}' has more arguments than it takes".format(command)
    return what + (". A value is no argument: it is read from a prompt, or from standard input" if command == "set" else "")


def run_vault_client(argv: Sequence[str] | None = None) -> int:
    """Run the client script of Ansible Vault, and return its exit code."""
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.arguments import build_client_parser
    from ansible_collections.nebula.credential.plugins.plugin_utils.command.vault_client import ClientInvocation, write_vault_password

    return _perform(write_vault_password, ClientInvocation(build_client_parser().parse_args(argv)))


def _perform(perform: Perform, invocation: Invocation) -> int:
    """Perform a subcommand. Whatever fails leaves as a neutral message and an exit code; no traceback, which would show values."""
    try:
        try:
            status = perform(invocation)
            sys.stdout.flush()
            return status
        finally:
            invocation.close()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever reads the output has ended. What is left of it must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return find_status(Internal(""))
    except Exception as error:  # noqa: BLE001  # the edge: every failure leaves as a neutral one
        return _report(error, invocation.arguments)


def _report(error: Exception, arguments: argparse.Namespace) -> int:
    found = error if isinstance(error, UserMessage) else as_credential_error(error)
    if arguments.json:
        note(json.dumps({"failed": True, "code": found.code, "msg": str(found)}))
    else:
        note("{0}: {1} [code: {2}]".format(os.path.basename(sys.argv[0]) or "nebula-credential", found, found.code))
    if arguments.command == RUN:
        return NOT_RUN
    return USAGE if isinstance(found, UserMessage) else find_status(found)
