# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions that rotate share: how the arguments name a target, and how a rotation is driven against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import CREDENTIAL_ROTATE
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import resolve_aliases
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import build_argument, read_aliases
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS, find_target, option_of
from ansible_collections.nebula.credential.plugins.plugin_utils.action.delegation import find_host, find_hosts
from ansible_collections.nebula.credential.plugins.plugin_utils.action.host_runner import HostRunner
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import RotationDriver


def resolve_target_options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments with the targets' options under the names of the target in place of their other names.

    Raises:
        InvalidInput: an option is given under two names.
    """
    return {**arguments, **{kind: _resolve(kind, arguments[kind]) for kind in TARGETS if isinstance(arguments.get(kind), Mapping)}}


def _resolve(kind: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return resolve_aliases(options, read_aliases(TARGETS[kind].options))
    except InvalidInput as error:
        raise InvalidInput(error.what, option="{0}.{1}".format(kind, error.option), remedy=error.remedy) from None


def load_specification(kind: str, allowed: Iterable[str]) -> Specification:
    """Load a third party's target, and return the specification of `credential_rotate` with its options as `target_options`.

    Raises:
        InvalidInput: there is no such target.
        InvalidConfiguration: it is not allowed, or cannot be loaded.
    """
    from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party_target import load_target

    target = load_target(kind, allowed)
    # Without a default, a task that leaves `target_options` out would skip the check for required options.
    own = {**build_argument(target.options, target.exclusive), "default": {}}
    return replace(CREDENTIAL_ROTATE, argument_spec={**CREDENTIAL_ROTATE.argument_spec, "target_options": own})


def name_hosts(parameters: Mapping[str, Any], action: ActionBase, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of `credential_rotate` with the names of hosts in place of the patterns in its target's options.

    Raises:
        InvalidInput: a pattern matches no host, or several where one is meant.
    """
    kind = str(parameters["target"])
    where = option_of(kind)
    given = dict(parameters.get(where) or {})
    for name, option in find_target(kind).options.items():
        if option.hosts and (option.hosts_default or given.get(name) is not None):
            find = find_hosts if option.type == "list" else find_host
            given[name] = find(given.get(name), action, variables, "{0}.{1}".format(where, name))
    return {**parameters, where: given}


def drive_rotation(perform: Callable[[dict[str, Any]], Outcome], kind: str, action: ActionBase, variables: Mapping[str, Any]) -> Outcome:
    """Drive a rotation against a target on the task's host, and return the result without the last step.

    Raises:
        CredentialError: the rotation was not begun, or did not end with the new value promoted.
    """
    target = find_target(kind)
    runner = HostRunner(action, variables, target.secret_arguments)
    try:
        outcome = RotationDriver(perform, target, runner).drive()
    finally:
        runner.close()
    return Outcome({name: value for name, value in outcome.result.items() if name != STEP}, outcome.secrets)
