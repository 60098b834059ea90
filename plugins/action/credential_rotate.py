# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `credential_rotate`: it performs the phases through the client and reaches a target by modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import (
    AUTO,
    CREDENTIAL_ROTATE,
    ROLLBACK,
    SETTLE,
)
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import resolve_aliases
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, suggest
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET, Target
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import build_argument, read_aliases
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import (
    TARGETS,
    find_target,
    is_third_party,
    option_of,
    third_party_error,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction
from ansible_collections.nebula.credential.plugins.plugin_utils.action.delegation import find_host, find_hosts
from ansible_collections.nebula.credential.plugins.plugin_utils.action.host_runner import HostRunner
from ansible_collections.nebula.credential.plugins.plugin_utils.action.requirements import check_requirements
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import RotationDriver
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import to_native
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import RunConfig, read_extensions

OPTIONS = "options"
_DRIVEN_PHASES = (AUTO, SETTLE, ROLLBACK)


class ActionModule(CredentialAction):
    """Performs `credential_rotate`: the work in the store on the controller, the target's modules on the task's host."""

    operation = "credential_rotate"
    specification = CREDENTIAL_ROTATE

    def read_arguments(self) -> Mapping[str, Any]:
        """Return the task's arguments, those of `options` included. The task's own arguments win.

        Raises:
            InvalidInput: `options` is no mapping, or holds a name that is no option.
        """
        arguments = dict(self._task.args)
        whole = to_native(arguments.pop(OPTIONS, None) or {})
        if not isinstance(whole, Mapping):
            raise InvalidInput("it is not a mapping", option=OPTIONS, remedy="Write the options of this module as a mapping.")
        for name in whole:
            _check_option(str(name))
        given = {**whole, **arguments}
        return {**given, **{kind: _resolve(kind, given[kind]) for kind in TARGETS if isinstance(given.get(kind), Mapping)}}

    def read_specification(self, arguments: Mapping[str, Any], around: RunConfig) -> Specification:
        """Return the module's specification. With a third party's target, `target_options` has the options of that target.

        Raises:
            InvalidInput: `target_options` is given without a third party's target, or such a target is to run on a host.
            InvalidConfiguration: the third party's target cannot be loaded.
        """
        kind = arguments.get("target")
        if not isinstance(kind, str) or not is_third_party(kind):
            if arguments.get("target_options"):
                remedy = "Use the option of the target's own name, or name a third party's target."
                raise InvalidInput("only a third party's target has this option", option="target_options", remedy=remedy)
            return self.specification
        if self.runs_on_target(arguments):
            raise third_party_error(kind)
        from ansible_collections.nebula.credential.plugins.plugin_utils.action.third_party_target import load_target

        target = load_target(kind, read_extensions(around))
        self.in_process = True
        # Without a default, a task that leaves `target_options` out would skip the check for required options.
        own = {**build_argument(target.options, target.exclusive), "default": {}}
        spec = {**self.specification.argument_spec, "target_options": own}
        return replace(self.specification, argument_spec=spec)

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Perform a phase, or drive a whole rotation."""
        kind = parameters.get("target")
        if kind in (None, NO_TARGET):
            return self.ask(store, self.operation, parameters, variables)
        target = find_target(str(kind))
        parameters, hosts = self._find_hosts(target, parameters, variables)
        if parameters["phase"] not in _DRIVEN_PHASES:
            return self.ask(store, self.operation, parameters, variables)
        check_requirements(target.requires, self._shared_loader_obj.module_loader)
        if self._task.check_mode:
            return self.ask(store, self.operation, parameters, variables)
        runner = HostRunner(self, variables, target.secret_arguments)
        runner.connect(hosts)

        def perform_step(step: dict[str, Any]) -> Outcome:
            return self.ask(store, self.operation, {**parameters, STEP: step}, variables)

        try:
            outcome = RotationDriver(perform_step, target, runner).drive()
        except CredentialError as error:
            raise error.within(name=str(parameters["name"]), store=store.name) from None
        finally:
            runner.close()
        return Outcome({name: value for name, value in outcome.result.items() if name != STEP}, outcome.secrets)

    def _find_hosts(
        self, target: type[Target], parameters: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], list[str]]:
        """Return the parameters with the names of hosts in place of patterns, and all these names.

        Raises:
            InvalidInput: a pattern matches no host.
        """
        where = option_of(str(parameters["target"]))
        given = dict(parameters.get(where) or {})
        hosts: list[str] = []
        for name, option in target.options.items():
            full_name = "{0}.{1}".format(where, name)
            if option.hosts and option.type == "list":
                given[name] = find_hosts(given.get(name), self, variables, full_name)
                hosts += given[name]
            elif option.hosts:
                given[name] = find_host(given.get(name), self, variables, full_name)
                hosts.append(given[name])
        return {**parameters, where: given}, hosts


def _resolve(kind: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a target's options with the names of the target in place of their other names.

    Raises:
        InvalidInput: an option is given under two names.
    """
    try:
        return resolve_aliases(options, read_aliases(TARGETS[kind].options))
    except InvalidInput as error:
        raise InvalidInput(error.what, option="{0}.{1}".format(kind, error.option), remedy=error.remedy) from None


def _check_option(name: str) -> None:
    """Check that a name is an option of the module. The error suggests the closest one.

    Raises:
        InvalidInput: the module has no such option.
    """
    known = [option for option in CREDENTIAL_ROTATE.argument_spec if option != OPTIONS]
    if name in known:
        return
    remedy = "{0}Allowed: {1}.".format(suggest(name, known), ", ".join(sorted(known)))
    raise InvalidInput("there is no option {0}".format(ascii(name)), option=OPTIONS, remedy=remedy)
