# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of a person: the module `credential_flow` (B4)."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Any, Dict, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_flow import CALLBACK, COMPLETE, START, WAIT
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import check_takes_writes
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import format_time
from ansible_collections.nebula.credential.plugins.module_utils.store.login_flow import LoginFlow
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.types.interactive import SlowDown

DEFAULT_LIFETIME = "15m"
_USED = {START: ("valid_for",), COMPLETE: CALLBACK, WAIT: ("timeout",)}


def credential_flow(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool) -> Outcome:
    """Take one step of a login. It opens nothing and waits for nobody: the action repeats `wait`.

    Args:
        manager: the manager of the store.
        parameters: `name`; `phase`; for `start` `valid_for`; for `complete` `callback_url`, or `code` and `state`, or
            `saml_response`.
        context: the caller.
        check_mode: send and write nothing.

    Returns:
        `{changed, name, phase, pending, credential}`: `pending` is whether a person has to act before the next step. After `start` also
        what that person needs (`LoginFlow.start`), after `wait` also `interval`, the seconds between two requests, and
        `slow_down`, whether there have to be more.

    Raises:
        InvalidInput: an option does not belong to the phase, or the credential has no login.
        FlowExpired, InvalidCallback: as `LoginFlow.complete`.
        CredentialError: the store or the service fails.
    """
    name, phase = parameters["name"], parameters["phase"]
    _check_options(parameters, phase)
    with manager.acting(asserting(context, parameters.get("scope"))):
        flow = LoginFlow(manager, name, "|".join((context.controller or "", context.run or str(os.getpid()), manager.store)))
        result = _start(flow, parameters, check_mode) if phase == START else _complete(flow, parameters, phase, check_mode)
        if check_mode and result["changed"]:
            check_takes_writes(manager.backend, name)
    return Outcome(dict(result, name=name, phase=phase))


def _start(flow: LoginFlow, parameters: Mapping[str, Any], check: bool) -> Dict[str, Any]:
    lifetime = duration(parameters.get("valid_for") or DEFAULT_LIFETIME, "valid_for")
    if not lifetime:
        raise InvalidInput("nobody could complete it", option="valid_for", remedy="Write a duration, for example '15m'.")
    found, shown = flow.start(lifetime.total_seconds(), check)
    if shown:
        shown["expires_at"] = format_time(datetime.fromtimestamp(shown["expires_at"], timezone.utc))
    return dict(shown, changed=True, pending=True, credential=found.describe())


def _complete(flow: LoginFlow, parameters: Mapping[str, Any], phase: str, check: bool) -> Dict[str, Any]:
    callback = {name: parameters.get(name) for name in CALLBACK}
    if phase == COMPLETE and not any(callback.values()):
        raise InvalidInput(
            "nothing came back from the login",
            option="callback_url",
            remedy="Give the address at which the browser arrived; for the type 'saml' 'saml_response'.",
        )
    try:
        done = flow.complete(callback, check)
    except SlowDown:
        return {"changed": False, "pending": True, "slow_down": True, "interval": flow.interval, "credential": None}
    result = {"changed": done is not None, "pending": done is None, "credential": done and done.describe()}
    return dict(result, slow_down=False, interval=flow.interval) if phase == WAIT else result


def _check_options(parameters: Mapping[str, Any], phase: str) -> None:
    for option in sorted({option for options in _USED.values() for option in options} - set(_USED[phase])):
        if parameters.get(option) is not None:
            raise InvalidInput("phase '{0}' does not use it".format(phase), option=option, remedy="Leave it out.")
