# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module of ours on a host: what its action sends beside the options, and how it fails."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification, without_masked_mappings
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, as_credential_error
from ansible_collections.nebula.credential.plugins.module_utils.sent_code import CODE

WORK = "_work"
"""The argument with the work, values included. It is no option: the action writes it, and `AnsibleModule` does not see it."""

Work = Mapping[str, Any]


class HostModule(AnsibleModule):  # type: ignore[misc]  # the base class has no types
    """The module itself. Arguments that ansible-core refuses have a code too."""

    work: Optional[Work] = None

    def _load_params(self) -> None:
        super()._load_params()
        # It has done its work, and is no option.
        self.params.pop(CODE, None)
        self.work = self.params.pop(WORK, None)

    def fail_json(self, msg: str, **result: Any) -> None:
        """Fail with `invalid_input`, unless another code is given."""
        super().fail_json(msg, **{"code": InvalidInput.code, **result})

    def fail(self, error: Exception, **result: Any) -> None:
        """Fail with the message and the code of an error, a neutral one for a foreign error."""
        found = as_credential_error(error)
        self.fail_json(msg=str(found), code=found.code, **result)


def run_host_module(specification: Specification, perform: Callable[[HostModule, Work], Dict[str, Any]]) -> None:
    """Run a module that opens no store, `deploy` or `run`. The action has checked the options, and sends the work.

    Every failure ends in `HostModule.fail`.
    """
    # no_log: nothing goes to syslog. Only the required options of the task are sent.
    module = HostModule(argument_spec=without_masked_mappings(specification.argument_spec), no_log=True, supports_check_mode=True)
    try:
        if module.work is None:
            what = "the module was sent to the host without its work"
            raise InvalidInput(what, remedy="Run it as a task, so that its action sends both.")
        found = perform(module, module.work)
    except Exception as error:  # noqa: BLE001  # the edge: every exception becomes a neutral error
        module.fail(error)
    module.exit_json(**found)
