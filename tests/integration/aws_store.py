# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in AWS for a test: below a prefix of its own, on moto or on MiniStack, with the requests that the server has counted."""

from __future__ import annotations

import json
import secrets
from typing import Any, Dict, List

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.backend import Aws
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

ACCOUNT = "000000000000"
"""The account of MiniStack."""


def open_backend(**options: Any) -> Backend:
    """Open a backend without layers, with its warnings in `context.warn.__self__`."""
    warnings: List[str] = []
    backend = Aws(options, BackendContext(store="cloud", warn=warnings.append))
    backend.connect()
    return backend


class AwsStore:
    """One prefix of a server."""

    def __init__(self, server: Any, **options: Any) -> None:
        """Take a server of tests/servers, and options of a store on it."""
        self.server = server
        self.prefix = "test-" + secrets.token_hex(4)
        self.options: Dict[str, Any] = {**server.login, "prefix": self.prefix, "batch_get": False, **options}
        self._seen = 0

    def backend(self, **more: Any) -> Backend:
        """Open a backend without layers."""
        return open_backend(**{**self.options, **more})

    def manager(self, **more: Any) -> CredentialManager:
        """Open the whole store."""
        return open_store({"backend": "aws", "audit": "off", **self.options, **more}, name="cloud")

    def secret(self, name: str) -> str:
        """Return the name of the secret of a credential."""
        return "{0}/{1}".format(self.prefix, name)

    def made(self) -> List[str]:
        """Return the actions that the server has counted below this prefix since the last call."""
        self._seen, since = self.server.count(), self._seen
        return [each.action.split(".")[1] for each in self.server.requests(self.prefix, since=since)]

    def requests(self, since: int = 0) -> List[Any]:
        """Return the requests below this prefix."""
        return self.server.requests(self.prefix, since=since)

    def allow(self, *actions: str, resource: str = "*", deny: bool = False) -> Dict[str, str]:
        """Make a user of IAM who may do these alone (or all but these), and return its login."""
        iam, name = self.server.client("iam"), "user-" + secrets.token_hex(4)
        iam.create_user(UserName=name)
        statements = [{"Effect": "Deny" if deny else "Allow", "Action": list(actions), "Resource": resource}]
        if deny:
            statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}
