# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the error codes of an authorization server mean (RFC 6749 section 5.2, OpenID Connect Core section 3.1.2.6)."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    FlowExpired,
    InteractionRequired,
    RefreshFailed,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.settings import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    TOKEN_EXCHANGE,
)

_LOG_IN_AGAIN = "Log in at the service again, and write the new 'refresh_token' with state 'present'."
_RESTARTS: Mapping[str, str] = {
    CLIENT_CREDENTIALS: "Correct the client's fields, and write them with state 'present'.",
    AUTHORIZATION_CODE: "Start a login with the module credential_flow.",
    DEVICE_CODE: "Start a login with the module credential_flow.",
    TOKEN_EXCHANGE: "Write a new 'subject_token' with state 'present'.",
}


class Refusal(NamedTuple):
    """The error class of a code, and what a person can do."""

    error: Type[CredentialError]
    remedy: str


_LOG_IN = Refusal(InteractionRequired, "")
_CODES: Mapping[str, Refusal] = {
    "invalid_grant": Refusal(InteractionRequired, "The token has expired, was revoked, was used before, or is another client's."),
    "interaction_required": _LOG_IN,
    "login_required": _LOG_IN,
    "consent_required": _LOG_IN,
    "account_selection_required": _LOG_IN,
    "expired_token": Refusal(FlowExpired, "Start a login with the module credential_flow."),
    "invalid_client": Refusal(
        RefreshFailed, "Correct 'client_id', 'client_secret' and 'client_auth'; the service shows what the client uses."
    ),
    "unauthorized_client": Refusal(RefreshFailed, "Allow this client the grant at the service, or set another 'grant'."),
    "unsupported_grant_type": Refusal(RefreshFailed, "Set a 'grant' that the service supports."),
    "invalid_scope": Refusal(RefreshFailed, "Correct 'scope': the service does not grant all of it to this client."),
    "invalid_target": Refusal(RefreshFailed, "Correct 'audience' and 'resource' (RFC 8693, RFC 8707)."),
    "invalid_request": Refusal(RefreshFailed, "Compare the fields with what the service documents for this grant."),
    "access_denied": Refusal(RefreshFailed, "Allow it to the client or its user at the service."),
    "temporarily_unavailable": Refusal(Unavailable, "Run it again later."),
    "server_error": Refusal(Unavailable, "Run it again later."),
    "slow_down": Refusal(Unavailable, "Run it again later."),
}
_OTHER = Refusal(RefreshFailed, "Compare the fields with what the service documents for this grant.")


def explain_restart(grant: str) -> str:
    """Return what a person does after a refusal."""
    return _RESTARTS.get(grant, _LOG_IN_AGAIN)


def refusal_of(code: str, host: str, grant: str) -> CredentialError:
    """Return the error for a code that the token endpoint of a host responded with. A code that no specification has is not shown."""
    refusal = _CODES.get(code, _OTHER)
    what = "the service {0} refused: {1}".format(host, code if code in _CODES else "with a code of its own")
    needs_person = refusal.error is InteractionRequired
    remedy = " ".join(filter(None, (refusal.remedy, explain_restart(grant) if needs_person else "")))
    return refusal.error(what, remedy=remedy).annotate(outcome_unknown=code == "server_error")
