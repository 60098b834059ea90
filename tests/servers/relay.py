# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every proxy of the tests does: it serves while a `with` block lasts, and passes bytes on."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import ssl
import threading
from typing import Iterator, TypeVar

Server = TypeVar("Server", bound=socketserver.BaseServer)


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    """The server, which ends with the `with` block."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def pass_bytes(client: socket.socket, upstream: socket.socket) -> None:
    """Pass bytes both ways until one side ends, in one thread: two must not use a TLS connection at once."""
    while True:
        # Bytes that TLS has already decrypted are not seen by select.
        is_pending = isinstance(client, ssl.SSLSocket) and client.pending()
        for origin in [client] if is_pending else select.select([client, upstream], [], [])[0]:
            chunk = origin.recv(65536)
            if not chunk:
                return
            (upstream if origin is client else client).sendall(chunk)
