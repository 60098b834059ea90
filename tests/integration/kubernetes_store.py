# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store of the backend kubernetes in a namespace of its own, and kubectl, which looks at the same Secrets."""

from __future__ import annotations

import base64
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conftest import cannot_run

ROLES = Path(__file__).parents[2] / "docs" / "policies" / "kubernetes-role.yaml"


class KubeStore:
    """A namespace of its own on a server."""

    def __init__(self, server: Any, **options: Any) -> None:
        """Make the namespace."""
        self.server = server
        self.namespace = server.namespace("t" + uuid.uuid4().hex[:10])
        self.options = options

    def configured(self, **options: Any) -> Dict[str, Any]:
        """The store's options, as the administrator unless `api_key` says otherwise."""
        where = {
            "host": self.server.url,
            "api_key": self.server.token,
            "ca_cert": str(self.server.ca_cert),
            "namespace": self.namespace,
            "encrypt": False,
        }
        return {**where, **self.options, **options}

    def backend(self, **options: Any) -> Backend:
        """The backend without layers."""
        return backend_class("kubernetes")(self.configured(**options), BackendContext("prod"))

    def manager(self, warn: Callable[[str], object] = lambda _message: None, **options: Any) -> CredentialManager:
        """The store as a play uses it, without an audit trail of ours."""
        return open_store(dict({"backend": "kubernetes", "audit": "off"}, **self.configured(**options)), name="prod", warn=warn)

    def account(self, *verbs: str) -> str:
        """The token of an account that may do this with the namespace's Secrets, and nothing else."""
        name = "a" + uuid.uuid4().hex[:8]
        token = self.server.service_account_token(self.namespace, name)
        self.server.allow(self.namespace, name, *verbs)
        return str(token)

    def secret(self, name: str) -> Dict[str, Any]:
        """A Secret as it is on the server."""
        return dict(self.server.call("GET", self.server.secrets_path(self.namespace, name)))

    def names(self) -> List[str]:
        """The names of all Secrets."""
        listed = self.server.call("GET", self.server.secrets_path(self.namespace))
        return sorted(each["metadata"]["name"] for each in listed["items"])

    def asked(self, work: Callable[[], object]) -> List[str]:
        """What is asked of the server while `work` is done: verb and Secret."""
        before = len(self.server.requests(self.namespace))
        work()
        made = self.server.requests(self.namespace)[before:]
        return ["{0} {1}".format(each["verb"], each["name"]).strip() for each in made]

    def kubectl(self, directory: Path, *arguments: str, stdin: Optional[str] = None) -> str:
        """What a run of the real kubectl prints."""
        if shutil.which("kubectl") is None:
            cannot_run("no kubectl on this machine. Install one with: apt-get install kubernetes-client")
        place = directory / "kubeconfig"
        if not place.exists():
            self.server.kubeconfig(place, namespace=self.namespace)
        command = ["kubectl", "--kubeconfig", str(place), "--cache-dir", str(directory / "cache"), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def encoded(text: str) -> str:
    """A value as a Secret's data has it."""
    return base64.b64encode(text.encode()).decode()
