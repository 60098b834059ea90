# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The consumers of a target: what is informed on the controller once a credential of that target has a new value.

A consumer never undoes a rotation. One that fails is informed again by the next run.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    RotationFailed,
    Unavailable,
    suggest,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.action.host_runner import HostRunner
from ansible_collections.nebula.credential.plugins.plugin_utils.action.redeployment import Ask, Redeployment
from ansible_collections.nebula.credential.plugins.plugin_utils.config.validation import validate
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import UserMessage

WEBHOOK, COMMAND, TEMPLATE, HANDLER, ROLLOUT, DEPLOYED = "webhook", "command", "template", "handler", "rollout", "deployed"
KIND, NAME = "kind", "name"
SIGNATURE, TIMESTAMP = "X-Nebula-Signature", "X-Nebula-Timestamp"

_LIMIT = {"type": "int", "default": 60}
_MOST_SECONDS = 600
SPECIFICATIONS: Mapping[str, Specification] = {
    WEBHOOK: Specification(
        {
            "url": {"type": "str", "required": True},
            "secret_credential": {"type": "str", "required": True, "no_log": False},
            "ca_file": {"type": "path"},
            "time_limit": _LIMIT,
        }
    ),
    COMMAND: Specification({"argv": {"type": "list", "elements": "str", "required": True}, "time_limit": _LIMIT}),
    TEMPLATE: Specification(
        {
            "src": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
            "mode": {"type": "str", "default": "0600"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
        }
    ),
    HANDLER: Specification({"handler": {"type": "str", "required": True}}),
    ROLLOUT: Specification(
        {
            "workload": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "kubeconfig": {"type": "path"},
            "context": {"type": "str"},
            "time_limit": _LIMIT,
        }
    ),
    DEPLOYED: Specification({"time_limit": _LIMIT}),
}
"""The options of each kind of consumer."""


@dataclass(frozen=True)
class Consumer:
    """One consumer of a target: its name in the report, its kind and its options."""

    name: str
    kind: str
    options: Mapping[str, Any]


def read_consumers(target: str, written: object) -> tuple[Consumer, ...]:
    """Return the consumers that the description of a target lists. The name of a kind stands for a consumer without options.

    Raises:
        InvalidConfiguration: they are no list of mappings, two have one name, or an option is missing or invalid.
    """
    option = "targets.{0}.consumers".format(target)
    if written is None:
        return ()
    if isinstance(written, str):
        return (_read_consumer({KIND: written}, option),)
    if not isinstance(written, list):
        raise InvalidConfiguration("it is not a list", option=option, remedy="Write [{kind: command, argv: […]}].")
    found = [_read_consumer(each, "{0}[{1}]".format(option, number)) for number, each in enumerate(written)]
    if len({consumer.name for consumer in found}) < len(found):
        raise InvalidConfiguration("two of them have the same name", option=option, remedy="Give each a 'name' of its own.")
    return tuple(found)


def _read_consumer(written: object, option: str) -> Consumer:
    if not isinstance(written, Mapping):
        remedy = "Write a mapping, for example {kind: command, argv: […]}, or 'consumers: deployed' for one without options."
        raise InvalidConfiguration("it is no mapping with a 'kind'", option=option, remedy=remedy)
    kind = written.get(KIND)
    if not isinstance(kind, str) or kind not in SPECIFICATIONS:
        remedy = "{0}Write one of: {1}.".format(suggest(str(kind), SPECIFICATIONS), ", ".join(SPECIFICATIONS))
        raise InvalidConfiguration("there is no kind {0}".format(ascii(kind)), option=option, remedy=remedy)
    own = {name: value for name, value in written.items() if name not in (KIND, NAME)}
    try:
        options = validate(own, SPECIFICATIONS[kind])
    except (UserMessage, InvalidInput) as error:
        raise InvalidConfiguration(
            str(error).rstrip(".?"), option=option, remedy="Correct it. 'kind' and 'name' are allowed, too."
        ) from None
    if not 1 <= options.get("time_limit", 1) <= _MOST_SECONDS:
        raise InvalidConfiguration("'time_limit' is not between 1 and {0}".format(_MOST_SECONDS), option=option, remedy="Give seconds.")
    if options.get("argv") == []:
        raise InvalidConfiguration("'argv' is empty", option=option, remedy="List the program and its arguments.")
    for path in ("src", "dest"):
        if path in options and not os.path.isabs(options[path]):
            raise InvalidConfiguration("'{0}' is no absolute path".format(path), option=option, remedy="Write an absolute path.")
    return Consumer(str(written.get(NAME) or kind), kind, options)


class Informer:
    """Informs consumers, from the task's own process."""

    def __init__(self, action: ActionBase, variables: Mapping[str, Any], ask: Ask, store: str) -> None:
        """Set the task's action, the host's variables, what performs operations on the store, and the store's name."""
        self._action = action
        self._variables = variables
        self._ask = ask
        self._store = store

    def inform(self, consumer: Consumer, target: str, names: Sequence[str]) -> None:
        """Inform a consumer of the credentials that have a new value.

        Raises:
            CredentialError: it was not, or it is not known that it was.
        """
        _ACTS[consumer.kind](self, consumer.options, target, list(names))

    def _post(self, options: Mapping[str, Any], target: str, names: list[str]) -> None:
        """Send a signed request: its signature is the HMAC of its timestamp, a dot and its body."""
        from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
        from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls

        body = json.dumps({"event": "rotated", "store": self._store, "target": target, "credentials": names}).encode("utf-8")
        sent_at = str(int(time.time()))
        key = str(self._ask("get", {"name": options["secret_credential"]}).result["value"]).encode("utf-8")
        signature = hmac.new(key, sent_at.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", TIMESTAMP: sent_at, SIGNATURE: "sha256=" + signature}
        client = HttpClient(Tls(ca_file=options.get("ca_file")))
        try:
            with deadline.within(float(options["time_limit"]), "webhook"):
                response = client.request("POST", options["url"], headers=headers, body=body).check_available()
        finally:
            client.close()
        if not 200 <= response.status < 300:
            raise RotationFailed("the server {0} responded with status {1}".format(response.host, response.status), remedy="Check it.")

    def _run_program(self, options: Mapping[str, Any], _target: str, _names: list[str]) -> None:
        status = HostRunner(self._action, self._variables).run_program(options["argv"], b"", float(options["time_limit"]))
        if status is None:
            raise Unavailable("there was no response from the program", remedy="Check the host and the program's time limit.")
        if status != 0:
            raise RotationFailed("the program ended with status {0}".format(status), remedy="Run it by hand on the host.")

    def _write_template(self, options: Mapping[str, Any], _target: str, _names: list[str]) -> None:
        action, arguments = self._action, {name: value for name, value in options.items() if value is not None}
        task = action._task.copy()
        task.args, task.no_log = arguments, True
        template = action._shared_loader_obj.action_loader.get(
            "ansible.builtin.template",
            task=task,
            connection=action._connection,
            play_context=action._play_context,
            loader=action._loader,
            templar=action._templar,
            shared_loader_obj=action._shared_loader_obj,
        )
        try:
            failed = template.run(task_vars=dict(self._variables)).get("failed")
        except Exception as error:  # noqa: BLE001  # its text may quote a value
            raise RotationFailed("the template ended with {0}".format(type(error).__name__), remedy="Render it by hand.") from None
        if failed:
            raise RotationFailed("the template could not be written", remedy="Check its paths, and render it by hand.")

    def _notify(self, options: Mapping[str, Any], _target: str, _names: list[str]) -> None:
        """Have Ansible run a handler at the end of the play. The task must not fail, or Ansible notifies none."""
        task = self._action._task
        if options["handler"] not in _list_handlers(self._action):
            what = "the play has no handler {0}".format(ascii(options["handler"]))
            raise InvalidConfiguration(what, remedy="Write it under 'handlers' of a play of your own that has the role 'rotate'.")
        task.notify = list(dict.fromkeys([*(task.notify or ()), options["handler"]]))

    def _roll_out(self, options: Mapping[str, Any], _target: str, _names: list[str]) -> None:
        from ansible_collections.nebula.credential.plugins.plugin_utils.action.kube_rollout import restart_workload

        restart_workload(HostRunner(self._action, self._variables), options, self._action._shared_loader_obj.module_loader)

    def _redeploy(self, options: Mapping[str, Any], _target: str, names: list[str]) -> None:
        """Write the files anew that `deploy` has recorded of these credentials."""
        Redeployment(self._action, self._variables, self._ask, float(options["time_limit"])).carry_out(names)


def _list_handlers(action: ActionBase) -> set[str]:
    """Return the names by which Ansible finds the handlers of the action's play."""
    names: set[str] = set()
    for handler in (each for block in action._task.get_play().handlers for each in block.block):
        names.update(handler.listen, (handler.get_name(include_role_fqcn=False), handler.get_name(include_role_fqcn=True)))
        with suppress(AnsibleError):  # the name may have a variable that is not known here; Ansible does not find it then, either
            names.add(str(action._templar.template(handler.name)))
    return names


def is_of_files(consumer: Consumer) -> bool:
    """Whether a consumer writes files that the store has recorded, which a key has to authenticate."""
    return consumer.kind == DEPLOYED


def is_left_to_a_good_end(consumer: Consumer) -> bool:
    """Whether a consumer can only be informed by a task that does not fail."""
    return consumer.kind == HANDLER


def describe_problem(error: Exception) -> dict[str, str]:
    """Return the code and the message of an error of a consumer."""
    code = error.code if isinstance(error, CredentialError) else RotationFailed.code
    return {"code": code, "message": str(error)}


_ACTS: Mapping[str, Callable[[Informer, Mapping[str, Any], str, list[str]], None]] = {
    WEBHOOK: Informer._post,
    COMMAND: Informer._run_program,
    TEMPLATE: Informer._write_template,
    HANDLER: Informer._notify,
    ROLLOUT: Informer._roll_out,
    DEPLOYED: Informer._redeploy,
}
