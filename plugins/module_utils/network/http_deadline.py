# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP connections that keep to the deadline of the operation as a whole.

The time limits of urllib3 count anew with each piece that arrives, so a server that drips one byte a second is never
too late for them. Here every wait for a socket gets what is left of the operation. Imported where the first request is made,
because urllib3 takes a while to import.
"""

from __future__ import annotations

import io
import socket
import ssl
import threading
from http.client import HTTPResponse
from typing import Any, Callable, Optional, cast

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline

try:
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.util.ssl_ import create_urllib3_context
except ImportError:  # Whoever needs it says so by name.
    HTTPConnection = HTTPSConnection = HTTPConnectionPool = HTTPSConnectionPool = object  # type: ignore[assignment,misc]

CONNECTIONS = 32
"""Connections that are kept for reuse."""


class Progress(threading.local):
    """What this thread's request has come to: whether a byte of it was handed to the network."""

    sent = False


PROGRESS = Progress()


def _allow_what_is_left(connection: socket.socket) -> None:
    if deadline.is_over():
        raise socket.timeout("the operation's time is over")
    connection.settimeout(deadline.remaining())


class _TimedStream(io.RawIOBase):
    """What a socket receives, each wait bounded."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._stream = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        _allow_what_is_left(self._connection)
        count: Optional[int] = self._stream.readinto(buffer)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


class _TimedSocket:
    """As much of a socket as an HTTPResponse takes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, *_mode: Any) -> io.BufferedReader:
        return io.BufferedReader(_TimedStream(self._connection))


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(cast("socket.socket", _TimedSocket(sock)), *arguments, **named)


class _Timed:
    """The two places where a connection waits.

    Headers go out together with what follows them. With TLS 1.3 a server refuses a client's certificate after the handshake,
    and what it says of that is lost when more is sent to it meanwhile.
    """

    response_class = _TimedResponse
    sock: Any
    connect: Callable[[], None]
    _held = b""

    def send(self, data: Any) -> None:
        if isinstance(data, bytes):
            data, self._held = self._held + data, b""
            if _begins_a_body(data):
                self._held = data
                return
        self._send_now(data)

    def getresponse(self) -> Any:
        if self._held:
            self._send_now(self._held)
            self._held = b""
        return super().getresponse()  # type: ignore[misc]

    def _send_now(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _allow_what_is_left(self.sock)
        PROGRESS.sent = True
        super().send(data)  # type: ignore[misc]

    def close(self) -> None:
        self._held = b""
        super().close()  # type: ignore[misc]


def _begins_a_body(data: bytes) -> bool:
    return data.endswith(b"\r\n\r\n") and data.startswith((b"POST ", b"PUT ", b"PATCH "))


class _PlainConnection(_Timed, HTTPConnection):  # type: ignore[misc]  # urllib3 does not declare http.client's attribute
    pass


class _TlsConnection(_Timed, HTTPSConnection):  # type: ignore[misc]  # as above
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


POOLS = {"http": _PlainPool, "https": _TlsPool}
"""What a urllib3.PoolManager takes as its `pool_classes_by_scheme`."""


def tls_context() -> ssl.SSLContext:
    """TLS 1.2 or later, whatever the libraries' own least is."""
    context = create_urllib3_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
