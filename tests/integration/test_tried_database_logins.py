# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of the type `database` that are tried on real servers: what gets in, what is refused, and what nothing is known of (C6).

For MongoDB there is a server of our own; for SQL Server and Oracle there is none, so their clients only meet addresses without one.
"""

from __future__ import annotations

import contextlib
import json
import socket
import traceback

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, LoginFailed, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.database import Database
from tests.servers import mongodb_wire, once, tls_front
from tests.servers.certificates import Authority
from tests.servers.processes import LOOPBACK

pytestmark = pytest.mark.server
ENGINES = ("postgresql", "mysql", "redis", "mongodb")
WRONG = "c4n4ry-wrong"


@pytest.fixture(scope="module")
def mongodb():
    with mongodb_wire.running() as server:
        yield server


@pytest.fixture
def login(request):
    """Return the fields of a login that is accepted, and as which host and port its server is named."""

    def find(engine):
        if engine == "mongodb":
            server = request.getfixturevalue("mongodb")
            return {"username": server.user, "password": server.password, "host": server.host, "port": server.port, "database": "admin"}
        server = {"postgresql": once.postgresql, "mysql": once.mariadb, "redis": once.valkey}[engine]()
        fields = {"password": server.password, "host": server.host, "port": server.port}
        return fields if engine == "redis" else {**fields, "username": server.user, "database": server.database}

    return lambda engine, **more: {"engine": engine, **find(engine), **more}


def try_login(fields, seconds=60):
    kind = Database()
    given = kind.validate({name: Secret(value if isinstance(value, str) else json.dumps(value)) for name, value in fields.items()})
    with deadline.within(seconds, "check"):
        kind.try_login(given)


def refusal(error, fields):
    """Try a login that fails with that error, show nothing of its password, and return what the error says."""
    with pytest.raises(error) as caught:
        try_login(fields)
    assert fields["password"] not in "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    return str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_right_password_gets_in_and_a_wrong_one_does_not(login, engine):
    fields = login(engine)
    try_login(fields)
    assert "{0} port {1} refuses the login".format(LOOPBACK, fields["port"]) in refusal(LoginFailed, {**fields, "password": WRONG})


@pytest.mark.parametrize(("engine", "database"), [("postgresql", "not_there"), ("mysql", "not_there"), ("redis", 99)])
def test_a_database_that_is_not_there_is_named(login, engine, database):
    assert "has no database '{0}'".format(database) in refusal(LoginFailed, login(engine, database=database))


@contextlib.contextmanager
def closed():
    """A port at which nothing listens, and which nothing else takes meanwhile."""
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        yield bound.getsockname()[1]


def fields_at(engine, port):
    """A login on a server that is none."""
    database = {"redis": "0"}.get(engine, "shop")
    parameters = {"mongodb": {"serverSelectionTimeoutMS": "1000"}}.get(engine, {})  # it repeats a connection that is refused
    fields = {"engine": engine, "host": LOOPBACK, "port": port, "username": "app", "password": WRONG}
    return {**fields, "database": database, "parameters": parameters}


@pytest.mark.parametrize("engine", [*ENGINES, "sqlserver", "oracle"])
def test_a_server_that_is_not_there_cannot_be_reached(engine):
    with closed() as port:
        assert "{0} port {1} cannot be reached".format(LOOPBACK, port) in refusal(Unavailable, fields_at(engine, port))


def test_a_silent_server_takes_no_longer_than_the_operation_may():
    """The client of Oracle itself waits without an end."""
    with socket.create_server((LOOPBACK, 0)) as silent, pytest.raises(Timeout):
        try_login(fields_at("oracle", silent.getsockname()[1]), 3)


def test_a_host_of_a_list_that_responds_is_enough(login):
    with closed() as port:
        fields = login("postgresql")
        try_login({**fields, "host": "{0},{0}".format(LOOPBACK), "port": "{0},{1}".format(port, fields["port"])})


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_tls_that_a_server_does_not_offer_is_demanded(login, engine):
    fields = login(engine, ssl_mode="require")
    assert "no TLS connection" in refusal(Unavailable, fields)
    try_login({**fields, "ssl_mode": "prefer"})


@pytest.mark.parametrize(
    ("mode", "knows_authority", "name", "gets_in"),
    [
        ("verify-full", True, LOOPBACK, True),
        ("verify-full", True, "db.example.com", False),
        ("verify-ca", True, "db.example.com", True),
        ("verify-ca", False, LOOPBACK, False),
        ("require", False, "db.example.com", True),
    ],
)
def test_a_certificate_is_checked_as_the_mode_says(login, tmp_path, mode, knows_authority, name, gets_in):
    authority = Authority(tmp_path)
    parameters = {"ssl_ca_certs": str(authority.certificate)} if knows_authority else {}
    with tls_front.running(once.valkey().port, authority.issue("server", [name])) as front:
        fields = login("redis", port=front.port, ssl_mode=mode, parameters=parameters)
        if gets_in:
            try_login(fields)
        else:
            assert "no TLS connection" in refusal(Unavailable, fields)
        assert bool(front.trusted) is gets_in


@pytest.mark.parametrize(
    ("engine", "parameter"), [("postgresql", "no_such"), ("mysql", "compression"), ("redis", "no_such"), ("mongodb", "noSuch")]
)
def test_a_parameter_that_the_client_does_not_know_is_refused(login, engine, parameter):
    said = refusal(InvalidInput, login(engine, parameters={parameter: "1"}))
    assert "does not take" in said
    assert engine != "mysql" or parameter in said


@pytest.mark.parametrize(("engine", "field"), [("redis", "host"), ("postgresql", "host"), ("mysql", "username")])
def test_a_login_that_names_no_server_or_no_user_is_not_tried(engine, field):
    fields = {"engine": engine, "host": LOOPBACK, "username": "app", "password": WRONG}
    assert "'{0}' of type 'database' is not given".format(field) in refusal(
        InvalidInput, {name: value for name, value in fields.items() if name != field}
    )
