# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds of a database store beyond the contract, tried on SQLite."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import sys
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import UNHEALTHY
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    Damaged,
    InsecurePermissions,
    MissingKey,
    NotEncrypted,
    ReadOnly,
    StorageError,
    StorageFull,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.conformance.records import METADATA, NOON, a_record, exposed, put_state, value_of
from tests.unit.backends.database.stores import ask, backend_in, file_in, store_in

PLAIN = {"encrypt": False, "allow_plaintext": True}
CANARY = "canary-41d7"


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_file_and_what_lies_beside_it_are_its_owners_alone(tmp_path):
    """Whatever the umask says."""
    before = os.umask(0)
    try:
        backend = backend_in(tmp_path)
        backend.put(a_record())
        files = sorted(file_in(tmp_path).parent.iterdir())
    finally:
        os.umask(before)
    assert {path.name for path in files} == {"store.db", "store.db.lock", "store.db-shm", "store.db-wal"}
    assert {mode_of(path) for path in files} == {0o600}
    assert mode_of(file_in(tmp_path).parent) == 0o700
    backend.close()


@pytest.mark.parametrize("what", ["file", "directory"])
def test_what_others_can_read_is_refused(tmp_path, what):
    backend_in(tmp_path).put(a_record())
    path = file_in(tmp_path) if what == "file" else file_in(tmp_path).parent
    path.chmod(path.stat().st_mode | 0o044)
    with pytest.raises(InsecurePermissions):
        backend_in(tmp_path).get("db_pass")


def test_what_is_committed_is_on_the_disk(tmp_path):
    """Write-ahead, and every commit synchronised."""
    backend = backend_in(tmp_path)
    with backend._connections.reading() as connection:
        found = [connection.exec_driver_sql("PRAGMA " + name).scalar() for name in ("journal_mode", "synchronous", "secure_delete")]
    assert found == ["wal", 2, 1]


def test_a_row_that_somebody_wrote_by_hand_is_a_credential(tmp_path):
    """With name, type and values alone; numbers and lists are read as their JSON, null as no value."""
    backend = backend_in(tmp_path, **PLAIN)
    backend.put(a_record("other"))
    ask(
        tmp_path,
        "INSERT INTO cred_credentials (name, credential_type, input_data, metadata) VALUES (?, ?, ?, ?)",
        *("by/hand", "basic", '{"password": "s3cret", "port": 5432, "none": null, "list": ["ü"]}', '{"tags": {"env": "prod"}}'),
    )
    found = backend.get("by/hand")
    assert exposed(found) == ({"password": b"s3cret", "port": b"5432", "none": b"", "list": '["ü"]'.encode()}, {})
    assert [name for name, value in found.fields.items() if value.is_null] == ["none"]
    assert (found.type, found.version, found.record_id, found.full_metadata.tags) == ("basic", "1", None, {"env": "prod"})
    assert abs((found.full_metadata.created_at - backend.versions("by/hand")[0].created_at).total_seconds()) < 5
    assert {record.name for record in backend.list()} == {"other", "by/hand"}
    assert backend.put(a_record("by/hand", "new"), Etag("1")).version == "2"
    assert value_of(backend.get("by/hand", "1")) == b"s3cret"


def test_a_row_that_is_put_back_by_hand_begins_anew(tmp_path):
    """Its versions do not clash with those of its earlier life."""
    backend = backend_in(tmp_path, **PLAIN)
    for value in "123":
        backend.put(a_record(value=value))
    ask(tmp_path, "DELETE FROM cred_credentials")
    ask(tmp_path, "INSERT INTO cred_credentials (name, credential_type, input_data) VALUES ('db_pass', 'basic', '{}')")
    assert backend.put(a_record(value="4")).version == "2"
    assert [info.version for info in backend.versions("db_pass")] == ["2", "1"]
    ask(tmp_path, "DELETE FROM cred_credentials")
    assert backend.put(a_record(value="5")).version == "1"
    assert [info.version for info in backend.versions("db_pass")] == ["1"]


def test_sql_reads_what_was_put(tmp_path):
    backend_in(tmp_path, **PLAIN).put(a_record())
    assert ask(tmp_path, "SELECT input_data->>'password', metadata->>'$.tags.env' FROM cred_credentials") == [("s3cret", "prod")]
    row = ask(tmp_path, "SELECT rotation_status, created_at, length(id), version FROM cred_credentials")[0]
    assert row == ("active", "2026-11-22 12:00:00.123456", 32, 1)


def test_an_encrypted_store_keeps_no_value_in_any_column(tmp_path):
    """Metadata can be searched, the key's id is there, the value is in the envelope alone."""
    store = store_in(tmp_path)
    for value in (CANARY, CANARY + "2"):
        store.backend.put(a_record(value=value, metadata=replace(METADATA, scope=Scope())))
    store.close()
    row = ask(tmp_path, "SELECT input_data, state_data, length(encryption_key_id), metadata->>'description' FROM cred_credentials")[0]
    assert row == (None, None, 32, METADATA.description)
    for path in file_in(tmp_path).parent.iterdir():
        assert CANARY.encode() not in path.read_bytes()


def test_an_encrypted_store_never_takes_a_plain_row(tmp_path):
    store = store_in(tmp_path)
    store.backend.put(a_record())
    ask(tmp_path, 'UPDATE cred_credentials SET envelope = NULL, input_data = \'{"password": "mine"}\'')
    with pytest.raises(NotEncrypted):
        store.backend.get("db_pass")


def test_a_plain_store_does_not_hand_out_an_envelope(tmp_path):
    store_in(tmp_path).backend.put(a_record())
    with pytest.raises(MissingKey):
        store_in(tmp_path, **PLAIN).backend.get("db_pass")


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("UPDATE cred_credentials SET input_data = ?", "[1]"),
        ("UPDATE cred_credentials SET metadata = ?", '{"created_at": 1}'),
    ],
)
def test_a_row_that_is_no_record_is_damaged_and_named(tmp_path, statement, value):
    backend = backend_in(tmp_path, **PLAIN)
    backend.put(a_record())
    ask(tmp_path, statement, value)
    with pytest.raises(Damaged) as caught:
        backend.get("db_pass")
    assert caught.value.name == "db_pass"
    backend.put(a_record(value="2"))
    assert value_of(backend.get("db_pass")) == b"2"


def test_a_lock_that_is_not_given_back_ends_a_write_in_time(tmp_path):
    """Nothing happened, and the message names operation and seconds."""
    backend = backend_in(tmp_path)
    backend.put(a_record())
    with contextlib.closing(sqlite3.connect(file_in(tmp_path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Timeout) as caught, deadline.within(0.3, "put"):
            backend.put(a_record(value="2"))
        assert value_of(backend.get("db_pass")) == b"s3cret"
    assert "put did not end within 0.3 s" in str(caught.value)
    assert not caught.value.outcome_unknown
    backend.put(a_record(value="3"))


def test_a_full_disk_and_a_read_only_file_have_their_own_errors(tmp_path):
    backend = backend_in(tmp_path)
    backend.put(a_record())
    with backend._connections.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql("PRAGMA max_page_count = {0}".format(pages))
    with pytest.raises(StorageFull):
        backend.put(a_record("big", "x" * 1000000))
    with backend._connections.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(ReadOnly):
        backend.put(a_record("other"))
    assert value_of(backend.get("db_pass")) == b"s3cret"


def test_a_file_that_is_no_database_is_told(tmp_path):
    file_in(tmp_path).parent.mkdir(mode=0o700)
    file_in(tmp_path).write_bytes(b"no database at all, but long enough to be looked at" * 40)
    file_in(tmp_path).chmod(0o600)
    backend = backend_in(tmp_path)
    with pytest.raises(StorageError) as caught:
        backend.get("db_pass")
    assert "damaged, or the file is not a database" in str(caught.value)
    assert (backend.health().status, backend.health().code) == (UNHEALTHY, "storage")


def test_a_forked_process_leaves_its_parents_connections_alone(tmp_path):
    """It opens its own, and ends without closing any that it did not open."""
    backend = backend_in(tmp_path)
    backend.put(a_record())
    child = os.fork()
    if not child:
        status = 1
        with contextlib.suppress(BaseException):
            engine = backend._connections._engine
            backend.put(a_record(value="child"))
            status = int(backend._connections._engine is engine)
            backend.close()
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert value_of(backend.get("db_pass")) == b"child"


@pytest.mark.parametrize("limit", ["idle_timeout", "lifetime"])
def test_an_old_or_unused_connection_is_replaced_before_it_is_tried(tmp_path, limit):
    backend = backend_in(tmp_path, pool={limit: 1e-9})
    backend.put(a_record())
    made = []
    connect = backend._connections.kind.connect
    backend._connections.close()
    backend._connections.kind.connect = lambda: made.append(1) or connect()
    for _each in range(3):
        backend.get("db_pass")
    assert len(made) >= 3, "at least one a read"


def test_no_more_connections_are_made_than_the_pool_may_have(tmp_path):
    """Who gets none in time is told which limit it was, and that nothing happened."""
    backend = backend_in(tmp_path, pool={"min": 1, "max": 2, "connect_timeout": 0.05})
    backend.put(a_record())
    with contextlib.ExitStack() as held:
        for _each in range(2):
            held.enter_context(backend._connections.reading())
        with pytest.raises(Unavailable) as caught:
            backend.put(a_record(value="2"))
    assert (caught.value.option, caught.value.outcome_unknown) == ("pool", False)
    assert value_of(backend.get("db_pass")) == b"s3cret"


def test_a_read_is_one_statement_and_asks_nothing_before_it(tmp_path):
    """No ping, no BEGIN, nothing when the connection goes back."""
    backend = backend_in(tmp_path, **PLAIN)
    backend.put(a_record())
    seen = []
    with backend._connections.reading() as connection:
        connection.connection.dbapi_connection.set_trace_callback(seen.append)
    backend.get("db_pass")
    assert [statement.split()[0] for statement in seen] == ["PRAGMA", "SELECT"]  # how long SQLite waits for its own lock


def test_a_write_that_loses_the_race_changes_nothing(tmp_path):
    """Also what was kept and pruned within the same transaction."""
    backend = backend_in(tmp_path, keep_versions=1)
    for value in "12":
        backend.put(a_record(value=value))
    with pytest.raises(Conflict):
        backend.put(a_record(value="3"), Etag("1"))
    assert [info.version for info in backend.versions("db_pass")] == ["2", "1"]


def test_no_versions_are_kept_where_none_are_wanted(tmp_path):
    backend = backend_in(tmp_path, keep_versions=0)
    for value in "12":
        backend.put(a_record(value=value))
    assert [info.version for info in backend.versions("db_pass")] == ["2"]


def test_no_value_is_in_a_traceback_or_a_log(tmp_path, caplog):
    """Not even where the database refuses the very statement that carries it."""
    caplog.set_level(0)
    backend = backend_in(tmp_path, **PLAIN)
    backend.put(a_record())
    ask(tmp_path, "DROP TABLE cred_versions")
    with pytest.raises(StorageError) as caught:
        backend.put(a_record(value=CANARY))
    assert "a table or a column is missing" in str(caught.value)
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)
    assert CANARY not in caplog.text + repr(caught.value) + str(vars(caught.value))


def test_a_state_is_a_column_of_its_own(tmp_path):
    backend = backend_in(tmp_path, **PLAIN)
    stored = backend.put(a_record(state={}))
    put_state(backend, "db_pass", {"token": Secret("a\0b")}, stored.etag)
    assert ask(tmp_path, "SELECT state_data->>'$.token.base64' FROM cred_credentials") == [("YQBi",)]
    assert exposed(backend.get("db_pass"))[1] == {"token": b"a\0b"}


def test_times_are_kept_to_the_microsecond_in_utc(tmp_path):
    backend = backend_in(tmp_path)
    backend.put(a_record())
    with backend._connections.reading() as connection:
        row = connection.execute(backend._open().tables.credentials.select()).first()
    assert (row.created_at, row.created_at.tzinfo) == (NOON, NOON.tzinfo)


def test_loading_the_registry_loads_no_library():
    """A lookup looks through every backend's options, and must not wait for SDKs."""
    import subprocess

    program = (
        "import sys; import ansible_collections.nebula.credential.plugins.module_utils.backends.registry; "
        "sys.exit(bool({'sqlalchemy', 'psycopg', 'pymysql'} & set(sys.modules)))"
    )
    from tests.conftest import COLLECTION_ROOT

    assert subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(COLLECTION_ROOT)}, check=False).returncode == 0
