# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotations in plays, in which no secret may show by any channel, those of the services among them."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.keytab import read_keytab
from tests.canary import canaries
from tests.canary.channels import everywhere
from tests.canary.sandbox import store_of
from tests.canary.search import Searcher
from tests.servers import mongodb_wire, once, rabbitmq_api, sshd
from tests.targets.certificate import read_fingerprint


@pytest.mark.server
def test_no_secret_shows_in_a_rotation_or_in_the_log_of_postgresql(given, sandbox, postgresql):
    given = dict(given, new_canary=canaries.make_plain(), admin_canary=postgresql.password)
    role = "canary_{0}".format(given["new_canary"][:6].lower())
    with postgresql.connect() as connection:
        connection.execute("SET log_statement = 'none'")  # This statement is the test's own.
        connection.execute("CREATE ROLE {0} LOGIN PASSWORD '{1}'".format(role, given["plain_canary"]))
    server = {"server_host": postgresql.host, "server_port": postgresql.port, "server_user": postgresql.user, "server_role": role}
    before = len(postgresql.log.read_bytes())
    # With ANSIBLE_KEEP_REMOTE_FILES the modules of community.postgresql leave their logins in their own payloads: that is what it is for.
    variables = dict(given, canary_store=store_of(sandbox), **server)
    ended = sandbox.play("rotate.yml", variables, ["--diff"], {"ANSIBLE_KEEP_REMOTE_FILES": "0"})
    logged = postgresql.log.read_bytes()[before:]
    assert Searcher(given).hits([*everywhere(sandbox), ("PostgreSQL's log", logged)]) == []
    assert ended == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert b"ALTER USER" in logged
    assert postgresql.accepts(role, given["new_canary"])


def rotate_service(given, sandbox, target, server, options):
    """Rotate an account of a service by the play that fits each target whose administrator is in the store."""
    ways = {"server_target": target, "server_options": options, "server_account": "canary_app", "server_user": server.user}
    variables = dict(given, canary_store=store_of(sandbox), **ways)
    ended = sandbox.play("rotate_service.yml", variables, ["--diff", "-vvv"], {"ANSIBLE_KEEP_REMOTE_FILES": "0"})
    assert ended == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert b"'promoted'" in sandbox.output or b'"promoted"' in sandbox.output


@pytest.mark.server
def test_no_secret_shows_in_a_rotation_or_in_the_general_log_of_mariadb(given, sandbox, mariadb):
    given = dict(given, new_canary=canaries.make_plain(), admin_canary=mariadb.password)
    mariadb.run("CREATE USER canary_app@'%' IDENTIFIED BY '{0}'".format(given["plain_canary"]))
    before = len(mariadb.general_log.read_bytes())
    rotate_service(given, sandbox, "mysql", mariadb, {"host": mariadb.host, "port": mariadb.port})
    logged = mariadb.general_log.read_bytes()[before:]
    assert Searcher(given).hits([*everywhere(sandbox), ("MariaDB's general log", logged)]) == []
    assert b"SET PASSWORD FOR 'canary_app'@'%' = '*" in logged
    mariadb.run("GRANT SELECT ON {0}.* TO canary_app@'%'".format(mariadb.database))
    assert mariadb.accepts("canary_app", given["new_canary"])
    mariadb.run("DROP USER canary_app@'%'")


@pytest.mark.server
def test_no_secret_shows_in_a_rotation_of_an_acl_user(given, sandbox, valkey):
    given = dict(given, new_canary=canaries.make_plain(), admin_canary=valkey.password)
    valkey.ask("AUTH default " + valkey.password, "ACL SETUSER canary_app on >{0} +ping".format(given["plain_canary"]))
    rotate_service(given, sandbox, "redis", valkey, {"urls": ["redis://{0}:{1}".format(valkey.host, valkey.port)], "save": "nowhere"})
    logged = valkey.log.read_bytes()
    assert Searcher(given).hits([*everywhere(sandbox), ("Valkey's log", logged)]) == []
    for value in ("new_canary", "plain_canary"):
        assert "+PONG" in valkey.ask("AUTH canary_app {0}".format(given[value]), "PING")
    valkey.ask("AUTH default " + valkey.password, "ACL DELUSER canary_app")


def test_no_secret_shows_in_a_rotation_of_a_mongodb_user(given, sandbox):
    with mongodb_wire.running() as server:
        given = dict(given, new_canary=canaries.make_plain(), admin_canary=server.password)
        server.put("canary_app", given["plain_canary"], [])
        rotate_service(given, sandbox, "mongodb", server, {"url": server.url})
        assert Searcher(given).hits(everywhere(sandbox)) == []
        assert server.accepts("canary_app", given["new_canary"])


def test_no_secret_shows_in_a_rotation_of_a_rabbitmq_user(given, sandbox):
    with rabbitmq_api.running() as server:
        given = dict(given, new_canary=canaries.make_plain(), admin_canary=server.password)
        server.ask("PUT", "/api/users/canary_app", {"password": given["plain_canary"], "tags": ""})
        rotate_service(given, sandbox, "rabbitmq", server, {"url": server.url})
        sent = b"".join(request.content for request in server.asked[1:])
        assert Searcher(given).hits([*everywhere(sandbox), ("what the server got", sent)]) == []
        assert server.accepts("canary_app", given["new_canary"])


@pytest.mark.parametrize("secret_in", ["stdin", "environment"])
def test_no_secret_shows_in_a_rotation_by_programs(given, sandbox, secret_in):
    """Also with the modules' payloads kept: there are none. A program's environment holds the value where the user asked for that."""
    given = dict(given, new_canary=canaries.make_plain())
    (sandbox.path("rendered") / "door").write_text(given["plain_canary"] + "\n")
    ended = sandbox.play("rotate_command.yml", dict(given, canary_store=store_of(sandbox), secret_in=secret_in), ["--diff"])
    searched = [blob for blob in everywhere(sandbox) if secret_in == "stdin" or blob[0] != "/proc/*/environ"]
    assert Searcher(given).hits(searched) == []
    assert ended == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert (sandbox.path("rendered") / "door").read_text() == given["new_canary"] + "\n"
    assert any(b"/rendered/door" in command for _where, command in sandbox.processes["cmdline"])


@pytest.mark.server
def test_no_secret_shows_in_a_rotation_of_an_ssh_key_or_in_the_log_of_sshd(given, sandbox):
    server = once.sshd()
    files = [sandbox.path("given") / name for name in ("old_key", "new_key")]
    server.authorized_keys.write_text(sshd.make_key(files[0]) + "\n")
    sshd.make_key(files[1])
    keys = {path.name: path.read_text() for path in files}
    known = {"server_user": server.user, "server_port": server.port, "server_keys": str(server.authorized_keys)}
    before = len(server.log.read_bytes())
    variables = dict(given, canary_store=store_of(sandbox), server_known_hosts=str(server.known_hosts), **keys, **known)
    ended = sandbox.play("rotate_ssh_key.yml", variables, ["--diff", "-vvv"])
    seeds = {name: "".join(key.splitlines()[1:-1])[216:256] for name, key in keys.items()}  # the bytes that only the private part has
    logged = server.log.read_bytes()[before:]
    assert Searcher(dict(given, **seeds)).hits([*everywhere(sandbox), ("sshd's log", logged)]) == []
    assert ended == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert b"Accepted publickey" in logged
    assert server.accepts(files[1])


@pytest.mark.server
def test_no_secret_shows_in_a_rotation_of_a_linux_account(given, sandbox):
    given = dict(given, new_canary=canaries.make_plain())
    server = once.linux_host()
    server.add("canary", given["plain_canary"])
    known = {"server_host": server.host, "server_port": server.port, "server_user": "canary", "server_admin_key": str(server.admin_key)}
    variables = dict(given, canary_store=store_of(sandbox), server_known_hosts=str(server.directory / "known_hosts"), **known)
    ended = sandbox.play("rotate_linux_user.yml", variables, ["--diff", "-vvv"])
    shown = [*everywhere(sandbox), ("sshd's log", server.log.read_bytes())]
    assert Searcher(given).hits(shown) == []
    assert ended == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert not any(b"$6$" in content for _where, content in shown)
    assert b"there is no local account" in sandbox.output
    assert server.accepts("canary", given["new_canary"])


@pytest.mark.server
def test_no_secret_shows_in_a_rotation_of_a_certificate_or_in_the_log_of_nginx(given, sandbox):
    server = once.nginx()
    variables = dict(given, canary_store=store_of(sandbox), server_port=server.port, server_directory=str(server.directory))
    more = {"server_owner": server.owner, "server_reload": server.reload(), "server_host": server.host}
    ended = sandbox.play("rotate_certificate.yml", dict(variables, **more), ["--diff", "-vvv"])
    lines = (server.directory / "privkey.pem").read_text().splitlines()
    shown = [*everywhere(sandbox), ("nginx's log", server.log.read_bytes())]
    assert Searcher(dict(given, key="".join(lines[1:-1])[24:])).hits(shown) == []  # before that, every key of its kind is the same
    assert ended == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert b"the program 'reload' failed" in sandbox.output
    assert read_fingerprint((server.directory / "fullchain.pem").read_text()) == server.fingerprint()


@pytest.mark.server
def test_no_secret_shows_in_a_rotation_at_a_directory_or_in_its_log(given, sandbox):
    server = once.slapd()
    given = dict(given, new_canary=canaries.make_plain(), admin_canary=server.password)
    dn = server.add_person("canary", given["plain_canary"])
    place = {"directory_url": server.ldaps_url, "directory_ca": server.ca_cert, "directory_dn": dn, "directory_admin": server.user}
    ended = sandbox.play("rotate_ldap.yml", dict(given, canary_store=store_of(sandbox), **place), ["--diff", "-vvv"])
    assert Searcher(given).hits([*everywhere(sandbox), ("slapd's log", server.log.read_bytes())]) == []
    assert ended == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert b"refuses the login" in sandbox.output
    assert b"no such account" in sandbox.output
    assert server.accepts(dn, given["new_canary"])


@pytest.mark.server
def test_no_secret_shows_in_a_rotation_of_a_keytab_or_in_the_logs_of_the_kdc(given, sandbox):
    server = once.krb5()
    principal = server.add_principal("HTTP/canary.example.test")
    old = server.write_keytab("HTTP/canary.example.test")
    given = dict(given, admin_canary=server.password, keytab_canary=base64.b64encode(old).decode())
    address = "{0}:{1}".format(server.host, server.admin_port)
    place = {"kdc": server.kdc, "admin_server": address, "admin": server.user, "principal": principal}
    ended = sandbox.play("rotate_kerberos.yml", dict(given, canary_store=store_of(sandbox), **place), ["--diff", "-vvv"])
    found = [entry for each in (old, server.write_keytab("HTTP/canary.example.test")) for entry in read_keytab(each)]
    # In base64, what a key looks like depends on where it begins.
    parts = [base64.b64encode(bytes(shift) + entry.key)[4:-4].decode() for entry in found for shift in range(3)]
    keys = {"key {0}".format(number): part for number, part in enumerate([*parts, *(entry.key.hex() for entry in found)])}
    logs = [(log.name, log.read_bytes()) for log in (server.log, server.log.with_name("kadmind.log"))]
    assert Searcher({**given, **keys}).hits([*everywhere(sandbox), *logs]) == []
    assert ended == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert b"key is wrong" in sandbox.output
    assert b"promoted" in sandbox.output


@pytest.mark.server
def test_no_secret_shows_in_rotations_by_requests(given, sandbox):
    server = once.openbao()
    path = "auth/{0}/role/{1}".format(server.enable("approle", "canary-approle", auth=True), "canary")
    rules = 'path "{0}*" {{ capabilities = ["create", "read", "update", "list"] }}'.format(path)
    given = dict(given, new_canary=canaries.make_plain(), admin_canary=server.token(server.policy("canary", rules)))
    server.call("POST", path, {"token_ttl": "1m"})
    server.call("POST", path + "/custom-secret-id", {"secret_id": given["plain_canary"]})
    role_id = server.call("GET", path + "/role-id")["data"]["role_id"]
    named = {"server_url": server.url, "server_mount": "canary-approle", "server_role": "canary", "server_role_id": role_id}
    ended = sandbox.play("rotate_api.yml", {**given, "canary_store": store_of(sandbox), **named}, ["--diff", "-vvv"])
    said = sandbox.output[-3000:].decode("utf-8", "replace")
    assert Searcher(given).hits(everywhere(sandbox)) == []
    assert ended == 0, said
    assert b"promoted" in sandbox.output, said
    assert b"the server responded with status" in sandbox.output, said
    assert len(server.call("LIST", path + "/secret-id")["data"]["keys"]) == 3
