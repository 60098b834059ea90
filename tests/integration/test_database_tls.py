# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS with real databases: who signed the certificate, and for which host, is looked at before the password is sent."""

from __future__ import annotations

import contextlib
import json
import os
import signal

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, StorageError, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.database import Database
from tests.conformance.records import a_record, value_of
from tests.integration.database_servers import backend_on
from tests.servers import databases, keeper, mariadb, postgresql
from tests.servers.certificates import Authority
from tests.servers.processes import ServerUnavailable, unprivileged_account

pytestmark = pytest.mark.server
KINDS = {"postgresql": postgresql, "mariadb": mariadb}
PLACES = {"postgresql": ("ssl_cert_file", "ssl_key_file", "ssl_ca_file"), "mariadb": ("ssl-cert", "ssl-key", "ssl-ca")}
# Who has to show a certificate is a line of its own in PostgreSQL's file of hosts, and a matter of the user in MariaDB.
HOSTS = "hostssl all shown 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\nhost all all 127.0.0.1/32 scram-sha-256\n"


def made(directory):
    directory.mkdir()
    return directory


def placed(paths, directory):
    """Copies that the server's account can read, and nobody else."""
    account = unprivileged_account()
    for path in paths:
        copy = directory / path.name
        copy.write_bytes(path.read_bytes())
        copy.chmod(0o600)
        if account.uid is not None:
            os.chown(copy, account.uid, account.gid)
        yield copy


@contextlib.contextmanager
def with_certificate(kind, paths):
    """A server of that kind that shows this certificate; a third path is the authority that it believes certificates of clients by."""
    module = KINDS[kind]
    try:
        with module.running() as plain:
            os.kill(plain.pid, signal.SIGINT if kind == "postgresql" else signal.SIGTERM)
            while keeper._alive(plain.pid):
                pass
            settings = dict(zip(PLACES[kind], map(str, placed(paths, plain.log.parent))))
            (plain.log.parent / "hosts").write_text(HOSTS)
            if kind == "postgresql":
                settings["hba_file"] = str(plain.log.parent / "hosts")
            with module.again(plain, dict(settings, **({"ssl": "on"} if kind == "postgresql" else {}))) as server:
                yield server
    except ServerUnavailable as error:
        from tests.conftest import cannot_run

        cannot_run(str(error))


def try_credential(kind, server, mode, **files):
    """Try the login of a credential of the type `database`, with a mode of TLS and the files that the client's parameters name."""
    names = {"postgresql": ("sslrootcert", "sslcert", "sslkey"), "mariadb": ("ssl-ca", "ssl-cert", "ssl-key")}[kind]
    parameters = {name: str(files[each]) for each, name in zip(("ca", "cert", "key"), names) if each in files}
    login = {"username": files.get("username", server.user), "password": files.get("password", server.password)}
    place = {"host": server.host, "port": str(server.port), "database": server.database, "ssl_mode": mode}
    fields = {**login, **place, "engine": "mysql" if kind == "mariadb" else kind, "parameters": json.dumps(parameters)}
    with deadline.within(60, "check"):
        Database().try_login(Database().validate({name: Secret(text) for name, text in fields.items()}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_is_believed_by_its_authority_and_its_host(kind, tmp_path):
    authority, other = (Authority(made(tmp_path / name), name) for name in ("ca", "other"))
    prefix = databases.prefix(tmp_path)
    with with_certificate(kind, authority.issue("server", ["127.0.0.1"])) as server:
        backend = backend_on(server, prefix, tls_ca=str(authority.certificate))
        backend.put(a_record())
        with backend._connections.reading() as connection:
            encrypted = (
                "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()" if kind == "postgresql" else "SHOW STATUS LIKE 'Ssl_cipher'"
            )
            assert connection.exec_driver_sql(encrypted).first()[-1]
        with pytest.raises(LoginFailed):
            backend_on(server, prefix, tls_ca=str(authority.certificate), password="wrong").get("a")
        with pytest.raises(StorageError) as caught:
            backend_on(server, prefix, tls_ca=str(other.certificate)).get("a")
        assert "TLS with the database cannot be set up" in str(caught.value)
        assert value_of(backend_on(server, prefix).get("db_pass")) == b"s3cret"
        try_credential(kind, server, "verify-full", ca=authority.certificate)
        with pytest.raises(Unavailable, match="no TLS connection"):
            try_credential(kind, server, "verify-ca", ca=other.certificate)


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_for_another_host_is_refused(kind, tmp_path):
    authority = Authority(made(tmp_path / "ca"))
    with with_certificate(kind, authority.issue("server", ["elsewhere.example.com"])) as server:
        with pytest.raises(StorageError) as caught:
            backend_on(server, databases.prefix(tmp_path), tls_ca=str(authority.certificate)).get("a")
        try_credential(kind, server, "verify-ca", ca=authority.certificate)
        with pytest.raises(Unavailable, match="no TLS connection"):
            try_credential(kind, server, "verify-full", ca=authority.certificate)
    assert caught.value.__class__ is StorageError


def shown_user(kind, server):
    """A user who is let in with a certificate alone, beside the password."""
    if kind == "postgresql":
        server.run("CREATE ROLE shown SUPERUSER LOGIN PASSWORD 'of-shown'")
    else:
        server.run("CREATE USER shown@'%' IDENTIFIED BY 'of-shown' REQUIRE X509")
        server.run("GRANT ALL ON *.* TO shown@'%'")
    return {"username": "shown", "password": "of-shown"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_shows_its_certificate_where_it_is_asked_for_one(kind, tmp_path):
    """Without one, or with one of another authority, nobody is let in."""
    authority, other = (Authority(made(tmp_path / name), name) for name in ("ca", "other"))
    paths = (*authority.issue("server", ["127.0.0.1"]), authority.certificate)
    with with_certificate(kind, paths) as server:
        login = dict(shown_user(kind, server), tls_ca=str(authority.certificate))
        mine, foreign = (each.issue("client", client=True) for each in (authority, other))
        backend = backend_on(server, databases.prefix(tmp_path), tls_cert=str(mine.certificate), tls_key=str(mine.key), **login)
        assert value_of(backend.put(a_record())) == b"s3cret"
        user = {name: login[name] for name in ("username", "password")}
        try_credential(kind, server, "verify-full", ca=authority.certificate, cert=mine.certificate, key=mine.key, **user)
        for wrong in ({}, {"tls_cert": str(foreign.certificate), "tls_key": str(foreign.key)}):
            with pytest.raises((LoginFailed, StorageError)) as caught:
                backend_on(server, databases.prefix(tmp_path), **login, **wrong).get("a")
            assert not caught.value.outcome_unknown
