# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `run`: it reads the credentials, and sends the host the command with their values."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.invocation import CENSORED
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.run import RUN
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret, find_secret
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction
from ansible_collections.nebula.credential.plugins.plugin_utils.action.sent_values import Source, parse_value, read_answers, run_on_host
from ansible_collections.nebula.credential.plugins.plugin_utils.session.reads import list_reads, list_secrets, list_versions

_PLAIN = ("chdir", "creates", "removes")
_STDIN = "stdin"


class ActionModule(CredentialAction):
    """Performs `run`: reads on the controller, and runs the command on the task's host."""

    operation = "run"
    specification = RUN

    def describe_arguments(self, parameters: Mapping[str, Any], spec: Specification) -> dict[str, Any]:
        """Return the arguments without a text for standard input, and, before it is known to hold no secret, without the command."""
        shown = super().describe_arguments(parameters, spec)
        withheld = {name: CENSORED for name in ("argv", _STDIN) if isinstance(shown.get(name), (str, list))}
        return {**shown, **withheld}

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Read the credentials and run the command on the host."""
        given = {name: parse_value(value, "env." + name) for name, value in (parameters.get("env") or {}).items()}
        stdin = parameters.get(_STDIN)
        if stdin is not None:
            given[_STDIN + " "] = parse_value(stdin, _STDIN)  # no variable has such a name
        sources = {name: value for name, value in given.items() if isinstance(value, Source)}
        scope = {"scope": parameters.get("scope")}
        answers, read = read_answers(list(sources.values()), lambda asked: self.ask(store, self.operation, {**asked, **scope}, variables))
        secrets = (*read.secrets, *list_secrets(list_reads()))
        check_arguments(parameters["argv"], secrets)
        values = {name: value.encode("utf-8") for name, value in given.items() if isinstance(value, str)}
        values.update({name: answer.value for name, answer in zip(sources, answers)})
        work = {option: parameters.get(option) for option in _PLAIN}
        if not self._task.check_mode:
            work.update(_describe_values(values, secrets))
        found = run_on_host(self, self.operation, {"argv": parameters["argv"]}, work, variables)
        versions = {**list_versions(list_reads()), **{answer.name: answer.version for answer in answers}}
        return Outcome(_build_result(found, parameters["argv"], versions), secrets)


def check_arguments(argv: Sequence[str], secrets: Iterable[Secret]) -> None:
    """Check that no argument holds a secret: every user of the host can list the arguments of all processes.

    Raises:
        InvalidInput: one does. The error does not show it.
    """
    number = find_secret(argv, secrets)
    if number is not None:
        what = "it holds the value of a credential, which every user of the host could see"
        raise InvalidInput(what, option="argv[{0}]".format(number), remedy="Give it to the program by 'env' or 'stdin'.")


def _describe_values(values: Mapping[str, bytes], secrets: Iterable[Secret]) -> dict[str, Any]:
    """Return the environment, standard input, and the values to mask in the output."""
    encoded = {name: base64.b64encode(value).decode("ascii") for name, value in values.items()}
    stdin = encoded.pop(_STDIN + " ", None)
    hidden = sorted({base64.b64encode(secret.expose()).decode("ascii") for secret in secrets})
    return {"env": encoded, "stdin": stdin, "hidden": hidden}


def _build_result(found: Mapping[str, Any], argv: Sequence[str], versions: Mapping[str, str]) -> dict[str, Any]:
    result = {name: value for name, value in found.items() if not name.startswith("_") and name != "invocation"}
    result.update(cmd=list(argv), credentials=dict(versions))
    if found["rc"] != 0:
        result.update(failed=True, msg="the program ended with status {0}".format(found["rc"]))
    return result
