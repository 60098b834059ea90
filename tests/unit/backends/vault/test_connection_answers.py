# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import logging

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import transport
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection, Reply
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    InvalidConfiguration,
    InvalidInput,
    LoginFailed,
    MissingLibrary,
    NotFound,
    StorageError,
    Timeout,
    TooLarge,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.faults.limits import try_longer_limits
from tests.servers import scripted
from tests.servers.scripted import Answer

TOKEN = "s.canary-token-7f3a"
UI = "/v1/sys/internal/ui/mounts"


def connected(server, **settings):
    settings = {"url": server.url, "auth": {"token": TOKEN}, **settings}
    return Connection(settings, store="prod", warn=lambda _message: None)


def answering(answer):
    """The same to everything, but a valid token to whoever asks whether it is."""
    return lambda request: Answer(200, {"data": {}}) if request.path == UI else answer


def failure(answer, writing=False, **named):
    with scripted.running(answering(answer)) as server, pytest.raises((StorageError, AccessDenied, LoginFailed)) as caught:
        connected(server).request(
            "POST" if writing else "GET", "secret/data/nebula/db_pass", {} if writing else None, writing=writing, **named
        )
    assert caught.value.store == "prod"
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "passing_write"),
    [
        (400, StorageError, False),
        (405, StorageError, False),
        (412, Unavailable, False),
        (413, TooLarge, False),
        (429, Unavailable, False),
        (472, Unavailable, False),
        (473, Unavailable, False),
        (500, Unavailable, True),
        (501, StorageError, False),
        (502, Unavailable, True),
        (503, Unavailable, False),
        (504, Unavailable, True),
        (599, Unavailable, True),
        (418, StorageError, False),
    ],
)
def test_each_status_has_its_class_and_says_whether_a_write_may_have_happened(status, kind, passing_write):
    answer = Answer(status, {"errors": ["canary of the server's own words"]})
    assert failure(answer).__class__ is kind
    assert failure(answer).outcome_unknown is False
    assert failure(answer, writing=True).outcome_unknown is passing_write


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 0.0), ("99999999999", 3600.0), ("-1", None), ("tomorrow", None), (None, None)]
)
def test_the_seconds_that_a_server_asks_to_wait_are_kept(header, seconds):
    headers = {} if header is None else {"Retry-After": header}
    error = failure(Answer(429, {"errors": []}, headers))
    assert (error.retry_after, error.throttled) == (seconds, True)


def test_throttling_is_waited_out_within_the_time_limit():
    """Also where a gateway throttles."""
    answers = [Answer(429, {"errors": []}), Answer(429, b"<html>"), Answer(429, {"errors": []})]
    with scripted.running(lambda _request: answers.pop() if answers else Answer(404, {"errors": []})) as server:
        options = {"backend": "vault", "url": server.url, "auth": {"token": TOKEN}, "audit": "off", "max_retries": 10, "read_timeout": 60}
        manager = open_store(options, name="prod", warn=lambda _message: None)
        with manager.acting(), pytest.raises(NotFound):
            manager.backend.get("a")
        assert len(server.asked) == 5  # a 404 is followed by a look at the mount


def test_a_sealed_server_is_told_from_one_that_is_not_active():
    assert "sealed" in failure(Answer(503, {"errors": ["Vault is sealed"]})).what
    assert "not active" in failure(Answer(503, {"errors": ["something else"]})).what


def test_a_denial_names_the_path_and_the_capability():
    error = failure(Answer(403, {"errors": ["permission denied"]}), capability="patch")
    assert error.__class__ is AccessDenied
    assert 'path "secret/data/nebula/db_pass" { capabilities = ["patch"] }' in error.remedy
    assert "may not patch secret/data/nebula/db_pass" in error.what


def test_a_token_that_the_server_calls_invalid_is_a_login_that_failed():
    error = failure(Answer(403, {"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}))
    assert error.__class__ is LoginFailed


def test_a_request_without_a_token_is_a_login_that_failed():
    assert failure(Answer(400, {"errors": ["missing client token"]})).__class__ is LoginFailed


def test_a_caller_may_read_a_refusal_in_its_own_way():
    shown = []

    def refused(reply):
        shown.append(reply)
        return Conflict("version 1 was expected") if "check-and-set" in reply.body["errors"][0] else None

    answer = Answer(400, {"errors": ["check-and-set parameter did not match the current version"]})
    assert failure(answer, refused=refused).__class__ is Conflict
    assert failure(Answer(400, {"errors": ["something else"]}), refused=refused).__class__ is StorageError
    assert [reply.status for reply in shown] == [400, 400]


@pytest.mark.parametrize("status", [200, 404, 403, 502])
def test_a_page_of_something_else_is_no_answer(status):
    """A 404 of a web server would else say that a credential does not exist."""
    error = failure(Answer(status, b"<html>not found</html>"))
    assert error.__class__ is (Unavailable if status == 502 else StorageError)
    assert status >= 500 or "is not Vault or OpenBao" in error.what
    assert failure(Answer(status, b"<html>not found</html>"), writing=True).outcome_unknown


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (404, {}),
        (404, {"error": "not found"}),
        (404, {"errors": [{"status": 404}]}),
        (404, {"message": "no Route matched with those values"}),
        (200, {}),
        (200, {"status": "ok"}),
        (204, b""),
        (403, {}),
    ],
)
def test_json_of_something_else_is_no_answer_either(status, content):
    """A gateway, or a server of another kind: its 404 says nothing about a credential, and its 200 nothing about a write."""
    error = failure(Answer(status, content))
    assert error.__class__ is StorageError
    assert "http://127.0.0.1:" in error.what
    if status != 204:
        assert failure(Answer(status, content), writing=True).outcome_unknown


@pytest.mark.parametrize("answer", [Answer(404, {}), Answer(200, {}), Answer(404, {"errors": [{"status": 404}]})])
@pytest.mark.parametrize("version", [1, 2])
def test_no_store_takes_that_for_a_missing_credential(answer, version):
    with scripted.running(answering(answer)) as server:
        settings = {"url": server.url, "auth": {"token": TOKEN}, "kv_version": version, "encrypt": False}
        store = backend_class("vault")(settings, BackendContext("prod"))
        for work in (lambda: store.get("a"), lambda: list(store.list()), store.read_store_document, lambda: store.last_serial("a")):
            with pytest.raises(StorageError) as caught:
                work()
            assert (caught.value.code, server.url in str(caught.value)) == ("storage", True)


def test_successes_and_absences_are_answered():
    with scripted.running() as server:
        connection = connected(server)
        for method, answer, reply in (
            ("GET", Answer(200, {"data": {"keys": ["x"]}}), Reply(200, {"data": {"keys": ["x"]}})),
            ("POST", Answer(204), Reply(204, {})),
            ("GET", Answer(404, {"errors": []}), Reply(404, {"errors": []})),
        ):
            server.script = lambda _request, answer=answer: answer
            assert connection.request(method, "secret/data/x") == reply


def test_requests_are_what_these_servers_take():
    with scripted.running(answering(Answer(200, {"data": {}}))) as server:
        connection = connected(server, namespace="team")
        connection.request("LIST", "secret/metadata/x")
        connection.request("GET", "secret/data/x?version=3")
        connection.request("PATCH", "secret/data/x", {"data": {}}, writing=True)
        connection.request("POST", "secret/data/x", {"data": {}}, writing=True, headers={"X-Vault-Wrap-TTL": "60"})
        connection.request("DELETE", "secret/data/x", writing=True)
    assert [(request.method, request.path) for request in server.asked] == [
        ("GET", "/v1/secret/metadata/x?list=true"),
        ("GET", "/v1/secret/data/x?version=3"),
        ("PATCH", "/v1/secret/data/x"),
        ("POST", "/v1/secret/data/x"),
        ("DELETE", "/v1/secret/data/x"),
    ]
    assert {request.headers["x-vault-token"] for request in server.asked} == {TOKEN}
    assert {request.headers["x-vault-namespace"] for request in server.asked} == {"team"}
    assert {request.headers["x-vault-request"] for request in server.asked} == {"true"}
    assert server.asked[2].headers["content-type"] == "application/merge-patch+json"
    assert server.asked[3].headers["x-vault-wrap-ttl"] == "60"


@pytest.mark.parametrize("path", ["", "..", "secret/data/../../sys/seal", "secret/./x", "secret//x", "secret/data/x\r\ny", "/secret"])
def test_no_path_leads_out_of_where_it_begins(path):
    with scripted.running() as server, pytest.raises(InvalidInput):
        connected(server).request("GET", path)
    assert server.asked == []


@pytest.mark.parametrize("token", ["two words", "line\nend", "umläut", "tab\t"])
def test_what_cannot_be_a_token_is_never_sent(token):
    with scripted.running() as server, pytest.raises(LoginFailed) as caught:
        connected(server, auth={"token": token}).request("GET", "secret/data/x")
    assert token not in str(caught.value)
    assert server.asked == []


def test_the_logins_of_netrc_are_not_sent(home):
    (home / ".netrc").write_text("machine 127.0.0.1 login me password canary\n")
    (home / ".netrc").chmod(0o600)
    with scripted.running(answering(Answer(200, {"data": {}}))) as server:
        connected(server).request("GET", "secret/data/x")
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize(("url", "asked"), [("http://vault.example.com", True), (None, False), ("http://localhost:1", False)])
def test_a_proxy_of_the_environment_is_used_but_not_on_the_way_to_this_machine(monkeypatch, url, asked):
    """Plain HTTP is allowed to this machine because nobody sees it there."""
    with scripted.running(answering(Answer(200, {"data": {}}))) as proxy, scripted.running(answering(Answer(200, {"data": {}}))) as here:
        for variable in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(variable, proxy.url)
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(variable, raising=False)
        connection = connected(here, url=url or here.url, allow_insecure_transport=bool(url))
        if url == "http://localhost:1":
            with pytest.raises(Unavailable):
                connection.request("GET", "secret/data/x")
        else:
            assert connection.request("GET", "secret/data/x").status == 200
    assert [request.path for request in proxy.asked] == ([url + "/v1/secret/data/x"] if asked else [])


def test_a_redirect_of_a_standby_is_followed_with_method_body_and_token():
    with scripted.running(lambda _request: Answer(200, {"data": {"version": 1}})) as active:
        send_on = Answer(307, b"", {"Location": active.url + "/v1/secret/data/x"})
        with scripted.running(lambda _request: send_on) as standby:
            reply = connected(standby).request("POST", "secret/data/x", {"data": {"a": "b"}}, writing=True)
    assert reply.body == {"data": {"version": 1}}
    assert (active.asked[0].method, active.asked[0].json) == ("POST", {"data": {"a": "b"}})
    assert active.asked[0].headers["x-vault-token"] == TOKEN


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_where_the_token_must_not_go_is_not_followed(status):
    assert "not followed" in failure(Answer(status, b"", {"Location": "http://vault.example.com/v1/x"})).what


def test_a_circle_of_redirects_ends():
    with scripted.running() as server:
        server.script = lambda _request: Answer(307, b"", {"Location": server.url + "/v1/secret/data/x"})
        with pytest.raises(Unavailable):
            connected(server).request("GET", "secret/data/x")
    assert len(server.asked) <= 5


@pytest.mark.parametrize("writing", [False, True])
def test_a_server_that_drips_is_left_when_the_time_is_over(writing):
    """Each byte comes in time; the answer as a whole does not, and nobody waits for it."""
    dripping = Answer(200, {"data": "x" * 10000}, drips=0.02)
    with scripted.running(answering(dripping)) as server:

        def request(limit):
            with deadline.within(limit, "get"), pytest.raises(Timeout) as caught:
                connected(server).request("GET", "secret/data/x", writing=writing)
            return caught.value

        assert try_longer_limits(request, lambda: bool(server.asked)).outcome_unknown is writing


def test_no_request_begins_when_the_time_is_over():
    with scripted.running() as server, deadline.within(0.0, "get"), pytest.raises(Timeout) as caught:
        connected(server).request("GET", "secret/data/x", writing=True)
    assert caught.value.outcome_unknown is False
    assert server.asked == []


def test_a_name_that_cannot_be_resolved_is_unavailable():
    connection = Connection({"url": "https://vault.invalid", "auth": {"token": TOKEN}}, store="prod", warn=print)
    with pytest.raises(Unavailable) as caught:
        connection.request("POST", "secret/data/x", {}, writing=True)
    assert caught.value.outcome_unknown is False


def test_libraries_log_no_token_and_no_value(caplog):
    def script(request):
        if request.path.endswith("/login/me"):
            return Answer(200, {"auth": {"client_token": "s.canary-of-login", "lease_duration": 60, "renewable": True}})
        return Answer(200, {"data": {"password": "canary-value"}})

    with caplog.at_level(logging.DEBUG), scripted.running(script) as server:
        connection = connected(server, auth={"method": "userpass", "username": "me", "password": "canary-password"})
        connection.request("POST", "secret/data/x", {"data": {"a": "canary-field"}}, writing=True)
        connection.close()
    assert "/v1/secret/data/x" in caplog.text, "the libraries do log"
    assert "canary" not in caplog.text


def test_a_server_without_hvac_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr(transport, "Client", None)
    with scripted.running() as server, pytest.raises(MissingLibrary, match="pip install 'hvac"):
        connected(server).request("GET", "secret/data/x")


def test_certificates_that_cannot_be_used_are_told_before_any_network(tmp_path):
    rubbish = tmp_path / "rubbish.pem"
    rubbish.touch(mode=0o600)
    rubbish.write_text("no certificate")
    with scripted.running() as server:
        for option in ("ca_cert", "client_cert"):
            with pytest.raises(InvalidConfiguration) as caught:
                connected(server, **{option: str(rubbish)}).request("GET", "secret/data/x")
            assert caught.value.option == option
    assert server.asked == []


@pytest.mark.parametrize(
    ("state", "status", "well"),
    [
        (200, {"initialized": True, "sealed": False, "standby": False}, True),
        (503, {"initialized": True, "sealed": True, "standby": True}, False),
        (501, {"initialized": False, "sealed": True, "standby": True}, False),
        (472, {"initialized": True, "sealed": False, "standby": True}, False),
        (200, {"something": "else"}, False),
    ],
)
def test_health_says_what_is_wrong_with_a_server(state, status, well):
    with scripted.running(answering(Answer(state, status))) as server:
        health = connected(server).health()
    assert (health.status == "healthy") is well
    assert bool(health.reasons) is not well


@pytest.mark.parametrize("body", [{"errors": ["canary of a quota"]}, {}, b"<html>"], ids=["of the server", "of a proxy", "of a page"])
@pytest.mark.parametrize(("status", "words"), [(429, "limits the rate"), (502, "failed"), (503, "not active")])
def test_the_health_of_a_server_that_refuses_to_be_asked_is_that_refusal(status, words, body):
    with scripted.running(answering(Answer(status, body))) as server:
        health = connected(server).health()
    assert (health.status, health.code) == ("unhealthy", "unavailable")
    assert words in health.reasons[0]
    assert "canary" not in health.reasons[0]


@pytest.mark.parametrize("answer", [Answer(200, {"status": "ok"}), Answer(404, b"<html>"), Answer(403, {})], ids=["other", "page", "door"])
def test_the_health_of_a_server_of_another_kind_says_that_it_is_no_vault(answer):
    with scripted.running(answering(answer)) as server:
        health = connected(server).health()
    assert (health.status, health.code) == ("unhealthy", "storage")
    assert "is not Vault" in health.reasons[0]
