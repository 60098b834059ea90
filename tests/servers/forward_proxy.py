# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A forward proxy on the loopback address. It leads to one server, whatever host a client names.

with forward_proxy.running(server.port) as proxy: environment["HTTPS_PROXY"] = proxy.url; …
"""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.servers.processes import LOOPBACK
from tests.servers.relay import pass_bytes, serving

SAID = b'{"by": "proxy"}'


class Asked(NamedTuple):
    """What a client asked of the proxy; headers by their names in lower case."""

    method: str
    target: str
    headers: dict[str, str]


class ForwardProxy(ThreadingHTTPServer):
    """What listens. `asked` is what came so far."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        """Lead to that port."""
        super().__init__((LOOPBACK, 0), _Handler)
        self.upstream = (LOOPBACK, port)
        self.asked: list[Asked] = []
        self.url = "http://{0}:{1}".format(LOOPBACK, self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests want."""


class _Handler(BaseHTTPRequestHandler):
    server: ForwardProxy
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        self._remember()
        with socket.create_connection(self.server.upstream) as upstream:
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            pass_bytes(self.connection, upstream)

    def do_GET(self) -> None:
        self._remember()
        self.send_response(200)
        self.send_header("Content-Length", str(len(SAID)))
        self.end_headers()
        self.wfile.write(SAID)

    def _remember(self) -> None:
        self.server.asked.append(Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))

    def log_message(self, *_arguments: Any) -> None:
        pass


def running(port: int) -> AbstractContextManager[ForwardProxy]:
    """A running one, which ends with the `with` block."""
    return serving(ForwardProxy(port))
