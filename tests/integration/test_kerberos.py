# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kerberos on a real KDC: tickets with a password and a keytab, renewal, services, and what is refused. Its log has each request."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
import time
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import TEMPORARY_PREFIX
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos import tickets
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.kerberos_type import Kerberos
from tests.integration.test_ldap import mute
from tests.servers import krb5, once
from tests.servers.processes import LOOPBACK
from tests.unit.types.refreshed import World

pytestmark = pytest.mark.server
PASSWORD = "c4n4ry-of-a-principal"
WEB = "HTTP/web.example.test"


@pytest.fixture(scope="module")
def kdc():
    """The KDC with a person, a service that people log in to, and a service that logs in itself."""
    server = once.krb5()
    for name, password in (("person", PASSWORD), (WEB, None), ("robot/app.example.test", None)):
        server.add_principal(name, password)
    return server


@pytest.fixture
def world(kdc, request):
    """A store with a credential of the person; fields by the marker's parameters."""
    fields = {"principal": "person@" + krb5.REALM, "password": PASSWORD, "kdc": kdc.kdc, **getattr(request, "param", {})}
    made = World("kerberos", **fields)
    yield made
    made.opened.close()


def read_cache(world, tmp_path):
    """The tickets that the credential has, as klist of MIT krb5 shows them."""
    path = tmp_path / "cache"
    path.write_bytes(world.manager.get("robot").token().expose())
    path.chmod(0o600)
    return path, subprocess.run(["klist", "-f", "-c", str(path)], check=True, capture_output=True, text=True).stdout


def test_a_read_gets_a_ticket_once_and_again_before_it_ends(world, kdc, tmp_path):
    before = kdc.count("ISSUE")
    _path, shown = read_cache(world, tmp_path)
    assert "Default principal: person@EXAMPLE.TEST" in shown
    assert "krbtgt/EXAMPLE.TEST@EXAMPLE.TEST" in shown
    read_cache(world, tmp_path)
    assert kdc.count("ISSUE") == before + 1
    ends_at = world.expires_at
    world.ahead = timedelta(hours=10) - timedelta(seconds=200)
    read_cache(world, tmp_path)
    assert kdc.count("ISSUE") == before + 2
    assert world.expires_at >= ends_at


@pytest.mark.parametrize(
    "world", [{"service": "HTTP@web.example.test", "lifetime": "1h", "renewable_for": "7d", "forwardable": "true"}], indirect=True
)
def test_a_cache_has_the_ticket_of_the_service_and_a_program_renews_it(world, kdc, tmp_path):
    before = kdc.count("ISSUE")
    path, shown = read_cache(world, tmp_path)
    assert WEB in shown
    assert "renew until" in shown
    assert "Flags: FRI" in shown
    assert kdc.count("ISSUE") == before + 2
    subprocess.run(["kinit", "-R", "-c", str(path)], check=True, env={**os.environ, **kdc.environment()})


@pytest.mark.parametrize("world", [{"service": "HTTP@web.example.test"}], indirect=True)
def test_a_header_is_accepted_by_the_service_and_is_another_one_each_time(world, kdc, tmp_path, monkeypatch):
    """Each costs no request to the KDC. The service is gssapi with the service's own keytab."""
    import gssapi

    path = tmp_path / "web.keytab"
    path.write_bytes(kdc.write_keytab(WEB))
    for name, value in {"KRB5_CONFIG": str(kdc.configuration), "KRB5RCACHENAME": "file2:" + str(tmp_path / "replays")}.items():
        monkeypatch.setenv(name, value)
    first, second = world.read("header"), world.read("header")
    issued = kdc.count("ISSUE")
    world.read("header")
    assert kdc.count("ISSUE") == issued
    assert first != second
    accepting = gssapi.Credentials(usage="accept", store={"keytab": str(path)})
    for header in (first, second):
        kind, token = header.split(" ", 1)[1].split(" ")
        service = gssapi.SecurityContext(creds=accepting, usage="accept")
        service.step(base64.b64decode(token))
        assert (kind, str(service.initiator_name)) == ("Negotiate", "person@EXAMPLE.TEST")


def test_a_keytab_with_several_versions_logs_in_with_the_newest_and_an_old_one_is_refused(kdc):
    name = "robot/app.example.test"
    old = kdc.write_keytab(name)
    new = kdc.write_keytab(name, keep=False)
    both = old + new[2:]
    fields = {"principal": "{0}@{1}".format(name, krb5.REALM), "kdc": kdc.kdc}
    tried = try_login(**fields, keytab=both)
    assert Kerberos().read(tried, {}, "key_versions") == Secret("2,1")
    with pytest.raises(LoginFailed, match="key is wrong"):
        try_login(**fields, keytab=old)


def try_login(seconds=60, **texts):
    kind = Kerberos()
    with deadline.within(seconds, "check"):
        fields = kind.validate({name: Secret(text) for name, text in texts.items()})
        kind.try_login(fields)
    return fields


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": "c4n4ry-wrong"}, "the key is wrong"),
        ({"principal": "nobody@EXAMPLE.TEST"}, "does not know the principal"),
        ({"service": "HTTP@nowhere.example.test"}, "does not know the service"),
    ],
)
def test_a_refusal_says_why_and_shows_no_secret(kdc, change, says):
    fields = {"principal": "person@EXAMPLE.TEST", "password": PASSWORD, "kdc": kdc.kdc, **change}
    with pytest.raises(LoginFailed, match=says) as caught:
        try_login(**fields)
    assert "c4n4ry" not in str(caught.value)


def test_a_locked_principal_and_an_expired_password_are_told_apart(kdc):
    fields = {"principal": "late@EXAMPLE.TEST", "password": PASSWORD, "kdc": kdc.kdc}
    kdc.add_principal("late", PASSWORD)
    kdc.run_local("modprinc -pwexpire yesterday late")
    with pytest.raises(LoginFailed, match="password of the principal has expired"):
        try_login(**fields)
    kdc.run_local("modprinc -pwexpire never -allow_tix late")
    with pytest.raises(LoginFailed, match="locked or disabled"):
        try_login(**fields)


def test_no_kdc_and_a_silent_one_are_unavailable_within_the_time(kdc):
    fields = {"principal": "person@EXAMPLE.TEST", "password": PASSWORD}
    with pytest.raises(Unavailable, match="no KDC"):
        try_login(**fields, kdc=LOOPBACK + ":1")
    with mute() as port, pytest.raises(Timeout):
        try_login(3, **fields, kdc="{0}:{1}".format(LOOPBACK, port))


def test_no_file_that_could_stay_has_a_keytab(kdc, tmp_path, monkeypatch):
    """While a KDC is silent, both processes may be killed."""
    monkeypatch.setattr(tickets, "_MEMORY", str(tmp_path))
    name = "robot/app.example.test"
    with mute() as port:
        fields = {
            "principal": "{0}@{1}".format(name, krb5.REALM),
            "kdc": "{0}:{1}".format(LOOPBACK, port),
            "keytab": kdc.write_keytab(name),
        }

        def log_in():
            with pytest.raises(Timeout):
                try_login(10, **fields)

        thread = threading.Thread(target=log_in)
        thread.start()
        seen = set()
        while thread.is_alive():
            # A new file has a temporary name at first: only krb5.conf is written like that.
            seen.update(path.name for path in tmp_path.glob("*/*") if not path.name.startswith(TEMPORARY_PREFIX))
            time.sleep(0.05)
        thread.join()
    assert "krb5.conf" in seen
    assert seen <= {"krb5.conf", "cache"}
    assert list(tmp_path.iterdir()) == []


def test_the_caches_of_the_user_are_neither_read_nor_written(kdc, tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.write_bytes(b"theirs")
    monkeypatch.setenv("KRB5CCNAME", "FILE:" + str(own))
    monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "nothing"))
    try_login(principal="person@EXAMPLE.TEST", password=PASSWORD, kdc=kdc.kdc)
    assert own.read_bytes() == b"theirs"


PLAY = """
- name: login
  nebula.credential.credential:
    name: person
    type: kerberos
    check: true
    value: {0}
    fields: {{principal: person@EXAMPLE.TEST, kdc: "{1}", service: HTTP@web.example.test}}
- name: header
  ansible.builtin.assert: {{that: "lookup('nebula.credential.get', 'person', field='header') is match('Authorization: Negotiate .+')"}}
- name: tickets
  ansible.builtin.assert: {{that: "lookup('nebula.credential.get', 'person', encoding='base64') | length > 100"}}
"""


@pytest.mark.parametrize("session", ["true", "false"])
def test_a_play_logs_in_and_reads_a_header_and_the_tickets(kdc, project, session):
    before = kdc.count("ISSUE")
    project.play(PLAY.format(PASSWORD, kdc.kdc), NEBULA_CREDENTIAL_SESSION=session).succeeded()
    assert kdc.count("ISSUE") == before + 4, "a ticket of the realm and one of the service: for the check, and for all reads"
