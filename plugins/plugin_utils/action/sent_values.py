# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task sends to a host: values of credentials, read in one operation, and the module that gets them in its payload."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken, Unavailable, suggest
from ansible_collections.nebula.credential.plugins.module_utils.hosts.module import WORK
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import not_text_error
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.host_runner import without_log
from ansible_collections.nebula.credential.plugins.plugin_utils.action.run_on_target import Unshown
from ansible_collections.nebula.credential.plugins.plugin_utils.session.messages import kinds_by_code

COLLECTION = "nebula.credential."
_PARTS = ("credential", "field", "version")


@dataclass(frozen=True)
class Source:
    """What is read of one credential, as `operations.sources` takes it."""

    name: str
    version: str | None = None
    fields: tuple[str, ...] | bool = ()
    first_of: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return it as a parameter of the operation."""
        fields = list(self.fields) if isinstance(self.fields, tuple) else self.fields
        return {"name": self.name, "version": self.version, "fields": fields or None, "first_of": list(self.first_of) or None}


@dataclass(frozen=True)
class Answer:
    """What was read of one credential."""

    name: str
    version: str
    fields: Mapping[str, bytes] = field(repr=False)
    digest: str = field(repr=False)

    @property
    def value(self) -> bytes:
        """The value of the only field."""
        (value,) = self.fields.values()
        return value

    def read_text(self, name: str) -> str:
        """Return the value of a field as text.

        Raises:
            InvalidToken: it is none.
        """
        return decode(self.fields[name], "field '{0}'".format(name), self.name)


def decode(value: bytes, what: str, credential: str | None = None) -> str:
    """Return bytes as text. Raises InvalidToken if they are not UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidToken("{0} is not text".format(what), name=credential, remedy="Write it to a file of its own.") from None


def parse_value(written: Any, option: str) -> str | Source:
    """Return one value of `values` or `env`: a text as it is, or the source that a mapping names.

    Raises:
        InvalidInput: it is neither. The error does not show it.
    """
    if isinstance(written, Mapping):
        return parse_source(written, option)
    if isinstance(written, (int, float)) and not isinstance(written, bool):
        return str(written)
    if not isinstance(written, str):
        raise not_text_error(written, option)
    return written


def parse_source(written: Mapping[str, Any], option: str) -> Source:
    """Return the source that a mapping names: `{credential: …, field: …, version: …}`.

    Raises:
        InvalidInput: it has another part, or no credential, or a part that is no text.
    """
    for part, value in written.items():
        if part not in _PARTS:
            remedy = "{0}Allowed: {1}.".format(suggest(str(part), _PARTS), ", ".join(_PARTS))
            raise InvalidInput("there is no part {0}".format(ascii(part)), option=option, remedy=remedy)
        if not isinstance(value, str):
            raise not_text_error(value, "{0}.{1}".format(option, part))
        if not value:
            raise InvalidInput("it is empty", option="{0}.{1}".format(option, part), remedy="Leave it out, or use omit.")
    if "credential" not in written:
        raise InvalidInput("it names no credential", option=option, remedy="Write {credential: name}.")
    return Source(written["credential"], written.get("version"), (written["field"],) if "field" in written else ())


def read_answers(sources: Sequence[Source], ask: Callable[[Mapping[str, Any]], Outcome]) -> tuple[list[Answer], Outcome]:
    """Read the sources in one operation. Return what was read, in their order, and the outcome with its secrets."""
    if not sources:
        return [], Outcome({})
    outcome = ask({"sources": [source.describe() for source in sources]})
    answers = [
        Answer(
            found["name"],
            str(found["version"]),
            {name: base64.b64decode(value) for name, value in found["fields"].items()},
            found["digest"],
        )
        for found in outcome.result["sources"]
    ]
    return answers, outcome


def run_on_host(
    action: ActionBase, module: str, arguments: Mapping[str, Any], work: Mapping[str, Any], variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Run a module of ours on the task's host, with its work in its payload, and return its result.

    Raises:
        CredentialError: the module failed, in the class of its code.
        Unavailable: it did not run.
        AnsibleConnectionFailure: the host cannot be reached.
    """
    sent = Unshown(arguments, **{WORK: work})
    with without_log(action._task):
        found = dict(action._execute_module(module_name=COLLECTION + module, module_args=sent, task_vars=dict(variables)))
    if not found.get("failed"):
        return found
    kind = kinds_by_code().get(str(found.get("code")))
    if kind is None:
        # What is left of a module that did not run may quote its payload.
        remedy = "Check Python and the login of the host: ansible -m ansible.builtin.ping."
        raise Unavailable("the host did not run the module (status {0})".format(_number(found.get("rc"))), remedy=remedy)
    # The host has written the places and the remedy into the message.
    raise kind(str(found.get("msg")))


def _number(status: Any) -> str:
    return str(status) if isinstance(status, int) else "unknown"
