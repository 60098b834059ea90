# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's own programs as a target: one that sets a value at the service, one that tries a value, one that drops it.

A program gets the value on standard input, or in its environment, never in its arguments. Only its exit status is read; its
output is discarded, because it may hold the value. Every program ends within its time limit.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    DUAL,
    NATIVE,
    OVERLAP_NONE,
    REAPPLY,
    Modules,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option

STDIN, ENVIRONMENT = "stdin", "environment"

DONE = 0
REFUSED = 77
"""EX_NOPERM of sysexits.h."""
UNAVAILABLE = (69, 75)
"""EX_UNAVAILABLE and EX_TEMPFAIL of sysexits.h."""

_KILLED = (137, -9)
"""The status of a program that SIGKILL ended, as a shell and as the process itself report it."""

MAX_TIME_LIMIT = 240
VERIFY_LIMIT = 25
_START = 30
"""Seconds that connecting to the host and starting a program may take."""
_MAX_FIELD = 120 * 1024
"""Linux takes 128 KiB for one variable, with its name."""

_CLEAR = 'exec env -i PATH="$PATH" HOME="$HOME" USER="$USER" LANG="$LANG" /bin/sh -c "$@"'
# Reads NAME, a number of lines and the lines themselves, until an empty name; the rest is the program's standard input.
# The shell reads a pipe byte by byte, so none of the rest is lost. `timeout` kills the program with its children.
_RUN = """
limit=$1; shift
newline='
'
while IFS= read -r name && [ -n "$name" ]; do
  IFS= read -r count; value=; separator=
  while [ "$count" -gt 0 ]; do
    IFS= read -r line; value=$value$separator$line; separator=$newline; count=$((count - 1))
  done
  export "$name=$value"
done
exec timeout -s KILL "$limit" "$@"
"""
_SEND_OUTCOMES: Mapping[Optional[int], str] = {
    DONE: steps.APPLIED,
    REFUSED: steps.REFUSED,
    **dict.fromkeys(UNAVAILABLE, steps.UNAVAILABLE),
}
_PROBE_OUTCOMES: Mapping[Optional[int], str] = {DONE: steps.ACCEPTED, REFUSED: steps.REFUSED}
_FIND = 'command -v "$1" >/dev/null'


class Command(Target):
    """Programs of the user's own, run on the task's host."""

    kind = "command"
    summary = "V(command) runs programs of your own that change the value, and that try it."
    about = (
        (
            "The programs that change and try the value. They run on the task's host, by C(/bin/sh) and C(timeout), with only"
            " C(PATH), C(HOME), C(USER) and C(LANG) in their environment. Only their exit status is read, not their output."
        ),
        (
            "Exit status 0 means done. 77 means refused: the service responded and does not accept the value. 69 and 75 mean that"
            " the service could not be reached, and that nothing was sent. Every other status means that the outcome is not known."
        ),
        "After a crash, a program that changes the value is run again with the same value, so it must be repeatable.",
    )
    options = {
        "apply": Option(
            "list",
            (
                "The program that sets the value at the service, and its arguments. Use an absolute path.",
                "Arguments are shown. Put no secret into them.",
            ),
            elements="str",
            required=True,
        ),
        "verify": Option(
            "list",
            (
                (
                    "The program that tries the value on a fresh connection, and its arguments. It changes nothing, and ends within"
                    " 25 seconds."
                ),
                "It is also run with a random wrong value, and must then exit with status 77.",
                "Its arguments are kept in the rotation's journal: an open rotation must be finished with the same arguments.",
            ),
            elements="str",
            required=True,
        ),
        "retire": Option(
            "list",
            (
                (
                    "The program that deletes the value it gets at the service, and its arguments. If the value is absent already,"
                    " the program exits with status 0."
                ),
                "Required with O(command.overlap=dual).",
            ),
            elements="str",
        ),
        "hosts": Option(
            "list",
            (
                "Inventory patterns, as in C(hosts:) of a play: the hosts on which the programs run. Defaults to the task's host.",
                "Several need O(command.overlap=dual). C(--limit) does not change it, because a host that is left out would keep a value.",
            ),
            elements="str",
            hosts=True,
            hosts_default=False,
        ),
        "secret_in": Option(
            "str",
            (
                "How a program gets the value.",
                "V(stdin): the primary field on standard input, with a newline at its end.",
                (
                    "V(environment): the primary field as C(NEBULA_VALUE), and every field as C(NEBULA_FIELD_) and its name in capital"
                    " letters, with C(_) for every other character. The host's root and the same user can read it there."
                ),
            ),
            default=STDIN,
            choices=(STDIN, ENVIRONMENT),
            no_log=False,
        ),
        "overlap": Option(
            "str",
            (
                "Whether the service accepts the old and the new value at the same time.",
                "V(none): O(command.apply) replaces the value.",
                "V(dual): O(command.apply) adds a value, and O(command.retire) drops the old one after the grace period.",
            ),
            default=OVERLAP_NONE,
            choices=(OVERLAP_NONE, DUAL),
        ),
        "time_limit": Option(
            "int",
            (
                "After how many seconds O(command.apply) and O(command.retire) are killed with their children, at most 240.",
                "A child that leaves their process group (C(setsid)) is not killed.",
            ),
            default=60,
        ),
        "max_request_life": Option(
            "int",
            (
                "Seconds after which a change that a program began can no longer take effect at the service.",
                (
                    "Defaults to O(command.time_limit) and 60 seconds; at least O(command.time_limit) and 30 seconds. Give more if the"
                    " service continues to work on the change after the program has ended."
                ),
            ),
        ),
    }

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current

    @property
    def traits(self) -> TargetTraits:
        dual = self._options["overlap"] == DUAL
        limit = self._options["time_limit"]
        return TargetTraits(
            overlap=DUAL if dual else OVERLAP_NONE,
            rollback=NATIVE if dual else REAPPLY,
            probe="the program `verify` accepts the new value, and not a random wrong one",
            max_request_life=self._options.get("max_request_life") or limit + 60,
            apply_limit=limit + _START,
            slots=2 if dual else 1,
        )

    def check(self) -> None:
        for name in ("apply", "verify", "retire"):
            if self._options.get(name) == []:
                raise _invalid(name, "the program is missing", "Give a list: the program and its arguments.")
        if self._options["overlap"] == DUAL and not self._options.get("retire"):
            raise _invalid("retire", "with 'overlap: dual' the old value must be dropped", "Give the program that drops a value.")
        if self._options["overlap"] == OVERLAP_NONE and self._options.get("retire"):
            raise _invalid("retire", "with 'overlap: none' no value is dropped", "Leave it out, or write 'overlap: dual'.")
        if self._options["overlap"] == OVERLAP_NONE and len(self._hosts) > 1:
            what = "with 'overlap: none' readers of the value would be refused on some of the {} hosts".format(len(self._hosts))
            raise _invalid("hosts", what, "Name one host and a credential for each, or write 'overlap: dual'.")
        if not 1 <= self._options["time_limit"] <= MAX_TIME_LIMIT:
            raise _invalid("time_limit", "it is not between 1 and {}".format(MAX_TIME_LIMIT), "Give seconds.")
        if not self._can_carry(self._current):
            what = "a field holds a zero byte or more than {} bytes, or two fields have the same variable".format(_MAX_FIELD)
            raise _invalid("secret_in", what, "An environment cannot hold that. Use 'secret_in: stdin'.")
        life, shortest = self._options.get("max_request_life"), self._options["time_limit"] + _START
        if life is not None and life < shortest:
            what = "it is shorter than time_limit and the {} seconds in which a program may start".format(_START)
            raise _invalid("max_request_life", what, "Leave it out, or give at least {} seconds.".format(shortest))

    def places(self) -> Tuple[str, ...]:
        return self._hosts if self._options["overlap"] == DUAL and self._hosts else steps.ONE_PLACE

    @property
    def _hosts(self) -> Tuple[str, ...]:
        return tuple(self._options.get("hosts") or ())

    def describe(self) -> Dict[str, Any]:
        # The program that tries a value identifies the service. The other programs may be corrected while a rotation is open.
        return {"verify": shlex.join(self._options["verify"])}

    def precheck(self, modules: Modules) -> None:
        """Check that the programs are on the host, and that `verify` refuses a random wrong value.

        Raises:
            NotFound: a host lacks one of the programs.
            Unavailable: no host can be reached, or `verify` does not refuse the value.
        """
        reached = [host for host in self._hosts or steps.ONE_PLACE if self._has_programs(modules, host)]
        if not reached:
            what = "none of the hosts can be reached" if self._hosts else "the host cannot be reached"
            raise Unavailable(what, option="command", remedy="Nothing was changed. Check the connection.")
        wrong = self.wrong_value(self._current)
        status = self._run(modules, "verify", wrong, reached[0], VERIFY_LIMIT) if wrong is not None and self._can_carry(wrong) else REFUSED
        outcome = _PROBE_OUTCOMES.get(status, steps.UNAVAILABLE)
        if outcome == steps.REFUSED:
            return
        what = "accepts a random wrong value" if outcome == steps.ACCEPTED else "did not report that a random wrong value is refused"
        raise Unavailable(
            "the program 'verify' {} ({})".format(what, _describe_end("verify", status)),
            option="command.verify",
            remedy="Nothing was changed. It must exit with status {} for a value that the service refuses.".format(REFUSED),
        )

    def _has_programs(self, modules: Modules, host: str) -> bool:
        """Return True if a host has the programs, False if there is no response.

        Raises:
            NotFound: it lacks one.
        """
        named = {"command." + name: self._options[name][0] for name in ("apply", "verify", "retire") if self._options.get(name)}
        return all(_has_program(program, option, modules, host) for option, program in {"command": "timeout", **named}.items())

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        return self._send(modules, "apply", value, place)

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        if not self._can_carry(value):
            return steps.UNAVAILABLE
        status = self._run(modules, "verify", value, place, VERIFY_LIMIT)
        modules.note(_describe_end("verify", status))
        return _PROBE_OUTCOMES.get(status, steps.UNAVAILABLE)

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        return self._send(modules, "retire", value, place)

    def _send(self, modules: Modules, name: str, value: Value, place: str) -> str:
        if not self._can_carry(value):
            return steps.REFUSED
        status = self._run(modules, name, value, place, self._options["time_limit"])
        modules.note(_describe_end(name, status))
        return _SEND_OUTCOMES.get(status, steps.UNKNOWN)

    def _can_carry(self, value: Value) -> bool:
        """Whether a program can get the value unchanged. An environment holds no zero byte and no variable twice."""
        if self._options["secret_in"] == STDIN:
            return True
        contents = [field.expose() for field in value.fields.values()]
        fits = not any(b"\0" in content or len(content) > _MAX_FIELD for content in contents)
        return fits and len({_variable_name(name) for name in value.fields}) == len(contents)

    def _run(self, modules: Modules, name: str, value: Value, place: str, limit: int) -> Optional[int]:
        """Return the exit status of one of the programs. None without a response."""
        argv = ["/bin/sh", "-c", _CLEAR, "sh", _RUN, "sh", str(limit), *self._options[name]]
        return modules.run_program(argv, self._input(value), place or (self._hosts[0] if self._hosts else ""))

    def _input(self, value: Value) -> bytes:
        if self._options["secret_in"] == STDIN:
            return b"\n" + value.fields[value.primary].expose() + b"\n"
        named = {_variable_name(name): field for name, field in value.fields.items()}
        return b"".join(_variable(name, field) for name, field in dict(named, NEBULA_VALUE=value.fields[value.primary]).items()) + b"\n"


def _describe_end(name: str, status: Optional[int]) -> str:
    """Return how a program ended, in words."""
    if status is None:
        return "there was no response from the program '{}'".format(name)
    killed = ": it was killed, for example after its time limit" if status in _KILLED else ""
    return "the program '{}' ended with status {}{}".format(name, status, killed)


def _variable_name(field: str) -> str:
    return "NEBULA_FIELD_" + re.sub(r"[^A-Za-z0-9]", "_", field).upper()


def _variable(name: str, field: Secret) -> bytes:
    lines = field.expose().split(b"\n")
    return b"\n".join([name.encode("ascii"), str(len(lines)).encode("ascii"), *lines]) + b"\n"


def _has_program(program: str, option: str, modules: Modules, host: str) -> bool:
    """Return True if a host has a program, False without a response.

    Raises:
        NotFound: it has not.
    """
    status = modules.run_program(["/bin/sh", "-c", _FIND, "sh", program], b"", host)
    if status not in (None, DONE):
        where = "the host '{}'".format(host) if host else "the host"
        remedy = (
            "Nothing was changed. Install it, or correct its path. An option lists the program and each argument as an item of its own."
        )
        raise NotFound("{} has no program '{}'".format(where, program), option=option, remedy=remedy)
    return status is not None


def _invalid(option: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="command." + option, remedy=remedy)
