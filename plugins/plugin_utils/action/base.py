# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of the collection's actions: it performs the module's operation on the controller, as the user of the run.

Connection, become and delegate_to do not change that: lookups run on the controller, the store is opened there, and its login
stays there. `run_on: target` sends the real module to the host instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.invocation import censor_invocation
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import TARGET, Specification
from ansible_collections.nebula.credential.plugins.module_utils.errors import Internal, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.mirror import OPTION as MIRROR
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import traits_of
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import for_operation, list_changed_names
from ansible_collections.nebula.credential.plugins.plugin_utils.action.run_on_target import check_may_leave, target_arguments
from ansible_collections.nebula.credential.plugins.plugin_utils.client.access_context import access_context
from ansible_collections.nebula.credential.plugins.plugin_utils.client.progress_display import choose_label
from ansible_collections.nebula.credential.plugins.plugin_utils.client.run_client import client
from ansible_collections.nebula.credential.plugins.plugin_utils.config.session_options import session_options
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import (
    RunConfig,
    build_run_config,
    resolve_store,
    session_settings,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.config.validation import validate
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import build_failed_result
from ansible_collections.nebula.credential.plugins.plugin_utils.session.piped_configuration import read_piped_configuration


class CredentialAction(ActionBase):
    """The base of the collection's actions. A subclass names its operation and its module's specification."""

    _requires_connection = False

    operation: ClassVar[str]
    """The operation of the library, which is also the module's name."""

    specification: ClassVar[Specification]

    in_process = False
    """Whether operations are performed in this process, because they need a third party's code, which no session loads."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate the arguments, perform the operation and return the task's result."""
        variables = task_vars or {}
        reported: dict[str, Any] = {}
        if self._task.async_val:
            # ansible-core refuses it too, without a code.
            return build_failed_result(
                InvalidInput("this module has a part on the controller, and does not support async", option="async", remedy="Remove it."),
                reported,
            )
        super().run(tmp, task_vars)
        # Outside the `try`: Ansible itself reports a template that cannot be resolved, or a host that cannot be reached.
        around = self._surroundings(variables)
        try:
            arguments = self.read_arguments()
            spec = self.read_specification(arguments, around)
            parameters = validate(arguments, spec, self.operation)
            reported["invocation"] = {"module_args": self.describe_arguments(parameters, spec)}
            beside = {role: resolve_store(parameters.get(role), around, role) for role in spec.other_stores}
            store = replace(resolve_store(parameters.get("store"), around), beside=beside)
            if store.config.get(MIRROR):
                from ansible_collections.nebula.credential.plugins.plugin_utils.config.mirrors import resolve_mirrors

                store = resolve_mirrors(store, around)
            reported.update(store=store.name, configuration_file=store.file)
            session = session_options(session_settings(around))
            self._client = client({**session, "enabled": session["enabled"] and not self.in_process})
            if not self.runs_on_target(parameters):
                return self._build_result(self.perform(store, parameters, variables), parameters, reported)
            _refuse_progress(parameters)
            check_may_leave(store)
            sent = target_arguments(self.operation, arguments, store)
        except AnsibleConnectionFailure:
            raise  # Ansible itself reports a host that cannot be reached
        except Exception as error:  # noqa: BLE001  # the edge: every failure leaves as a neutral error
            return build_failed_result(error, reported)
        on_target = self._on_target(sent, parameters, variables)
        return {**on_target, "store": store.name, "configuration_file": store.file}

    def read_arguments(self) -> Mapping[str, Any]:
        """Return the task's arguments."""
        return dict(self._task.args)

    def read_specification(self, arguments: Mapping[str, Any], around: RunConfig) -> Specification:
        """Return the specification that the arguments are checked against."""
        return self.specification

    def describe_arguments(self, parameters: Mapping[str, Any], spec: Specification) -> dict[str, Any]:
        """Return the validated arguments as a result may show them."""
        return censor_invocation(parameters, spec.argument_spec, spec.other_stores)

    @staticmethod
    def runs_on_target(arguments: Mapping[str, Any]) -> bool:
        """Whether the real module runs on the host."""
        return arguments.get("run_on") == TARGET

    def _on_target(self, arguments: dict[str, Any], parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        """Run the real module on the host and return its result.

        Whether or not it fails, the session forgets the names that it may have changed.
        """
        result: dict[str, Any] | None = None
        try:
            result = dict(self._execute_module(module_args=arguments, task_vars=variables))
            # A module that could not even begin has none.
            return {"code": Internal.code, **result} if result.get("failed") else result
        finally:
            self._client.forget(list_changed_names(parameters, result))

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Perform the operation. An action that takes several steps overrides this and uses `ask` for each."""
        return self.ask(store, self.operation, parameters, variables)

    def ask(self, store: StoreReference, operation: str, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Perform one operation through the client. Mask its secrets from then on, because a later step may run modules with them."""
        outcome = self._client.perform(
            store,
            operation,
            self._operation_parameters(parameters),
            self.context(store, parameters, variables),
            bool(self._task.check_mode),
            progress=choose_label(operation, parameters["progress"]) if "progress" in parameters else None,
        )
        masking.register(outcome.secrets)
        if not (store.mirrors and traits_of(operation).mirrored):
            return outcome
        from ansible_collections.nebula.credential.plugins.plugin_utils.client.mirroring import mirror_changes

        def perform(among: StoreReference, wanted: str, given: Mapping[str, Any]) -> Outcome:
            return self.ask(among, wanted, given, variables)

        return mirror_changes(perform, store, parameters, outcome, bool(self._task.check_mode))

    def _operation_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return for_operation(parameters, self.specification.other_stores)

    def context(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> AccessContext:
        """Return the caller: the store's tenant, the option `scope`, the task and the run."""
        return access_context(
            tenant=store.config.get("tenant"), scope=parameters.get("scope"), variables=variables, task=self._task.get_name()
        )

    def _surroundings(self, variables: Mapping[str, Any]) -> RunConfig:
        """Return all that may name a store. The task's `environment:` counts, as it would for a module."""
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        around = build_run_config(self._loader, self._templar, variables, read_piped_configuration)
        return replace(around, environment={**around.environment, **{name: str(value) for name, value in environment.items()}})

    def _build_result(self, outcome: Outcome, parameters: Mapping[str, Any], reported: dict[str, Any]) -> dict[str, Any]:
        result = dict(outcome.result)
        if not self._task.diff:
            result.pop("diff", None)
        if not (parameters.get("return_value") or traits_of(self.operation).returns_secrets):
            result = masking.without(result, outcome.secrets)
        return {**result, **reported}


def _refuse_progress(parameters: Mapping[str, Any]) -> None:
    if parameters.get("progress") is not None:
        what = "a module on the host cannot show how far it is"
        raise InvalidInput(what, option="progress", remedy="Leave 'progress' or 'run_on: target' out.")
