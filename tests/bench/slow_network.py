# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network with a delay that counts: how many requests pass, and how many rounds one after the other they are."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from dataclasses import dataclass
from typing import Iterator, Tuple

from tests.servers.processes import LOOPBACK
from tests.servers.relay import serving

_CHUNK = 65536


@dataclass(frozen=True)
class Passed:
    """What has passed: times that a client waited for an answer, and rounds of them."""

    requests: int
    rounds: int


class Meter:
    """Counts rounds by a logical clock, so that the speed of the machine does not matter.

    A request is one round later than the last answer that any client had when it was sent. So eight requests in flight are one
    round, and eight that wait for one another are eight.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self._lock = threading.Lock()
        self.start_over()

    def start_over(self) -> None:
        """Count from zero."""
        with self._lock:
            self._requests = self._sent = self._answered = 0

    def send(self) -> int:
        """A request is sent. Returns its round."""
        with self._lock:
            self._requests += 1
            self._sent = max(self._sent, self._answered + 1)
            return self._answered + 1

    def answer(self, its_round: int) -> None:
        """The answer to a request of that round reaches the client."""
        with self._lock:
            self._answered = max(self._answered, its_round)

    def read(self) -> Passed:
        """What has passed since the start."""
        with self._lock:
            return Passed(self._requests, self._sent)


class SlowNetwork(socketserver.ThreadingTCPServer):
    """A proxy on the loopback address that gives each answer the delay of a round trip."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: Tuple[str, int], seconds: float) -> None:
        """Stand in front of a server; listen on a random port."""
        self.upstream, self.seconds, self.meter = upstream, seconds, Meter()
        super().__init__((LOOPBACK, 0), _Connection)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client or a server has closed its connection: nothing to report."""


class _Connection(socketserver.BaseRequestHandler):
    server: SlowNetwork

    def handle(self) -> None:
        """Pass bytes both ways until one side ends."""
        self._round = 0
        with socket.create_connection(self.server.upstream, timeout=60) as upstream:
            upstream.settimeout(None)
            for each in (self.request, upstream):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._pass_answers, args=(upstream,), daemon=True)
            back.start()
            while chunk := self.request.recv(_CHUNK):
                # Until the answer, more bytes are the same request.
                self._round = self._round or self.server.meter.send()
                upstream.sendall(chunk)
            upstream.shutdown(socket.SHUT_WR)
            back.join()

    def _pass_answers(self, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := upstream.recv(_CHUNK):
                if self._round:
                    time.sleep(self.server.seconds)
                    self.server.meter.answer(self._round)
                    self._round = 0
                self.request.sendall(chunk)
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def slow_network(host: str, port: int, seconds: float) -> Iterator[SlowNetwork]:
    """A slow network in front of a server; gone afterwards."""
    with serving(SlowNetwork((host, port), seconds)) as network:
        yield network
