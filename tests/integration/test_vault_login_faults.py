# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real OpenBao behind a network that fails: each failure by its class, with what is known of a write."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import Timeout, Unavailable
from tests.integration.vault_ways import PLACE, Ways, connected
from tests.servers import once, openbao, proxy

pytestmark = pytest.mark.server
LONG = 60
"""Seconds: no limit at all for what fails by itself."""
LIMITS = (0.4, 3, 20)
"""Seconds for what never gets an answer. A longer one follows if a busy machine has not even sent the request within a shorter one."""


@pytest.fixture(scope="module")
def with_tls():
    with openbao.running(tls=True) as started:
        yield started


@pytest.fixture(params=["plain", "tls"])
def server(request):
    return once.openbao() if request.param == "plain" else request.getfixturevalue("with_tls")


@pytest.fixture
def between(server):
    with proxy.running("127.0.0.1", server.port) as running:
        yield running


@pytest.fixture
def connection(server, between):
    ways = Ways(server)
    url = "{0}://127.0.0.1:{1}".format("https" if server.tls else "http", between.port)
    made = connected(server, ways.token(), url=url)
    yield made
    between.mode = proxy.PASS
    made.close()


def failure(connection, writing, limit=LONG):
    with deadline.within(limit, "put" if writing else "get"), pytest.raises((Unavailable, Timeout)) as caught:
        ask(connection, writing)
    assert caught.value.store == "prod"
    return caught.value


def limit_of(kind):
    return LIMITS[0] if kind is Timeout else LONG


def ask(connection, writing):
    method, body = ("POST", {"data": {"a": "b" * 2000}}) if writing else ("GET", None)
    return connection.request(method, PLACE, body, writing=writing)


FAULTS = {
    # what the network does, the error's class, and whether a write on a connection in use is sent before it shows
    "refused": (proxy.REFUSE, Unavailable, False),
    "half-open": (proxy.SILENT, Timeout, True),
    "unanswered": (proxy.UNANSWERED, Timeout, True),
    "slow": (proxy.slow(5), Timeout, True),
    "reset": (proxy.RESET, Unavailable, False),
    "hung up": (proxy.HANG_UP, Unavailable, False),
}


@pytest.mark.parametrize("writing", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_first_request_fails_by_its_class(server, connection, between, fault, writing):
    mode, kind, _sent = FAULTS[fault]
    between.mode = mode
    error = failure(connection, writing, limit_of(kind))
    assert error.__class__ is kind
    assert writing or not error.outcome_unknown
    if fault == "refused":
        assert not error.outcome_unknown
        assert "nothing listens there" in error.what


@pytest.mark.parametrize("writing", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_later_request_fails_by_its_class_and_tells_whether_a_write_may_have_happened(connection, between, fault, writing):
    mode, kind, sent = FAULTS[fault]
    for limit in LIMITS if kind is Timeout else (LONG,):
        between.mode = proxy.PASS
        assert connection.request("GET", PLACE).status == 200
        between.mode = mode
        error = failure(connection, writing, limit)
        if not sent or error.outcome_unknown is writing:
            break
    assert error.__class__ is kind
    assert not sent or error.outcome_unknown is writing


@pytest.mark.parametrize("after", [0, 12, 20, 60, 200])
@pytest.mark.parametrize("reset", [False, True])
def test_an_answer_that_is_cut_leaves_the_outcome_of_a_write_open(connection, between, after, reset):
    assert connection.request("GET", PLACE).status == 200
    between.set(proxy.cut_answer(after, reset=reset), times=1)
    error = failure(connection, writing=True)
    assert error.__class__ is Unavailable
    assert error.outcome_unknown


def test_a_write_whose_answer_was_lost_did_happen(server, connection, between):
    """What `outcome_unknown` is for."""
    administrator = connected(server, {"token": server.root_token}, url=connection._address.url)
    assert administrator.request("GET", PLACE).status == 200
    before = len(server.requests(PLACE))
    between.set(proxy.cut_answer(0), times=1)
    assert failure(administrator, writing=True).outcome_unknown
    assert [request["operation"] for request in server.requests(PLACE)[before:]] == ["update"]
    Ways(server)  # puts what other tests read back


def test_a_connection_recovers_with_the_network(connection, between):
    for mode, kind in ((proxy.REFUSE, Unavailable), (proxy.RESET, Unavailable), (proxy.SILENT, Timeout)):
        between.mode = mode
        failure(connection, writing=False, limit=limit_of(kind))
        between.mode = proxy.PASS
        assert connection.request("GET", PLACE).status == 200


def test_a_login_that_cannot_be_made_is_unavailable_and_no_failed_login(server, between):
    auth = Ways(server).userpass()
    url = "{0}://127.0.0.1:{1}".format("https" if server.tls else "http", between.port)
    connection = connected(server, auth, url=url)
    for mode, kind in ((proxy.REFUSE, Unavailable), (proxy.SILENT, Timeout)):
        between.mode = mode
        error = failure(connection, writing=True, limit=limit_of(kind))
        assert error.__class__ is kind
        assert not error.outcome_unknown, "the write itself was never sent"
    between.mode = proxy.PASS
    assert connection.request("GET", PLACE).status == 200


def test_the_end_of_a_login_waits_for_no_server(server, between):
    auth = Ways(server).userpass()
    url = "{0}://127.0.0.1:{1}".format("https" if server.tls else "http", between.port)
    connection = connected(server, auth, url=url)
    assert connection.request("GET", PLACE).status == 200
    between.mode = proxy.SILENT
    connection.close()


def test_a_sealed_server_is_unavailable_and_named_so():
    with openbao.running() as sealed:
        auth = Ways(sealed).userpass()
        used = connected(sealed, auth)
        assert used.request("GET", PLACE).status == 200
        assert used.health().status == "healthy"
        sealed.seal()
        for connection in (used, connected(sealed, auth), connected(sealed, {"token": "s.given"})):
            with pytest.raises(Unavailable, match="the server is sealed"):
                connection.request("GET", PLACE)
            health = connection.health()
            assert (health.status, health.code) == ("unhealthy", "unavailable")
            assert "sealed" in health.reasons[0]
        sealed.unseal()
        assert used.request("GET", PLACE).status == 200


def test_what_is_acknowledged_outlives_a_killed_server_and_so_does_the_login():
    with openbao.running(storage="raft") as mortal:
        connection = connected(mortal, {"token": mortal.root_token})
        assert connection.request("POST", PLACE, {"data": {"a": "b"}}, writing=True).status == 200
        mortal.kill()
        with pytest.raises(Unavailable):
            connection.request("GET", PLACE)
        mortal.start()
        assert connection.request("GET", PLACE).body["data"]["data"] == {"a": "b"}
