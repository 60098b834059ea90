# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store of the backend vault on an OpenBao of the tests, and other tools that look at the same secrets."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Kv2Requests
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.servers.openbao import find_program

READ_ONLY = Path(__file__).parents[2] / "docs" / "policies" / "vault-read-only.hcl"
READ_WRITE = READ_ONLY.with_name("vault-read-write.hcl")


class VaultStore:
    """A prefix of its own on a server."""

    def __init__(self, server: Any, *, mount: str = "secret", prefix: Optional[str] = None, **options: Any) -> None:
        """Draw the prefix; make nothing."""
        self.server = server
        self.mount = mount
        self.prefix = "t" + uuid.uuid4().hex[:10] if prefix is None else prefix
        self.options: Mapping[str, Any] = dict(options)

    def configured(self, **options: Any) -> Dict[str, Any]:
        """The store's options, with a root token unless `auth` says otherwise."""
        where = {"url": self.server.url, "auth": {"token": self.server.root_token}, "mount": self.mount, "prefix": self.prefix}
        return {**where, **self.options, **options}

    def backend(self, **options: Any) -> Backend:
        """The backend without layers."""
        return backend_class("vault")(self.configured(**options), BackendContext("prod"))

    def manager(self, warn: Callable[[str], object] = lambda _message: None, **options: Any) -> CredentialManager:
        """The store as a play uses it, without an audit trail of ours."""
        return open_store(dict({"backend": "vault", "audit": "off"}, **self.configured(**options)), name="prod", warn=warn)

    def reads(self, policy: Path = READ_ONLY) -> Dict[str, Any]:
        """A login whose policy is a file of the documentation, for this prefix."""
        text = policy.read_text().replace("/nebula/", "/{0}/".format(self.prefix))
        return {"token": self.server.token(self.server.policy(self.prefix + policy.stem, text), no_default_policy=True)}

    def path(self, name: str, endpoint: str = "data") -> str:
        """The path of a secret at an endpoint of KV version 2."""
        return "/".join(part for part in (self.mount, endpoint, self.prefix, name) if part)

    def custom(self, name: str = "db_pass") -> Dict[str, str]:
        """The custom metadata as they are on the server."""
        return self.server.call("GET", self.path(name, "metadata"))["data"]["custom_metadata"] or {}

    def asked(self, work: Any) -> List[str]:
        """What is asked of the server while `work` is done: operation and endpoint."""
        with self.server.audit.open(encoding="utf-8") as log:
            log.seek(0, 2)
            work()
            entries = [json.loads(line) for line in log]
        made = [entry["request"] for entry in entries if entry["type"] == "response"]
        return ["{0} {1}".format(each["operation"], each["path"].split("/")[1]) for each in made if "/" + self.prefix in each["path"]]

    def bao(self, *arguments: str) -> Any:
        """A run of the command line of OpenBao: `bao kv …` in JSON."""
        environment = {"BAO_ADDR": self.server.url, "BAO_TOKEN": self.server.root_token, "HOME": "/nonexistent", "BAO_FORMAT": "json"}
        place = "{0}/{1}".format(self.prefix, arguments[-1].split(" ")[0])
        command = [str(find_program()), "kv", *arguments[:-1], "-mount=" + self.mount, place, *arguments[-1].split(" ")[1:]]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else done.stdout


def before_request(monkeypatch: Any, request: str, change: Callable[[], object]) -> None:
    """Make `change` once, before the next request of that kind is sent to KV version 2."""
    send = getattr(Kv2Requests, request)

    def overtaken(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(Kv2Requests, request, send)
        change()
        return send(*arguments, **named)

    monkeypatch.setattr(Kv2Requests, request, overtaken)
