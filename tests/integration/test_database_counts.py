# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of one operation of a database store, counted by the server's own log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import PENDING, Etag
from tests.bench.stores import wanted
from tests.conformance.records import METADATA, a_record, value_of
from tests.integration.database_servers import backend_on, store_on
from tests.servers import databases, once

pytestmark = pytest.mark.server
PLAIN = {"encrypt": False, "allow_plaintext": True}
SERVERS = ("postgresql", "mariadb")
WORDS = {"postgresql": (b"LOG:  statement:", b"LOG:  execute "), "mariadb": (b" Query\t", b" Execute\t")}


class Counter:
    """Counts the statements that a server has logged."""

    def __init__(self, kind):
        self.server = once.server(kind)
        self._words = WORDS[kind]
        self._log = self.server.log if kind == "postgresql" else self.server.general_log

    def of(self, operation):
        """How many statements the operation takes."""
        before = self._log.stat().st_size
        operation()
        said = self._log.read_bytes()[before:]
        return sum(said.count(word) for word in self._words)


@pytest.fixture(params=SERVERS)
def counter(request):
    """The statements of one server."""
    return Counter(request.param)


@pytest.fixture
def backend(counter, tmp_path):
    """A backend without its layers, whose tables exist and whose connection is open."""
    backend = backend_on(counter.server, databases.prefix(tmp_path))
    backend.put(a_record("other"), create=True)
    yield backend
    backend.close()


def is_on_postgresql(backend):
    return backend._connections.kind.address.dialect == "postgresql"


@pytest.mark.parametrize("more", [PLAIN, {}], ids=["plain", "encrypted"])
def test_opening_a_store_and_the_first_read(counter, tmp_path, monkeypatch, more):
    """The tables' version and the store's document are one statement, the value another; PyMySQL makes four settings before."""
    monkeypatch.setenv("HOME", str(tmp_path))
    prefix = databases.prefix(tmp_path)
    first = store_on(counter.server, prefix, **more)
    first.create(wanted("db_pass", "s3cret"))
    first.close()
    again = store_on(counter.server, prefix, **more)
    assert counter.of(lambda: again.get("db_pass")) == (2 if counter.server is once.postgresql() else 6)
    again.close()


OPERATIONS = {
    "new": ((5, 7), (5, 7)),
    "again": ((1, 1), (1, 1)),
    "value": ((5, 6), (6, 6)),
    "tags": ((4, 5), (4, 5)),
    "absent": ((5, 5), (7, 7)),
}
"""The statements of each operation of a whole store: on PostgreSQL plain and encrypted, and on MariaDB.

An encrypted store reads its document after a write, which a rotation of its key may have changed meanwhile, and the last serial before
a new value, which is sealed with the next one.
"""


@pytest.mark.parametrize("more", [PLAIN, {}], ids=["plain", "encrypted"])
def test_each_operation_of_a_store(counter, tmp_path, monkeypatch, more):
    """What is written is read once, and carried along."""
    monkeypatch.setenv("HOME", str(tmp_path))
    store = store_on(counter.server, databases.prefix(tmp_path), **more)
    store.create(wanted("other", "s3cret"))
    operations = {
        "new": lambda: store.ensure(wanted("db_pass", "1")),
        "again": lambda: store.ensure(wanted("db_pass", "1")),
        "value": lambda: store.ensure(wanted("db_pass", "2")),
        "tags": lambda: store.ensure(replace(wanted("db_pass", "2"), tags={"env": "prod"})),
        "absent": lambda: store.delete("db_pass"),
    }
    column = (0 if counter.server is once.postgresql() else 1, 0 if more else 1)
    found = {name: counter.of(operation) for name, operation in operations.items()}
    assert found == {name: counts[column[0]][column[1]] for name, counts in OPERATIONS.items()}
    store.close()


def test_a_new_value_takes_four_statements(backend, counter):
    """BEGIN, the row, what an earlier row of its name has left, COMMIT."""
    assert counter.of(lambda: backend.put(a_record(), create=True)) == 4


def test_a_value_after_a_deleted_one_takes_one_more_for_its_serial(backend, counter):
    backend.put(a_record(), create=True)
    backend.delete("db_pass")
    assert counter.of(lambda: backend.put(a_record(), create=True)) == 5
    assert backend.get("db_pass").version == "2"


def test_a_value_over_one_that_was_read_takes_four_statements(backend, counter):
    """BEGIN, the copy of the old value, the new one, COMMIT. Where UPDATE returns nothing, the row's identity must be known."""
    stored = backend.put(a_record(), create=True)
    new = a_record(value="2", record_id=stored.record_id)
    assert counter.of(lambda: backend.put(new, stored.etag)) == 4
    assert counter.of(lambda: backend.put(a_record(value="3"), Etag("2", 0))) == (4 if is_on_postgresql(backend) else 5)


def test_a_value_for_which_an_older_one_goes_takes_at_most_one_more(counter, tmp_path):
    backend = backend_on(counter.server, databases.prefix(tmp_path), keep_versions=2)
    stored = backend.put(a_record(value="1"), create=True)
    for value in "2345":
        stored = backend.put(a_record(value=value, record_id=stored.record_id), stored.etag)
        assert len(backend.versions("db_pass")) <= 3
    new = a_record(value="6", record_id=stored.record_id)
    assert counter.of(lambda: backend.put(new, stored.etag)) == (4 if is_on_postgresql(backend) else 5)
    assert [(info.version, value_of(backend.get("db_pass", info.version))) for info in backend.versions("db_pass")] == [
        ("6", b"6"),
        ("5", b"5"),
        ("4", b"4"),
    ]
    backend.close()


def test_other_metadata_takes_three_statements(backend, counter):
    """BEGIN, the row, COMMIT."""
    stored = backend.put(a_record(), create=True)
    assert counter.of(lambda: backend.patch_metadata(stored, 0)) == 3


def test_a_delete_of_a_value_that_was_read(backend, counter):
    """BEGIN, one statement, COMMIT; elsewhere one for the value, the older ones and the tombstone each."""
    stored = backend.put(a_record(), create=True)
    assert counter.of(lambda: backend.delete("db_pass", expected=stored.etag)) == (3 if is_on_postgresql(backend) else 5)
    with pytest.raises(NotFound):
        backend.get("db_pass")
    assert backend.last_serial("db_pass") == 1


def test_a_row_that_was_written_by_hand_takes_no_serial_a_second_time(backend, counter):
    """It may be older than the last one that was deleted; the tombstone keeps the greater serial."""
    for value in "123":
        backend.put(a_record(value=value))
    backend.delete("db_pass")
    row = "INSERT INTO {0}credentials (name, credential_type, input_data) VALUES ('db_pass', 'basic', '{{}}')"
    counter.server.run(row.format(backend._prefix))
    backend.delete("db_pass", expected=Etag("1"))
    assert backend.last_serial("db_pass") == 3
    counter.server.run(row.format(backend._prefix))
    assert backend.put(a_record(value="4"), Etag("1", 0)).version == "4"
    assert [info.version for info in backend.versions("db_pass")] == ["4", "1"]


def test_a_delete_of_a_stage_that_is_not_there_takes_one_statement(backend, counter):
    def delete():
        with pytest.raises(NotFound):
            backend.delete("other", stage=PENDING)

    assert counter.of(delete) == 1


def test_a_batch_is_read_in_one_statement(backend, counter):
    for number in range(9):
        backend.put(a_record("n{0}".format(number)), create=True)
    names = ["n{0}".format(number) for number in range(100)]
    assert counter.of(lambda: backend.get_many(names)) == 1


def test_a_listing_by_tag_is_one_statement_that_selects_the_rows(backend, counter):
    """Also rows that were written by hand, whose tags may be numbers. MariaDB returns every row, to be compared here."""
    backend.put(a_record("a", metadata=replace(METADATA, tags={"tier": "prod"})))
    row = """INSERT INTO {0}credentials (name, credential_type, metadata) VALUES ('b', 'basic', '{{"tags": {{"tier": 5, "on": true}}}}')"""
    counter.server.run(row.format(backend._prefix))
    rows = []

    def names(*tags):
        rows[:] = [row.name for row in backend.list(Filter(tags=tags))]

    for tags, found in {
        (("tier", "prod"),): ["a"],
        (("tier", "5"), ("on", "True")): ["b"],
        (("tier", None),): ["a", "b"],
        (("x", None),): [],
    }.items():
        assert counter.of(lambda tags=tags: names(*tags)) == 1
        assert rows == (found if is_on_postgresql(backend) else ["a", "b", "other"])


@pytest.mark.parametrize(("value", "forms"), [(None, 1), ("prod", 1), ("5", 2), ("True", 2)])
def test_a_listing_by_tag_can_use_the_index_of_postgresql(tmp_path, value, forms):
    """Each form that a value may have is looked up in it. The planner prefers the table while that is small."""
    from sqlalchemy import event, select

    backend = backend_on(once.postgresql(), databases.prefix(tmp_path))
    backend.put(a_record())
    table = backend._open().tables.credentials
    condition = backend._connections.kind.select_tagged(backend._open().tables, "current", "env", value)

    def explain(_connection, _cursor, statement, parameters, *_more):
        return statement.replace("SELECT", "EXPLAIN SELECT", 1), parameters

    with backend._connections.reading() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        event.listen(backend._connections._find_engine(), "before_cursor_execute", explain, retval=True)
        plan = str(connection.execute(select(table.c.name).where(condition)).fetchall())
    assert plan.count("Index Scan on idx_{0}tags".format(backend._prefix)) == forms, plan
    backend.close()
