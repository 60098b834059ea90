# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP client against real servers: what it sends, what it refuses, and what its errors say."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import traceback
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidInput,
    MissingLibrary,
    StorageError,
    Timeout,
    TooLarge,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network import http
from ansible_collections.nebula.credential.plugins.module_utils.network.http import HttpClient
from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import LARGEST_OF_SDK, tls_context
from ansible_collections.nebula.credential.plugins.module_utils.network.http_pool import build_pool
from tests.faults.limits import try_longer_limits
from tests.servers import proxy, scripted
from tests.servers.processes import LOOPBACK
from tests.servers.scripted import Answer

CANARY = "c4n4ry-t0ken"


@pytest.fixture
def client():
    made = HttpClient()
    yield made
    made.close()


@pytest.fixture
def server():
    with scripted.running() as made:
        yield made


@contextlib.contextmanager
def refused(kind, says="."):
    """The error is of that class, says that, and shows nothing of the request, of the answer, or of a library."""
    with pytest.raises(kind, match=says) as caught:
        yield caught
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
    assert CANARY not in shown
    assert "requests.exceptions" not in shown
    assert "urllib3" not in shown


def test_a_request_sends_what_it_is_given(client, server):
    server.script = lambda _request: Answer(201, {"ok": True}, {"X-Kind": "made"})
    response = client.request("POST", server.url + "/a?b=c", json={"d": 1}, bearer=Secret(CANARY), headers={"X-Own": "e"})
    asked = server.asked[0]
    assert (asked.method, asked.path, asked.json) == ("POST", "/a?b=c", {"d": 1})
    assert (asked.headers["authorization"], asked.headers["x-own"]) == ("Bearer " + CANARY, "e")
    assert (response.status, response.json, response.headers["x-kind"]) == (201, {"ok": True}, "made")
    client.request("POST", server.url, form={"a": "b c"})
    client.request("PUT", server.url, body=b"\x00\xff")
    assert [request.content for request in server.asked[1:]] == [b"a=b+c", b"\x00\xff"]


def test_what_is_no_json_object_is_an_empty_one(client, server):
    for content in (b"", b"<html>", b"[1]", b'{"half of a pair": "\\ud800"}', b'{"\\udfff": 1}'):
        server.script = lambda _request, content=content: Answer(200, content)
        assert client.request("GET", server.url).json == {}


@pytest.mark.parametrize(
    "wrong",
    [{"json": float("nan")}, {"headers": {"X\r\nY": "a"}}],
    ids=["a number that JSON lacks", "a header's name of two lines"],
)
def test_a_request_that_cannot_be_made_is_no_unreachable_server(client, server, wrong):
    with refused(InvalidInput, "cannot be made") as caught:
        client.request("POST", server.url, **wrong)
    assert (server.asked, caught.value.outcome_unknown) == ([], False)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_length_that_is_no_number_leaves_the_outcome_of_a_change_open(client, method):
    with socket.create_server((LOOPBACK, 0)) as listening:

        def respond():
            connection, _address = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n")

        responding = threading.Thread(target=respond, daemon=True)
        responding.start()
        with pytest.raises(CredentialError) as caught:
            client.request(method, "http://{0}:{1}".format(LOOPBACK, listening.getsockname()[1]))
        responding.join()
    assert caught.value.outcome_unknown == (method == "POST")


def test_nothing_of_a_login_is_shown_by_a_response(client, server):
    server.script = lambda _request: Answer(200, {"access_token": CANARY})
    assert CANARY not in repr(client.request("GET", server.url))


def test_the_home_directory_gives_no_login_and_an_answer_no_cookie(client, server, home):
    Path(home, ".netrc").write_text("machine {0} login a password {1}\n".format(LOOPBACK, CANARY))
    server.script = lambda _request: Answer(200, {}, {"Set-Cookie": "session=1; Path=/"})
    for _each in range(2):
        client.request("GET", server.url)
    assert [set(request.headers) & {"authorization", "cookie"} for request in server.asked] == [set(), set()]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_that_drips_ends_with_the_deadline_of_the_operation(client, server, method):
    server.script = lambda _request: Answer(200, b"x" * 1000, drips=0.05)

    def request(limit):
        with refused(Timeout, r"the refresh did not end within {0:g} s".format(limit)) as caught, deadline.within(limit, "the refresh"):
            client.request(method, server.url)
        return caught.value

    assert try_longer_limits(request, lambda: bool(server.asked)).outcome_unknown == (method == "POST")


def test_no_request_is_made_when_the_deadline_is_over(client, server):
    with refused(Timeout), deadline.within(-1, "get"):
        client.request("POST", server.url)
    assert server.asked == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_hangs_up_leaves_the_outcome_of_a_change_open(client, server, method):
    server.script = lambda _request: Answer(hangs_up=True)
    with refused(Unavailable, "the connection to .* ended before the response was complete") as caught:
        client.request(method, server.url + "/" + CANARY)
    assert caught.value.outcome_unknown == (method == "POST")
    assert len(server.asked) == 1


@pytest.mark.parametrize("after", [30, 150])
def test_an_answer_that_is_cut_is_none(client, server, after):
    server.script = lambda _request: Answer(200, {"access_token": CANARY * 20})
    with proxy.running(LOOPBACK, server.port) as between:
        between.mode = proxy.cut_answer(after)
        with refused(Unavailable, "ended before the response was complete"):
            client.request("GET", "http://{0}:{1}".format(LOOPBACK, between.port))


def test_an_answer_to_head_is_whole_without_a_length(client, server):
    server.script = lambda _request: Answer(200, {}, {"X-Seen": "yes"})
    answer = client.request("HEAD", server.url)
    assert (answer.status, answer.headers["x-seen"], "content-length" in answer.headers) == (200, "yes", False)


def test_where_nothing_listens_nothing_has_happened(client):
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        with refused(Unavailable, "cannot be reached: nothing listens there") as caught:
            client.request("POST", "http://{0}:{1}/{2}".format(LOOPBACK, taken.getsockname()[1], CANARY))
    assert not caught.value.outcome_unknown


def test_a_name_that_cannot_be_resolved_is_said(client):
    with refused(Unavailable, "no-such-host.invalid:443 cannot be reached: its name cannot be resolved"):
        client.request("GET", "https://no-such-host.invalid/" + CANARY)


@pytest.mark.parametrize(
    "wait", [{"Retry-After": "7"}, {"Retry-After": "Fri, 31 Dec 2027 23:59:59 GMT"}, {}], ids=["seconds", "date", "none"]
)
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 524])
def test_a_server_that_is_overloaded_or_failed_is_unavailable(client, server, status, wait):
    """Only 429, and 503 that says when it ends, show that nothing was done: proxies respond with 503 to what they passed on, too."""
    server.script = lambda _request: Answer(status, {"error": CANARY}, wait)
    with refused(Unavailable, "responded with status {0}".format(status)) as caught:
        client.request("POST", server.url).check_available()
    assert caught.value.outcome_unknown is not (status == 429 or (status == 503 and bool(wait)))
    assert caught.value.retry_after == (7.0 if wait == {"Retry-After": "7"} else None)
    with refused(Unavailable) as caught:
        client.request("GET", server.url).check_available()
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("status", [200, 400, 401, 404])
def test_any_other_status_is_an_answer(client, server, status):
    server.script = lambda _request: Answer(status, {"error": "x"})
    assert client.request("GET", server.url).check_available().status == status


def test_what_a_library_reads_by_the_session_is_limited_too(server):
    server.script = lambda _request: Answer(200, bytes(LARGEST_OF_SDK + 1))
    with HttpClient().session as session, pytest.raises(TooLarge, match="the response is larger than 16777216 bytes"):
        session.get(server.url)
    server.script = lambda _request: Answer(200, bytes(1000))
    pool = build_pool(tls_context(), None, None, 900)
    with pytest.raises(TooLarge, match="larger than 900 bytes"):
        pool.request("GET", server.url)
    assert len(build_pool(tls_context(), None, None).request("GET", server.url).data) == 1000


@pytest.mark.parametrize("status", [200, 307])
def test_a_small_response_that_is_decoded_to_a_large_one_is_not_read_to_its_end(server, status):
    content, headers = gzip.compress(bytes(64 * 1024 * 1024)), {"Content-Encoding": "gzip", "Location": "/next"}
    server.script = lambda request: Answer(200) if request.path == "/next" else Answer(status, content, headers)
    with HttpClient().session as session, pytest.raises(TooLarge, match="the response is larger than 16777216 bytes"):
        session.get(server.url)


def test_an_answer_larger_than_the_limit_is_not_read(server):
    server.script = lambda _request: Answer(200, CANARY.encode() * 100000)
    with refused(TooLarge, "is larger than 1000 bytes"):
        HttpClient(max_bytes=1000).request("GET", server.url)
    server.script = lambda _request: Answer(200, b"x" * 1000)
    assert len(HttpClient(max_bytes=1000).request("GET", server.url).body) == 1000


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://user:{0}@a.test/".format(CANARY), "holds a login"),
        ("http://a.test/" + CANARY, "plain HTTP would show what is sent to a.test:80"),
        ("ftp://a.test/" + CANARY, "is not a URL"),
        ("https:///" + CANARY, "is not a URL"),
        ("https://a.test/ " + CANARY, "is not a URL"),
        (CANARY, "is not a URL"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_shown(client, url, says):
    with refused(InvalidInput, says):
        client.request("GET", url)


@pytest.mark.parametrize("value", [CANARY + "\r\nX: y", CANARY + "\u20ac", CANARY + "\x00"])
def test_a_header_that_none_can_be_is_refused_and_not_shown(client, server, value):
    with refused(InvalidInput, "header 'X-Own' holds characters that no header can"):
        client.request("GET", server.url, headers={"X-Own": value})
    with refused(InvalidInput, "header 'Authorization'"):
        client.request("GET", server.url, bearer=Secret(value))
    assert server.asked == []


def test_without_requests_the_error_is_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(http, "requests", None)
    with refused(MissingLibrary, r"Run: .* -m pip install 'requests >= 2\.31'"):
        HttpClient()


@pytest.fixture
def another():
    with scripted.running() as made:
        yield made


def leading(server, to, status=302):
    """Answer the first request with a redirect, and each later one with what came."""
    server.script = lambda _request: Answer(status, {}, {"Location": to}) if len(server.asked) == 1 else Answer(200, {"there": True})


@pytest.mark.parametrize("to", ["/elsewhere", "{0}/elsewhere"])
def test_a_redirect_on_the_same_host_is_followed_with_all_that_was_sent(client, server, to):
    leading(server, to.format(server.url), 307)
    assert client.request("POST", server.url, json={"a": 1}, bearer=Secret(CANARY)).json == {"there": True}
    followed = server.asked[1]
    assert (followed.path, followed.json, followed.headers["authorization"]) == ("/elsewhere", {"a": 1}, "Bearer " + CANARY)


@pytest.mark.parametrize(
    "carried",
    [{"bearer": Secret(CANARY)}, {"json": {"token": CANARY}}, {"headers": {"X-Api-Key": CANARY}}, {"headers": {"Cookie": CANARY}}],
    ids=["a bearer token", "a body", "a header of its own", "a cookie"],
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_login_and_no_body_goes_to_another_host(client, server, another, carried, status):
    leading(server, another.url + "/" + CANARY, status)
    with refused(StorageError, "redirected the request to an address that is not followed") as caught:
        client.request("POST" if "json" in carried else "GET", server.url, **carried)
    assert another.asked == []
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(("status", "unknown"), [(301, False), (302, False), (303, True)])
def test_a_redirect_that_would_turn_a_change_into_a_get_is_not_followed(client, server, method, status, unknown):
    """The status 200 of that GET would look as if the change were made. With 303 it may have been made before the redirect."""
    leading(server, "/login", status)
    with refused(StorageError, "redirected the request to an address that is not followed") as caught:
        client.request(method, server.url, bearer=Secret(CANARY))
    assert [request.method for request in server.asked] == [method]
    assert caught.value.outcome_unknown is unknown


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_request_that_only_reads_follows_every_redirect_on_its_host(client, server, status):
    leading(server, "/there", status)
    assert client.request("GET", server.url, bearer=Secret(CANARY)).json == {"there": True}
    assert server.asked[1].headers["authorization"] == "Bearer " + CANARY


def test_a_request_that_carries_nothing_follows_to_another_host(client, server, another):
    another.script = lambda _request: Answer(200, {"there": True})
    leading(server, another.url)
    assert client.request("GET", server.url).json == {"there": True}


@pytest.mark.parametrize("to", ["http://user:secret@{0}:1/", "ftp://{0}/", "file:///etc/passwd"])
def test_a_redirect_to_what_is_no_server_is_not_followed(client, server, to):
    leading(server, to.format(LOOPBACK))
    with refused(StorageError, "not followed"):
        client.request("GET", server.url)


def test_a_redirect_to_plain_http_on_another_machine_is_not_followed(client, server):
    leading(server, "http://192.0.2.1:9/")
    with refused(StorageError, "not followed"):
        client.request("GET", server.url)


def test_a_redirect_in_a_circle_ends(client, server):
    server.script = lambda _request: Answer(302, {}, {"Location": "/again"})
    with refused(StorageError, "not followed"):
        client.request("GET", server.url)
    assert len(server.asked) == http.REDIRECTS + 1
