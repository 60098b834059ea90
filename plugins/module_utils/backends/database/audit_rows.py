# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of the audit trail as rows, so that several controllers share one trail that SQL can query (E5). Never a value."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.connections import Connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import Tables
from ansible_collections.nebula.credential.plugins.module_utils.errors import Duplicate, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.audit_page import AuditPage
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


def read(connections: Connections, tables: Tables, page: AuditPage) -> List[Dict[str, Any]]:
    """Return the entries of a page, in one statement."""
    from sqlalchemy import and_, or_, select

    log = tables.audit_log.c
    wanted = select(log.id, log.credential_id, log.action, log.ip_address, log.timestamp, log.details)
    if page.after is not None:
        time, number = _read_moment(page.after[0]), uuid.UUID(page.after[1])
        wanted = wanted.where(or_(log.timestamp > time, and_(log.timestamp == time, log.id > number)))
    if page.since is not None:
        wanted = wanted.where(log.timestamp >= page.since)
    if page.until is not None:
        wanted = wanted.where(log.timestamp < page.until)
    with connections.reading() as connection:
        rows = connection.execute(wanted.order_by(log.timestamp, log.id).limit(page.most)).all()
    return [_entry(row) for row in rows]


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
        "timestamp": _read_moment(entry["time"]),
        "details": {key: _text(value) if isinstance(value, str) else value for key, value in entry.items() if key not in apart},
    }


def _entry(row: Any) -> Dict[str, Any]:
    details = row.details if isinstance(row.details, dict) else {}
    known = {"name": row.credential_id, "address": row.ip_address}
    entry = dict(details, id=uuid.UUID(str(row.id)).hex, time=row.timestamp.astimezone(timezone.utc).strftime(_TIME), action=row.action)
    entry.update((name, value) for name, value in known.items() if value is not None)
    return entry


def _read_moment(text: str) -> datetime:
    """Return the time of an entry."""
    return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc)


def _text(value: Any) -> str:
    """Return a string for any value. A play asserts it, so it may be long and hold any character; PostgreSQL stores no NUL."""
    return str(value).replace("\0", "")[:_LONGEST]
