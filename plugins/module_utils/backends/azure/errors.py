# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Responses of Key Vault as errors of the library (never the server's text)."""

from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple, Optional, Tuple, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    LoginFailed,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.logins.entra import BUSY

READER = "Key Vault Secrets User"
OFFICER = "Key Vault Secrets Officer"
POLICIES = "docs/policies/azure-read-only.json and azure-read-write.json"
WRITING = ("set", "update", "delete", "recover", "purge")
"""The permissions of Key Vault whose requests change something."""
DELETED, DELETING, RECOVERING = "ObjectIsDeletedButRecoverable", "ObjectIsBeingDeleted", "ObjectIsBeingRecovered"
"""The inner codes of a 409: the name belongs to a deleted secret, or to one that is on its way."""
DISABLED = "SecretDisabled"
_FIREWALL, _BY_POLICY, _BY_RBAC = "ForbiddenByFirewall", "ForbiddenByPolicy", "ForbiddenByRbac"
_THROTTLED, _UNAVAILABLE = BUSY
_AGAIN = "Retry; see the health of the vault in Azure if it still fails."


class Asked(NamedTuple):
    """A request, as errors name it: the permission that it needs, the vault's address, and the secret, if there is one."""

    permission: str
    vault: str
    secret: str = ""

    @property
    def writing(self) -> bool:
        """Whether it changes anything."""
        return self.permission in WRITING


class Answer(NamedTuple):
    """A response: its status, its JSON object (`{}` without one), the seconds of its `Retry-After`."""

    status: int
    body: Mapping[str, Any]
    retry_after: Optional[float] = None

    @property
    def codes(self) -> Tuple[str, ...]:
        """The codes of a failure as Key Vault makes it, the outer one first; empty if something else made it."""
        found: List[str] = []
        error = self.body.get("error")
        while isinstance(error, dict) and len(found) < 5:
            found.append(str(error.get("code")))
            error = error.get("innererror") or error.get("innerError")
        return tuple(found)

    def has_code(self, *codes: str) -> bool:
        """Return True if the failure has one of these codes."""
        return any(code in codes for code in self.codes)

    def says(self, words: str) -> bool:
        """Return True if the server's text contains these words. The text itself is never shown."""
        error = self.body.get("error")
        return words in str(error.get("message", "")).lower() if isinstance(error, dict) else False


class _Meaning(NamedTuple):
    kind: Type[CredentialError]
    what: str
    remedy: str
    may_have_happened: bool = False


_STATUSES: Mapping[int, _Meaning] = {
    _THROTTLED: _Meaning(Unavailable, "the vault limits the rate of requests", "Wait, or divide the credentials among more vaults."),
    408: _Meaning(Unavailable, "the vault did not complete the request in time", _AGAIN, may_have_happened=True),
    500: _Meaning(Unavailable, "the vault failed", _AGAIN, may_have_happened=True),
    502: _Meaning(Unavailable, "a server between here and the vault failed", _AGAIN, may_have_happened=True),
    _UNAVAILABLE: _Meaning(Unavailable, "the vault is not available", _AGAIN),
    504: _Meaning(Unavailable, "the vault did not complete the request in time", _AGAIN, may_have_happened=True),
}


def failure(asked: Asked, answer: Answer) -> CredentialError:
    """Return the error for a response that is neither a success nor one that callers handle."""
    meaning = _STATUSES.get(answer.status)
    if meaning is not None:
        error = meaning.kind("{0} ({1})".format(meaning.what, asked.vault), remedy=meaning.remedy)
        happened = meaning.may_have_happened and asked.writing
        return error.annotate(retry_after=answer.retry_after, outcome_unknown=happened, throttled=answer.status in BUSY)
    if answer.status == 401:
        return login_refused(asked.vault)
    if not answer.codes:
        return no_vault(asked.vault)
    if answer.status == 403:
        return access_denied(asked, answer)
    if answer.status == 409:
        return busy(asked)
    if answer.has_code("BadParameter", "BadRequest") and answer.says("api-version"):
        return InvalidConfiguration("the vault does not know this version", option="api_version", remedy="Use one that its cloud has.")
    return InvalidInput(
        "Key Vault does not accept the request '{0}' of the secret '{1}' (status {2}, {3})".format(
            asked.permission, asked.secret, answer.status, ascii(answer.codes[-1])[1:-1][:60]
        ),
        remedy="See 'Limits' in docs/integrations/backends/azure.md.",
    )


def busy(asked: Asked) -> Unavailable:
    """Return the error for a name whose former secret is being deleted or recovered. Nothing has happened."""
    return Unavailable(
        "the secret '{0}' is being deleted or recovered ({1})".format(asked.secret, asked.vault), remedy="Retry when Key Vault has done it."
    )


def access_denied(asked: Asked, answer: Answer) -> CredentialError:
    """Return the error for a 403. It says which of the vault's three guards denied, and what it needs."""
    where = "the secret '{0}'".format(asked.secret) if asked.secret else "the secrets"
    if answer.has_code(_FIREWALL):
        remedy = "Run from an allowed network, or add this machine's address to the vault's 'Networking'."
        return AccessDenied("the firewall of the vault {0} does not let this machine in".format(asked.vault), remedy=remedy)
    if asked.permission == "purge" and answer.says("purge protection"):
        remedy = "Leave out 'permanent': the vault removes the secret when its retention period ends."
        return AccessDenied("the vault {0} has purge protection, so nothing removes {1} earlier".format(asked.vault, where), remedy=remedy)
    what = "this login may not '{0}' {1} of the vault {2}".format(asked.permission, where, asked.vault)
    role = READER if asked.permission in ("get", "list") else OFFICER
    if answer.has_code(_BY_RBAC):
        remedy = "Give it the role '{0}' on the vault, or a custom one: {1} in the collection.".format(role, POLICIES)
    elif answer.has_code(_BY_POLICY):
        remedy = "The vault uses access policies: add the secret permission '{0}' to that of this identity.".format(asked.permission)
    else:
        remedy = (
            "If the vault uses Azure RBAC, give it the role '{0}'; if it uses access policies, add the secret permission '{1}'.".format(
                role, asked.permission
            )
        )
    return AccessDenied(what, remedy=remedy)


def login_refused(vault: str) -> LoginFailed:
    """Return the error for a token that the vault does not accept."""
    return LoginFailed(
        "the vault {0} does not accept the login".format(vault), remedy="Check that the identity belongs to the tenant of the vault."
    )


def no_vault(server: str) -> StorageError:
    """Return the error for a response that no vault makes."""
    return StorageError(
        "what responds at {0} is not a Key Vault (a proxy's error page?)".format(server), option="vault_url", remedy="Check the address."
    )


def foreign_resource(vault: str) -> StorageError:
    """Return the error for a vault that demands a login for another resource than its own. It is permanent."""
    return StorageError(
        "what responds at {0} demands a login for the vaults of another domain, which it does not get".format(vault),
        option="vault_url",
        remedy="Check the address; a vault of another cloud has another domain.",
    )
