# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fresh login on the controller with one SSH key, by OpenSSH's own client. It opens no session, so the host runs no command.

The key is in an agent of its own for the moment: in no file, no argument and no variable. The client reads its configuration, jump
hosts and known hosts as always. It may offer other keys too, so its log is read for the fingerprint of the key that was accepted.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from typing import Any, List, Mapping, NamedTuple, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context.process import TooSlow, find_environment, run_program
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps

PROGRAMS = ("ssh", "ssh-agent", "ssh-add")

# The agent ends with this shell; the key leaves it after a minute in any case. Jump hosts still get the user's own agent.
_SCRIPT = """
cd "$1" && ssh-add -q -t 60 - 2>/dev/null || exit 1
mark=$2; client=$3; shift 3
agent=$SSH_AUTH_SOCK
if [ -n "$OUTER_AGENT" ]; then SSH_AUTH_SOCK=$OUTER_AGENT; else unset SSH_AUTH_SOCK; fi
"$client" -o "IdentityAgent=$agent" -o "LocalCommand=echo $mark >&2; kill \\$PPID" "$@" </dev/null 2>&1
kill "$SSH_AGENT_PID"
"""
# The first value of an option counts, so these win over the configuration.
_OPTIONS = (
    *("BatchMode=yes", "PreferredAuthentications=publickey", "PubkeyAuthentication=yes", "HostbasedAuthentication=no"),
    *("IdentitiesOnly=no", "IdentityFile=/dev/null", "AddKeysToAgent=no", "ControlMaster=no", "ControlPath=none"),
    *("ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no", "PermitLocalCommand=yes", "EscapeChar=none"),
    *("ConnectTimeout=10", "ConnectionAttempts=1", "ServerAliveInterval=5", "ServerAliveCountMax=2"),
)
_NO_HOST_KEY = "StrictHostKeyChecking=no"
_OFFERED, _TAKEN = re.compile(r"Offering public key: .*(SHA256:\S+)"), re.compile(r"Server accepts key: .*(SHA256:\S+)")
_DENIED = re.compile(r"\S+: Permission denied \(")
_CAUSES: Mapping[str, str] = {
    "Host key verification failed": "the controller does not know its host key",
    "Could not resolve hostname": "its name cannot be resolved",
    "Connection refused": "nothing listens there",
    "timed out": "it does not answer",
    "No route to host": "there is no way to it",
}
"""Texts of the client that say why a login could not be tried, and our words for them."""


class Key(NamedTuple):
    """A private key in OpenSSH's format, not encrypted, and its fingerprint as `ssh-keygen -l` prints it."""

    content: bytes
    fingerprint: str

    def __repr__(self) -> str:
        return "Key({})".format(self.fingerprint)


def check_programs() -> None:
    """Check that the controller has OpenSSH's client.

    Raises:
        MissingLibrary: it has not.
    """
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        what = "the controller has no program '{}', which tries a key".format(missing[0])
        raise MissingLibrary(what, remedy="Nothing was changed. Install OpenSSH's client there (openssh-client).")


def try_key(connection: Mapping[str, Any], user: str, key: Key, seconds: float) -> Tuple[str, str]:
    """Try to log in with one key.

    Args:
        connection: how the host is reached, as `Modules.read_connection` returns it.
        user: the account.
        key: the key.
        seconds: how long it may take.

    Returns:
        The outcome (accepted, refused, or unavailable if neither is certain), and why, in words; empty if there is nothing to say.
    """
    mark = secrets.token_hex(8)
    command = ["ssh-agent", "/bin/sh", "-c", _SCRIPT, "sh", os.getcwd(), mark, *_build_command(connection, user)]
    own = os.environ.get("SSH_AUTH_SOCK", "")
    try:
        finished = run_program(command, key.content, find_environment((), {"LC_ALL": "C", "SHELL": "/bin/sh", "OUTER_AGENT": own}), seconds)
    except TooSlow:
        return steps.UNAVAILABLE, "the login with the key took too long"
    except CredentialError as error:
        return steps.UNAVAILABLE, error.what
    return read_outcome(finished.output.decode("utf-8", "replace"), key.fingerprint, mark)


def _build_command(connection: Mapping[str, Any], user: str) -> List[str]:
    command = [str(connection.get("executable") or "ssh"), "-N", "-T"]
    checked = connection.get("host_key_checking", True)
    for option in (*_OPTIONS, *(() if checked else (_NO_HOST_KEY,))):
        command += ["-o", option]
    command += connection.get("arguments", ())
    if connection.get("port"):
        command += ["-p", str(connection["port"])]
    # Last, because a -q among the arguments given would silence it.
    return [*command, "-l", user, "-v", str(connection["host"])]


def read_outcome(log: str, fingerprint: str, mark: str) -> Tuple[str, str]:
    """Return the outcome and its cause, from the client's log.

    Args:
        log: what the client wrote with `-v`.
        fingerprint: that of the key that was tried.
        mark: what it wrote after it had logged in.
    """
    lines = [line for line in log.splitlines() if line.strip()]
    is_in = mark in lines
    before = lines[: lines.index(mark)] if is_in else lines
    is_offered = fingerprint in _find_all(_OFFERED, before)
    is_taken = _find_all(_TAKEN, before)[-1:] == [fingerprint]
    if is_in and is_taken:
        return steps.ACCEPTED, ""
    if is_offered and not is_taken and (is_in or (lines and _DENIED.match(lines[-1]))):
        return steps.REFUSED, "another key of the controller is accepted" if is_in else ""
    if is_taken:
        return steps.UNAVAILABLE, "the key is accepted, and the account may not log in"
    return steps.UNAVAILABLE, next((words for text, words in _CAUSES.items() if text in log), "no login could be tried there")


def _find_all(pattern: re.Pattern[str], lines: List[str]) -> List[str]:
    return [found[1] for found in map(pattern.search, lines) if found]
