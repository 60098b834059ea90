# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.client
import http.server
import socket
import socketserver
import threading

import pytest

from tests.servers import proxy
from tests.servers.processes import LOOPBACK

PATIENCE = 60.0


class Echo(socketserver.BaseRequestHandler):
    """Answers each chunk with itself, and remembers it."""

    def handle(self):
        try:
            while chunk := self.request.recv(65536):
                self.server.heard += chunk
                self.server.hearing.set()
                self.request.sendall(chunk)
        except ConnectionError:
            pass


@pytest.fixture
def echo():
    server = socketserver.ThreadingTCPServer((LOOPBACK, 0), Echo)
    server.daemon_threads = True
    server.heard, server.hearing = b"", threading.Event()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def between(echo):
    with proxy.running(*echo.server_address) as running:
        yield running


def connected(between, patience=PATIENCE):
    return socket.create_connection((between.host, between.port), timeout=patience)


def answer(client, sent=b"hello"):
    """What comes back for `sent`, until it is all there or the connection has ended."""
    client.sendall(sent)
    back = b""
    while len(back) < len(sent) and (chunk := client.recv(65536)):
        back += chunk
    return back


def test_everything_passes_in_both_directions(between):
    payload = bytes(range(256)) * 4096
    with connected(between) as client:
        sending = threading.Thread(target=client.sendall, args=(payload,))
        sending.start()
        back = b""
        while len(back) < len(payload):
            back += client.recv(65536)
        sending.join()
    assert back == payload
    assert between.accepted == 1


def test_a_web_server_answers_through_it():
    handler = http.server.SimpleHTTPRequestHandler
    handler.log_message = lambda *_arguments: None
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with proxy.running(*server.server_address) as between:
            client = http.client.HTTPConnection(between.host, between.port, timeout=PATIENCE)
            client.request("GET", "/nothing-of-that-name")
            assert client.getresponse().status == 404
            client.close()
        server.shutdown()


def test_the_end_of_one_side_is_told_to_the_other(between):
    with connected(between) as client:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        back = b""
        while chunk := client.recv(65536):
            back += chunk
    assert back == b"last words"


def test_a_refused_port_is_kept_and_listens_again(between):
    port = between.port
    with connected(between) as client:
        assert answer(client) == b"hello"
        between.mode = proxy.REFUSE
        with pytest.raises(ConnectionError):
            client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connected(between)
    between.mode = proxy.PASS
    with connected(between) as client:
        assert answer(client) == b"hello"
    assert between.port == port


def test_a_reset_reaches_open_and_new_connections(between):
    with connected(between) as client:
        assert answer(client) == b"hello"
        between.mode = proxy.RESET
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionError), connected(between) as client:
        client.recv(1)


def test_hanging_up_is_an_end_and_no_error(between):
    with connected(between) as client:
        assert answer(client) == b"hello"
        between.mode = proxy.HANG_UP
        assert client.recv(1) == b""


def test_a_silent_server_accepts_and_says_nothing_until_it_wakes(between, echo):
    between.mode = proxy.SILENT
    with connected(between, 0.2) as client:
        with pytest.raises(TimeoutError):
            answer(client)
        assert echo.heard == b""
        client.settimeout(PATIENCE)
        between.mode = proxy.PASS
        assert client.recv(65536) == b"hello"


def test_an_unanswered_request_has_been_done(between, echo):
    between.mode = proxy.UNANSWERED
    with connected(between, 0.2) as client:
        with pytest.raises(TimeoutError):
            answer(client)
        assert echo.hearing.wait(PATIENCE)
    assert echo.heard == b"hello"


@pytest.mark.parametrize("after", [0, 2, 5])
def test_an_answer_is_cut_after_so_many_bytes(between, echo, after):
    with connected(between) as client:
        assert answer(client, b"first") == b"first"
        between.mode = proxy.cut_answer(after)
        assert answer(client) == b"hello"[:after]
        assert after < 5 or client.recv(1) == b""
    assert echo.heard == b"firsthello"


@pytest.mark.parametrize("after", [0, 2])
def test_a_request_is_cut_after_so_many_bytes(between, echo, after):
    between.mode = proxy.cut_request(after)
    with connected(between) as client:
        assert b"hello".startswith(answer(client))
    assert b"hello"[:after].startswith(echo.heard)


def test_a_cut_can_be_a_reset(between):
    between.mode = proxy.cut_answer(0, reset=True)
    with connected(between) as client, pytest.raises(ConnectionResetError):
        answer(client)


def test_a_fault_can_happen_a_number_of_times_and_then_no_more(between):
    between.set(proxy.cut_answer(0), times=2)
    answers = []
    for _each in range(3):
        with connected(between) as client:
            answers.append(answer(client))
    assert answers == [b"", b"", b"hello"]
    assert between.mode == proxy.PASS
    between.set(proxy.HANG_UP, times=1)
    with connected(between) as client:
        assert client.recv(1) == b""
    with connected(between) as client:
        assert answer(client) == b"hello"


def test_a_slow_network_delivers_everything(between):
    between.mode = proxy.slow(0.05)
    with connected(between) as client:
        assert answer(client) == b"hello"


def test_a_server_that_is_gone_ends_the_connection(between, echo):
    echo.shutdown()
    echo.server_close()
    with pytest.raises(ConnectionError), connected(between) as client:
        client.recv(1)


def test_nothing_listens_afterwards(echo):
    with proxy.running(*echo.server_address) as between, connected(between) as client:
        assert answer(client) == b"hello"
    with pytest.raises(ConnectionRefusedError):
        connected(between)
