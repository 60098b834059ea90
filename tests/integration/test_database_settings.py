# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a connection: what the code relies on, whatever the login's defaults, and nothing that other clients of a pooler see."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Timeout
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT
from tests.conformance.records import a_record, value_of
from tests.integration.database_servers import backend_on
from tests.servers import once

pytestmark = pytest.mark.server
SETTINGS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit")


@pytest.fixture
def server():
    return once.server("postgresql")


def show(connection):
    return {name: connection.exec_driver_sql("SHOW " + name).scalar() for name in SETTINGS}


@pytest.mark.parametrize(
    "setting",
    [
        "datestyle = 'German, DMY'",
        "datestyle = 'SQL, MDY'",
        "client_encoding = 'LATIN1'",
        "timezone = 'Asia/Kathmandu'",
        "bytea_output = 'escape'",
    ],
)
def test_a_login_with_other_defaults_reads_what_it_writes(server, prefix, setting):
    name = setting.partition(" ")[0]
    server.run("ALTER ROLE {0} SET {1}".format(server.user, setting))
    try:
        backend = backend_on(server, prefix)
        backend.put(a_record(value="pässwörd ☃"))
        backend.put(a_record(name="other"))
        backend.write_store_document(b"\x00\xff\\document", None)
        backend.close()
        backend = backend_on(server, prefix)
        assert value_of(backend.get("db_pass")) == "pässwörd ☃".encode()
        assert backend.get("db_pass").full_metadata == a_record().full_metadata
        assert sorted(row.name for row in backend.list()) == ["db_pass", "other"]
        assert backend.read_store_document() == b"\x00\xff\\document"
        backend.close()
    finally:
        server.run("ALTER ROLE {0} RESET {1}".format(server.user, name))


def test_nothing_of_ours_stays_on_a_connection(server, prefix):
    """A pooler in transaction mode gives the same server connection to the next client."""
    server.run("ALTER ROLE {0} SET synchronous_commit = 'off'".format(server.user))
    try:
        backend = backend_on(server, prefix, pool={"min": 1, "max": 1})
        with backend._connections.reading() as connection:
            before = show(connection)
        with backend._connections.writing() as connection:
            during = show(connection)
        with backend._connections.reading() as connection:
            after = show(connection)
        backend.close()
    finally:
        server.run("ALTER ROLE {0} RESET synchronous_commit".format(server.user))
    assert before == after == dict.fromkeys(SETTINGS[:3], "0") | {"synchronous_commit": "off"}
    assert "0" not in during.values()
    assert during["synchronous_commit"] == "on"


def test_a_write_that_fails_leaves_nothing_either(server, prefix):
    backend = backend_on(server, prefix, pool={"min": 1, "max": 1})
    with pytest.raises(Timeout), backend._connections.writing():
        raise Timeout("as if")
    with backend._connections.reading() as connection:
        assert show(connection)["statement_timeout"] == "0"
    assert backend.last_serial("db_pass", CURRENT) == 0
    backend.close()
