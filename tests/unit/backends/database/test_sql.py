# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SQL that each database is given, also those that no test machine has: their own dialects write it."""

from __future__ import annotations

import re

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.configuration import DIALECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.queries import Queries
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.statements import Statements
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag
from tests.conformance.records import NOON, a_record
from tests.unit.backends.database.stores import with_cockroachdb


def backend_of(dialect):
    if dialect == "cockroachdb":
        with_cockroachdb()
    url = "sqlite:////tmp/x.db" if dialect == "sqlite" else "{0}://app@127.0.0.1/n".format(dialect)
    backend = Database({"url": url}, BackendContext("prod"))
    backend.connect()
    return backend


def statements_of(dialect):
    return backend_of(dialect)._open().schema.statements()


class Recording:
    """Connections that write down what they are asked to do, in a dialect, and find nothing."""

    def __init__(self, kind):
        self.kind = kind
        self._dialect = kind.sql_dialect()
        self.said = []
        self.rowcount = 1

    def reading(self):
        return self

    writing = reading

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    def execute(self, statement, _parameters=None):
        self.said.append(re.sub(r"\s+", " ", str(statement.compile(dialect=self._dialect))))
        return self

    def first(self):
        return self.found.pop(0) if self.found else None

    def all(self):
        return []

    def scalar(self):
        return 0

    found: list = []


class Row:
    version, revision, id = 3, 0, __import__("uuid").UUID(int=1)


def said_by(dialect, action, found=()):
    """The statements of one call."""
    backend = backend_of(dialect)
    recording = Recording(backend._connections.kind)
    recording.found = list(found)
    action(Queries(recording, backend._open().tables), Statements(recording, backend._open().tables, 2))
    return recording.said


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_can_write_every_table(dialect):
    statements = statements_of(dialect)
    assert [statement.split("(")[0].split()[-1] for statement in statements[:5]] == [
        "cred_credentials",
        "cred_versions",
        "cred_tombstones",
        "cred_store",
        "cred_audit_log",
    ]
    assert len(statements) == 10 + {"sqlite": 9, "postgresql": 1}.get(dialect, 0)
    assert statements[-1] == "INSERT INTO cred_store (item, version) VALUES ('schema', 2);"


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
def test_mysql_compares_names_byte_by_byte_and_keeps_microseconds(dialect):
    credentials = statements_of(dialect)[0]
    assert "name VARCHAR(120) CHARACTER SET ascii COLLATE ascii_bin NOT NULL" in credentials
    assert "created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))" in credentials
    assert "envelope LONGBLOB" in credentials
    assert "ENGINE=InnoDB" in credentials
    assert "CHARSET=utf8mb4" in credentials


@pytest.mark.parametrize("dialect", ["postgresql", "cockroachdb"])
def test_postgresql_keeps_json_and_times_that_can_be_searched(dialect):
    credentials = statements_of(dialect)[0]
    assert "input_data JSONB" in credentials
    assert re.search(r"created_at TIMESTAMP (\(6\) )?WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP NOT NULL|created_at TIMESTAMPTZ", credentials)
    assert "id UUID" in credentials
    assert ('COLLATE "C"' in credentials) == (dialect == "postgresql")


def is_restricted(statement, *columns):
    where = statement.partition(" WHERE ")[2]
    return all("cred_credentials.{0} = ".format(column) in where for column in columns)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_put_over_an_unknown_state_locks_compares_and_swaps_in_every_dialect(dialect):
    said = said_by(dialect, lambda _reading, writing: writing.put(a_record(), None, False), [Row])
    pruning = [] if dialect == "postgresql" else ["DELETE"]
    assert [statement.split()[0] for statement in said] == [
        "SELECT",
        *(["WITH"] if dialect == "postgresql" else ["INSERT"]),
        "UPDATE",
        *pruning,
    ]
    assert said[0].endswith("FOR UPDATE") == (dialect != "sqlite")
    assert is_restricted(said[2], "name", "stage", "version", "revision")
    assert "(SELECT anon_1.version FROM (SELECT" in said[1 if dialect == "postgresql" else 3]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_put_over_the_state_that_was_read_locks_and_compares_as_it_keeps_the_old_value(dialect):
    given = a_record(record_id=bytes(16))
    said = said_by(dialect, lambda _reading, writing: writing.put(given, Etag("2", 0), False))
    assert [statement.split()[0] for statement in said] == ["INSERT", "UPDATE"]
    assert ("FOR UPDATE" in said[0]) == (dialect != "sqlite")
    assert all(is_restricted(statement, "name", "stage", "version", "revision") for statement in said)


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
def test_a_deleted_name_keeps_its_greatest_serial(dialect):
    (said,) = said_by(dialect, lambda reading, _writing: reading.last_serial("a", CURRENT))
    assert said.startswith("SELECT max(")
    table = backend_of(dialect)._open().tables.tombstones
    insert = backend_of(dialect)._connections.kind.insert_greatest(table, "last_version")
    assert "ON DUPLICATE KEY UPDATE last_version = greatest(cred_tombstones.last_version, VALUES(last_version))" in " ".join(
        str(insert.compile(dialect=backend_of(dialect)._connections.dialect())).split()
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_asked_is_one_statement_in_every_dialect(dialect):
    between = Filter(prefix="a/", type="basic", created_after=NOON, created_before=NOON)
    calls = (
        lambda reading, _writing: reading.current("a", CURRENT),
        lambda reading, _writing: list(reading.several(["a", "b"])),
        lambda reading, _writing: reading.page(between, "a/b"),
        lambda reading, _writing: reading.last_serial("a", CURRENT),
        lambda reading, _writing: reading.item("document"),
    )
    for call in calls:
        (said,) = said_by(dialect, call)
        assert said.startswith("SELECT")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_listing_reads_no_plain_value(dialect):
    (said,) = said_by(dialect, lambda reading, _writing: reading.page(Filter(), None))
    assert "input_data" not in said
    assert "state_data" not in said
    (names,) = said_by(dialect, lambda reading, _writing: reading.page(Filter(names_only=True), None))
    assert names.startswith("SELECT cred_credentials.name FROM")
