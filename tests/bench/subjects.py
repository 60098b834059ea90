# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured beside what: for each backend its server, its store's configuration, and the bare client of the same server."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Optional

from tests.bench.bare import Bare, KeyValue, Secrets, Table
from tests.servers import kubernetes, mariadb, openbao, postgresql


@dataclass(frozen=True)
class Subject:
    """One backend. `requests` is how many the server has counted so far, None where it counts none."""

    label: str
    running: Callable[[], ContextManager[Any]]
    config: Callable[[Any, Path], Dict[str, Any]]
    bare: Callable[[Any, Path], Bare]
    requests: Optional[Callable[[Any], int]] = None


def sealed(config: Callable[[Any, Path], Dict[str, Any]]) -> Callable[[Any, Path], Dict[str, Any]]:
    """The same store, encrypted by us."""
    return lambda server, place: dict(
        config(server, place), encrypt=True, key_sources=[{"source": "key_file", "path": str(place / "store.key")}]
    )


@contextlib.contextmanager
def nothing() -> Any:
    """The server of a backend that needs none."""
    yield None


def _url(server: Any, dialect: str, driver: str = "") -> str:
    scheme = dialect + ("+" + driver if driver else "")
    return "{0}://{1}:{2}@{3}:{4}/{5}".format(scheme, server.user, server.password, server.host, server.port, server.database)


def _sqlite(_server: Any, place: Path) -> Dict[str, Any]:
    return {"backend": "database", "url": "sqlite:///{0}".format(place / "store.db")}


def _database(dialect: str) -> Callable[[Any, Path], Dict[str, Any]]:
    return lambda server, _place: {"backend": "database", "url": _url(server, dialect)}


def _statements(log: Path, *words: bytes) -> int:
    content = log.read_bytes()
    return sum(content.count(word) for word in words)


def _vault(server: Any, place: Path) -> Dict[str, Any]:
    return {"backend": "vault", "url": server.url, "prefix": place.name, "auth": {"method": "token", "token": server.root_token}}


def _kubernetes(server: Any, place: Path) -> Dict[str, Any]:
    server.namespace(place.name)
    return {
        "backend": "kubernetes",
        "kubeconfig": str(server.kubeconfig(place / "kubeconfig")),
        "namespace": place.name,
        "encrypt": False,
    }


def _core(server: Any, place: Path) -> Bare:
    from kubernetes import client, config

    with server.kubeconfig(place / "bare.kubeconfig").open() as file:
        configuration = client.Configuration()
        config.load_kube_config(file.name, client_configuration=configuration)
    return Secrets(client.CoreV1Api(client.ApiClient(configuration)), place.name)


SUBJECTS = (
    Subject("sqlite", nothing, sealed(_sqlite), lambda _server, place: Table("sqlite:///{0}".format(place / "bare.db"))),
    Subject(
        "postgresql",
        postgresql.running,
        sealed(_database("postgresql")),
        lambda server, _place: Table(_url(server, "postgresql", "psycopg")),
        lambda server: _statements(server.log, b"LOG:  statement:", b"LOG:  execute "),
    ),
    Subject(
        "mariadb",
        mariadb.running,
        sealed(_database("mariadb")),
        lambda server, _place: Table(_url(server, "mariadb", "pymysql")),
        lambda server: _statements(server.general_log, b" Query\t", b" Execute\t"),
    ),
    Subject("vault", openbao.running, _vault, lambda server, _place: KeyValue(server.client()), lambda server: len(server.requests())),
    Subject(
        "vault-encrypted",
        openbao.running,
        sealed(_vault),
        lambda server, _place: KeyValue(server.client()),
        lambda server: len(server.requests()),
    ),
    Subject("kubernetes", kubernetes.running, _kubernetes, _core, lambda server: len(server.requests("kubernetes"))),
    Subject(
        "kubernetes-encrypted", kubernetes.running, sealed(_kubernetes), _core, lambda server: len(server.requests("kubernetes-encrypted"))
    ),
)
