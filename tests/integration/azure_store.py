# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store of the backend azure with a prefix of its own, and what its vault was asked for."""

from __future__ import annotations

import uuid
from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store


class AzureStore:
    """A prefix of its own in a vault."""

    def __init__(self, server: Any, **options: Any) -> None:
        """Choose the prefix."""
        self.server = server
        self.prefix = "t{0}-".format(uuid.uuid4().hex[:10])
        self.options = options

    def configured(self, **options: Any) -> Dict[str, Any]:
        """The store's options, logged in by the client secret unless they say otherwise."""
        return {**self.server.login(), "prefix": self.prefix, "encrypt": False, "single_writer": True, **self.options, **options}

    def backend(self, **options: Any) -> Backend:
        """The backend without layers."""
        return backend_class("azure")(self.configured(**options), BackendContext("prod"))

    def manager(self, warn: Callable[[str], object] = lambda _message: None, **options: Any) -> CredentialManager:
        """The store as a play uses it, without an audit trail of ours."""
        return open_store(dict({"backend": "azure", "audit": "off"}, **self.configured(**options)), name="prod", warn=warn)

    def asked(self, work: Callable[[], object]) -> List[str]:
        """What the vault is asked for while `work` is done, logins left out: method, secret and status."""
        start = len(self.server.requests())
        work()
        made = [each.split() for each in self.server.requests()[start:]]
        return [
            "{0} {1} {2}".format(method, path.split("?")[0], status) for method, path, status, _length in made if _is_vaults(path, status)
        ]

    def logins(self, work: Callable[[], object]) -> List[str]:
        """The requests to the token endpoint while `work` is done."""
        start = len(self.server.requests())
        work()
        return [each for each in self.server.requests()[start:] if "/oauth2/" in each]

    def set(self, name: str, value: str, **more: Any) -> Dict[str, Any]:
        """Write a secret as another tool would, and return it."""
        status, body = self.server.call("PUT", "/secrets/" + self.prefix + name, {"value": value, **more})
        assert status == 200, body
        return body

    def secret(self, name: str, version: str = "") -> Dict[str, Any]:
        """A secret as it is in the vault."""
        status, body = self.server.call("GET", "/secrets/{0}{1}/{2}".format(self.prefix, name, version))
        assert status == 200, body
        return body

    def change(self, name: str, **changes: Any) -> None:
        """Change the newest version of a secret as another tool would."""
        version = self.secret(name)["id"].rpartition("/")[2]
        status, body = self.server.call("PATCH", "/secrets/{0}{1}/{2}".format(self.prefix, name, version), changes)
        assert status == 200, body

    def fail(self, status: int, left: Optional[int] = None, headers: Optional[Mapping[str, str]] = None, path: str = "/secrets") -> None:
        """Have the server answer the next requests with this status; without `left`, all until `recover`."""
        failure: Dict[str, Any] = {"status": status, "path": path, "headers": dict(headers or {})}
        self.server.order(fail=[{**failure, **({} if left is None else {"left": left})}])

    def recover(self) -> None:
        """Have the server work as usual."""
        self.server.order(fail=[], grants={}, guard="rbac", settle=1, purge_protection=False, lifetime=3599, resource=None)


def _is_vaults(path: str, status: str) -> bool:
    return path.startswith(("/secrets", "/deletedsecrets")) and status != "401"
