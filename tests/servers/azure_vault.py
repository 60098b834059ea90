# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Key Vault of our own on 127.0.0.1 and a random port, over TLS, with the part of Microsoft Entra that logs in to it.

Azure has no emulator that can be had, so this is written from Microsoft's published description of the REST interface and from what its
SDK sends; `azure_secrets` and `azure_login` say what they do not model. The vault names the resource `https://0.0.1:PORT`, of which the
SDK holds its address for a part.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.azure_vault start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import json
import secrets
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote

from tests.servers import keeper, processes
from tests.servers.processes import LOOPBACK, Account, ServerUnavailable

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = (
    "import sys, pathlib; sys.path.insert(0, sys.argv[1]); from tests.servers.azure_serve import serve; serve(pathlib.Path(sys.argv[2]))"
)
VERSION = "7.3"


@dataclass(frozen=True)
class Server:
    """A running vault. `secret` is that of the service principal `client`, which may do everything; `log` has a line for each request."""

    port: int
    tenant: str
    client: str
    secret: str = field(repr=False)
    key: str = field(repr=False)
    assigned: str
    machine: str
    machine_port: int
    log: Path
    ca_cert: Path
    version: str
    started_in: float
    pid: int
    host: str = LOOPBACK

    @property
    def url(self) -> str:
        """The vault's address."""
        return "https://{0}:{1}".format(self.host, self.port)

    @property
    def machine_url(self) -> str:
        """The metadata endpoint of the machine."""
        return "http://{0}:{1}".format(self.host, self.machine_port)

    def described(self) -> Dict[str, Any]:
        """What a playbook needs to know, as JSON takes it."""
        told = {name: value for name, value in vars(self).items() if name not in ("key", "secret", "started_in")}
        told.update(client_secret=self.secret, orders_key=self.key, url=self.url, started_in=round(self.started_in, 2))
        return {name: str(value) if isinstance(value, Path) else value for name, value in told.items()}

    def login(self) -> Dict[str, str]:
        """The options of a store that is logged in by the client secret."""
        return {
            "vault_url": self.url,
            "authority": "{0}:{1}".format(self.host, self.port),
            "ca_cert": str(self.ca_cert),
            "auth_method": "client_secret",
            "tenant_id": self.tenant,
            "client_id": self.client,
            "client_secret": self.secret,
        }

    def new_vault(self) -> str:
        """The address of another vault, which is empty: on a port of its own, with the same login and the same log."""
        return "https://{0}:{1}".format(self.host, self.order(new_vault=True)["port"])

    def order(self, **orders: Any) -> Dict[str, Any]:
        """Have the server do something, see `azure_serve.Service.obey`."""
        status, body = self._send("POST", "/-/orders", orders, {"X-Key": self.key})
        assert status == 200, status
        return body

    def call(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None, **query: str) -> Tuple[int, Dict[str, Any]]:
        """Send a request to the vault as another tool would. Return the status and the body. It is in the log like any other."""
        token = self.order(describe=True)["token"]
        parameters = "&".join(
            "{0}={1}".format(name.replace("_", "-"), quote(value)) for name, value in {"api-version": VERSION, **query}.items()
        )
        return self._send(method, "{0}?{1}".format(path, parameters), body, {"Authorization": "Bearer " + token})

    def _send(self, method: str, path: str, body: Optional[Mapping[str, Any]], headers: Mapping[str, str]) -> Tuple[int, Dict[str, Any]]:
        context = ssl.create_default_context(cafile=str(self.ca_cert))
        connection = HTTPSConnection(self.host, self.port, timeout=60, context=context)
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), dict(headers))
            response = connection.getresponse()
            content = response.read()
        return response.status, json.loads(content) if content else {}

    def requests(self) -> List[str]:
        """What came so far, a text `METHOD PATH STATUS LENGTH` each; not what a test has ordered."""
        return self.log.read_text(encoding="utf-8").splitlines()


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Raises:
        ServerUnavailable: it did not start; its log is kept and named.
    """
    account = Account()
    with processes.private_directory("azure", account) as directory:
        output = directory / "server.log"
        try:
            process, server = _start(directory, output, account)
        except ServerUnavailable as error:
            raise ServerUnavailable("the vault did not start: {0}. Its log: {1}".format(error, processes.keep_log(output))) from None
        with processes.ended_with(process, server.log):
            yield server


def _start(directory: Path, output: Path, account: Account) -> Tuple[subprocess.Popen[bytes], Server]:
    began = time.monotonic()
    port, key = processes.free_port(), secrets.token_urlsafe(24)
    processes.private_file(directory / "given.json", json.dumps({"port": port, "key": key}), account)
    command = [sys.executable, "-B", "-c", PROGRAM, str(CHECKOUT), str(directory)]
    process = processes.start(command, account=account, log=output, directory=directory)
    ready = directory / "ready.json"
    try:
        processes.wait_until(ready.exists, process=process)
    except BaseException:
        processes.stop(process)
        raise
    told = json.loads(ready.read_text(encoding="utf-8"))
    names = ("tenant", "client", "secret", "assigned", "machine", "machine_port")
    parts = {name: told[name] for name in names}
    taken, log = time.monotonic() - began, directory / "requests.log"
    return process, Server(
        port, key=key, log=log, ca_cert=directory / "ca.pem", version=VERSION, started_in=taken, pid=process.pid, **parts
    )


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.azure_vault", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
