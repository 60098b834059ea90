# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookups of other collections for clouds whose addresses they do not let one choose: a server that answers what they send, and counts.

google.cloud reads from `secretmanager.googleapis.com` alone, over REST: a proxy leads there. azure.azcollection gets its token as a machine
in Azure does, over HTTP from 169.254.169.254, for which the server is the proxy. With a service principal it needs sixty packages at exact
versions, older ones than the official client's, so that is not run.
"""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Callable, ContextManager, Iterator, List, Mapping, Sequence

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.bench.session_runs import Way, debug
from tests.servers import forward_proxy, scripted, tls_front
from tests.servers.certificates import Authority
from tests.servers.processes import LOOPBACK
from tests.servers.scripted import Answer, Request

GOOGLE = "secretmanager.googleapis.com"
TOKEN = "/token"  # a path
MACHINE = "/metadata/identity/oauth2/token"
_TOKEN_BODY = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600}


@contextlib.contextmanager
def google_cloud(names: Sequence[str]) -> Iterator[List[Way]]:
    """The lookup of google.cloud with a service account: a token and two requests, of which each makes a login of its own."""

    def answer(request: Request) -> Answer:
        if request.path == TOKEN:
            return Answer(200, _TOKEN_BODY)
        place, _verb, _rest = request.path.partition("/versions")
        name = place.rpartition("/")[2]
        if name not in names:
            return Answer(404, {"error": {"code": 404}})
        if not request.path.endswith(":access"):
            return Answer(200, {"versions": [{"name": place.lstrip("/") + "/versions/1", "state": "ENABLED"}]})
        return Answer(200, {"payload": {"data": base64.b64encode(b"of " + name.encode()).decode()}})

    with contextlib.ExitStack() as stack:
        server, front, authority, directory = stack.enter_context(_served(answer, GOOGLE))
        proxy = stack.enter_context(forward_proxy.running(front.port))
        account = directory / "account.json"
        account.write_text(json.dumps(_build_account()), encoding="utf-8")
        given = "project='bench', auth_kind='serviceaccount', service_account_file='{0}'".format(account)
        yield _counted(
            server,
            Way(
                "google.cloud, REST",
                lambda name: debug("lookup('google.cloud.gcp_secret_manager', key='{0}', {1})".format(name, given)),
                {},
                environment={"HTTPS_PROXY": proxy.url, "REQUESTS_CA_BUNDLE": str(authority.certificate)},
                is_peer=True,
            ),
            TOKEN,
        )


@contextlib.contextmanager
def azure_collection(names: Sequence[str]) -> Iterator[List[Way]]:
    """The lookup of azure.azcollection with a machine's identity: a token and a read."""

    def answer(request: Request) -> Answer:
        if MACHINE in request.path:
            return Answer(200, _TOKEN_BODY)
        name = request.path.partition("?")[0].rpartition("/")[2]
        return Answer(200, {"value": "of " + name}) if name in names else Answer(404, {"error": {"code": "SecretNotFound"}})

    with _served(answer, LOOPBACK) as (server, front, authority, _directory):
        vault = "https://{0}:{1}".format(LOOPBACK, front.port)
        yield _counted(
            server,
            Way(
                "azure.azcollection, managed identity",
                lambda name: debug("lookup('azure.azcollection.azure_keyvault_secret', '{0}', vault_url='{1}')".format(name, vault)),
                {},
                environment={"HTTP_PROXY": server.url, "REQUESTS_CA_BUNDLE": str(authority.certificate)},
                is_peer=True,
            ),
            MACHINE,
        )


@contextlib.contextmanager
def _served(answer: Callable[[Request], Answer], place: str) -> Iterator[tuple[scripted.Server, tls_front.Front, Authority, Path]]:
    """The server, over TLS with a certificate for `place`, its authority, and a directory."""
    with TemporaryDirectory(prefix="nebula-peer-") as path:
        authority = Authority(Path(path))
        issued = authority.issue("peer", [place])
        with scripted.running(answer) as server, tls_front.running(server.port, issued) as front:
            yield server, front, authority, Path(path)


def _counted(server: scripted.Server, way: Way, login: str) -> List[Way]:
    """The way alone, with counts of the server's requests since `start_over`: logins and all others."""
    seen = [0]

    def count(is_login: bool) -> int:
        return sum((login in request.path) is is_login for request in server.asked[seen[0] :])

    counts = {"logins": lambda: count(True), "reads": lambda: count(False), "requests": lambda: len(server.asked)}
    return [replace(way, start_over=lambda: seen.__setitem__(0, len(server.asked)), **counts)]


def _build_account() -> Mapping[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoded = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "client_email": "bench@bench.iam.gserviceaccount.com",
        "private_key": encoded.decode(),
        "private_key_id": "1",
        "token_uri": "https://{0}{1}".format(GOOGLE, TOKEN),
    }


PEERS: Mapping[str, Callable[[Sequence[str]], ContextManager[List[Way]]]] = {
    "google.cloud": google_cloud,
    "azure.azcollection": azure_collection,
}
"""What has these ways, by the collection that they are of."""
