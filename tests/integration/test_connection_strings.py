# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client gets in with the connection string of a credential, whatever its password holds (C6)."""

from __future__ import annotations

import socket

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named
from tests.servers import valkey

ODD = "p:/?#[]@ %41&+=,;'\"\\ä"
USER = "odd@user:1"


def connection_string(**fields):
    """The string that `get` returns for a database credential with these fields."""
    kind = type_named("database", {})
    stored = kind.validate({name: Secret(str(value)) for name, value in fields.items()})
    return kind.read(stored, {}, "connection_string").expose().decode()


def test_libpq_gets_in_by_the_second_host_of_a_list(postgresql):
    import psycopg
    from psycopg import sql

    with postgresql.connect() as connection:
        connection.execute(sql.SQL("CREATE ROLE {0} LOGIN PASSWORD {1}").format(sql.Identifier(USER), sql.Literal(ODD)))
    try:
        with socket.socket() as other:  # nothing listens there, and nothing else can while it is bound
            other.bind((postgresql.host, 0))
            hosts, ports = "{0},{0}".format(postgresql.host), "{0},{1}".format(other.getsockname()[1], postgresql.port)
            fields = {"host": hosts, "port": ports, "database": postgresql.database, "ssl_mode": "disable"}
            parameters = '{"application_name": "a b+c"}'
            text = connection_string(username=USER, password=ODD, parameters=parameters, **fields)
            with psycopg.connect(text, connect_timeout=60) as connection:
                found = connection.execute("SELECT current_user, current_setting('application_name')").fetchone()
    finally:
        postgresql.run('DROP ROLE "{0}"'.format(USER))
    assert found == (USER, "a b+c")


def test_redis_py_gets_in_with_a_pool_of_the_size_given():
    import redis

    with valkey.running() as server:
        with redis.Redis(host=server.host, port=server.port, password=server.password) as admin:
            admin.acl_setuser("odd", enabled=True, passwords=["+" + ODD], categories=["+@all"], keys=["*"])
        fields = {"engine": "redis", "host": server.host, "port": server.port, "database": 3, "pool": '{"max_connections": 2}'}
        with redis.Redis.from_url(connection_string(username="odd", password=ODD, **fields)) as client:
            assert client.acl_whoami() in ("odd", b"odd")
            assert client.client_info()["db"] == 3
            assert client.connection_pool.max_connections == 2
