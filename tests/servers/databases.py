# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores of the backend `database` on a test server: their options, and a table prefix of each test's own."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict

DIALECTS = {"tests.servers.postgresql": "postgresql", "tests.servers.mariadb": "mariadb"}


def dialect(server: Any) -> str:
    """What the URL of a server begins with."""
    return DIALECTS[type(server).__module__]


def prefix(directory: Path) -> str:
    """A table prefix that belongs to that directory."""
    return "t{0}_".format(hashlib.sha256(str(directory).encode("utf-8")).hexdigest()[:12])


def url(server: Any, *, port: int = 0, user: str = "") -> str:
    """The URL of a server's database, without a password; through another port where one is given."""
    return "{0}://{1}@{2}:{3}/{4}".format(dialect(server), user or server.user, server.host, port or server.port, server.database)


def options(server: Any, table_prefix: str, **more: Any) -> Dict[str, Any]:
    """The backend's options for a store on that server."""
    return {"url": url(server), "password": server.password, "table_prefix": table_prefix, **more}
