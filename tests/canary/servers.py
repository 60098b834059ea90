# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores on real servers for canary plays: their configuration, the secrets of their login, and what the server itself writes down."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

from tests.servers import once


@dataclass(frozen=True)
class Watched:
    """A store, what of its configuration is secret, how a wrong secret is put there, and the server's logs (from now on)."""

    config: Dict[str, Any]
    logins: Mapping[str, str]
    with_login: Callable[[str], Dict[str, Any]]
    logs: Tuple[Path, ...] = ()
    before: Dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.before.update({log: log.stat().st_size for log in self.logs if log.exists()})

    def logged(self) -> Iterator[Tuple[str, bytes]]:
        """What the server wrote since."""
        for log in self.logs:
            if log.exists():
                yield str(log), log.read_bytes()[self.before.get(log, 0) :]


def _key(place: Path) -> Dict[str, Any]:
    return {"key_sources": [{"source": "key_file", "path": str(place / "key")}]}


def _database(server: Any, dialect: str, place: Path, *logs: Path) -> Watched:
    url = "{0}://{1}@{2}:{3}/{4}".format(dialect, server.user, server.host, server.port, server.database)
    table = "canary_" + secrets.token_hex(4) + "_"

    def config(password: str) -> Dict[str, Any]:
        return {"backend": "database", "url": url, "password": password, "table_prefix": table, **_key(place)}

    return Watched(config(server.password), {"login": server.password}, config, (server.log, *logs))


def _postgresql(place: Path) -> Watched:
    return _database(once.postgresql(), "postgresql", place)


def _mariadb(place: Path) -> Watched:
    return _database(once.mariadb(), "mariadb", place, once.mariadb().general_log)


def _vault(place: Path) -> Watched:
    """Logged in by AppRole: its secret id, and the token that comes of it, are both secret."""
    server = once.openbao()
    server.enable("approle", "approle", auth=True)
    policy = server.policy("canary", 'path "secret/*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }')
    server.call("POST", "auth/approle/role/canary", {"token_policies": [policy], "token_ttl": "10m"})
    role = server.call("GET", "auth/approle/role/canary/role-id")["data"]["role_id"]
    secret_id = server.call("POST", "auth/approle/role/canary/secret-id", {})["data"]["secret_id"]

    def config(given: str) -> Dict[str, Any]:
        auth = {"method": "approle", "role_id": role, "secret_id": given}
        return {"backend": "vault", "url": server.url, "prefix": "canary-" + secrets.token_hex(4), "auth": auth}

    return Watched(config(secret_id), {"secret id": secret_id}, config, (server.log, server.audit))


def _kubernetes(place: Path) -> Watched:
    """Logged in with the token of a service account that may do what docs/policies says."""
    server = once.kubernetes()
    namespace = server.namespace("canary-" + secrets.token_hex(4))
    token = server.service_account_token(namespace, "writer")
    server.allow(namespace, "writer", "get", "list", "create", "update", "delete")

    def config(api_key: str) -> Dict[str, Any]:
        where = {"host": server.url, "ca_cert": str(server.ca_cert), "namespace": namespace}
        return {"backend": "kubernetes", "api_key": api_key, "encrypt": False, **where}

    return Watched(config(token), {"token": token}, config, (server.log, server.audit))


STORES: Mapping[str, Callable[[Path], Watched]] = {
    "postgresql": _postgresql,
    "mariadb": _mariadb,
    "vault": _vault,
    "kubernetes": _kubernetes,
}
