# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of every lookup of the collection: resolve the store, call the client, mask the secrets of the result."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import DEFAULT
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, scope_options
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import for_operation
from ansible_collections.nebula.credential.plugins.plugin_utils.client.access_context import access_context
from ansible_collections.nebula.credential.plugins.plugin_utils.client.run_client import client
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import keep, to_native
from ansible_collections.nebula.credential.plugins.plugin_utils.config.session_options import session_options
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import (
    RunConfig,
    build_run_config,
    resolve_store,
    session_settings,
    template_variable,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.config.validation import validate
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.failure_options import FailureOptions
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import lookup_failure
from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import is_retried
from ansible_collections.nebula.credential.plugins.plugin_utils.session.messages import outcome_of
from ansible_collections.nebula.credential.plugins.plugin_utils.session.piped_configuration import read_piped_configuration
from ansible_collections.nebula.credential.plugins.plugin_utils.session.reads import note_read

SCOPE_VARIABLE = "nebula_credential_scope"
_SCOPE = Specification(argument_spec={SCOPE_VARIABLE: {"type": "dict", "options": scope_options()}})
ALL_FIELDS = ["*"]
IN_CHECK_MODE = (
    "This is check mode, which writes nothing: if an earlier task creates it, give the lookup a 'default=', "
    "or the task 'when: not ansible_check_mode'."
)


class CredentialLookup(LookupBase):
    """The base of the collection's lookups. Each returns a list of one element, or an empty list."""

    operation: ClassVar[str]
    """The operation of the library, which is also the lookup's name."""

    specification: ClassVar[Specification]

    def __init__(
        self, loader: Any = None, templar: Any = None, *, question: str | None = None, reply: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Take what ansible-core passes to a lookup, the request's digest for the session, and the session's response if there is one."""
        super().__init__(loader=loader, templar=templar, **kwargs)
        self._question = question
        self._reply = reply

    def run(self, terms: list[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        """Return a list of one element. It is never marked as a trusted template: `{{` in a secret stays text."""
        # Outside the guard below: Ansible itself reports an undefined value among the arguments.
        asked, given = to_native(terms), to_native(kwargs)
        # A default is returned as it is, `omit` included; so it is no option that is checked and converted.
        default = [to_native(kwargs[DEFAULT], keep)] if DEFAULT in kwargs else []
        try:
            return self._answer(asked, given, default, variables or {})
        except Exception as error:  # noqa: BLE001  # the edge: every error leaves as a neutral one
            raise lookup_failure(_explain_check_mode(error, variables or {})) from None

    @abstractmethod
    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Return the list that the lookup returns for these terms."""

    def _answer(self, terms: list[Any], given: dict[str, Any], default: list[Any], variables: Mapping[str, Any]) -> list[Any]:
        around = build_run_config(self._loader, self._templar, variables, read_piped_configuration)
        if given.get("scope") is None:
            given["scope"] = _read_scope(around)
        options = validate(given, self.specification)
        reactions = FailureOptions(options, default, Display().warning)
        return self.answer(terms, LookupCall(self.operation, options, reactions, around, self._question, self._reply))


def _explain_check_mode(error: Exception, variables: Mapping[str, Any]) -> Exception:
    """Return the error; of one about a missing credential the remedy says what check mode has to do with it."""
    if isinstance(error, NotFound) and variables.get("ansible_check_mode") is True:
        error.remedy = "{0} {1}".format(error.remedy, IN_CHECK_MODE).strip()
    return error


def _read_scope(around: RunConfig) -> Any:
    """Return the scope of the variable, checked under its own name; None if it is not set."""
    scope = to_native(template_variable(SCOPE_VARIABLE, around))
    return None if scope is None else validate({SCOPE_VARIABLE: scope}, _SCOPE)[SCOPE_VARIABLE]


class LookupCall:
    """One call of a lookup: its options, and the way to the store."""

    def __init__(
        self,
        operation: str,
        options: dict[str, Any],
        reactions: FailureOptions,
        around: RunConfig,
        question: str | None = None,
        reply: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the parts of the call, and the session's response to it if there is one."""
        self._question = question
        self._reply = reply
        self.options = options
        self.reactions = reactions
        self._operation = operation
        self._around = around

    @property
    def accepts_missing(self) -> bool:
        """True if a miss that the session remembers may answer this call: it has an answer for one, and does not wait for the name."""
        return (self.reactions.accept_missing or bool(self.options.get("fallback"))) and not is_retried()

    def ask(self, **parameters: Any) -> Outcome:
        """Perform the lookup's operation with its options and `parameters`, and return its outcome.

        Raises:
            CredentialError: the operation failed; the class is the reason.
        """
        outcome = self._perform(parameters) if self._reply is None else outcome_of(self._reply)
        masking.register(outcome.secrets)
        if self._reply is None:  # else `get` has noted it
            note_read(outcome)
        return outcome

    def _perform(self, parameters: Mapping[str, Any]) -> Outcome:
        store = resolve_store(self.options.get("store"), self._around)
        context = access_context(
            tenant=store.config.get("tenant"), scope=self.options.get("scope"), variables=self._around.variables, task=None
        )
        asked = {**for_operation(self.options), **parameters}
        if asked.get("fields") == ALL_FIELDS:
            asked["fields"] = True
        return client(session_options(session_settings(self._around))).perform(
            store, self._operation, asked, context, question=self._question
        )
