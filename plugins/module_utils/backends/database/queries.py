# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements that read. Each read is one request on a connection of the pool."""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.connections import Connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import KEPT, Tables
from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeat_in_listings
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES

PAGE = 500
_AFTER_ALL_NAMES = "~"
"""Sorts behind every character of a name."""


def _select_listed(tables: Tables) -> List[Any]:
    """Return what a listing selects: an envelope alone where there is one, as it holds the rest; else all but the values."""
    from sqlalchemy import case

    columns = tables.credentials.c
    plain = (columns[each] for each in KEPT if each not in {"envelope", "input_data", "state_data"})
    return [columns.name, columns.envelope, *(case((columns.envelope.is_(None), each)).label(each.name) for each in plain)]


class Queries:
    """Reads rows."""

    def __init__(self, connections: Connections, tables: Tables) -> None:
        """Read `tables` over `connections`."""
        from sqlalchemy import bindparam, select

        self._connections = connections
        self._tables = tables
        columns = tables.credentials.c
        # The most frequent queries are built once; SQLAlchemy caches their compiled form.
        self._current = select(tables.credentials).where(columns.name == bindparam("name"), columns.stage == bindparam("stage"))
        self._listed = _select_listed(tables)
        kept = tables.versions.c
        self._kept = select(tables.versions).where(kept.name == bindparam("name"), kept.version == bindparam("version"))

    @repeat_in_listings
    def current(self, name: str, stage: str) -> Any:
        """Return the row of a stage, or None."""
        with self._connections.reading() as connection:
            return connection.execute(self._current, {"name": name, "stage": stage}).first()

    def read_kept(self, name: str, version: int) -> Any:
        """Return the row of an older value of `current`, or None."""
        with self._connections.reading() as connection:
            return connection.execute(self._kept, {"name": name, "version": version}).first()

    def read_all_kept(self, name: str) -> List[Any]:
        """Return the rows of all older values of `current`."""
        from sqlalchemy import select

        kept = self._tables.versions
        with self._connections.reading() as connection:
            rows: List[Any] = connection.execute(select(kept).where(kept.c.name == name)).all()
            return rows

    def stages(self, name: str) -> List[str]:
        """Return the stages, other than `current`, that hold a value of the name."""
        from sqlalchemy import select

        columns = self._tables.credentials.c
        with self._connections.reading() as connection:
            held = set(connection.execute(select(columns.stage).where(columns.name == name, columns.stage != CURRENT)).scalars())
        return [stage for stage in STAGES if stage in held]

    def several(self, names: Iterable[str]) -> Iterator[Any]:
        """Yield the rows of `current` with these names."""
        from sqlalchemy import select

        table, wanted = self._tables.credentials, list(names)
        for start in range(0, len(wanted), PAGE):
            part = wanted[start : start + PAGE]
            with self._connections.reading() as connection:
                yield from connection.execute(select(table).where(table.c.stage == CURRENT, table.c.name.in_(part))).all()

    @repeat_in_listings
    def page(self, wanted: Filter, after: Optional[str]) -> List[Any]:
        """Return the next rows of a listing, by name, after the name `after`. Reads no values except those in envelopes."""
        from sqlalchemy import select

        columns = self._tables.credentials.c
        statement = select(*([columns.name] if wanted.names_only else self._listed)).where(
            columns.stage == wanted.stage, *self._select_narrowed(wanted)
        )
        if after is not None:
            statement = statement.where(columns.name > after)
        with self._connections.reading() as connection:
            rows: List[Any] = connection.execute(statement.order_by(columns.name).limit(PAGE)).all()
            return rows

    def _select_narrowed(self, wanted: Filter) -> Iterator[Any]:
        columns = self._tables.credentials.c
        if wanted.prefix:
            yield columns.name >= wanted.prefix
            yield columns.name < wanted.prefix + _AFTER_ALL_NAMES
        for tag, value in wanted.tags:
            tagged = self._connections.kind.select_tagged(self._tables, wanted.stage, tag, value)
            if tagged is not None:
                yield tagged
        if wanted.type is not None:
            yield columns.credential_type == wanted.type
        if wanted.created_after is not None:
            yield columns.created_at >= wanted.created_after
        if wanted.created_before is not None:
            yield columns.created_at < wanted.created_before

    def history(self, name: str) -> List[Any]:
        """Return (version, written_at) of `current` and of every kept version, newest first; empty if there is no such credential."""
        from sqlalchemy import select

        current, kept = self._tables.credentials.c, self._tables.versions.c
        now = select(current.version, current.written_at).where(current.name == name, current.stage == CURRENT)
        before = select(kept.version, kept.written_at).where(kept.name == name).order_by(kept.version.desc())
        with self._connections.reading() as connection:
            found = connection.execute(now).all()
            older = connection.execute(before).all() if found else []
        return [*found, *(row for row in older if row.version < found[0].version)]

    def last_serial(self, name: str, stage: str) -> int:
        """Return the highest serial ever stored for the name and stage."""
        from sqlalchemy import func, select, union_all

        current, buried = self._tables.credentials.c, self._tables.tombstones.c
        serials = union_all(
            select(current.version.label("serial")).where(current.name == name, current.stage == stage),
            select(buried.last_version.label("serial")).where(buried.name == name, buried.stage == stage),
        ).subquery()
        with self._connections.reading() as connection:
            return int(connection.execute(select(func.max(serials.c.serial))).scalar() or 0)

    def item(self, item: str) -> Any:
        """Return a row of `store` (version, content), or None."""
        from sqlalchemy import select

        columns = self._tables.store.c
        with self._connections.reading() as connection:
            return connection.execute(select(columns.version, columns.content).where(columns.item == item)).first()
