# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A SOCKS5 proxy (RFC 1928, RFC 1929) on the loopback address. It leads to one server, whatever host a client names.

with socks_proxy.running(server.port) as proxy: environment["ALL_PROXY"] = proxy.url; …
"""

from __future__ import annotations

import socket
import socketserver
from contextlib import AbstractContextManager

from tests.servers.processes import LOOPBACK
from tests.servers.relay import pass_bytes, serving

_NO_LOGIN, _PASSWORD = 0, 2
_GRANTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


class SocksProxy(socketserver.ThreadingTCPServer):
    """What listens. `asked` has the host of each connection, `logins` the logins that came with them."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        """Lead to that port."""
        super().__init__((LOOPBACK, 0), _Handler)
        self.upstream = (LOOPBACK, port)
        self.asked: list[str] = []
        self.logins: list[tuple[str, str]] = []
        self.url = "socks5h://{0}:{1}".format(LOOPBACK, self.server_address[1])


class _Handler(socketserver.StreamRequestHandler):
    server: SocksProxy
    rbufsize = 0  # what follows the handshake is read from the socket

    def handle(self) -> None:
        methods = self._read_block(skip=1)
        method = _PASSWORD if _PASSWORD in methods else _NO_LOGIN
        self.wfile.write(bytes([5, method]))
        if method == _PASSWORD:
            self.server.logins.append((self._read_block(skip=1).decode(), self._read_block(skip=0).decode()))
            self.wfile.write(b"\x01\x00")
        kind = self.rfile.read(4)[3]
        host = self._read_block(skip=0).decode() if kind == 3 else socket.inet_ntoa(self.rfile.read(4))
        self.rfile.read(2)
        self.server.asked.append(host)
        with socket.create_connection(self.server.upstream) as upstream:
            self.wfile.write(_GRANTED)
            pass_bytes(self.connection, upstream)

    def _read_block(self, skip: int) -> bytes:
        """A length in one byte, and as many bytes."""
        return self.rfile.read(self.rfile.read(skip + 1)[-1])


def running(port: int) -> AbstractContextManager[SocksProxy]:
    """A running one, which ends with the `with` block."""
    return serving(SocksProxy(port))
