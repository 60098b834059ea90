# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version 1 of the protocol `nebula`: one request as JSON on standard input, one answer as JSON on standard output, then the end.

`docs/how-to/custom-backends.md` describes each shape. An answer that is no answer is never read as an absence: it is `Unavailable`.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Type

from ansible_collections.nebula.credential.plugins.module_utils.context.process import Finished
from ansible_collections.nebula.credential.plugins.module_utils.context.program import Program
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    CredentialError,
    Damaged,
    InteractionRequired,
    InvalidConfiguration,
    InvalidInput,
    LoginFailed,
    ReadOnly,
    StorageError,
    StorageFull,
    TooLarge,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

VERSION = 1
CAPABILITIES, READ, WRITE, REMOVE, LIST = "capabilities", "read", "write", "remove", "list"
ERRORS: Mapping[str, Type[CredentialError]] = {
    found.code: found
    for found in (
        AccessDenied,
        Conflict,
        Damaged,
        InteractionRequired,
        InvalidConfiguration,
        InvalidInput,
        LoginFailed,
        ReadOnly,
        StorageError,
        StorageFull,
        TooLarge,
        Unavailable,
    )
}
"""The errors that a command may report, by their codes."""
_DO = {
    "conflict": "Another run changed it first. Read it again and repeat.",
    "login_failed": "Check what the store gives the command: 'secret', 'options' and 'environment'.",
    "unavailable": "Check that the place behind the command can be reached.",
    "interaction_required": "Unlock the place behind the command before the run.",
}
_MOST_WAIT = 3600


@dataclass(frozen=True)
class Abilities:
    """What a command says of itself: whether it writes, the most bytes of a value (None: it states no limit), where its objects are."""

    writes: bool
    max_bytes: Optional[int]
    location: Optional[str]


class Commands:
    """The calls of the protocol, each a process of its own. Before the first one the command is asked what it is, once."""

    def __init__(self, program: Program, options: Mapping[str, Any], read_secret: Callable[[], Optional[Secret]]) -> None:
        """Take the program, what its requests pass to it, and a function that returns its secret."""
        self._program = program
        self._options = dict(options)
        self._read_secret = read_secret
        self._abilities: Optional[Abilities] = None
        self._lock = threading.Lock()

    @property
    def program(self) -> Program:
        """The program."""
        return self._program

    def find_abilities(self) -> Abilities:
        """Return what the command is able to do. It is asked once for each opened store.

        Raises:
            InvalidConfiguration: it speaks another version of the protocol.
            CredentialError: as `call`.
        """
        with self._lock:
            if self._abilities is None:
                self._abilities = _read_abilities(self._exchange(CAPABILITIES, {}, writing=False), self._nonsense_error)
            return self._abilities

    def call(self, call: str, **parts: Any) -> Mapping[str, Any]:
        """Make one call and return its answer.

        Raises:
            ReadOnly: it would write, and the command only reads. Nothing but the question what it is able to do was sent.
            Unavailable: there was no answer, or not one alone.
            Timeout: it did not end.
            CredentialError: what the command reported.
        """
        writing = call in (WRITE, REMOVE)
        if not self.find_abilities().writes and writing:
            raise read_only_error()
        return self._exchange(call, parts, writing=writing)

    def _exchange(self, call: str, parts: Mapping[str, Any], *, writing: bool) -> Mapping[str, Any]:
        request: Dict[str, Any] = {"protocol": VERSION, "call": call, "options": self._options, **parts}
        secret = self._read_secret()
        if secret is not None:
            request["secret"] = secret.expose().decode("utf-8", "surrogateescape")
        text = json.dumps(request, ensure_ascii=True, separators=(",", ":")) + "\n"
        finished = self._program.run([], text.encode("ascii"), writing=writing)
        return self._read_answer(finished, call, writing)

    def _read_answer(self, finished: Finished, call: str, writing: bool) -> Mapping[str, Any]:
        try:
            answer = read_json(finished.output)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._no_answer_error(finished, call, writing)
        if answer.get("protocol") != VERSION or isinstance(answer.get("protocol"), bool):
            raise self._version_error(answer.get("protocol"))
        if "error" in answer:
            raise self._build_reported_error(answer["error"], call)
        if finished.status != 0:
            raise self._no_answer_error(finished, call, writing)
        return answer

    def _no_answer_error(self, finished: Finished, call: str, writing: bool) -> CredentialError:
        what = "the command {0} gave no answer to '{1}': {2}".format(
            ascii(self._program.name), call, "it wrote something else" if finished.status == 0 else self._program.describe_end(finished)
        )
        return Unavailable(what, remedy=self._program.describe_errors(finished)).annotate(outcome_unknown=writing)

    def _nonsense_error(self, what: str) -> CredentialError:
        remedy = "Correct the command; docs/how-to/custom-backends.md of this collection describes each answer."
        return Unavailable("the command {0} answered {1}".format(ascii(self._program.name), what), remedy=remedy)

    def refuse(self, call: str, writing: bool = False) -> CredentialError:
        """Return the error for an answer to `call` that has another shape."""
        return self._nonsense_error("'{0}' in another shape than the protocol has".format(call)).annotate(outcome_unknown=writing)

    def _version_error(self, version: Any) -> CredentialError:
        shown = version if isinstance(version, int) and not isinstance(version, bool) else "an unknown version"
        what = "the command {0} speaks {1} of the protocol, and this collection {2}".format(ascii(self._program.name), shown, VERSION)
        return InvalidConfiguration(what, option="command", remedy="Use a release of the command that speaks {0}.".format(VERSION))

    def _build_reported_error(self, error: Any, call: str) -> CredentialError:
        code = error.get("code") if isinstance(error, dict) else None
        kind = ERRORS.get(code) if isinstance(code, str) else None
        if kind is None:
            return self._nonsense_error("'{0}' with an error that has no known code".format(call))
        message = error.get("message")
        said = self._program.describe_message(message if isinstance(message, str) else "")
        what = "the command {0} refused '{1}' ({2})".format(ascii(self._program.name), call, code)
        found = kind(what, remedy=" ".join(part for part in (_DO.get(str(code), ""), said) if part))
        wait = error.get("retry_after")
        is_wait = isinstance(wait, (int, float)) and not isinstance(wait, bool) and 0 <= wait <= _MOST_WAIT
        return found.annotate(
            retry_after=float(wait) if is_wait else None,
            outcome_unknown=error.get("outcome_unknown") is True,
            throttled=error.get("throttled") is True,
        )


def read_only_error() -> ReadOnly:
    """Return the error for a write through a command that only reads."""
    return ReadOnly("the command of this store only reads", remedy="Write with the tool that it belongs to, or name another store.")


def _read_abilities(answer: Mapping[str, Any], refuse: Callable[[str], CredentialError]) -> Abilities:
    writes, most, location = answer.get("writes"), answer.get("max_bytes"), answer.get("location")
    is_count = most is None or (isinstance(most, int) and not isinstance(most, bool) and most > 0)
    if not isinstance(writes, bool) or not is_count or not isinstance(location, (str, type(None))):
        raise refuse("'capabilities' in another shape than the protocol has")
    return Abilities(writes, most, location)


def read_objects(answer: Mapping[str, Any]) -> Optional[List[Mapping[str, Any]]]:
    """Return the objects of an answer; None if it has none that can be read."""
    found = answer.get("objects")
    if not isinstance(found, list) or not all(isinstance(each, dict) and isinstance(each.get("path"), str) for each in found):
        return None
    return found
