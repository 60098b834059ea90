# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `credential_rotate`: it performs the phases through the client and reaches a target by modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import (
    AUTO,
    CREDENTIAL_ROTATE,
    ROLLBACK,
    SETTLE,
)
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, suggest
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import (
    find_target,
    host_error,
    is_third_party,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction
from ansible_collections.nebula.credential.plugins.plugin_utils.action.requirements import check_requirements
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation import (
    drive_rotation,
    load_specification,
    name_hosts,
    resolve_target_options,
)
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
        return resolve_target_options({**whole, **arguments})

    def read_specification(self, arguments: Mapping[str, Any], around: RunConfig) -> Specification:
        """Return the module's specification. With a third party's target, `target_options` has the options of that target.

        Raises:
            InvalidInput: there is no such target; `target_options` is given without a third party's target; or a target is to be reached
                from a host.
            InvalidConfiguration: the third party's target cannot be loaded.
        """
        kind = arguments.get("target")
        if isinstance(kind, str) and kind != NO_TARGET and self.runs_on_target(arguments):
            raise host_error(kind)
        if not isinstance(kind, str) or not is_third_party(kind):
            if arguments.get("target_options"):
                remedy = "Use the option of the target's own name, or name a third party's target."
                raise InvalidInput("only a third party's target has this option", option="target_options", remedy=remedy)
            return self.specification
        self.in_process = True
        return load_specification(kind, read_extensions(around))

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Perform a phase, or drive a whole rotation."""
        kind = parameters.get("target")
        if kind in (None, NO_TARGET):
            return self.ask(store, self.operation, parameters, variables)
        parameters = name_hosts(parameters, self, variables)
        if parameters["phase"] not in _DRIVEN_PHASES:
            return self.ask(store, self.operation, parameters, variables)
        check_requirements(find_target(str(kind)).requires, self._shared_loader_obj.module_loader)
        if self._task.check_mode:
            return self.ask(store, self.operation, parameters, variables)

        def perform_step(step: dict[str, Any]) -> Outcome:
            return self.ask(store, self.operation, {**parameters, STEP: step}, variables)

        try:
            return drive_rotation(perform_step, str(kind), self, variables)
        except CredentialError as error:
            raise error.within(name=str(parameters["name"]), store=store.name) from None


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
