# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection strings of databases, both ways, as the clients of each database read them (C6)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import JSON, REDACTED, Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import connection_string
from ansible_collections.nebula.credential.plugins.module_utils.types.connection_dialects import DIALECTS
from ansible_collections.nebula.credential.plugins.module_utils.types.database import ENGINES, SSL_MODES
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

PART = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
HOST = st.sampled_from(["db.example.com", "127.0.0.1", "::1", "2001:db8::1", "fe80::1%eth0", "my db"])
SOCKET = st.sampled_from(["/var/run/postgresql", "/tmp/my:socket.sock".replace(":", ".")])
NAME = st.sampled_from(["application_name", "replicaSet", "charset", "Failover Partner", "x-1"])
SECONDS = st.integers(1, 2**20)
COUNTS = {"min_connections": st.integers(0, 9), "max_connections": st.integers(9, 99)}
PORTS = st.integers(1, 65535).map(str)


@st.composite
def parts_of(draw, engine):
    """What a credential of an engine can have, in the form in which a string is read."""
    dialect = DIALECTS[engine]
    parts = {"engine": engine, "password": draw(PART)}
    optional = {"username": PART, "database": st.integers(0, 15).map(str) if engine == "redis" else PART}
    optional["parameters"] = st.dictionaries(NAME, PART, min_size=1, max_size=3)
    if dialect.tls:
        optional["ssl_mode"] = st.sampled_from([mode for mode in dialect.tls if mode != "allow" or engine == "postgresql"])
    settings = {name: COUNTS.get(name, SECONDS) for name in dialect.pool}
    if settings:
        optional["pool"] = st.fixed_dictionaries({}, optional=settings).filter(bool)
    parts.update(draw(st.fixed_dictionaries({}, optional=optional)))
    if engine == "redis":
        parts.setdefault("ssl_mode", "disable")
    parts.update(draw(places_of(dialect, engine)))
    return parts


@st.composite
def places_of(draw, dialect, engine):
    hosts = draw(st.lists(HOST | SOCKET if dialect.sockets else HOST, max_size=3 if dialect.hosts else 1))
    if not hosts:
        return {}
    ports = [] if engine == "mongodb+srv" else draw(st.lists(PORTS | st.just(""), min_size=len(hosts), max_size=len(hosts)))
    found = {"host": ",".join(hosts)}
    if any(ports):
        found["port"] = ports[0] if len(set(ports)) == 1 else ",".join(ports)
    return found


PARTS = st.sampled_from(ENGINES).flatmap(parts_of)


def stored(**fields):
    """The fields of a database credential as they are stored."""
    given = {name: Secret(json.dumps(value), JSON) if isinstance(value, dict) else Secret(value) for name, value in fields.items()}
    kind = type_named("database", {})
    kind.check_given(given, given)
    return kind.validate(given)


def texts(fields):
    return {name: value.expose().decode() for name, value in fields.items()}


def read(fields):
    return type_named("database", {}).read(fields, {}, "connection_string").expose().decode()


@given(PARTS)
def test_a_connection_string_is_read_as_it_was_built(parts):
    assert connection_string.parse(connection_string.build(parts)) == parts


@given(PARTS)
def test_a_credential_and_its_connection_string_hold_the_same(parts):
    fields = stored(**parts)
    assert texts(stored(connection_string=read(fields))) == texts(fields)


@given(st.text(max_size=40) | PARTS.map(connection_string.build).flatmap(lambda text: st.permutations(text).map("".join)))
def test_any_other_text_is_refused_or_read_as_something_that_can_be_built(text):
    try:
        parts = connection_string.parse(text)
    except InvalidInput:
        return
    assert connection_string.parse(connection_string.build(parts)) == parts


@given(parts_of("postgresql"))
def test_libpq_reads_the_same(parts):
    from psycopg.conninfo import conninfo_to_dict

    parts = {name: part for name, part in parts.items() if name not in ("engine", "parameters")}
    if any("\0" in part for part in parts.values()):
        return  # PostgreSQL has no text with it
    names = {"username": "user", "database": "dbname", "ssl_mode": "sslmode"}
    found = conninfo_to_dict(connection_string.build(dict(parts, engine="postgresql")))
    ports = found.get("port", "").split(",")
    if len(set(ports)) == 1 and ports[0]:
        found["port"] = ports[0]
    if found.get("port") == ",".join([""] * len(ports)):
        found.pop("port")
    assert found == {names.get(name, name): part for name, part in parts.items()}


@given(parts_of("redis"))
def test_redis_py_reads_the_same(parts):
    from redis.connection import SSLConnection, parse_url

    parts.pop("parameters", None)
    found = parse_url(connection_string.build(parts))
    assert found["password"] == parts["password"]
    assert found.get("username") == parts.get("username")
    assert found.get("host") == parts.get("host")
    assert found.get("port") == (int(parts["port"]) if "port" in parts else None)
    assert found.get("db") == (int(parts["database"]) if "database" in parts else None)
    assert (found.get("connection_class") is SSLConnection) == (parts["ssl_mode"] != "disable")
    assert found.get("max_connections") == parts.get("pool", {}).get("max_connections")


@given(parts_of("oracle"))
def test_sqlalchemy_reads_the_same(parts):
    from sqlalchemy import make_url

    url = make_url(connection_string.build(parts))
    assert (url.drivername, url.password) == ("oracle+oracledb", parts["password"])
    assert dict(url.query) == {**parts.get("parameters", {}), **({"service_name": parts["database"]} if "database" in parts else {})}


EXAMPLES = {
    "a list of hosts": ("postgresql://u:p@a:1,[::1]:2/d", {"host": "a,::1", "port": "1,2", "database": "d"}),
    "one port for all": ("postgresql://u:p@a:1,b:1/d", {"host": "a,b", "port": "1", "database": "d"}),
    "a parameter": (
        "postgresql://u:p@a/d?application_name=x%20y",
        {"host": "a", "database": "d", "parameters": {"application_name": "x y"}},
    ),
    "TLS of MySQL": ("mysql://u:p@h/?ssl-mode=REQUIRED", {"host": "h", "ssl_mode": "require"}),
    "MongoDB": (
        "mongodb://u:p@a:27017,b:27018/d?tls=true&minPoolSize=2&maxIdleTimeMS=60000&authSource=admin&replicaSet=rs0",
        {
            "host": "a,b",
            "port": "27017,27018",
            "database": "d",
            "ssl_mode": "verify-full",
            "pool": {"min_connections": 2, "idle_timeout": 60},
            "parameters": {"authSource": "admin", "replicaSet": "rs0"},
        },
    ),
    "half a second": ("mongodb://u:p@a/?maxIdleTimeMS=1500", {"host": "a", "parameters": {"maxIdleTimeMS": "1500"}}),
    "MongoDB by DNS": ("mongodb+srv://u:p@cluster.example.com/d", {"host": "cluster.example.com", "database": "d"}),
    "Redis": ("rediss://u:p@h:6380/3", {"host": "h", "port": "6380", "database": "3", "ssl_mode": "verify-full"}),
    "SQL Server": (
        "Server=h,1433;Database=d;User ID=u;Password=p;Encrypt=True;TrustServerCertificate=True;Max Pool Size=50;Application Name=shop",
        {
            "host": "h",
            "port": "1433",
            "database": "d",
            "ssl_mode": "require",
            "pool": {"max_connections": 50},
            "parameters": {"Application Name": "shop"},
        },
    ),
    "Oracle": ("oracle+oracledb://u:p@h:1521/?service_name=shop", {"host": "h", "port": "1521", "database": "shop"}),
}


@pytest.mark.parametrize(("text", "parts"), EXAMPLES.values(), ids=EXAMPLES)
def test_a_connection_string_is_written_as_the_clients_write_it(text, parts):
    found = connection_string.parse(text)
    assert {name: part for name, part in found.items() if name != "engine"} == {"username": "u", "password": "p", **parts}
    assert connection_string.build(found) == text


def test_every_mark_in_a_part_is_encoded():
    parts = {"engine": "postgresql", "username": "a@b", "password": "p:/?#[]@ ä", "host": "::1", "port": "5433", "database": "x/y"}
    text = connection_string.build(dict(parts, ssl_mode="verify-full"))
    assert text == "postgresql://a%40b:p%3A%2F%3F%23%5B%5D%40%20%C3%A4@[::1]:5433/x%2Fy?sslmode=verify-full"
    server = {"engine": "sqlserver", "host": "h", "password": "a;b\"c'd", "username": "x'y"}
    assert connection_string.build(server) == 'Server=h;User ID="x\'y";Password="a;b""c\'d"'


@pytest.mark.parametrize(
    ("text", "part", "value"),
    [
        ("postgres://u@%2Fvar%2Frun/db", "host", "/var/run"),
        ("oracle://u:p@h/?service_name=s", "engine", "oracle"),
        ("mongodb://h/?ssl=true&tlsInsecure=true", "ssl_mode", "require"),
        ("mongodb://h/?tls=true&tlsAllowInvalidHostnames=false", "ssl_mode", "verify-full"),
        ("mongodb+srv://h/?tlsAllowInvalidCertificates=true", "ssl_mode", "require"),
        ("redis://h", "ssl_mode", "disable"),
        ("Data Source=tcp:h,1433;UID=u;PWD='p;q'", "password", "p;q"),
        ("server=[::1];pwd=x;", "host", "::1"),
        ("Server=h;Encrypt=Mandatory;Trust Server Certificate=yes", "ssl_mode", "require"),
        ("Server=h;Encrypt=no;TrustServerCertificate=True", "ssl_mode", "disable"),
        ("Server=h;TrustServerCertificate=true", "ssl_mode", "require"),
        ("Server=h;Connection Timeout=5", "pool", {"connection_timeout": 5}),
    ],
)
def test_other_spellings_are_read(text, part, value):
    assert connection_string.parse(text)[part] == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c4nary",
        "sybase://u:c4nary@h",
        "postgresql://u:c4nary@h:port/d",
        "postgresql://u@h/d?password=c4nary",
        "postgresql://u@h/d?sslpassword=c4nary",
        "postgresql://u@h/d?sslmode=c4nary",
        "mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:c4nary",
        "mongodb://h/?a=c4nary&a=2",
        "mongodb://h/?tlsInsecure=true",
        "mysql://h/?ssl-mode=no",
        "redis://h/?ssl_cert_reqs=none",
        "postgresql://u:c4n@ry/c4nary#1@h/d",
        "mysql://u:3306/c4nary@h/d",
        "mysql://u:c4nary%@h/d",
        "mysql://u:c4nary%ff@h/d",
        "mysql://u:c4nary@h\n/d",
        "oracle://u:c4nary@h/sid",
        "host=h password=c4nary",
        "Server=h;Password=c4nary;PWD=c4nary",
        "Server=h;Password='c4nary",
        "Server=h;Encrypt=Strict",
    ],
)
def test_what_is_no_connection_string_is_refused_and_not_shown(text):
    with pytest.raises(InvalidInput) as caught:
        connection_string.parse(text)
    assert "c4nary" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"host": "a,b", "engine": "mysql"}, "'host' of type 'database' is a list"),
        ({"host": "a,,b"}, "empty entry"),
        ({"host": "a,b,c", "port": "1,2"}, "another length"),
        ({"host": "a,b", "port": "1,x"}, "not a port"),
        ({"host": "[::1]"}, "brackets"),
        ({"host": "/run/redis.sock", "engine": "redis"}, "is a path"),
        ({"engine": "redis", "database": "shop"}, "is not a number"),
        ({"engine": "mongodb+srv", "host": "h", "port": "1"}, "come from DNS"),
        ({"engine": "mongodb", "ssl_mode": "prefer"}, "mongodb knows: disable, require, verify-ca, verify-full"),
        ({"engine": "oracle", "ssl_mode": "require"}, "its own configuration of TLS"),
        ({"pool": "[]"}, "'pool' of type 'database' is not a mapping"),
        ({"pool": {"max": 1}}, "unknown settings: 'max'. Use min_connections, max_connections (counts)"),
        ({"pool": {"max_connections": 0}}, "from 1 up"),
        ({"pool": {"max_connections": True}}, "whole number"),
        ({"pool": {"min_connections": 3, "max_connections": 2}}, "above max_connections"),
        ({"parameters": {"sslpassword": "c4nary"}}, "is not kept: 'sslpassword'"),
        ({"parameters": {"sslmode": "require"}}, "has a field"),
        ({"parameters": {"a": {}}}, "Write text, a number or a boolean"),
        ({"engine": "mongodb", "parameters": {"maxPoolSize": "5"}}, "has a field"),
        ({"username_is_secret": "yes"}, "Use one of: true, false"),
        ({"username": {"a": 1}}, "it is a dict, not text"),
    ],
)
def test_fields_that_the_engine_cannot_have_are_refused_by_name(fields, says):
    with pytest.raises(InvalidInput) as caught:
        stored(password="x", **fields)
    assert says in str(caught.value)
    assert "c4nary" not in str(caught.value)


def test_pool_settings_are_one_mapping_that_may_hold_numbers_as_text():
    fields = stored(password="x", pool={"max_connections": "10", "min_connections": 1, "connection_timeout": 30})
    assert texts(fields)["pool"] == '{"connection_timeout": 30, "max_connections": 10, "min_connections": 1}'
    assert stored(**texts(fields)) == fields
    assert read(fields) == "postgresql://:x@", "libpq has no such parameters"


def test_a_user_name_is_masked_if_the_credential_says_so():
    kind = type_named("database", {})
    fields = stored(password="x", username="app", username_is_secret="true")
    assert kind.redact(fields)["username"] == REDACTED
    assert kind.redact(dict(fields, username_is_secret=Secret("false")))["username"] == "app"
    assert kind.redact(stored(password="x", username="app"))["username"] == "app"


def test_a_connection_string_stands_for_its_parts_and_can_be_read():
    kind = type_named("database", {})
    fields = stored(connection_string="mysql://app:s3cr3t@db/shop", host="other")
    assert texts(fields) == {"engine": "mysql", "username": "app", "password": "s3cr3t", "host": "other", "database": "shop"}
    assert read(fields) == "mysql://app:s3cr3t@other/shop"
    assert kind.is_secret("connection_string")


@pytest.mark.parametrize(
    "spoiled", [{"pool": "[]", "engine": "redis"}, {"parameters": "{"}, {"engine": "sybase"}, {"ssl_mode": "on"}, {"username": b"\xff"}]
)
def test_fields_that_another_tool_has_spoiled_have_no_connection_string(spoiled):
    fields = dict(stored(password="c4nary"), **{name: Secret(value) for name, value in spoiled.items()})
    with pytest.raises(InvalidToken, match="its fields have no connection string"):
        read(fields)


@pytest.mark.parametrize("name", ["opaque", "basic", "database"])
def test_a_mapping_is_refused_where_the_type_takes_none(name):
    given = {"password": Secret("x"), "username": Secret('{"a": 1}', JSON)}
    with pytest.raises(InvalidInput, match=r"fields\.username.*it is a dict, not text"):
        type_named(name, {}).check_given(given, given)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_connection_string_follows_a_rotation(engine):
    kind = type_named("database", {})
    fields = kind.generate({}, stored(password="old", username="u", host="h", engine=engine))
    assert fields["password"].expose().decode() in read(fields)
    assert "old" not in read(fields)


def test_each_mode_is_one_of_the_field():
    assert {mode for dialect in DIALECTS.values() for mode in dialect.tls} == set(SSL_MODES)
    assert set(DIALECTS) == set(ENGINES)
