# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a database store: what is taken, what is refused, and that nothing of it is looked up or shown."""

from __future__ import annotations

import socket
import ssl

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.configuration import DIALECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.login import Login
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.tls import LOCAL, PLAIN, UNVERIFIED, VERIFIED, transport
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.url import parse_address
from ansible_collections.nebula.credential.plugins.module_utils.errors import InsecurePermissions, InvalidConfiguration, MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.backends.database.stores import with_cockroachdb

URL = "postgresql://app@db.example.com/nebula"
CANARY = "canary-9f2c"
REFUSED = {
    "no url": ({}, "url", "it is missing"),
    "not a url": ({"url": CANARY}, "url", "there is no dialect"),
    "another dialect": ({"url": "oracle://a@b/c"}, "url", "there is no dialect 'oracle'"),
    "a driver": ({"url": "postgresql+psycopg2://a:{0}@b/c".format(CANARY)}, "url", "the driver is chosen"),
    "no host": ({"url": "postgresql:///nebula"}, "url", "it names no host"),
    "no database": ({"url": "mariadb://a:{0}@b".format(CANARY)}, "url", "it names no database"),
    "a port that is none": ({"url": "mysql://a:{0}@b:x/c".format(CANARY)}, "url", "cannot be read as a URL"),
    "parameters": ({"url": "postgresql://a:{0}@b/c?sslmode=disable".format(CANARY)}, "url", "it has unsupported parameters"),
    "a relative file": ({"url": "sqlite:///store.db"}, "url", "whole path"),
    "memory": ({"url": "sqlite://"}, "url", "whole path"),
    "two passwords": ({"url": "mysql://a:{0}@b/c".format(CANARY), "password": CANARY}, "password", "there is a password in 'url' too"),
    "a prefix that is none": ({"url": URL, "table_prefix": "x; DROP TABLE y"}, "table_prefix", "not the beginning"),
    "a long prefix": ({"url": URL, "table_prefix": "x" * 31}, "table_prefix", "not the beginning"),
    "no connection": ({"url": URL, "pool": {"max": 0}}, "pool", "'max' is below 'min'"),
    "no time": ({"url": URL, "pool": {"lifetime": 0}}, "pool", "not above 0"),
    "an unknown part of the pool": ({"url": URL, "pool": {"maxx": 1}}, "pool.maxx", "Did you mean 'max'?"),
    "a part of another type": ({"url": URL, "pool": {"max": CANARY}}, "pool.max", "cannot be read as int"),
    "true as a number": ({"url": URL, "parallel": True}, "parallel", "cannot be read as int"),
    "true as a number of a part": ({"url": URL, "pool": {"max": True}}, "pool.max", "cannot be read as int"),
    "an unknown mode": ({"url": URL, "migration": "always"}, "migration", "the value is not allowed"),
    "fewer than no versions": ({"url": URL, "keep_versions": -1}, "keep_versions", "too small"),
    "no such authority": ({"url": URL, "tls_ca": "/nowhere/ca.pem"}, "tls_ca", "there is no file"),
    "a key without its certificate": ({"url": URL, "tls_key": __file__}, "tls_key", "needs a certificate"),
    "TLS for a file": ({"url": "sqlite:////tmp/x.db", "tls_ca": __file__}, "tls_ca", "no network"),
    "verified and insecure": (
        {"url": URL, "tls_ca": __file__, "allow_insecure_transport": True},
        "allow_insecure_transport",
        "contradicts",
    ),
    "plain without a word": ({"url": URL, "encrypt": False}, "encrypt", "plain text"),
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Nothing here may look a name up or connect."""

    def forbidden(*_arguments, **_options):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)


@pytest.mark.parametrize(("options", "option", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_refused_by_its_option(options, option, said):
    """Before any network is used, and without showing a password."""
    with pytest.raises(InvalidConfiguration) as caught:
        open_store(dict({"backend": "database", "audit": "off"}, **options), name="prod")
    assert caught.value.option == option
    assert said in str(caught.value)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_library_is_told_with_its_pip_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sqlalchemy", None)
    with pytest.raises(MissingLibrary) as caught:
        open_store({"backend": "database", "url": "sqlite:////tmp/x/y.db", "audit": "off"})
    assert "pip install 'sqlalchemy" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown", "is_local"),
    [
        ("postgresql://app:x@db.example.com/n", "postgresql://app@db.example.com:5432/n", False),
        ("postgres://app:x@127.0.0.1:5433/n", "postgresql://app@127.0.0.1:5433/n", True),
        ("mariadb://app:p%40ss@[::1]/n", "mariadb://app@[::1]:3306/n", True),
        ("mysql://localhost/n", "mysql://localhost:3306/n", True),
        ("cockroachdb://app@crdb/n", "cockroachdb://app@crdb:26257/n", False),
        ("postgresql://app@/n?host=/run/postgresql", "postgresql://app@/run/postgresql/n", True),
        ("mariadb://app@/n?unix_socket=/run/mysqld/s", "mariadb://app@/run/mysqld/s/n", True),
        ("sqlite:////srv/x.db", "sqlite:////srv/x.db", True),
    ],
)
def test_an_address_is_shown_without_its_password(url, shown, is_local):
    address = parse_address(url)
    assert (address.redact, address.is_local) == (shown, is_local)
    assert "p@ss" not in repr(address)


UNENCODED = [
    "postgresql://app:S3cr@t/W0rd#1@127.0.0.1:1/x",
    "postgresql://app:S3cr@t@127.0.0.1:1/x",
    "postgresql://app:5432/W0rd@127.0.0.1:1/x",
    "postgresql://app:5432#W0rd@127.0.0.1:1/x",
    "postgresql://app:5432?W0rd@127.0.0.1:1/x",
    "mysql://app:S3cr%tW0rd@127.0.0.1:1/x",
    "mariadb://app:S3cr/W0rd@127.0.0.1:1/x",
    "cockroachdb://app:[S3cr@127.0.0.1:1/x",
]


@pytest.mark.parametrize("url", UNENCODED)
def test_a_password_that_is_not_percent_encoded_is_refused_without_a_part_of_it(url):
    with pytest.raises(InvalidConfiguration) as caught:
        open_store({"backend": "database", "url": url, "database": "x", "audit": "off"})
    assert caught.value.option == "url"
    assert "percent-encode" in str(caught.value).lower()
    assert not [part for part in ("S3cr", "W0rd", "127.0.0.1", "5432", "app") if part in str(caught.value)]


def test_a_file_of_sqlite_may_be_named_from_home(home):
    assert parse_address("sqlite:///~/x.db").database == str(home / "x.db")


def password(settings, url=URL):
    found = Login(parse_address(url), settings, lambda _message: None).password()
    return found and found.expose()


def test_the_password_comes_from_the_place_that_is_named(tmp_path, monkeypatch):
    """A file and a variable are read anew for each connection."""
    file = tmp_path / "password"
    file.write_bytes(b"from-file\n")
    file.chmod(0o600)
    monkeypatch.setenv("DB_PASSWORD", "from-env")
    assert password({}) is None
    assert password({}, "postgresql://app:p%2Fw@db/n") == b"p/w"
    assert password({"password": "given"}) == b"given"
    assert password({"password_file": str(file)}) == b"from-file"
    assert password({"password_env": "DB_PASSWORD"}) == b"from-env"
    monkeypatch.delenv("DB_PASSWORD")
    with pytest.raises(InvalidConfiguration):
        password({"password_env": "DB_PASSWORD"})
    file.chmod(0o644)
    with pytest.raises(InsecurePermissions):
        password({"password_file": str(file)})


@pytest.mark.parametrize(
    ("url", "settings", "mode"),
    [
        (URL, {}, VERIFIED),
        (URL, {"verify": False}, UNVERIFIED),
        (URL, {"allow_insecure_transport": True}, PLAIN),
        (URL, {"allow_insecure_transport": True, "verify": False}, UNVERIFIED),
        ("postgresql://app@localhost/n", {}, LOCAL),
        ("postgresql://app@localhost/n", {"tls_ca": ssl.get_default_verify_paths().openssl_cafile}, VERIFIED),
        ("postgresql://app@/n?host=/run/x", {}, LOCAL),
        ("sqlite:////srv/x.db", {}, LOCAL),
    ],
)
def test_tls_is_verified_unless_something_else_is_written_out(url, settings, mode, tmp_path):
    """What is unverified is warned of."""
    if "tls_ca" in settings:
        settings = {"tls_ca": str(tmp_path / "ca.pem")}
        (tmp_path / "ca.pem").write_text("")
    warnings = []
    assert transport(parse_address(url), settings, warnings.append).mode == mode
    assert bool(warnings) == (mode == UNVERIFIED)


def arguments(url, settings, monkeypatch):
    """What psycopg is given."""
    backend = Database(dict(settings, url=url), BackendContext("prod"))
    return backend._connections.kind._arguments()


def test_libpq_is_told_to_verify_the_host(monkeypatch):
    """With the machine's authorities, 1.2 at least, and the password apart from everything that is printed."""
    given = arguments(URL, {"password": CANARY}, monkeypatch)
    assert (given["sslmode"], given["ssl_min_protocol_version"]) == ("verify-full", "TLSv1.2")
    assert given["sslrootcert"]
    assert given["prepare_threshold"] is None
    assert arguments(URL, {"allow_insecure_transport": True}, monkeypatch)["sslmode"] == "disable"
    assert arguments("postgresql://a@localhost/n", {}, monkeypatch)["sslmode"] == "prefer"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_kind_has_a_dialect_of_sqlalchemy(dialect):
    url = "sqlite:////tmp/x.db" if dialect == "sqlite" else "{0}://app@127.0.0.1/n".format(dialect)
    backend = Database({"url": url}, BackendContext("prod"))
    if dialect == "cockroachdb":
        with_cockroachdb()
    assert backend._connections.dialect().name == dialect
