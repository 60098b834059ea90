# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend kubernetes: a real API server, each store in a namespace of its own."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from tests.backends.harness import Bare, Choice, Example, Harness, Options, Place, StoreKind, Watched, encrypting
from tests.bench.session_runs import Way, debug, our_lookup
from tests.servers import once

SERVER = "kubernetes"


@lru_cache(maxsize=None)  # also so that a forked child does not use its parent's connection to it
def _namespace(server: Any, directory: Path) -> str:
    return str(server.namespace("store-" + hashlib.sha256(str(directory).encode()).hexdigest()[:16]))


def _login(server: Any) -> Dict[str, str]:
    return {"host": server.url, "api_key": server.token, "ca_cert": str(server.ca_cert)}


def _options(*, encrypt: bool) -> Callable[[Path], Options]:
    def of(directory: Path) -> Options:
        server = once.server(SERVER)
        return {**_login(server), "namespace": _namespace(server, directory), "encrypt": encrypt}

    return of


def _unreachable(secret: str) -> Options:
    return {"host": "https://127.0.0.1:1", "api_key": secret, "namespace": "n"}


class Client:
    """The official client, in one namespace."""

    def __init__(self, api: Any, namespace: str) -> None:
        """Take a CoreV1Api."""
        self._api = api
        self._namespace = namespace

    def write(self, name: str, value: str) -> object:
        """replace_namespaced_secret, or create_namespaced_secret if there is none."""
        from kubernetes.client.exceptions import ApiException

        data = {"username": base64.b64encode(b"app").decode(), "password": base64.b64encode(value.encode()).decode()}
        body = {"metadata": {"name": _object(name), "labels": {"bare": "yes"}}, "data": data}
        try:
            return self._api.replace_namespaced_secret(_object(name), self._namespace, body)
        except ApiException as refused:
            if refused.status != 404:
                raise
            return self._api.create_namespaced_secret(self._namespace, body)

    def read(self, name: str) -> object:
        """read_namespaced_secret."""
        return self._api.read_namespaced_secret(_object(name), self._namespace).data["password"]

    def list(self) -> object:
        """list_namespaced_secret, those of ours left out."""
        return self._api.list_namespaced_secret(self._namespace, label_selector="bare=yes").items

    def close(self) -> None:
        """Close its connections."""
        self._api.api_client.close()


def _object(name: str) -> str:
    return "bare-" + name.replace("/", "-")


def _bare(directory: Path) -> Bare:
    from kubernetes import client, config

    server, configuration = once.server(SERVER), client.Configuration()
    config.load_kube_config(str(server.kubeconfig(directory / "bare.kubeconfig")), client_configuration=configuration)
    return Client(client.CoreV1Api(client.ApiClient(configuration)), _namespace(server, directory))


def _requests(directory: Path) -> int:
    server = once.server(SERVER)
    return len(server.requests(_namespace(server, directory)))


def _watched(_directory: Path) -> Watched:
    """Logged in with the token of a service account that may do what docs/policies says."""
    server = once.server(SERVER)
    namespace = server.namespace("canary-" + secrets.token_hex(4))
    token = server.service_account_token(namespace, "writer")
    server.allow(namespace, "writer", "get", "list", "create", "update", "delete")

    def config(api_key: str) -> Dict[str, Any]:
        return {"backend": "kubernetes", **_login(server), "api_key": api_key, "encrypt": False, "namespace": namespace}

    return Watched(config(token), {"token": token}, config, (server.log, server.audit))


def _example(text: str, directory: Path) -> Optional[Example]:
    """The cluster of the test, found by KUBECONFIG, with the namespaces that the page names."""
    if "backend: kubernetes" not in text:
        return None
    server = once.server(SERVER)
    known = {each["metadata"]["name"] for each in server.call("GET", "/api/v1/namespaces")["items"]}
    for namespace in {*re.findall(r"namespace: ([a-z0-9-]+)", text)} - known:
        server.namespace(namespace)
    return Example({"KUBECONFIG": str(server.kubeconfig(directory / "kubeconfig"))})


@contextlib.contextmanager
def _lookups(names: Sequence[str]) -> Iterator[List[Way]]:
    """Ours and kubernetes.core, both with a token. What is no Secret (kubernetes.core asks what the server offers) is not counted."""
    server, namespace = once.started(SERVER), "bench"
    server.namespace(namespace)
    for name in names:
        body = {"metadata": {"name": "nebula-" + name}, "stringData": {"value": "of " + name}}
        server.call("POST", server.secrets_path(namespace), body)
    seen = [0]
    asked: Dict[str, Any] = {
        "reads": lambda: len(server.requests(namespace)) - seen[0],
        "start_over": lambda: seen.__setitem__(0, len(server.requests(namespace))),
    }
    config = {"backend": "kubernetes", "audit": "off", "encrypt": False, "namespace": namespace, **_login(server)}
    given = ", ".join("{0}='{1}'".format(*pair) for pair in _login(server).items())

    def k8s(name: str) -> str:
        what = "kind='Secret', namespace='{0}', resource_name='nebula-{1}'".format(namespace, name)
        return debug("lookup('kubernetes.core.k8s', {0}, {1})".format(what, given))

    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs-{{ item }}", "namespace": namespace}}
    secret["stringData"] = {"password": "p4ss {{ 99999 | random }}"}
    write = "kubernetes.core.k8s: " + json.dumps({**_login(server), "state": "present", "resource_definition": secret})
    counted: Dict[str, Any] = {"requests": lambda: len(server.requests(namespace)), "write": write}
    yield [
        Way("nebula.credential, Kubernetes", our_lookup, {}, store=config, **asked),
        Way("kubernetes.core, Kubernetes", k8s, {}, is_peer=True, **counted, **asked),
    ]


HARNESS = Harness(
    backend="kubernetes",
    throttled=("kubernetes",),
    kinds=(
        StoreKind(
            "kubernetes",
            "kubernetes",
            _options(encrypt=False),
            server=SERVER,
            many=False,
            bare=_bare,
            requests=_requests,
            most={"rotation": 16, "migration": 6},
        ),
        StoreKind(
            "kubernetes-encrypted",
            "kubernetes",
            _options(encrypt=True),
            encrypting,
            server=SERVER,
            many=False,
            bare=_bare,
            requests=_requests,
            most={"rotation": 19, "envelope": 1, "envelope with a kept one": 3, "migration": 7},
        ),
    ),
    unreachable=_unreachable,
    mistake=({"host": "https://cluster.invalid", "api_key": "x", "prefix": "/"}, "prefix"),
    address="host",
    watched={"kubernetes": _watched},
    example=_example,
    lookups=_lookups,
    choices=(
        Choice(
            "A Kubernetes cluster",
            "{backend: kubernetes, namespace: shop}",
            ("kubernetes", "kubernetes-encrypted"),
            Place.SERVER,
            "a real API server, 1.36",
            rights="[Role](../../policies/kubernetes-role.yaml)",
        ),
    ),
)
