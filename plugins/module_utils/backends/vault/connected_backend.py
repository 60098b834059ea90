# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that all backends of Vault share: their own connection, which they open, keep alive and close."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Health
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    Located,
    PasswordPolicies,
    PathRequests,
    Renewable,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.mount import Location
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.path_requests import PathRequester
    from ansible_collections.nebula.credential.plugins.module_utils.model.path_request import PathRequest

_NOT_FOUND = 404
_POLICY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}\Z")


class Connected(Backend, Renewable, Located, PasswordPolicies, PathRequests):
    """The life cycle of a connection. A subclass sets `_connection` in its constructor."""

    _connection: Connection
    _requester: Optional[PathRequester] = None
    _making = threading.Lock()

    def connect(self) -> None:
        self._connection.prepare()

    def health(self) -> Health:
        return self._connection.health()

    def location(self) -> str:
        place = Location.of(self.settings)
        return "vault {0} {1} {2}".format(self._connection.location, place.mount, place.prefix)

    def locate(self, name: str) -> Dict[str, str]:
        place = Location.of(self.settings)
        return self.describe_path("{0}/{1}".format(place.mount, place.place(name)))

    def describe_path(self, path: str) -> Dict[str, str]:
        """Return a path with its server and namespace."""
        return dict(self._connection.address, path=path)

    def generate_password(self, policy: str) -> Secret:
        if not _POLICY.match(policy):
            remedy = "Use the name under sys/policies/password: letters, digits, '_', '-' and '.'."
            raise InvalidInput("{0} is no name of a password policy".format(ascii(policy)), option="generate", remedy=remedy)
        reply = self._connection.request("GET", "sys/policies/password/{0}/generate".format(policy), capability="read")
        password = (reply.body.get("data") or {}).get("password")
        if reply.status == _NOT_FOUND or not isinstance(password, str):
            what = "the server {0} has no password policy '{1}'".format(self._connection.place, policy)
            raise InvalidInput(what, option="generate", remedy="Write it to sys/policies/password/{0}.".format(policy))
        return Secret(password)

    def request_path(self, request: PathRequest) -> Mapping[str, Any]:
        # Imported here, because most stores only keep credentials.
        from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.path_requests import PathRequester

        with self._making:
            self._requester = self._requester or PathRequester(self._connection, self.settings, self.context)
        return self._requester.send(request)

    def renew_due(self) -> Optional[float]:
        return self._connection.keep_alive()

    def close(self) -> None:
        requester, self._requester = self._requester, None
        if requester is not None:
            requester.close()
        self._connection.close()
