# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second factor of a login, where the server demands one: a code that a `totp` method accepts (sys/mfa/validate)."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import build_login_reader, check_login, is_given
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import CREDENTIALS, MFA_CODE, MFA_CREDENTIAL
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

VALIDATION = "sys/mfa/validate"
_REMEMBERED = 3600.0
"""Seconds for which a code that was sent is remembered. No service has codes that are valid for longer."""
_LOOK = 2.0
"""Seconds between looks for the next code."""
_SENT: Dict[str, float] = {}
"""When this process sent a code, by its digest. All connections share it: a server refuses a code that comes twice."""
_LOCK = threading.Lock()


class CodeReader(NamedTuple):
    """Where the code comes from, and whether another one follows it."""

    read: Callable[[str], Optional[Secret]]
    is_renewed: bool


def build_code_reader(settings: Mapping[str, Any], context: BackendContext) -> Optional[CodeReader]:
    """Return what reads the code of the moment, or None if the store has no second factor.

    Raises:
        InvalidConfiguration: it is given in two places.
    """
    if not any(is_given(settings, option) for option in (MFA_CODE, MFA_CREDENTIAL)):
        return None
    check_login(settings, (MFA_CODE,))
    is_renewed = settings.get(MFA_CREDENTIAL) is not None
    if is_renewed and is_given(settings, MFA_CODE):
        raise InvalidConfiguration("'{0}' is given, too".format(MFA_CODE), option=MFA_CREDENTIAL, remedy="Give one of them.")
    return CodeReader(build_login_reader(settings, context, CREDENTIALS), is_renewed)


def prove(
    requirement: Mapping[str, Any], codes: Optional[CodeReader], server: str, send: Callable[[str, Mapping[str, Any]], failures.Answer]
) -> failures.Answer:
    """Send the code that a login still needs, once.

    Args:
        requirement: `mfa_requirement` of the login's response.
        codes: where the code comes from.
        server: the server, as errors name it.
        send: sends a body to a path.

    Returns:
        The response, which holds the token. A refused code is an error.

    Raises:
        LoginFailed: the store has no code, the server demands something else, or refuses the code.
        Timeout: there was no new code before the operation ended.
    """
    methods = _find_methods(requirement, server)
    if codes is None:
        remedy = "Name its 'totp' credential of another store in '{0}', or use a login of a machine, which has none.".format(MFA_CREDENTIAL)
        raise failures.login_refused("the login needs a second factor ({0})".format(server), remedy)
    code = _read_new_code(codes, server)
    answer = send(VALIDATION, {"mfa_request_id": requirement.get("mfa_request_id"), "mfa_payload": {method: [code] for method in methods}})
    if 400 <= answer.status < 500 and answer.status != failures.THROTTLED:
        remedy = (
            "Check that it is of this account, and the clocks of both machines. A code works once: without a session, each process of a "
            "run would send the same one."
        )
        raise failures.login_refused("the server refuses the code of the second factor ({0})".format(server), remedy)
    return answer


def _find_methods(requirement: Mapping[str, Any], server: str) -> List[str]:
    """Return the ids of the methods that take a code. Raises LoginFailed if something else is demanded."""
    found: List[str] = []
    for constraint in (requirement.get("mfa_constraints") or {}).values():
        choices = constraint.get("any") or []
        usable = [str(each.get("id")) for each in choices if each.get("type") == "totp" and each.get("uses_passcode")]
        if not usable:
            kinds = ", ".join(sorted(ascii(each.get("type")) for each in choices))
            what = "the login needs a second factor that is no code: {0} ({1})".format(kinds, server)
            raise failures.login_refused(what, "Use a login of a machine, which has none, or allow a method 'totp' for it.")
        found += usable
    return sorted(set(found))


def _read_new_code(codes: CodeReader, server: str) -> str:
    """Return a code that this process has not sent to the server, and remember it. Wait for the next one if there will be one."""
    while True:
        found = codes.read(MFA_CODE)
        code = "" if found is None else found.expose().decode("utf-8", "replace").strip()
        if _take(server, code):
            return code
        if not codes.is_renewed:
            remedy = "Name the credential that makes codes in '{0}'; then each login has another one.".format(MFA_CREDENTIAL)
            raise failures.login_refused("the code of '{0}' was sent already, and works once ({1})".format(MFA_CODE, server), remedy)
        if deadline.is_over(after=_LOOK):
            raise deadline.timeout_error(server="the next code of '{0}'".format(MFA_CREDENTIAL))
        time.sleep(_LOOK)


def _take(server: str, code: str) -> bool:
    """Return True if a code was not sent yet. It counts as sent from now on."""
    mark, now = hashlib.sha256("{0}\0{1}".format(server, code).encode("utf-8")).hexdigest(), time.monotonic()
    with _LOCK:
        for each in [each for each, sent_at in _SENT.items() if now - sent_at > _REMEMBERED]:
            del _SENT[each]
        if mark in _SENT:
            return False
        _SENT[mark] = now
        return True
