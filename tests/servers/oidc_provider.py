# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""oidc-provider as a server process: an authorization server on 127.0.0.1 and a random port. A refresh token works once there, and one
that comes again revokes all that came from the same login.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.oidc_provider start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import requests
from joserfc.jwk import ECKey

from tests.servers import keeper, processes
from tests.servers.processes import Account, PasswordServer, ServerUnavailable

PROGRAM = Path(__file__).with_suffix(".mjs")
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "servers"
DIRECT = {"http": ""}
SECRET = "a+b/c=d %e:f"
"""The beginning of each client's secret: what has to be encoded before it is joined (RFC 6749 section 2.3.1)."""
CALLBACK = "http://127.0.0.1/callback"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running server. The password is the secret of every client that has one.

    Its clients: `robot` (client_secret_basic, grant client_credentials), `poster` (client_secret_post, the same grant), `app` (public;
    codes, devices and refresh tokens), `web` (client_secret_basic; refresh tokens and token exchange), `signer` (private_key_jwt, with
    `client_key`) and `hasher` (client_secret_jwt), both with the grant client_credentials; `tv` is public, and a person confirms each
    code for a device at once.
    """

    key: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The issuer."""
        return "http://{0}:{1}".format(self.host, self.port)

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return self.url + "/token"

    def log_in(self, client: str = "app", scope: str = "openid offline_access api:read") -> str:
        """Return the refresh token of a new login, as after a person's consent."""
        return str(self._ask("/log-in-for-tests", {"client": client, "scope": scope})["refresh_token"])

    def _ask(self, path: str, body: Dict[str, str]) -> Dict[str, Any]:
        headers = {"Authorization": "Bearer " + self.key}
        return dict(requests.post(self.url + path, json=body, headers=headers, timeout=60, proxies=DIRECT).json())

    def register(self) -> Dict[str, Any]:
        """Return the record of a new client (RFC 7591), which can request tokens by itself. Each update brings it a new secret."""
        client = {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []}
        headers = {"Authorization": "Bearer " + str(self._ask("/permit-for-tests", {})["token"])}
        answer = requests.post(self.url + "/reg", json=client, headers=headers, timeout=60, proxies=DIRECT)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def events(self, since: int = 0) -> List[Dict[str, str]]:
        """What its token endpoint has answered, from entry `since` on: `event` (success, error, revoked), `grant`, `client`, `error`."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")][since:]

    def accepts(self, token: str) -> bool:
        """Whether the server takes an access token of a login."""
        headers = {"Authorization": "Bearer " + token}
        return requests.get(self.url + "/me", headers=headers, timeout=60, proxies=DIRECT).status_code == 200

    def described(self) -> Dict[str, Any]:
        """What a playbook needs to know, as JSON takes it."""
        return dict(super().described(), url=self.url, token_url=self.token_url)


def find_packages() -> tuple[Path, str]:
    """The directory of Node's packages, and the version of oidc-provider in it.

    Raises:
        ServerUnavailable: Node or the package is not there.
    """
    if shutil.which("node") is None:
        raise ServerUnavailable("no Node.js on PATH. Install version 20 or later")
    for place in (Path(os.environ.get("NEBULA_TEST_SERVERS") or os.devnull), CACHE):
        described = place / "oidc-provider" / "node_modules" / "oidc-provider" / "package.json"
        if described.is_file():
            return place / "oidc-provider", str(json.loads(described.read_text(encoding="utf-8"))["version"])
    raise ServerUnavailable("no oidc-provider on this machine. Run: bash tests/servers/prepare.sh")


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Raises:
        ServerUnavailable: it is not there, or did not start; its log is kept and named.
    """
    # As this user: Node and the packages may be below root's home, where no other account reaches them.
    account = Account()
    with processes.private_directory("oidc", account) as directory:
        log = directory / "server.log"
        packages, version = find_packages()
        try:
            process, server = _start(packages, version, directory, log)
        except ServerUnavailable as error:
            raise ServerUnavailable("oidc-provider did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            yield server


def describe_clients(secret: str, public: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The clients, as RFC 7591 describes them."""
    alone: Dict[str, Any] = {"client_secret": secret, "grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []}
    person = {"redirect_uris": [CALLBACK], "response_types": ["code"], "application_type": "native"}
    grants = ["authorization_code", "refresh_token"]
    return [
        {**alone, "client_id": "robot", "token_endpoint_auth_method": "client_secret_basic"},
        {**alone, "client_id": "poster", "token_endpoint_auth_method": "client_secret_post"},
        {**alone, "client_id": "hasher", "token_endpoint_auth_method": "client_secret_jwt"},
        {**alone, "client_id": "signer", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public]}},
        {**person, "client_id": "app", "token_endpoint_auth_method": "none", "grant_types": [*grants, DEVICE]},
        {**person, "client_id": "tv", "token_endpoint_auth_method": "none", "grant_types": ["refresh_token", DEVICE], "response_types": []},
        {**person, "client_id": "web", "client_secret": secret, "grant_types": [*grants, EXCHANGE]},
    ]


def _start(packages: Path, version: str, directory: Path, log: Path) -> tuple[subprocess.Popen[bytes], Server]:
    began = time.monotonic()
    port, key, secret = processes.free_port(), secrets.token_urlsafe(24), SECRET + secrets.token_urlsafe(24)
    client_key = ECKey.generate_key("P-256")
    public = {**client_key.as_dict(private=False), "kid": client_key.thumbprint(), "use": "sig"}
    settings = {"port": port, "key": key, "clients": describe_clients(secret, public)}
    written = processes.private_file(directory / "settings.json", json.dumps(settings), Account())
    command = ["node", str(PROGRAM), str(packages), str(written)]
    process = processes.start(command, account=Account(), log=log, directory=directory)
    pem = client_key.as_pem(private=True).decode("ascii")
    server = replace(Server(port, secret, log, version, 0.0, process.pid), key=key, client_key=pem)
    try:
        processes.wait_until(lambda: _is_ready(server), process=process)
    except BaseException:
        processes.stop(process)
        raise
    return process, replace(server, started_in=time.monotonic() - began)


def _is_ready(server: Server) -> bool:
    try:
        return requests.get(server.url + "/.well-known/openid-configuration", timeout=60, proxies=DIRECT).status_code == 200
    except requests.RequestException:
        return False


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.oidc_provider", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
