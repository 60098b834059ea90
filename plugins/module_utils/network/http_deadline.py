# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP connections that keep the deadline of the whole operation.

urllib3 restarts its time limits with each piece that arrives, so a server that sends one byte a second never exceeds
them. Here every wait for a socket gets the time left of the operation. Import this at the first request,
because urllib3 takes a while to import.
"""

from __future__ import annotations

import io
import socket
import ssl
import threading
from functools import lru_cache
from http.client import HTTPResponse
from typing import Any, Callable, Dict, Optional, cast

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, TooLarge

try:
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.util.ssl_ import create_urllib3_context
except ImportError:  # The caller that needs urllib3 raises the error that names it.
    HTTPConnection = HTTPSConnection = HTTPConnectionPool = HTTPSConnectionPool = object  # type: ignore[assignment,misc]

CONNECTIONS = 32
"""How many connections are kept for reuse."""
LARGEST = 256 * 1024 * 1024
"""Bytes of a response at most, whatever reads it. The largest pages of a list are half of it: a hundred secrets with their values."""
LARGEST_OF_SDK = 16 * 1024 * 1024
"""Bytes of a response that an SDK of a cloud reads as a whole, several times more than the pages of their lists have."""


class Progress(threading.local):
    """The progress of this thread's request: whether any byte of it was passed to the network."""

    sent = False


PROGRESS = Progress()


def _allow_what_is_left(connection: socket.socket) -> None:
    if deadline.is_over():
        raise socket.timeout("the operation's time is over")
    connection.settimeout(deadline.remaining())


def too_large(largest: int) -> CredentialError:
    """Return the error of a response that is not read to its end."""
    error = TooLarge("the response is larger than {0} bytes".format(largest), remedy="Check the address of the server.")
    return error.annotate(outcome_unknown=PROGRESS.sent)


class _TimedStream(io.RawIOBase):
    """The received bytes of a response, with a time limit for each wait, and a limit of their number."""

    def __init__(self, connection: socket.socket, largest: int) -> None:
        super().__init__()
        self._connection = connection
        self._largest = self._left = largest
        self._stream = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        _allow_what_is_left(self._connection)
        count: Optional[int] = self._stream.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise too_large(self._largest)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


class _TimedSocket:
    """The part of a socket that an HTTPResponse needs."""

    def __init__(self, connection: socket.socket, largest: int) -> None:
        self._connection = connection
        self._largest = largest

    def makefile(self, *_mode: Any) -> io.BufferedReader:
        return io.BufferedReader(_TimedStream(self._connection, self._largest))


class _TimedResponse(HTTPResponse):
    largest = LARGEST

    def __init__(self, sock: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(cast("socket.socket", _TimedSocket(sock, self.largest)), *arguments, **named)


class _Timed:
    """The two places where a connection waits.

    Headers are sent together with the body that follows. With TLS 1.3 a server refuses a client's certificate after the handshake,
    and its alert is lost if the client sends more in the meantime.
    """

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


def _build_pools(plain: Any, tls: Any, largest: int) -> Dict[str, Any]:
    """Return the pools of such connections, as a urllib3.PoolManager takes them in `pool_classes_by_scheme`."""
    pools = {}
    response = type("TimedResponse", (_TimedResponse,), {"largest": largest})
    for scheme, pool, connection in (("http", HTTPConnectionPool, plain), ("https", HTTPSConnectionPool, tls)):
        timed = type("Timed" + connection.__name__, (_Timed, connection), {"response_class": response})
        pools[scheme] = type("Timed" + pool.__name__, (pool,), {"ConnectionCls": timed})
    return pools


def keep_deadline(manager: Any, proxy: str = "", largest: int = LARGEST) -> None:
    """Make a urllib3.PoolManager use connections that keep the deadline, and read no response of more than `largest` bytes.

    `proxy` is the URL of its proxy.
    """
    manager.pool_classes_by_scheme = _find_pools(proxy.lower().startswith("socks"), largest)


@lru_cache(maxsize=None)
def _find_pools(by_socks: bool, largest: int) -> Dict[str, Any]:
    if not by_socks:
        return _build_pools(HTTPConnection, HTTPSConnection, largest)
    # They need the package PySocks, which the manager has loaded by now.
    from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection

    return _build_pools(SOCKSConnection, SOCKSHTTPSConnection, largest)


def tls_context() -> ssl.SSLContext:
    """Return a context for TLS 1.2 or later, whatever the libraries' own minimum is."""
    context = create_urllib3_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
