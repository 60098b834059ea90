# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend database: SQLite, real servers, and those that NEBULA_TEST_DATABASES names, each store in tables of its own."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Tuple

from tests.backends.harness import Bare, Choice, Elsewhere, Harness, Options, Place, StoreKind, Watched, encrypting
from tests.servers import databases, once

POSTGRESQL, MARIADB = "postgresql", "mariadb"
DRIVERS = {POSTGRESQL: "psycopg", MARIADB: "pymysql"}


def _sqlite(directory: Path) -> Options:
    return {"url": "sqlite:///{0}".format(directory / "private" / "store.db")}


def _insert_rows(backend: Any, records: Iterable[Any]) -> None:
    """In one transaction."""
    from sqlalchemy import insert

    from ansible_collections.nebula.credential.plugins.module_utils.backends.database.rows import columns_of

    connections, tables = backend._connections, backend._open().tables
    with connections.writing() as connection:
        for record in records:
            connection.execute(insert(tables.credentials), {"name": record.name, "stage": record.stage, **columns_of(record)})
            connections.kind.write_tags(connection, tables, record)


def _on(server: str) -> Callable[[Path], Options]:
    return lambda directory: databases.options(once.server(server), databases.prefix(directory))


def _at(url: str) -> Callable[[Path], Options]:
    return lambda directory: {"url": url, "table_prefix": databases.prefix(directory)}


def _unreachable(secret: str) -> Options:
    return {"url": "postgresql://app:{0}@127.0.0.1:1/app".format(secret)}


class Table:
    """SQLAlchemy Core on a table of its own: name and value."""

    def __init__(self, url: str) -> None:
        """Make the table. Each statement commits by itself, which is the fewest round trips there are."""
        import sqlalchemy

        self._sqlalchemy = sqlalchemy
        self._engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
        columns = (sqlalchemy.Column("name", sqlalchemy.String(200), primary_key=True), sqlalchemy.Column("value", sqlalchemy.String(200)))
        self._table = sqlalchemy.Table("bare_values", sqlalchemy.MetaData(), *columns)
        self._table.create(self._engine)

    def write(self, name: str, value: str) -> object:
        """An update, or an insert if there is none."""
        table = self._table
        with self._engine.connect() as connection:
            if connection.execute(table.update().where(table.c.name == name).values(value=value)).rowcount == 0:
                connection.execute(table.insert().values(name=name, value=value))
        return None

    def read(self, name: str) -> object:
        """A select."""
        with self._engine.connect() as connection:
            return connection.execute(self._sqlalchemy.select(self._table.c.value).where(self._table.c.name == name)).scalar_one()

    def list(self) -> object:
        """A select of all names."""
        with self._engine.connect() as connection:
            return connection.execute(self._sqlalchemy.select(self._table.c.name)).scalars().all()

    def close(self) -> None:
        """Close the pool."""
        self._engine.dispose()


def _bare_sqlite(directory: Path) -> Bare:
    return Table("sqlite:///{0}".format(directory / "bare.db"))


def _bare_on(kind: str) -> Callable[[Path], Bare]:
    def bare(_directory: Path) -> Bare:
        server = once.server(kind)
        login = "{0.user}:{0.password}@{0.host}:{0.port}/{0.database}".format(server)
        return Table("{0}+{1}://{2}".format(databases.dialect(server), DRIVERS[kind], login))

    return bare


def _statements_of_postgresql(_directory: Path) -> int:
    return _count(once.server(POSTGRESQL).log, b"LOG:  statement:", b"LOG:  execute ")


def _statements_of_mariadb(_directory: Path) -> int:
    return _count(once.server(MARIADB).general_log, b" Query\t", b" Execute\t")


def _count(log: Path, *words: bytes) -> int:
    content = log.read_bytes()
    return sum(content.count(word) for word in words)


def _watched_on(kind: str) -> Callable[[Path], Watched]:
    def watched(directory: Path) -> Watched:
        server = once.server(kind)
        table = "canary_" + secrets.token_hex(4) + "_"
        key = {"source": "key_file", "path": str(directory / "key")}

        def config(password: str) -> Dict[str, Any]:
            return {"backend": "database", **databases.options(server, table, password=password), "key_sources": [key]}

        logs = (server.log, *([server.general_log] if kind == MARIADB else []))
        return Watched(config(server.password), {"login": server.password}, config, logs)

    return watched


def find_kinds_elsewhere(urls: str) -> Tuple[StoreKind, ...]:
    """Stores in databases that NEBULA_TEST_DATABASES names: those that no package brings (MySQL, CockroachDB), and other versions.

    `urls` are divided by blanks, with their passwords. Each test has tables of its own there, and leaves them.
    """
    found = []
    for number, url in enumerate(urls.split(), 1):
        label = "database-elsewhere-{0}-{1}".format(number, url.partition(":")[0])
        found += [
            StoreKind(label, "database", _at(url), many=False),
            StoreKind(label + "-encrypted", "database", _at(url), encrypting, many=False),
        ]
    return tuple(found)


def _kinds_on(server: str, requests: Callable[[Path], int]) -> Tuple[StoreKind, ...]:
    label, bare = "database-" + server, _bare_on(server)
    plain, sealed = {"rotation": 17, "migration": 9}, {"rotation": 20, "envelope": 1, "envelope with a kept one": 5, "migration": 11}
    return (
        StoreKind(label, "database", _on(server), server=server, many=False, plays=False, requests=requests, most=plain),
        StoreKind(
            label + "-encrypted",
            "database",
            _on(server),
            encrypting,
            server=server,
            many=False,
            bare=bare,
            requests=requests,
            most=sealed,
            long_only=server != POSTGRESQL,
        ),
    )


HARNESS = Harness(
    backend="database",
    speaks_http=False,
    kinds=(
        StoreKind("database-sqlite", "database", _sqlite, many=False, plays=False),
        StoreKind(
            "database-sqlite-encrypted", "database", _sqlite, encrypting, many=False, bare=_bare_sqlite, load=_insert_rows, long_only=True
        ),
        *_kinds_on(POSTGRESQL, _statements_of_postgresql),
        *_kinds_on(MARIADB, _statements_of_mariadb),
    ),
    elsewhere=Elsewhere("NEBULA_TEST_DATABASES", find_kinds_elsewhere),
    offline=lambda directory: {"url": "sqlite:///{0}".format(directory / "store.db")},
    unreachable=_unreachable,
    mistake=({"url": "postgresql://app@db.invalid/n", "pool": {"max": 0}}, "pool"),
    watched={server: _watched_on(server) for server in (POSTGRESQL, MARIADB)},
    choices=(
        Choice(
            "SQLite",
            "{backend: database, url: 'sqlite:////srv/credentials.db'}",
            ("database-sqlite-encrypted",),
            Place.MACHINE,
            "Python's own",
            rights="the file",
        ),
        Choice(
            "PostgreSQL",
            "{backend: database, url: 'postgresql://nebula@db.example.com/credentials', password_file: ~/.nebula/db.password}",
            ("database-postgresql", "database-postgresql-encrypted"),
            Place.SERVER,
            "PostgreSQL 15",
            rights="[grants](../../policies/database-postgresql.sql)",
        ),
        Choice(
            "MariaDB",
            "{backend: database, url: 'mariadb://nebula@db.example.com/credentials', password_file: ~/.nebula/db.password}",
            ("database-mariadb", "database-mariadb-encrypted"),
            Place.SERVER,
            "MariaDB 10.11",
            rights="[grants](../../policies/database-mysql.sql)",
        ),
    ),
)
