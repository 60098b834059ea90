# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend gcp: a Secret Manager of our own, each store in a project of its own; and Google's, where the environment names a project."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Optional, Sequence, Tuple

from tests.backends.harness import Bare, Choice, Elsewhere, Example, Harness, Options, Place, Price, StoreKind, Storm, Watched, encrypting
from tests.bench.session_runs import Way, our_lookup
from tests.bench.stores import open_store, wanted
from tests.servers import grpc_front, once

SERVER = "secret_manager"
RUN = "t" + secrets.token_hex(3)


def project_of(directory: Path) -> str:
    """The project of the store of a directory."""
    return "store-" + hashlib.sha256(str(directory).encode()).hexdigest()[:16]


def _login(server: Any) -> Dict[str, str]:
    return {"endpoint": server.url, "ca_cert": str(server.ca_cert), "credentials": json.dumps(server.service_account)}


def _options(*, encrypt: bool) -> Callable[[Path], Options]:
    def of(directory: Path) -> Options:
        return {**_login(once.server(SERVER)), "project": project_of(directory), "encrypt": encrypt}

    return of


def _unreachable(secret: str) -> Options:
    return {"endpoint": "https://127.0.0.1:1", "project": "nothing", "access_token": secret}


class Client:
    """The official client, in one project."""

    def __init__(self, server: Any, project: str) -> None:
        """Take the server and the project."""
        import grpc
        from google.cloud.secretmanager_v1 import SecretManagerServiceClient
        from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport

        trusted = grpc.ssl_channel_credentials(server.ca_cert.read_bytes())
        self._channel = grpc.secure_channel("{0}:{1}".format(server.host, server.port), trusted)
        transport = SecretManagerServiceGrpcTransport(channel=self._channel)
        self._client = SecretManagerServiceClient(transport=transport)
        token = server.order({"issue": server.service_account["client_email"]})[0]
        self._named: Dict[str, Any] = {"metadata": (("authorization", "Bearer " + token),), "retry": None, "timeout": 60.0}
        self._parent = "projects/" + project

    def write(self, name: str, value: str) -> object:
        """add_secret_version, and create_secret before it if there is none."""
        from google.api_core.exceptions import NotFound

        from tests.servers.google.model import compute_checksum

        data = json.dumps({"username": "app", "password": value}).encode()
        payload = {"data": data, "data_crc32c": compute_checksum(data)}
        try:
            return self._client.add_secret_version(request={"parent": self._name(name), "payload": payload}, **self._named)
        except NotFound:
            secret = {"replication": {"automatic": {}}, "labels": {"bare": "yes"}}
            request = {"parent": self._parent, "secret_id": self._name(name).rpartition("/")[2], "secret": secret}
            self._client.create_secret(request=request, **self._named)
            return self._client.add_secret_version(request={"parent": self._name(name), "payload": payload}, **self._named)

    def read(self, name: str) -> object:
        """access_secret_version."""
        answer = self._client.access_secret_version(request={"name": self._name(name) + "/versions/latest"}, **self._named)
        return json.loads(answer.payload.data)["password"]

    def list(self) -> object:
        """list_secrets, those of ours left out."""
        return list(self._client.list_secrets(request={"parent": self._parent, "filter": "name:bare-"}, **self._named))

    def close(self) -> None:
        """Close its connection."""
        self._channel.close()

    def _name(self, name: str) -> str:
        return "{0}/secrets/bare-{1}".format(self._parent, name.replace("/", "-").replace(".", "-"))


def _bare(directory: Path) -> Bare:
    return Client(once.server(SERVER), project_of(directory))


def _requests(directory: Path) -> int:
    return len(once.server(SERVER).requests("projects/" + project_of(directory)))


def _watched(_directory: Path) -> Watched:
    """Logged in with an access token that may use one project."""
    server, project = once.server(SERVER), "canary-" + secrets.token_hex(4)
    principal = project + "@tests.iam.gserviceaccount.com"
    grant = {"principal": principal, "permissions": ["*"], "resource": "projects/" + project}
    token = server.order({"grant": grant}, {"issue": principal})[1]

    def config(access_token: str) -> Dict[str, Any]:
        where = {"endpoint": server.url, "ca_cert": str(server.ca_cert), "project": project}
        return {"backend": "gcp", **where, "encrypt": False, "access_token": access_token}

    return Watched(config(token), {"token": token}, config, (server.log,))


def _example(text: str, directory: Path) -> Optional[Example]:
    """The server of the test in place of Google's, with a login by GOOGLE_APPLICATION_CREDENTIALS."""
    if "backend: gcp" not in text and "type: gcp" not in text:
        return None
    server = once.server(SERVER)
    key = directory / "application_default_credentials.json"
    key.write_text(json.dumps(server.service_account), encoding="utf-8")
    key.chmod(0o600)
    where = "endpoint: {0}, ca_cert: {1}".format(server.url, server.ca_cert)
    addresses = {found: "{0}, {1}".format(found, where) for found in re.findall(r"project: [a-z0-9-]+", text)}
    trusted = "'{0}') }}}}\", ca_cert: \"{{{{ lookup('ansible.builtin.file', '{1}') }}}}\"".format(key, server.ca_cert)
    addresses["'deploy.json') }}\""] = trusted  # the key of a credential of a type
    return Example({"GOOGLE_APPLICATION_CREDENTIALS": str(key)}, addresses=addresses)


@contextlib.contextmanager
def _front() -> Iterator[Tuple[Any, Options]]:
    server = once.server(SERVER)
    with grpc_front.running("{0}:{1}".format(server.host, server.port), str(server.ca_cert)) as before:
        yield before, {"endpoint": before.url, "ca_cert": before.ca_cert}


@contextlib.contextmanager
def _lookups(names: Sequence[str]) -> Iterator[List[Way]]:
    """Ours, logged in as a service account. google.cloud speaks REST with Google alone (`tests.bench.cloud_peers`)."""
    server, project, seen = once.started(SERVER), "bench-" + secrets.token_hex(4), [0]
    ours = {"backend": "gcp", "audit": "off", "project": project, "encrypt": False, **_login(server)}
    with contextlib.closing(open_store(ours)) as manager:
        for name in names:
            manager.ensure(wanted(name, "of " + name))

    def count(method: str) -> int:
        return sum(each["method"] == method for each in server.requests()[seen[0] :])

    counts: Dict[str, Any] = {"logins": lambda: count("token"), "reads": lambda: count("access_secret_version")}
    counts["start_over"] = lambda: seen.__setitem__(0, len(server.requests()))
    yield [Way("nebula.credential, Google", our_lookup, {}, store=ours, **counts)]


def _storm_of(code: str) -> Callable[[Path, int], ContextManager[Storm]]:
    @contextlib.contextmanager
    def storm(directory: Path, refused: int) -> Iterator[Storm]:
        server, seen = once.started(SERVER), [0]
        order = {"methods": ["access_secret_version"], "code": code, "times": refused}

        def begin() -> None:
            seen[0] = len(server.requests())
            server.order({"fail": order})

        def count() -> int:
            return sum(each["method"] == "access_secret_version" for each in server.requests()[seen[0] :])

        yield Storm(_options(encrypt=False)(directory), begin, count)

    return storm


def find_kinds_elsewhere(project: str) -> Tuple[StoreKind, ...]:
    """Return the kinds of stores in a project of Google, where the application default credentials log in."""
    location = os.environ.get("NEBULA_TEST_GCP_LOCATION")
    where = {"location": location} if location else {}

    def options(directory: Path) -> Options:
        prefix = "{0}-{1}-".format(RUN, hashlib.sha256(str(directory).encode()).hexdigest()[:12])
        return {"project": project, "prefix": prefix, "encrypt": False, **where}

    return (StoreKind("gcp-elsewhere", "gcp", options, many=False, plays=False),)


HARNESS = Harness(
    backend="gcp",
    kinds=(
        StoreKind("gcp", "gcp", _options(encrypt=False), server=SERVER, many=False, bare=_bare, requests=_requests),
        StoreKind(
            "gcp-encrypted",
            "gcp",
            _options(encrypt=True),
            encrypting,
            server=SERVER,
            many=False,
            plays=False,
            long_only=True,
            bare=_bare,
            requests=_requests,
        ),
    ),
    elsewhere=Elsewhere("NEBULA_TEST_GCP_PROJECT", find_kinds_elsewhere),
    unreachable=_unreachable,
    mistake=({"project": "shop", "access_token": "x", "prefix": "/"}, "prefix"),
    address="endpoint",
    speaks_http=False,
    front=_front,
    lookups=_lookups,
    storms={"429 RESOURCE_EXHAUSTED": _storm_of("RESOURCE_EXHAUSTED"), "503 UNAVAILABLE": _storm_of("UNAVAILABLE")},
    watched={"gcp": _watched},
    example=_example,
    choices=(
        Choice(
            "Google Secret Manager",
            "{backend: gcp, project: shop-1234}",
            ("gcp", "gcp-encrypted"),
            Place.CLOUD,
            "a server of our own, not Google's",
            rights="[role](../../policies/gcp-read-write.yaml)",
            price=Price(0.03, 0.06, "version", "https://cloud.google.com/secret-manager/pricing", "2026-11-30", other_calls=0.0),
        ),
    ),
)
