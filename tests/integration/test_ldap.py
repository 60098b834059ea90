# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of directories on a real slapd: every way to log in, and what is refused. The log of the server says what it got."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, LoginFailed, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.ldap import Ldap
from tests.servers import once, slapd
from tests.servers.processes import LOOPBACK

pytestmark = pytest.mark.server
PASSWORD = "c4n4ry-of-a-directory"
NAME = 'Smith, James + "Jim" <svc>'
"""Its distinguished name needs escaping."""


@pytest.fixture(scope="module")
def people():
    """The server, an account whose password is hashed, and one whose password SASL can use."""
    server = once.slapd()
    return server, server.add_person(NAME, PASSWORD), server.add_person("robot", PASSWORD, plain=True)


def try_login(server, password=PASSWORD, **texts):
    given = {"password": password, "url": server.ldaps_url, "ca_cert": server.ca_cert, **texts}
    kind = Ldap()
    with deadline.within(60, "check"):
        kind.try_login(kind.validate({name: Secret(text) for name, text in given.items() if text is not None}))


def connections(server):
    return server.count("ACCEPT from")


WAYS = [
    *(("simple", start_tls) for start_tls in (None, "true", "false")),
    *((mechanism, None) for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-512", "DIGEST-MD5", "PLAIN")),
    *(("SCRAM-SHA-256", start_tls) for start_tls in (None, "true", "false")),
]
"""Mechanisms, and the three ways to connect: without `start_tls` by LDAPS."""


def choose(server, dn, mechanism, start_tls):
    who = {"bind_dn": dn} if mechanism == "simple" else {"username": "robot", "mechanism": mechanism}
    return dict(who, url=server.ldaps_url if start_tls is None else server.url, start_tls=start_tls)


@pytest.mark.parametrize(("mechanism", "start_tls"), WAYS)
def test_each_way_logs_in_once_and_refuses_a_wrong_password(people, mechanism, start_tls):
    server, dn, _robot = people
    way = choose(server, dn, mechanism, start_tls)
    before = connections(server)
    try_login(server, **way)
    assert connections(server) == before + 1
    with pytest.raises(LoginFailed, match="refuses the login") as caught:
        try_login(server, "c4n4ry-wrong", **way)
    assert "c4n4ry" not in str(caught.value)


def test_a_password_is_not_sent_as_it_is_without_encryption(people):
    """By PLAIN; a simple login is written out by 'start_tls: false'."""
    server, dn, _robot = people
    with pytest.raises(LoginFailed, match="mechanism cannot be used"):
        try_login(server, **choose(server, dn, "PLAIN", "false"))


def test_an_escaped_name_logs_in_as_the_entry_that_is_meant(people):
    server, dn, _robot = people
    try_login(server, bind_dn=dn)
    assert r"\2C James \2B" in server.log.read_text(encoding="utf-8") or r"\, James \+" in server.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("start_tls", [None, "true"], ids=["ldaps", "start_tls"])
def test_a_server_that_another_authority_has_signed_gets_no_password(people, start_tls):
    server, dn, _robot = people
    before = server.count("BIND dn=")
    with pytest.raises(Unavailable, match="certificate is not trusted"):
        try_login(server, bind_dn=dn, url=server.ldaps_url if start_tls is None else server.url, start_tls=start_tls, ca_cert=None)
    assert server.count("BIND dn=") == before


def test_no_configuration_of_libldap_turns_the_check_of_certificates_off(people, tmp_path, monkeypatch):
    server, dn, _robot = people
    (tmp_path / "ldaprc").write_text("TLS_REQCERT never\n", encoding="ascii")
    for name, value in {"LDAPCONF": str(tmp_path / "ldaprc"), "LDAPTLS_REQCERT": "never"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Unavailable, match="certificate is not trusted"):
        try_login(server, bind_dn=dn, ca_cert=None)


def test_a_login_without_a_password_is_never_sent(people):
    server, dn, _robot = people
    before = connections(server)
    with pytest.raises(InvalidInput, match="anonymous"):
        try_login(server, "", bind_dn=dn)
    assert connections(server) == before


def test_a_directory_that_wants_tls_is_named():
    with slapd.running(strength=128) as server:
        dn = server.add_person("app", PASSWORD)
        with pytest.raises(LoginFailed, match="over TLS alone"):
            try_login(server, bind_dn=dn, url=server.url, start_tls="false")
        try_login(server, bind_dn=dn, url=server.url)


@contextlib.contextmanager
def mute():
    """The port of a server that takes connections and says nothing."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        taken = []

        def take():
            with contextlib.suppress(OSError):
                while True:
                    taken.append(listening.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield listening.getsockname()[1]
        for connection in taken:
            connection.close()


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
def test_a_silent_server_takes_no_longer_than_the_operation_may(scheme):
    """libldap itself waits for the handshake of TLS without an end."""
    kind = Ldap()
    with mute() as port:
        fields = {"password": PASSWORD, "url": "{0}://{1}:{2}".format(scheme, LOOPBACK, port), "bind_dn": "cn=app"}
        with deadline.within(3, "check"), pytest.raises(Timeout):
            kind.try_login(kind.validate({name: Secret(text) for name, text in fields.items()}))


ATTEMPT = """
import sys
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network import ldap
ldap.send(ldap.Server(sys.argv[1], False), ldap.Login("cn=app", Secret("x")), (), 3.0)
"""


def poll(look):
    """Return what `look` returns once it is true."""
    end = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_the_process_of_a_connection_ends_by_itself_if_who_started_it_is_killed():
    with mute() as port:
        command = [sys.executable, "-c", ATTEMPT, "ldaps://{0}:{1}".format(LOOPBACK, port)]
        caller = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        try:
            connection = poll(lambda: Path("/proc/{0}/task/{0}/children".format(caller.pid)).read_text().split())[0]
        finally:
            caller.kill()
            caller.wait()
        poll(lambda: not Path("/proc", connection).exists())


@contextlib.contextmanager
def endless():
    """The port of a server whose answer to a login has no end, and how many bytes it has sent."""
    sent = []

    def answer(listening):
        with contextlib.suppress(OSError), listening.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(bytes.fromhex("30845ffffff0 020101 61845fffff00"))
            while sum(sent) < 2**31:
                sent.append(connection.send(bytes(2**20)))

    with socket.create_server((LOOPBACK, 0)) as listening:
        threading.Thread(target=answer, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1], sent


def test_an_answer_without_an_end_does_not_fill_the_memory():
    kind = Ldap()
    with endless() as (port, sent), deadline.within(60, "check"):
        fields = {"password": PASSWORD, "url": "ldap://{0}:{1}".format(LOOPBACK, port), "bind_dn": "cn=app", "start_tls": "false"}
        given = kind.validate({name: Secret(text) for name, text in fields.items()})
        with pytest.raises(Unavailable):
            kind.try_login(given)
    assert sum(sent) < 2**29


PLAY = """
- name: login
  nebula.credential.credential:
    name: directory
    type: ldap
    check: true
    value: "{{{{ given }}}}"
    fields: {{url: "{0}", bind_dn: "uid=robot,{1}", ca_cert: "{{{{ authority }}}}"}}
"""


@pytest.mark.parametrize("session", ["true", "false"])
def test_a_login_is_stored_if_the_directory_takes_it(people, project, session):
    server = people[0]

    def run(given, *options):
        variables = json.dumps({"given": given, "authority": server.ca_cert})
        play = PLAY.format(server.ldaps_url, slapd.PEOPLE)
        return project.play(play, *options, variables=variables, NEBULA_CREDENTIAL_SESSION=session)

    refused = run("c4n4ry-wrong")
    assert "refuses the login" in refused.failed()
    before = connections(server)
    assert [run(PASSWORD, *options).succeeded().result("login")["changed"] for options in (("--check",), (), ())] == [True, True, False]
    assert connections(server) == before + 3


def test_a_value_that_would_be_generated_is_not_tried(project):
    run = project.play("- nebula.credential.credential: {name: a, type: ldap, check: true, fields: {url: ldaps://h, bind_dn: cn=a}}")
    assert "no service has it yet" in run.failed()


def test_a_type_without_a_login_says_so(project):
    run = project.play("- nebula.credential.credential: {name: a, type: basic, check: true, value: abc}")
    assert "type 'basic' has no login that can be tried" in run.failed()
