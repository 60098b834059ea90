# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store of the backend gcp in a project of its own, and Google's client, which looks at the same secrets."""

from __future__ import annotations

import json
import uuid
from typing import Any, Callable, Dict, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.backends.gcp import Client
from tests.servers.google.model import compute_checksum


class GoogleStore:
    """A project of its own on a server."""

    def __init__(self, server: Any, **options: Any) -> None:
        """Choose the project."""
        self.server = server
        self.project = "t" + uuid.uuid4().hex[:12]
        self.parent = "projects/" + self.project
        self.options = options

    def configured(self, **options: Any) -> Dict[str, Any]:
        """The store's options, as the service account that may do everything unless a login says otherwise."""
        logins = {"access_token", "credentials", "credentials_file", "access_token_file", "application_default"}
        chosen = {**self.options, **options}
        login = {} if logins & set(chosen) else {"credentials": json.dumps(self.server.service_account)}
        chosen.pop("application_default", None)
        where = {"endpoint": self.server.url, "ca_cert": str(self.server.ca_cert), "project": self.project, "encrypt": False}
        return {**where, **login, **chosen}

    def backend(self, **options: Any) -> Backend:
        """The backend without layers."""
        return backend_class("gcp")(self.configured(**options), BackendContext("prod"))

    def manager(self, warn: Callable[[str], object] = lambda _message: None, **options: Any) -> CredentialManager:
        """The store as a play uses it, without an audit trail of ours."""
        return open_store(dict({"backend": "gcp", "audit": "off"}, **self.configured(**options)), name="prod", warn=warn)

    def token(self, *permissions: str, resource: Optional[str] = None) -> str:
        """An access token of a new principal that may do this in the project, or on one resource in it, and nothing else."""
        principal = uuid.uuid4().hex[:8] + "@tests.iam.gserviceaccount.com"
        named = ["secretmanager." + each for each in permissions]
        grant = {"principal": principal, "permissions": named, "resource": resource or self.parent}
        return str(self.server.order({"grant": grant}, {"issue": principal})[1])

    def requests(self) -> List[str]:
        """The methods that were called for this project so far, and the status of those that failed."""
        seen = self.server.requests(self.parent)
        return [each["method"] + ("" if each["status"] == "OK" else " " + each["status"]) for each in seen]

    def asked(self, work: Callable[[], object]) -> List[str]:
        """The methods that something calls."""
        before = len(self.requests())
        work()
        return self.requests()[before:]

    def theirs(self) -> Theirs:
        """Google's client."""
        return Theirs(self.server, self.project)


class Theirs(Client):
    """Google's client as another tool uses it, with whole names of secrets."""

    def name(self, secret: str) -> str:
        """The resource of a secret."""
        return "{0}/secrets/{1}".format(self._parent, secret)

    def make(self, secret: str, **parts: Any) -> Any:
        """Create a secret without a version."""
        wanted = {"replication": {"automatic": {}}, **parts}
        return self._client.create_secret(request={"parent": self._parent, "secret_id": secret, "secret": wanted}, **self._named)

    def add(self, secret: str, data: bytes) -> int:
        """Add a version. Returns its number."""
        payload = {"data": data, "data_crc32c": compute_checksum(data)}
        made = self._client.add_secret_version(request={"parent": self.name(secret), "payload": payload}, **self._named)
        return int(made.name.rpartition("/")[2])

    def payload(self, secret: str, version: str) -> bytes:
        """The payload of a version, by its number, alias or `latest`."""
        request = {"name": "{0}/versions/{1}".format(self.name(secret), version)}
        return bytes(self._client.access_secret_version(request=request, **self._named).payload.data)

    def change(self, secret: str, version: int, verb: str) -> None:
        """Disable, enable or destroy a version."""
        request = {"name": "{0}/versions/{1}".format(self.name(secret), version)}
        getattr(self._client, verb + "_secret_version")(request=request, **self._named)

    def secret(self, secret: str) -> Any:
        """The state of a secret."""
        return self._client.get_secret(request={"name": self.name(secret)}, **self._named)

    def update(self, secret: str, **parts: Any) -> None:
        """Change labels, annotations or aliases."""
        request = {"secret": {"name": self.name(secret), **parts}, "update_mask": {"paths": list(parts)}}
        self._client.update_secret(request=request, **self._named)

    def states(self, secret: str) -> Dict[int, str]:
        """The states of all versions, by their number."""
        found = self._client.list_secret_versions(request={"parent": self.name(secret)}, **self._named)
        return {int(each.name.rpartition("/")[2]): each.state.name for each in found}

    def drop(self, secret: str) -> None:
        """Delete a secret."""
        self._client.delete_secret(request={"name": self.name(secret)}, **self._named)

    def secrets(self) -> List[str]:
        """The names of all secrets."""
        found = self._client.list_secrets(request={"parent": self._parent}, **self._named)
        return sorted(each.name.rpartition("/")[2] for each in found)
