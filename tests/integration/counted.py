# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store on the OpenBao of the tests that one logs in to by AppRole, and what its server says it was asked for.

A session that serves a whole run logs in once; each process that goes without one logs in by itself. So one login and
one read of a secret is the proof of one session, one flight and one fetch.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from typing import Any, Dict, Mapping

from tests.integration.vault_store import READ_WRITE, VaultStore
from tests.servers import once

ON = {"NEBULA_CREDENTIAL_SESSION": "true"}
"""The environment of a run that has a session, whatever the default is."""

VALUE = "v4lue of "
"""What the secrets of `Counted.fill` begin with; their names follow."""


class Counted:
    """The store, and counts since its start or the last `start_over`."""

    def __init__(self) -> None:
        """Make a role with a policy that reads and writes one prefix."""
        self.store = VaultStore(once.openbao())
        self.server = self.store.server
        self.role_mount = self.server.enable("approle", "a" + uuid.uuid4().hex[:10], auth=True)
        place = "auth/{0}/role/test".format(self.role_mount)
        text = READ_WRITE.read_text(encoding="utf-8").replace("/nebula/", "/{0}/".format(self.store.prefix))
        policy = self.server.policy(self.store.prefix, text)
        self.server.call("POST", place, {"token_policies": [policy], "token_ttl": "20m"})
        self.auth = {
            "method": "approle",
            "mount": self.role_mount,
            "role_id": self.server.call("GET", place + "/role-id")["data"]["role_id"],
            "secret_id": self.server.call("POST", place + "/secret-id", {})["data"]["secret_id"],
        }
        self._seen = 0
        self.start_over()

    def configured(self, **options: Any) -> Dict[str, Any]:
        """The store as `stores` takes it."""
        return {"backend": "vault", "audit": "off", **self.store.configured(auth=self.auth), **options}

    def describe_for_hashi_vault(self) -> Dict[str, str]:
        """The same login and mount as variables of community.hashi_vault."""
        return {
            "ansible_hashi_vault_url": self.server.url,
            "ansible_hashi_vault_auth_method": "approle",
            "ansible_hashi_vault_mount_point": self.role_mount,
            "ansible_hashi_vault_role_id": self.auth["role_id"],
            "ansible_hashi_vault_secret_id": self.auth["secret_id"],
            "ansible_hashi_vault_engine_mount_point": self.store.mount,
        }

    def fill(self, *names: str) -> None:
        """Write secrets, as somebody else."""
        for name in names:
            self.server.call("POST", self.store.path(name), {"data": {"password": VALUE + name}})
        self.start_over()

    def start_over(self) -> None:
        """Count from now on."""
        self._seen = len(self.server.requests())

    def logins(self) -> int:
        """How often somebody logged in."""
        return sum(one["path"].startswith("auth/{0}/login".format(self.role_mount)) for one in self._asked())

    def reads(self) -> Mapping[str, int]:
        """How often each secret was fetched."""
        start = self.store.path("")
        paths = [one["path"] for one in self._asked() if one["operation"] == "read"]
        return Counter(path[len(start) :].strip("/") for path in paths if path.startswith(start))

    def writes_below(self, place: str) -> Mapping[str, int]:
        """How often each secret below a place of the store was written."""
        start = self.store.path("")
        paths = [one["path"] for one in self._asked() if one["operation"] in ("create", "update") and one["path"].startswith(start)]
        named = [path[len(start) :].strip("/") for path in paths]
        return Counter(name for name in named if name.startswith(place))

    def requests(self) -> int:
        """How many requests the server has got, of whatever kind."""
        return len(self._asked())

    def _asked(self) -> Any:
        return self.server.requests()[self._seen :]

    def is_default_of(self, project: Any, **session: Any) -> None:
        """Write the project's nebula.yml, with the store as its default."""
        content: Dict[str, Any] = {"default": "prod", "stores": {"prod": self.configured()}}
        if session:
            content["session"] = session
        project.write("nebula.yml", json.dumps(content))
        project.write("ansible.cfg", "[defaults]\n")


def read(name: str) -> str:
    """A task that reads a secret of `Counted.fill` and sees that it is right."""
    return "- {{name: read, ansible.builtin.assert: {{that: \"lookup('nebula.credential.get', '{1}') == '{0}{1}'\", quiet: true}}}}".format(
        VALUE, name
    )
