# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Kubernetes API server and its etcd on 127.0.0.1 and random ports: TLS, RBAC, service accounts, every request in an audit log.

As a library: `with running() as server: …`; `running(durable=True)` for one that is killed and started again on a real disk.
By hand or from a playbook: `python -m tests.servers.kubernetes start --state FILE` and `… stop --state FILE` (see keeper.py).
Nothing but the API server runs: no pod is started, and no controller makes a `default` service account.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

import requests

from tests.servers import keeper, processes
from tests.servers.audit_log import entries_of
from tests.servers.certificates import Authority
from tests.servers.kubernetes_parts import Parts, find_program, memory_directory
from tests.servers.processes import LOOPBACK, Account, ServerUnavailable


class Server:
    """A running API server, and what a test or playbook needs to know of it."""

    host = LOOPBACK

    def __init__(self, directory: Path, data: Path, account: Account) -> None:
        """Make its directory ready: certificates, tokens, policies. `start` starts it."""
        self.directory = directory
        self.token = secrets.token_urlsafe(24)
        """The administrator's."""
        self.port = processes.free_port()
        self.log = directory / "server.log"
        self.audit = directory / "audit.jsonl"
        self.authority = Authority(directory)
        self.version = "?"
        self.started_in = 0.0
        self._account = account
        self._parts = Parts(directory, data, account, self.port, self.audit)
        self._parts.write(self.authority, self.token)
        self._etcd: Optional[subprocess.Popen[bytes]] = None
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._session = requests.Session()
        self._session.trust_env = False

    def __repr__(self) -> str:
        return "Server({0})".format(self.url)

    @property
    def url(self) -> str:
        """Its address."""
        return "https://{0}:{1}".format(LOOPBACK, self.port)

    @property
    def ca_cert(self) -> Path:
        """The certificate of the authority that signed the server's."""
        return self.authority.certificate

    @property
    def pid(self) -> int:
        """The process of the API server."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start what does not run: both, or the one that was killed, on what the other and the disk hold.

        Raises:
            ServerUnavailable: it did not start.
        """
        began = time.monotonic()
        if self._etcd is None or self._etcd.poll() is not None:
            self._etcd = self._started(self._parts.etcd_command(), self.directory / "etcd.log")
        if self._process is None or self._process.poll() is not None:
            self._process = self._started(self._parts.apiserver_command(), self.log)
        processes.wait_until(self._is_ready, process=self._process)
        self.version = str(self.call("GET", "/version")["gitVersion"])
        self.started_in = time.monotonic() - began

    def _started(self, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        return processes.start(command, account=self._account, log=log, directory=self.directory)

    def kill(self) -> None:
        """End the API server as a power cut would (SIGKILL)."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_etcd(self) -> None:
        """End etcd as a power cut would (SIGKILL)."""
        assert self._etcd is not None
        self._etcd.kill()
        self._etcd.wait()

    def stop(self) -> None:
        """End both. The API server would wait for a minute to be drained; a test has nobody to drain."""
        for process in (self._process, self._etcd):
            if process is not None:
                processes.stop(process, gently=signal.SIGKILL)

    def call(
        self,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        *,
        token: Optional[str] = None,
        kind: str = "application/json",
    ) -> Dict[str, Any]:
        """One request as the administrator unless another token is given, outside of what is tested.

        Raises:
            AssertionError: it was refused.
        """
        answer = self._send(method, path, body, token or self.token, kind)
        assert answer.ok, "{0} {1}: {2} {3}".format(method, path, answer.status_code, answer.text)
        return dict(answer.json())

    def namespace(self, name: str) -> str:
        """Make a namespace; answers its name."""
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def secrets_path(self, namespace: str, name: str = "") -> str:
        """Where the Secrets of a namespace are, or one of them."""
        return "/api/v1/namespaces/{0}/secrets{1}".format(namespace, "/" + name if name else "")

    def service_account_token(self, namespace: str, name: str) -> str:
        """A token of a service account, which is made where there is none. It may do nothing until `allow` says so."""
        accounts = "/api/v1/namespaces/{0}/serviceaccounts".format(namespace)
        if self._send("GET", "{0}/{1}".format(accounts, name), None, self.token).status_code == 404:
            self.call("POST", accounts, {"metadata": {"name": name}})
        asked = {"spec": {"expirationSeconds": 600}}
        return str(self.call("POST", "{0}/{1}/token".format(accounts, name), asked)["status"]["token"])

    def allow(self, namespace: str, account: str, *verbs: str, resource: str = "secrets") -> None:
        """Let a service account use these verbs on the resource in its namespace, and no others."""
        rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/{0}/".format(namespace)
        role = {"metadata": {"name": account}, "rules": [{"apiGroups": [""], "resources": [resource], "verbs": list(verbs)}]}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account}
        subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
        # A PUT makes either where there is none.
        self.call("PUT", rbac + "roles/" + account, role)
        self.call("PUT", rbac + "rolebindings/" + account, {"metadata": {"name": account}, "roleRef": reference, "subjects": [subject]})
        self._await_rights(namespace, account, verbs, resource)

    def _await_rights(self, namespace: str, account: str, verbs: Sequence[str], resource: str) -> None:
        """Wait until the authorizer has seen a role: it watches roles, a little behind their storage."""
        user, end = "system:serviceaccount:{0}:{1}".format(namespace, account), time.monotonic() + 60
        for verb in verbs:
            attributes = {"namespace": namespace, "verb": verb, "group": "", "resource": resource}
            review = {"spec": {"user": user, "resourceAttributes": attributes}}
            while not self.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"]:
                if time.monotonic() > end:
                    raise AssertionError("{0} may not {1} {2}, although a role says so".format(user, verb, resource))
                time.sleep(0.02)

    def kubeconfig(self, path: Path, token: Optional[str] = None, namespace: str = "default", url: Optional[str] = None) -> Path:
        """Write a kubeconfig with one context, `test`: as the administrator unless another token is given."""
        cluster = {"server": url or self.url, "certificate-authority": str(self.ca_cert)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token or self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def requests(self, namespace: str) -> List[Dict[str, Any]]:
        """What was asked about the Secrets and Leases of a namespace so far, oldest first: `verb`, `name`, `code`, `uri`, `agent`.

        From the audit log, which is written before an answer is sent. No value is in it.
        """
        return [
            {
                "verb": entry["verb"],
                "name": entry["objectRef"].get("name", ""),
                "code": entry["responseStatus"]["code"],
                "uri": entry["requestURI"],
                "agent": entry.get("userAgent", ""),
            }
            for entry in entries_of(self.audit, '"namespace":"{0}"'.format(namespace))
            if entry.get("objectRef", {}).get("namespace") == namespace and entry["stage"] == "ResponseComplete"
        ]

    def described(self) -> Dict[str, Any]:
        """What a playbook needs to know, as JSON takes it."""
        return {
            "host": LOOPBACK,
            "port": self.port,
            "url": self.url,
            "token": self.token,
            "ca_cert": str(self.ca_cert),
            "kubeconfig": str(self.directory / "kubeconfig"),
            "audit": str(self.audit),
            "log": str(self.log),
            "version": self.version,
            "started_in": round(self.started_in, 2),
            "pid": self.pid,
        }

    def _send(
        self, method: str, path: str, body: Optional[Mapping[str, Any]], token: str, kind: str = "application/json"
    ) -> requests.Response:
        headers = {"Authorization": "Bearer " + token, "Content-Type": kind, "User-Agent": "the-tests"}
        return self._session.request(
            method, self.url + path, data=None if body is None else json.dumps(body), headers=headers, verify=str(self.ca_cert), timeout=60
        )

    def _is_ready(self) -> bool:
        try:
            return self._send("GET", "/readyz", None, self.token).status_code == 200
        except requests.RequestException:
            return False


@contextlib.contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Args:
        durable: etcd keeps its data on a disk and syncs it, as a test that kills it wants. Else it lies in memory.

    Raises:
        ServerUnavailable: there is none, or it did not start; its log is kept and named.
    """
    account = _usable_account()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(processes.private_directory("kubernetes", account))
        data = directory / "data" if durable else stack.enter_context(memory_directory(directory, account))
        server = Server(directory, data, account)
        try:
            server.start()
            server.kubeconfig(directory / "kubeconfig")
            yield server
        except ServerUnavailable as error:
            kept = processes.keep_log(server.log) or processes.keep_log(directory / "etcd.log")
            raise ServerUnavailable("Kubernetes did not start: {0}. Its log: {1}".format(error, kept)) from None
        except BaseException:
            processes.keep_log(server.log)
            raise
        finally:
            server.stop()


def _usable_account() -> Account:
    """An unprivileged one, if it can reach both programs."""
    account = processes.unprivileged_account()
    for name in ("etcd", "kube-apiserver"):
        try:
            subprocess.run([str(find_program(name)), "--version"], check=True, stdout=subprocess.DEVNULL, **account.arguments())
        except (PermissionError, subprocess.CalledProcessError):
            return Account()
    return account


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.kubernetes", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
