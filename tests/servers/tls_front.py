# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS in front of a server that has none of its own, on 127.0.0.1 and a random port.

with tls_front.running(server.port, Authority(directory).issue("server", ["127.0.0.1"])) as front: …
"""

from __future__ import annotations

import socket
import socketserver
import ssl
from contextlib import AbstractContextManager
from typing import Any

from tests.servers.certificates import Issued
from tests.servers.processes import LOOPBACK
from tests.servers.relay import pass_bytes, serving


class Front(socketserver.ThreadingTCPServer):
    """What listens. `trusted` counts the clients that took its certificate."""

    daemon_threads = True

    def __init__(self, port: int, issued: Issued) -> None:
        """Stand in front of that port, with that certificate."""
        super().__init__((LOOPBACK, 0), _Handler)
        self.upstream = (LOOPBACK, port)
        self.port: int = self.server_address[1]
        self.trusted = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(issued.certificate, issued.key)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests want."""


class _Handler(socketserver.BaseRequestHandler):
    server: Front

    def handle(self) -> None:
        with self.server.context.wrap_socket(self.request, server_side=True) as client:
            # In TLS 1.3 a client refuses after the server is done with its part: it has said nothing then.
            first = client.recv(65536)
            if first:
                self.server.trusted += 1
                with socket.create_connection(self.server.upstream) as plain:
                    plain.sendall(first)
                    pass_bytes(client, plain)


def running(port: int, issued: Issued) -> AbstractContextManager[Front]:
    """A front, which ends with the `with` block."""
    return serving(Front(port, issued))
