# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do what: access tokens, their ends, and the permissions of their principals."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from tests.servers.google.model import Refusal

PERMISSIONS: Mapping[str, str] = {
    "create_secret": "secrets.create",
    "get_secret": "secrets.get",
    "update_secret": "secrets.update",
    "delete_secret": "secrets.delete",
    "list_secrets": "secrets.list",
    "add_secret_version": "versions.add",
    "access_secret_version": "versions.access",
    "get_secret_version": "versions.get",
    "list_secret_versions": "versions.list",
    "disable_secret_version": "versions.disable",
    "enable_secret_version": "versions.enable",
    "destroy_secret_version": "versions.destroy",
}
"""The permission of `secretmanager` that each method needs."""
IMPERSONATE = "iam.serviceAccounts.getAccessToken"


class Grant(NamedTuple):
    """Permissions of a principal on a resource and what is inside it. `*` is every permission, or every resource."""

    principal: str
    permissions: Tuple[str, ...]
    resource: str

    def allows(self, principal: str, permission: str, resource: str) -> bool:
        """Whether it allows this."""
        inside = self.resource in ("*", resource) or resource.startswith(self.resource + "/")
        return principal == self.principal and inside and ("*" in self.permissions or permission in self.permissions)


class Access:
    """Issues tokens, and checks them and the permissions of their principals."""

    def __init__(self) -> None:
        """Begin without tokens and grants."""
        self._tokens: Dict[str, Tuple[str, float]] = {}
        self._grants: List[Grant] = []
        self._lock = threading.Lock()
        self.lifetime = 3600.0

    def grant(self, grant: Grant) -> None:
        """Allow something."""
        with self._lock:
            self._grants.append(grant)

    def revoke(self, principal: str) -> None:
        """Allow a principal nothing any more."""
        with self._lock:
            self._grants = [grant for grant in self._grants if grant.principal != principal]

    def issue(self, principal: str) -> Tuple[str, int]:
        """Make an access token. Returns it, and the seconds until its end."""
        token = "ya29." + secrets.token_urlsafe(48)
        with self._lock:
            self._tokens[token] = (principal, time.monotonic() + self.lifetime)
            return token, int(self.lifetime)

    def end_tokens(self) -> None:
        """End every token that was issued."""
        with self._lock:
            self._tokens.clear()

    def find_principal(self, authorization: Optional[str]) -> str:
        """The principal of a header. Raises Refusal without a valid token."""
        scheme, _blank, token = (authorization or "").partition(" ")
        with self._lock:
            principal, ends_at = self._tokens.get(token, ("", 0.0))
        if scheme != "Bearer" or time.monotonic() >= ends_at:
            raise Refusal("UNAUTHENTICATED", "Request had invalid authentication credentials.")
        return principal

    def is_allowed(self, principal: str, permission: str, resource: str) -> bool:
        """Whether the principal may."""
        with self._lock:
            return any(grant.allows(principal, permission, resource) for grant in self._grants)

    def check(self, principal: str, permission: str, resource: str) -> None:
        """Raise Refusal if the principal may not."""
        if not self.is_allowed(principal, permission, resource):
            text = "Permission '{0}' denied for resource '{1}' (or it may not exist).".format(permission, resource)
            raise Refusal("PERMISSION_DENIED", text)


class Faults:
    """Failures that a test orders, and quotas."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._left: List[Dict[str, Any]] = []

    def order(self, wanted: Mapping[str, Any]) -> None:
        """Fail the next `times` calls of `methods` (empty: of all) with `code`, with `retry_after` seconds; `after` it was done."""
        with self._lock:
            self._left.append(dict({"methods": [], "times": 1, "retry_after": None, "after": False, "damage": False}, **wanted))

    def clear(self) -> None:
        """Fail nothing any more."""
        with self._lock:
            self._left.clear()

    def take(self, method: str) -> Mapping[str, Any]:
        """The failure that this call gets; empty for none."""
        with self._lock:
            for fault in self._left:
                if fault["times"] > 0 and (not fault["methods"] or method in fault["methods"]):
                    fault["times"] -= 1
                    return dict(fault)
        return {}
