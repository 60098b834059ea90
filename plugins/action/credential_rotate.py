# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of `credential_rotate`: the phases through the client, a target through its modules."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import (
    AUTO,
    CREDENTIAL_ROTATE,
    ROLLBACK,
    SETTLE,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import postgresql
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.postgresql import Call
from ansible_collections.nebula.credential.plugins.plugin_utils.action.base import CredentialAction
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import RotationDriver
from ansible_collections.nebula.credential.plugins.plugin_utils.action.run_on_target import Unshown
from ansible_collections.nebula.credential.plugins.plugin_utils.output import masking

SENT_BACK = ("password", "login_password")
"""What those modules take as `no_log`: from ansible-core 2.22 on they send it back, for masking, and its debug output shows that first."""


class _Late(BaseException):
    """The time limit of a module is over. Not an Exception, so that nothing on the way takes it for its own."""


class ActionModule(CredentialAction):
    """Performs `credential_rotate`: the store's part on the controller, the target's modules on the task's host."""

    operation = "credential_rotate"
    specification = CREDENTIAL_ROTATE

    def perform(self, store: StoreReference, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> Outcome:
        """Perform a phase, or drive a whole rotation."""
        driven = parameters.get("target") == postgresql.KIND and parameters["phase"] in (AUTO, SETTLE, ROLLBACK)
        if not driven:
            return self.ask(store, self.operation, parameters, variables)
        self._check_requirements()
        if self._task.check_mode:
            return self.ask(store, self.operation, parameters, variables)

        def ask(step: dict[str, Any]) -> Outcome:
            return self.ask(store, self.operation, {**parameters, STEP: step}, variables)

        outcome = RotationDriver(ask, lambda call, limit: self._run_module(call, limit, variables)).drive()
        return Outcome({name: value for name, value in outcome.result.items() if name != STEP}, outcome.secrets)

    def _check_requirements(self) -> None:
        """See that the modules and the library are there before anything is begun.

        Raises:
            MissingLibrary: one is not; the message holds the line that installs it.
        """
        for module in (postgresql.USER_MODULE, postgresql.PING_MODULE, postgresql.QUERY_MODULE):
            if not self._shared_loader_obj.module_loader.find_plugin_with_context(module).resolved:
                what = "the collection 'community.postgresql' is missing on the controller"
                raise MissingLibrary(what, remedy="Install it: {0}".format(postgresql.COLLECTION.install))
        postgresql.scram_library()

    def _run_module(self, call: Call, limit: float, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module of another collection; what it prints stays here."""
        module, arguments = call
        masking.register([Secret(arguments[name]) for name in SENT_BACK if name in arguments])
        spoken, self._task.no_log = self._task.no_log, True
        try:
            with _at_most(limit):
                return dict(self._execute_module(module_name=module, module_args=Unshown(arguments), task_vars=dict(variables)))
        except (AnsibleError, _Late):
            return {"unreachable": True}
        finally:
            self._task.no_log = spoken


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise `_Late` after that time; a time limit of the task itself, or a thread, keeps what it has."""
    if threading.current_thread() is not threading.main_thread() or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def ring(*_: Any) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
