# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A strict Secret Manager of our own on 127.0.0.1: gRPC over TLS, with the logins of Google (the parts are in `google/`).

There is no emulator of Google's. This one is written from the published API: the client's message types, the reference of each
method, and the guides on etags, aliases and quotas. It refuses what it does not know: unknown fields, filters, masks, names out of
form, a missing checksum or routing header, a regional name at the global endpoint, and any permission that was not granted.

It does not model: replication that takes time (a test orders reads by alias that are late), the real quotas (a test orders failures),
expiry, topics, rotation and tags of secrets, conditions and inheritance of IAM policies, TestIamPermissions, keys of Cloud KMS, and the
end of `version_destroy_ttl`. Its tokens are random texts. Where Google's texts of errors are not published, they are ours.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.secret_manager start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import secrets
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers import keeper, processes
from tests.servers.certificates import Authority, Issued
from tests.servers.processes import LOOPBACK, Account, PasswordServer, ServerUnavailable

LOCATION = "europe-west3"
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/tests/providers/tests"
WRITER = "writer@tests.iam.gserviceaccount.com"
_MAIN = Path(__file__).parent / "google" / "main.py"


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running server. The password is that of the endpoint by which tests order what it does.

    Attributes:
        regional_port: the endpoint of `LOCATION`.
        token_port: the endpoints of logins.
        ca_cert: the authority that signed their certificate.
        private_key: of the service account `WRITER`, as PEM.
        refresh_token: of a user.
    """

    regional_port: int = 0
    token_port: int = 0
    ca_cert: Path = Path()
    private_key: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The address of the global endpoint."""
        return "https://{0}:{1}".format(self.host, self.port)

    @property
    def regional_url(self) -> str:
        """The address of the endpoint of `LOCATION`."""
        return "https://{0}:{1}".format(self.host, self.regional_port)

    @property
    def token_url(self) -> str:
        """The address of the logins."""
        return "https://{0}:{1}".format(self.host, self.token_port)

    @property
    def service_account(self) -> Dict[str, str]:
        """The key file of `WRITER`, as Google writes one."""
        return {
            "type": "service_account",
            "project_id": "tests",
            "private_key_id": "1",
            "private_key": self.private_key,
            "client_email": WRITER,
            "client_id": "1",
            "token_uri": self.token_url + "/token",
        }

    def order(self, *orders: Mapping[str, Any]) -> List[Any]:
        """Have the server do something (`google/tokens.py` has the list). Returns what each order gives."""
        headers = {"Authorization": "Bearer " + self.password, "Content-Type": "application/json"}
        request = urllib.request.Request(self.token_url + "/control", json.dumps(orders).encode(), headers)  # its own address
        context = ssl.create_default_context(cafile=str(self.ca_cert))
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            return list(json.load(answer)["results"])

    def requests(self, within: str = "") -> List[Dict[str, Any]]:
        """The requests about resources that begin so; without a text all, those of logins too."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        read = [json.loads(line) for line in lines if line.startswith("{")]
        return [each for each in read if not within or each["resource"] == within or each["resource"].startswith(within + "/")]

    def described(self) -> Dict[str, Any]:
        """What a playbook needs to know, as JSON takes it."""
        return {
            **super().described(),
            "regional_port": self.regional_port,
            "login_port": self.token_port,
            "ca_cert": str(self.ca_cert),
            "credentials": self.service_account,
        }


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Raises:
        ServerUnavailable: Google's client is not installed, or it did not start; its log is kept and named.
    """
    if importlib.util.find_spec("grpc_status") is None:
        raise ServerUnavailable("Google's client is not installed. Install it with: pip install google-cloud-secret-manager grpcio-status")
    account = Account()  # It is our own code, and opens nothing but its ports and its directory.
    with processes.private_directory("google", account) as directory:
        log = directory / "server.log"
        try:
            process, server = _start(directory, log, account)
        except ServerUnavailable as error:
            raise ServerUnavailable("The server did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            yield server


def _start(directory: Path, log: Path, account: Account) -> tuple[subprocess.Popen[bytes], Server]:
    began = time.monotonic()
    issued = Authority(directory).issue("google", (LOOPBACK, "localhost"))
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    server = Server(
        processes.free_port(),
        secrets.token_urlsafe(24),
        log,
        "google-1",
        0.0,
        0,
        regional_port=processes.free_port(),
        token_port=processes.free_port(),
        ca_cert=directory / "ca.pem",
        private_key=private.decode(),
        refresh_token=secrets.token_urlsafe(24),
    )
    settings = _build_settings(server, issued, public.decode())
    path = processes.private_file(directory / "settings.json", json.dumps(settings), account)
    process = processes.start([sys.executable, "-I", str(_MAIN), str(path)], account=account, log=log, directory=directory)
    try:
        processes.wait_until(lambda: _is_ready(server), process=process)
    except BaseException:
        processes.stop(process)
        raise
    return process, replace(server, started_in=time.monotonic() - began, pid=process.pid)


def _build_settings(server: Server, issued: Issued, public: str) -> Dict[str, Any]:
    """What the process reads from its private file."""
    return {
        "port": server.port,
        "regional_port": server.regional_port,
        "token_port": server.token_port,
        "location": LOCATION,
        "log": str(server.log),
        "password": server.password,
        "certificate": str(issued.certificate),
        "key": str(issued.key),
        "accounts": {WRITER: public},
        "refresh_tokens": {server.refresh_token: "user@example.com"},
        "subject_tokens": {},
        "audience": AUDIENCE,
        "grants": [{"principal": WRITER, "permissions": ["*"], "resource": "*"}],
    }


def _is_ready(server: Server) -> bool:
    """Whether it answers. The endpoint that a test reads from is opened last."""
    try:
        server.order()
        with socket.create_connection((server.host, server.port), timeout=10):
            return True
    except OSError:
        return False


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.secret_manager", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
