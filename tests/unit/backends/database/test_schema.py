# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making the tables: by itself, by hand, by one of many processes, and never over a later release's."""

from __future__ import annotations

import multiprocessing
import sqlite3

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.database import options, schema
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tables import Tables
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import INLINE
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import a_record, value_of
from tests.unit.backends.database.stores import ask, backend_in, file_in, store_in, url_in

FORK = multiprocessing.get_context("fork")
COMMAND = "Run: ansible localhost -m nebula.credential.store_schema -a store=prod"


def tables_of(directory):
    return {name for (name,) in ask(directory, "SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_the_tables_and_indices_are_those_of_the_documentation(tmp_path):
    backend_in(tmp_path, table_prefix="x_").put(a_record())
    assert tables_of(tmp_path) == {"x_credentials", "x_versions", "x_tombstones", "x_store", "x_audit_log", "x_tags"}
    indices = {name for (name,) in ask(tmp_path, "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")}
    assert indices == {"idx_x_type", "idx_x_expires", "idx_x_created", "idx_x_audit", "idx_x_tags", "idx_x_tagged"}
    assert ask(tmp_path, "SELECT item, version FROM x_store") == [("schema", schema.VERSION)]


def test_the_audit_log_refers_to_no_other_table():
    """It outlives the credentials that it is about."""
    assert [table.name for table in Tables("x_").all if table.foreign_keys] == []


@pytest.mark.parametrize("mode", ["manual", "validate"])
def test_tables_that_are_not_there_are_told_with_the_command_that_makes_them(tmp_path, mode):
    store = store_in(tmp_path, migration=mode)
    with pytest.raises(StorageError) as caught:
        store.backend.get("db_pass")
    assert COMMAND in str(caught.value)
    assert perform(store, "store_schema", {}, AccessContext()).result["changed"]
    store.backend.put(a_record(), create=True)


def test_for_a_store_written_in_place_no_command_is_told_that_does_not_know_it(tmp_path):
    backend = Database({"url": url_in(tmp_path), "migration": "manual"}, BackendContext(INLINE))
    with pytest.raises(StorageError) as caught:
        backend.get("db_pass")
    assert "Run a task 'nebula.credential.store_schema' with the same mapping" in str(caught.value)
    assert INLINE not in str(caught.value).partition("Run")[2]


def test_check_mode_tells_the_sql_and_makes_nothing(tmp_path):
    """The SQL that it tells is all that is needed."""
    store = store_in(tmp_path, migration="validate")
    planned = perform(store, "store_schema", {}, AccessContext(), True).result
    assert (planned["changed"], planned["found"], planned["version"]) == (True, 0, schema.VERSION)
    assert tables_of(tmp_path) == set()
    for statement in planned["statements"]:
        ask(tmp_path, statement)
    store.backend.put(a_record(), create=True)
    again = perform(store, "store_schema", {}, AccessContext()).result
    assert (again["changed"], again["statements"], again["diff"]["before"]) == (False, [], again["diff"]["after"])


def test_validate_looks_at_the_columns_and_manual_at_the_version(tmp_path):
    backend_in(tmp_path).put(a_record())
    ask(tmp_path, "ALTER TABLE cred_audit_log DROP COLUMN details")
    assert value_of(backend_in(tmp_path, migration="manual").get("db_pass")) == b"s3cret"
    with pytest.raises(StorageError) as caught:
        backend_in(tmp_path, migration="validate").get("db_pass")
    assert "the tables lack cred_audit_log.details" in str(caught.value)


@pytest.mark.parametrize("mode", options.TRAITS.spec["migration"]["choices"])
def test_tables_of_a_later_release_are_left_alone(tmp_path, mode):
    backend_in(tmp_path).put(a_record())
    ask(tmp_path, "UPDATE cred_store SET version = 99 WHERE item = 'schema'")
    with pytest.raises(StorageError) as caught:
        backend_in(tmp_path, migration=mode).get("db_pass")
    assert "the tables are of version 99" in str(caught.value)
    assert "ansible-galaxy collection install --upgrade nebula.credential" in str(caught.value)


def add_a_column(tables, _kind):
    from sqlalchemy import DDL

    return [DDL("ALTER TABLE {0} ADD COLUMN added VARCHAR(9)".format(tables.credentials.name))]


def test_a_later_step_is_run_on_what_is_there(tmp_path, monkeypatch):
    """Each once, in one transaction, with everything kept; and told first where that is wanted."""
    backend_in(tmp_path).put(a_record())
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, add_a_column))
    monkeypatch.setattr(schema, "VERSION", 3)
    monkeypatch.setattr(schema, "NEEDED", 3)
    with pytest.raises(StorageError) as caught:
        backend_in(tmp_path, migration="manual").get("db_pass")
    assert "version 2, and this release needs version 3" in str(caught.value)
    assert COMMAND in str(caught.value)
    assert backend_in(tmp_path).ensure_schema(check=True).statements == (
        "ALTER TABLE cred_credentials ADD COLUMN added VARCHAR(9);",
        "UPDATE cred_store SET version=3 WHERE cred_store.item = 'schema';",
    )
    upgraded = backend_in(tmp_path)
    assert value_of(upgraded.get("db_pass")) == b"s3cret"
    assert upgraded.ensure_schema()[:2] == (3, 3)


def test_a_step_that_fails_leaves_the_tables_as_they_were(tmp_path, monkeypatch):
    from sqlalchemy import DDL

    backend_in(tmp_path).put(a_record())
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, add_a_column, lambda _tables, _kind: [DDL("NOT SQL AT ALL")]))
    monkeypatch.setattr(schema, "VERSION", 4)
    monkeypatch.setattr(schema, "NEEDED", 4)
    with pytest.raises(StorageError):
        backend_in(tmp_path).get("db_pass")
    assert "added" not in {row[1] for row in ask(tmp_path, "PRAGMA table_info(cred_credentials)")}


def test_of_eight_processes_exactly_one_makes_the_tables(tmp_path):
    start, made = FORK.Barrier(8), FORK.Queue()

    def work():
        backend = backend_in(tmp_path)
        start.wait(30)
        done = backend.ensure_schema()
        made.put(done.before != done.after)

    workers = [FORK.Process(target=work) for _each in range(8)]
    for worker in workers:
        worker.start()
    assert sum(made.get(timeout=60) for _each in workers) == 1
    for worker in workers:
        worker.join(30)


def test_a_store_without_tables_says_so(tmp_path):
    store = open_store({"backend": "memory", "audit": "off"}, name="prod")
    with pytest.raises(InvalidInput) as caught:
        perform(store, "store_schema", {}, AccessContext())
    assert "it keeps no tables" in str(caught.value)


def test_reading_asks_for_the_version_once(tmp_path):
    backend = backend_in(tmp_path)
    backend.put(a_record())
    with sqlite3.connect(file_in(tmp_path)) as connection:
        connection.execute("DELETE FROM cred_store")
    assert value_of(backend.get("db_pass")) == b"s3cret"
