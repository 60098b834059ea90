# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creates the tables and migrates those of an earlier release: numbered steps, and their number in a row of `store`."""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.connections import Connections
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.dialect import Dialect
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.error_codes import TablesMissing
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.options import AUTO, VALIDATE
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import DOCUMENT, SCHEMA, Tables
from ansible_collections.nebula.credential.plugins.module_utils.errors import Duplicate, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.schema_status import SchemaMigration

IN_PLACE = "inline"
"""The name of a store that was written inline (`store_reference.INLINE`): no command can name it."""


def _first(tables: Tables, _kind: Dialect) -> List[Any]:
    """Return every table and index of the first release. Each statement can be run again."""
    from sqlalchemy.schema import CreateIndex, CreateTable

    made: List[Any] = [CreateTable(table, if_not_exists=True) for table in tables.all]
    return made + [CreateIndex(index) for table in tables.all for index in sorted(table.indexes, key=lambda each: str(each.name))]


def _index_tags(tables: Tables, kind: Dialect) -> List[Any]:
    from sqlalchemy import DDL

    build: Any = DDL
    return [build(statement) for statement in kind.build_tag_index(tables)]


STEPS: Sequence[Callable[[Tables, Dialect], List[Any]]] = (_first, _index_tags)
"""The step from each version to the next. A released step never changes; new ones are appended."""
VERSION = len(STEPS)
NEEDED = 1
"""The oldest version that this release works with. Later steps make it faster: only `store_schema` runs them on tables that exist."""
TAGS_INDEXED = 2
"""The version with an index of tags."""


class Found(NamedTuple):
    """The version of the existing tables (0: there are none), and the store's document, which is read with it."""

    version: int
    document: Optional[bytes] = None


class Schema:
    """Compares and migrates the version of the tables."""

    def __init__(self, connections: Connections, tables: Tables, store: str) -> None:
        """Manage `tables` of the store `store`."""
        self._connections = connections
        self._tables = tables
        self._store = store

    def see_to(self, mode: str) -> Found:
        """Check that this release can use the tables, and return what was read of them.

        Args:
            mode: `auto` creates or migrates them; `manual` compares the version that the database states; `validate` the columns too.

        Raises:
            StorageError: it cannot. The remedy is the command to run.
        """
        found = self._read()
        if found.version > VERSION or (found.version < NEEDED and mode == AUTO):
            self.ensure()
            found = self._read()
        elif found.version < NEEDED:
            what = "the tables {0}* are missing".format(self._tables.prefix) if not found.version else _older(found.version)
            raise StorageError(what, store=self._store, remedy=command(self._store))
        elif mode == VALIDATE:
            self._compare_columns()
        return found

    def version(self) -> int:
        """Return the version of the existing tables; 0 if there are none."""
        return self._read().version

    def _read(self) -> Found:
        from sqlalchemy import select

        columns = self._tables.store.c
        wanted = select(columns.item, columns.version, columns.content).where(columns.item.in_((SCHEMA, DOCUMENT)))
        try:
            with self._connections.reading() as connection:
                if not self._connections.kind.tells_missing_tables and not self._version_within(connection):
                    return Found(0)
                rows = {row.item: row for row in connection.execute(wanted)}
        except TablesMissing:
            return Found(0)
        document = rows[DOCUMENT].content if DOCUMENT in rows else None
        version = int(rows[SCHEMA].version or 0) if SCHEMA in rows else 0
        return Found(version, None if document is None else bytes(document))

    def ensure(self, *, check: bool = False) -> SchemaMigration:
        """Bring the tables up to date, one process at a time. With `check`, return what would be done.

        Raises:
            StorageError: a later release made them.
        """
        found = self._not_newer(self.version())
        statements = tuple(self.statements(found))
        if not check and found < VERSION:
            found = self._upgrade_or_yield()
        return SchemaMigration(found, VERSION, statements if found < VERSION else ())

    def statements(self, found: int = 0) -> List[str]:
        """Return the SQL that leads from version `found` to this release's, in the database's own dialect."""
        dialect = self._connections.dialect()
        compiled = [str(step.compile(dialect=dialect)).strip() for step in self._steps(found)]
        if found < VERSION:
            entry = self._entry(found)
            compiled.append(str(entry.compile(dialect=dialect, compile_kwargs={"literal_binds": True})))
        return [statement + ";" for statement in compiled]

    def _steps(self, found: int) -> List[Any]:
        return [statement for step in STEPS[found:] for statement in step(self._tables, self._connections.kind)]

    def _entry(self, found: int) -> Any:
        table = self._tables.store
        if found:
            return table.update().where(table.c.item == SCHEMA).values(version=VERSION)
        return table.insert().values(item=SCHEMA, version=VERSION)

    def _upgrade_or_yield(self) -> int:
        try:
            return self._upgrade()
        except Duplicate:  # CockroachDB has no lock for this: another process entered the version first
            return VERSION

    def _upgrade(self) -> int:
        """Run the steps. Return the version that was found under the lock: another process may have migrated first."""
        kind, name = self._connections.kind, "nebula:{0}".format(self._tables.prefix)
        with self._connections.writing() as connection:
            kind.lock(connection, name)
            try:
                found = self._not_newer(self._version_within(connection))
                if found < VERSION:
                    self._run(connection, found)
            finally:
                kind.unlock(connection, name)
        return found

    def _run(self, connection: Any, found: int) -> None:
        from sqlalchemy.schema import CreateIndex

        for statement in self._steps(found):
            if isinstance(statement, CreateIndex):
                # MySQL has no "if not exists" for an index, and a step that was killed is run again there.
                statement.element.create(connection, checkfirst=True)
            else:
                connection.execute(statement)
        connection.execute(self._entry(found))

    def _version_within(self, connection: Any) -> int:
        """As `version`, but inside a transaction, which a failing statement would end."""
        from sqlalchemy import select

        columns = self._tables.store.c
        if not self._connections.inspect(connection).has_table(self._tables.store.name):
            return 0
        return int(connection.execute(select(columns.version).where(columns.item == SCHEMA)).scalar() or 0)

    def _not_newer(self, found: int) -> int:
        if found > VERSION:
            raise StorageError(
                "the tables are of version {0}, and this release knows version {1}".format(found, VERSION),
                store=self._store,
                remedy="Upgrade the collection on this controller: ansible-galaxy collection install --upgrade nebula.credential",
            )
        return found

    def _compare_columns(self) -> None:
        with self._connections.reading() as connection:
            inspector = self._connections.inspect(connection)
            missing = [name for table in self._tables.all for name in _missing(inspector, table)]
        if missing:
            raise StorageError(
                "the tables lack {0}".format(", ".join(missing)), store=self._store, remedy="Put them back from a backup of the schema."
            )


def command(store: str) -> str:
    """Return the command that brings the tables up to date."""
    if store == IN_PLACE:
        # Only the task knows its configuration, which may hold a login, so it is not printed.
        return "Run a task 'nebula.credential.store_schema' with the same mapping as 'store'."
    return "Run: ansible localhost -m nebula.credential.store_schema -a store={0}".format(store)


def _older(found: int) -> str:
    return "the tables are of version {0}, and this release needs version {1}".format(found, NEEDED)


def _missing(inspector: Any, table: Any) -> Tuple[str, ...]:
    there: Mapping[str, Any] = {}
    if inspector.has_table(table.name):
        there = {column["name"]: column for column in inspector.get_columns(table.name)}
    return tuple("{0}.{1}".format(table.name, column.name) for column in table.columns if column.name not in there)
