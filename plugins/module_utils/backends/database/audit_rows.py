# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of the audit trail as rows, so that several controllers share one trail that SQL can query (E5). Never a value."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.connections import Connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import Tables
from ansible_collections.nebula.credential.plugins.module_utils.errors import Duplicate, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name

_COLUMNS = frozenset(("id", "time", "action", "address"))
_LONGEST = 255
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def append(connections: Connections, tables: Tables, entries: Iterable[Mapping[str, Any]]) -> None:
    """Write entries as one INSERT, which is a transaction of its own. Entries that already exist stay as they are."""
    rows = [_row(entry) for entry in entries]
    if not rows:
        return
    try:
        with connections.reading() as connection:
            connection.execute(tables.audit_log.insert().values(rows))
    except Duplicate:
        # The response to the first attempt was lost: that attempt wrote all of them.
        return


def purge(connections: Connections, tables: Tables, before: datetime, check: bool) -> int:
    """Delete the entries that are older than a time, in one statement. With `check`, only count them. Return their number."""
    from sqlalchemy import func, select

    old = tables.audit_log.c.timestamp < before
    with connections.reading() as connection:
        if check:
            return int(connection.execute(select(func.count()).select_from(tables.audit_log).where(old)).scalar_one())
        return int(connection.execute(tables.audit_log.delete().where(old)).rowcount)


def is_name(text: str) -> bool:
    """Return True if `text` is a credential's name. A listing's entry has a prefix instead, a refused request any text."""
    try:
        check_name(text)
    except InvalidInput:
        return False
    return True


def _row(entry: Mapping[str, Any]) -> Dict[str, Any]:
    name = entry.get("name")
    known = isinstance(name, str) and is_name(name)
    apart = _COLUMNS | {"name"} if known else _COLUMNS
    return {
        "id": uuid.UUID(entry["id"]),
        "credential_id": name if known else None,
        "action": entry["action"],
        "user_id": _text(entry.get("user") or "uid {0}".format(entry["uid"])),
        "ip_address": _text(entry["address"]) if "address" in entry else None,
        "timestamp": datetime.strptime(entry["time"], _TIME).replace(tzinfo=timezone.utc),
        "details": {key: _text(value) if isinstance(value, str) else value for key, value in entry.items() if key not in apart},
    }


def _text(value: Any) -> str:
    """Return a string for any value. A play asserts it, so it may be long and hold any character; PostgreSQL stores no NUL."""
    return str(value).replace("\0", "")[:_LONGEST]
