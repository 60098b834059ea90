# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Database stores on real servers: built with and without their layers, cut off at the commit, watched from outside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import METADATA
from tests.conftest import CHECKOUT
from tests.servers import databases

POLICIES = {"postgresql": "database-postgresql.sql", "mariadb": "database-mysql.sql"}
UNSCOPED = replace(METADATA, scope=Scope())


def backend_on(server: Any, prefix: str, **more: Any) -> Database:
    """The backend alone, connected; `port` stands in front of the server."""
    port = more.pop("port", 0)
    backend = Database(dict(databases.options(server, prefix, **more), url=databases.url(server, port=port)), BackendContext("prod"))
    backend.connect()
    return backend


def configuration(server: Any, prefix: str, **more: Any) -> Dict[str, Any]:
    """A store's configuration."""
    port = more.pop("port", 0)
    return dict(
        {"backend": "database", "audit": "off"}, **dict(databases.options(server, prefix), url=databases.url(server, port=port), **more)
    )


def store_on(server: Any, prefix: str, **more: Any) -> Any:
    """A whole store."""
    return open_store(configuration(server, prefix, **more), name="prod")


def at_commit(backend: Database, act: Callable[[], None]) -> None:
    """Have `act` done right before the next commit is sent."""
    from sqlalchemy import event

    pending = [act]

    def acting(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement == "COMMIT" and pending:
            pending.pop()()

    event.listen(backend._connections._find_engine(), "before_cursor_execute", acting)


def backend_at(server: Any, prefix: str, url: str, **more: Any) -> Database:
    """The backend alone, with another URL of the server."""
    backend = Database(dict(databases.options(server, prefix, **more), url=url), BackendContext("prod"))
    backend.connect()
    return backend


def login_of(server: Any, prefix: str, *grants: Tuple[str, str]) -> Tuple[str, str]:
    """A login with these rights alone."""
    name, password = "u" + prefix[:14], "p-" + prefix
    if databases.dialect(server) == "postgresql":
        server.run("CREATE ROLE {0} LOGIN PASSWORD '{1}'".format(name, password))
    else:
        server.run("CREATE USER {0}@'%' IDENTIFIED BY '{1}'".format(name, password))
    for privileges, table in grants:
        server.run("GRANT {0} ON {1}{2} TO {3}".format(privileges, prefix, table, name))
    return name, password


def documented_logins(server: Any, prefix: str) -> Tuple[str, str, str]:
    """Run the policy file as it is printed, with names of this test's own; answer the names, writer and reader, and the password."""
    text = (CHECKOUT / "docs" / "policies" / POLICIES[databases.dialect(server)]).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    for statement in " ".join(lines).split(";"):
        ours = statement.replace("cred_", prefix).replace("DATABASE nebula ", "DATABASE {0} ".format(server.database))
        if ours.strip():
            server.run(ours.replace("nebula_writer", "w" + prefix).replace("nebula_reader", "r" + prefix))
    return "w" + prefix, "r" + prefix, "change me"


def as_login(server: Any, prefix: str, name: str, password: str) -> Database:
    """The backend alone, with that login, which makes no tables."""
    return backend_at(server, prefix, databases.url(server, user=name), password=password, migration="manual")
