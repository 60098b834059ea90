# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long logins live on a real server: renewal, expiry, revocation. Requests are counted in the server's audit log."""

from __future__ import annotations

import time

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import token_renewal as token_life
from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed
from tests.integration.vault_ways import PLACE, Ways, connected
from tests.servers import once

pytestmark = pytest.mark.server


@pytest.fixture
def server():
    return once.openbao()


@pytest.fixture
def ways(server):
    return Ways(server)


@pytest.fixture
def clock(monkeypatch):
    """Our own clock, which a test sets forward. The server's goes on as it does."""
    forward = [0.0]
    monkeypatch.setattr(token_life, "now", lambda: time.monotonic() + forward[0])
    return forward


class Counted:
    """A connection, and what it asked the server about its own token since the last time somebody looked."""

    def __init__(self, server, ways, auth):
        self.server, self.ways = server, ways
        self.connection = connected(server, auth)
        self._seen = len(server.requests())

    def read(self, times=1):
        for _time in range(times):
            assert self.connection.request("GET", PLACE).status == 200

    def asked(self):
        requests = self.server.requests()[self._seen :]
        self._seen += len(requests)
        paths = [str(request["path"]) for request in requests]
        return [_named(path) for path in paths if path.startswith("auth/token/") or (path.startswith("auth/") and "/login" in path)]


def _named(path):
    return "login" if "/login" in path else path.rsplit("/", 1)[-1]


def test_a_login_is_made_once_and_left_alone_while_it_is_young(server, ways):
    counted = Counted(server, ways, ways.userpass())
    counted.read(10)
    assert counted.asked() == ["login"]


def test_a_token_is_renewed_once_when_a_third_of_its_life_is_left(server, ways, clock):
    counted = Counted(server, ways, ways.userpass(token_ttl="20m", token_max_ttl="10h"))
    counted.read()
    assert counted.asked() == ["login"]
    clock[0] += 790
    counted.read(3)
    assert counted.asked() == []
    clock[0] += 20
    counted.read(10)
    assert counted.asked() == ["renew-self"]


def test_a_long_lived_token_is_renewed_when_an_hour_is_left(server, ways, clock):
    counted = Counted(server, ways, ways.userpass(token_ttl="10h", token_max_ttl="100h"))
    counted.read()
    clock[0] += 9 * 3600 - 10
    counted.read()
    assert counted.asked() == ["login"]
    clock[0] += 20
    counted.read(5)
    assert counted.asked() == ["renew-self"]


def test_a_token_near_its_longest_life_is_replaced_by_a_new_login(server, ways, clock):
    """The server renews it for no longer than that, so asking again and again would be in vain."""
    auth = ways.userpass(token_ttl="20m", token_max_ttl="20m")
    counted = Counted(server, ways, auth)
    counted.read()
    ways.userpass(token_ttl="60s", token_max_ttl="60s")
    clock[0] += 810
    counted.read()
    assert counted.asked() == ["login", "renew-self", "login"]
    counted.read(5)
    assert counted.asked() == []


def test_a_batch_token_cannot_be_renewed_and_is_replaced(server, ways, clock):
    counted = Counted(server, ways, ways.userpass(token_type="batch"))
    counted.read()
    clock[0] += 810
    counted.read(5)
    assert counted.asked() == ["login", "login"]


def test_a_token_that_may_not_renew_itself_is_replaced(server, ways, clock):
    counted = Counted(server, ways, ways.userpass(token_no_default_policy=True))
    counted.read()
    clock[0] += 810
    counted.read(5)
    assert counted.asked() == ["login", "renew-self", "login"]


def test_a_token_that_was_revoked_in_mid_run_is_replaced_once(server, ways):
    counted = Counted(server, ways, ways.userpass())
    counted.read()
    made = counted.connection._login.token().secret.expose().decode()
    server.call("POST", "auth/token/revoke", {"token": made})
    counted.asked()
    counted.read(3)
    assert counted.asked() == ["login"]


def test_a_token_that_expires_is_replaced(server, ways):
    counted = Counted(server, ways, ways.userpass(token_ttl="5s", token_max_ttl="5s"))
    counted.read()
    _until_gone(server, counted.connection._login.token().secret.expose().decode())
    counted.read()
    assert counted.connection._login.logins == 2


def test_a_token_file_that_was_renewed_is_read_again_and_the_request_repeated(server, ways, tmp_path):
    """As an agent of the server does that keeps a token in a file. Without a new one the login has failed."""
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(ways.token()["token"] + "\n")
    counted = Counted(server, ways, {"token_file": str(path)})
    counted.read()
    for _round in range(2):
        server.call("POST", "auth/token/revoke", {"token": path.read_text().strip()})
        path.write_text(ways.token()["token"])
        counted.read(2)
    server.call("POST", "auth/token/revoke", {"token": path.read_text()})
    with pytest.raises(LoginFailed, match="expired or revoked"):
        counted.read()


def test_a_given_token_that_expires_or_is_revoked_fails_as_a_login(server, ways):
    for ends in ("expires", "is revoked"):
        auth = ways.token(ttl="5s" if ends == "expires" else "1h")
        connection = connected(server, auth)
        if ends == "is revoked":
            assert connection.request("GET", PLACE).status == 200
            server.call("POST", "auth/token/revoke", {"token": auth["token"]})
        _until_gone(server, auth["token"])
        with pytest.raises(LoginFailed) as caught:
            connection.request("GET", PLACE)
        assert "expired or revoked" in caught.value.what


def test_a_given_token_is_looked_up_once_and_only_by_a_process_that_lives_on(server, ways, clock):
    counted = Counted(server, ways, ways.token(ttl="10h"))
    counted.read(10)
    assert counted.asked() == []
    clock[0] += 31
    counted.read(10)
    assert counted.asked() == ["lookup-self"]
    clock[0] += 9 * 3600
    counted.read(10)
    assert counted.asked() == ["renew-self"]


@pytest.mark.parametrize("options", [{"no_default_policy": True}, {"type": "batch"}, {"renewable": False}])
def test_a_given_token_that_cannot_be_looked_after_is_used_as_it_is(server, ways, clock, options):
    counted = Counted(server, ways, ways.token(**options))
    counted.read()
    for _time in range(3):
        clock[0] += 1500
        counted.read(3)
    assert counted.asked() == ["lookup-self"]


def test_the_root_token_is_looked_up_once_and_never_renewed(server, ways, clock):
    counted = Counted(server, ways, {"token": server.root_token})
    counted.read()
    for _time in range(3):
        clock[0] += 100000
        counted.read(3)
    assert counted.asked() == ["lookup-self"]


def _until_gone(server, token):
    """Wait until the server does not know a token any more, a minute at most."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            server.call("GET", "sys/internal/ui/mounts", token=token)
        except AssertionError:
            return
        time.sleep(0.05)
    pytest.fail("the token is still valid")


@pytest.mark.parametrize(("kind", "looked_after"), [("service", ["renew-self"]), ("batch", ["login"])])
def test_who_stays_keeps_its_login_alive_without_a_request(server, ways, clock, kind, looked_after):
    """Renewed, or made anew where that cannot be: what a session does while nobody asks."""
    counted = Counted(server, ways, ways.userpass(token_ttl="20m", token_max_ttl="10h", token_type=kind))
    assert counted.connection.keep_alive() is None
    counted.read()
    assert counted.connection.keep_alive() == token_life.LOOK_AFTER
    assert counted.asked() == ["login"]
    clock[0] += 810
    counted.connection.keep_alive()
    assert counted.asked() == looked_after
    counted.read()
    assert counted.asked() == []


def test_a_login_that_has_no_end_is_never_looked_after(server, ways):
    counted = Counted(server, ways, {"token": server.root_token})
    counted.read()
    counted.connection.keep_alive()
    counted.connection.keep_alive()
    assert set(counted.asked()) <= {"lookup-self"}
