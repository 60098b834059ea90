# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented rights are enough, and a missing one is named with the statement that grants it."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied
from tests.conformance.records import a_record, value_of
from tests.integration.database_servers import as_login, backend_at, backend_on, documented_logins, login_of
from tests.servers import databases, once

pytestmark = pytest.mark.server
ENTRY = {"id": "0" * 32, "time": "2026-11-22T12:00:00.000001Z", "action": "read", "uid": 0, "name": "a"}


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request):
    return once.server(request.param)


def denied(call):
    """The message of a call that the server denies."""
    with pytest.raises(AccessDenied) as caught:
        call()
    return str(caught.value)


def test_the_documented_rights_are_enough_for_everything_but_the_schema(server, prefix):
    backend_on(server, prefix).put(a_record("other"))
    writer, reader, password = documented_logins(server, prefix)
    limited = as_login(server, prefix, writer, password)
    for value in "12":
        limited.put(a_record(value=value))
    limited.patch_metadata(limited.get("db_pass"), 0)
    limited.write_store_document(b"one", None)
    limited.write_store_document(b"two", b"one")
    limited.append_audit([ENTRY])
    reading = as_login(server, prefix, reader, password)
    assert value_of(reading.get("db_pass", "1")) == b"1"
    assert len(list(reading.list())) == len(reading.versions("db_pass")) == 2
    assert reading.read_store_document() == b"two"
    reading.append_audit([dict(ENTRY, id="1" * 32)])
    denied(lambda: reading.put(a_record(value="3")))
    limited.delete("db_pass")
    assert reading.last_serial("db_pass") == 2


def test_a_missing_right_is_named_with_the_statement_that_gives_it(server, prefix):
    backend_on(server, prefix).put(a_record())
    limited = as_login(server, prefix, *login_of(server, prefix, ("SELECT", "store"), ("SELECT", "credentials")))
    assert value_of(limited.get("db_pass")) == b"s3cret"
    said = denied(lambda: limited.put(a_record(value="canary-2")))
    wanted = ("SELECT, UPDATE", "credentials") if databases.dialect(server) == "postgresql" else ("INSERT", "versions")
    assert "denies {0} on the table {1}{2}. Have an administrator run: GRANT {0} ON ".format(wanted[0], prefix, wanted[1]) in said
    assert "canary" not in said
    said = denied(lambda: limited.get("db_pass", "7"))
    assert "denies SELECT on the table {0}versions".format(prefix) in said


def test_a_missing_right_is_named_where_a_statement_writes_several_tables(server, prefix):
    """The server names the table, and the statement what it needs of that."""
    stored = backend_on(server, prefix).put(a_record())
    limited = as_login(server, prefix, *login_of(server, prefix, ("SELECT", "store"), ("SELECT, UPDATE, DELETE", "credentials")))
    said = denied(lambda: limited.delete("db_pass", expected=stored.etag))
    assert (
        "denies DELETE on the table {0}versions".format(prefix) in said or "denies INSERT on the table {0}tombstones".format(prefix) in said
    )


def test_a_login_that_may_not_make_tables_is_told_so(server, prefix):
    name, password = login_of(server, prefix)
    if databases.dialect(server) == "postgresql":
        server.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    backend = backend_at(server, prefix, databases.url(server, user=name), password=password)
    error = denied(lambda: backend.get("a"))
    assert "GRANT" in error or "denie" in error or "may not connect" in error
