# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Database stores on real servers: built with and without their layers, cut off at the commit, watched from outside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import METADATA
from tests.servers import databases

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
