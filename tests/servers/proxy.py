# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network that can be made bad while a test runs: a TCP proxy on 127.0.0.1 and a random port, in front of any server.

    with proxy.running("127.0.0.1", server.port) as between:
        between.mode = proxy.SILENT                            # open connections as well as new ones
        between.set(proxy.cut_answer(0, reset=True), times=1)  # the request arrives, the answer does not; then all is well

A mode holds until the next one is set. Bytes are counted for each connection, from when the mode was set.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Dict, Iterator, Optional, Set, Tuple

from tests.servers.processes import LOOPBACK

REQUEST, ANSWER = "request", "answer"
_CHUNK = 65536
_RESETS = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: closing sends RST


@dataclass(frozen=True)
class Mode:
    """What happens to bytes.

    `delay`: seconds before each chunk, in both directions. `cut`: a direction, and how many bytes of it pass before both
    sides are closed. `holds`: directions in which nothing passes until another mode is set. `severs`: open connections are
    closed at once, and new ones as soon as they are accepted. `refuses`: nothing listens. `reset`: close by RST, not FIN.
    """

    delay: float = 0.0
    cut: Optional[Tuple[str, int]] = None
    holds: Tuple[str, ...] = ()
    severs: bool = False
    refuses: bool = False
    reset: bool = False


PASS = Mode()
SILENT = Mode(holds=(REQUEST, ANSWER))
"""Half-open: connections are accepted, and nothing ever comes."""
UNANSWERED = Mode(holds=(ANSWER,))
"""The server gets every request and does it; no answer comes."""
RESET = Mode(severs=True, reset=True)
HANG_UP = Mode(severs=True)
REFUSE = Mode(severs=True, refuses=True, reset=True)


def slow(seconds: float) -> Mode:
    """Each chunk comes that much later."""
    return Mode(delay=seconds)


def cut_request(after: int, *, reset: bool = False) -> Mode:
    """The server gets `after` bytes of what the client sends, and then an end."""
    return Mode(cut=(REQUEST, after), reset=reset)


def cut_answer(after: int, *, reset: bool = False) -> Mode:
    """The client gets `after` bytes of what the server sends, and then an end: with 0 after the request was done."""
    return Mode(cut=(ANSWER, after), reset=reset)


class Proxy:
    """Between a client and a server. `accepted` counts the connections that clients made."""

    def __init__(self, host: str, port: int) -> None:
        """Stand in front of `host` and `port`; listen on `self.port`."""
        self.upstream = (host, port)
        self.host = LOOPBACK
        self.accepted = 0
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._mode = PASS
        self._epoch = 0
        self._times: Optional[int] = None
        self._closed = False
        self._connections: Set[_Connection] = set()
        self._listener = self._bound(0)
        self.port: int = self._listener.getsockname()[1]
        self._listen()

    @property
    def mode(self) -> Mode:
        """What happens to bytes now."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self.set(mode)

    def set(self, mode: Mode, times: Optional[int] = None) -> None:
        """Change what happens to bytes; once it has closed `times` connections, everything passes again."""
        with self._changed:
            was, self._mode, self._times = self._mode, mode, times
            self._epoch += 1
            if mode.refuses != was.refuses:
                self._refuse() if mode.refuses else self._listen()
            for connection in list(self._connections) if mode.severs else ():
                connection.end(reset=mode.reset)
            self._changed.notify_all()

    @staticmethod
    def _bound(port: int) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOOPBACK, port))
        return bound

    def _listen(self) -> None:
        self._listener.listen(128)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _refuse(self) -> None:
        _hang_up(self._listener)
        # Bound but not listening: connections are refused, and nobody else gets the port.
        self._listener = self._bound(self.port)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                client, _address = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._begin(_Connection(self, client))

    def _begin(self, connection: _Connection) -> None:
        with self._changed:
            self.accepted += 1
            self._connections.add(connection)
            if self._closed or self._mode.severs:
                connection.end(reset=self._mode.reset)
                self._counted(self._epoch)
                return
        threading.Thread(target=connection.serve, daemon=True).start()

    def _counted(self, epoch: int) -> None:
        """A connection was closed by the mode of `epoch`; the last of those wanted ends it."""
        if self._times is not None and epoch == self._epoch:
            self._times -= 1
            if self._times <= 0:
                self.set(PASS)

    def close(self) -> None:
        """End every connection and stop listening."""
        with self._changed:
            self._closed = True
            _hang_up(self._listener)
            for connection in list(self._connections):
                connection.end(reset=True)
            self._changed.notify_all()

    # What follows is for the connections.

    def forgotten(self, connection: _Connection) -> None:
        """It has ended."""
        with self._changed:
            self._connections.discard(connection)
            self._changed.notify_all()

    def passing(self, connection: _Connection, direction: str) -> Tuple[Mode, int]:
        """Wait until the mode lets `direction` through (or the connection is over), and answer it with its epoch."""
        with self._changed:
            self._changed.wait_for(lambda: direction not in self._mode.holds or connection.over)
            return self._mode, self._epoch

    def cut(self, connection: _Connection, mode: Mode, epoch: int) -> None:
        """End a connection because of `mode`."""
        with self._changed:
            connection.end(reset=mode.reset)
            self._counted(epoch)

    def wait(self, connection: _Connection, seconds: float) -> None:
        """Wait, but no longer than the connection lasts."""
        with self._changed:
            self._changed.wait_for(lambda: connection.over, seconds)


class _Connection:
    """A client, the server, and a thread in each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self.proxy = proxy
        self.over = False
        self._sockets: Dict[str, socket.socket] = {REQUEST: client}
        self._passed: Dict[Tuple[str, int], int] = {}

    def serve(self) -> None:
        """Connect to the server and pass bytes until both sides are done."""
        self.proxy.passing(self, REQUEST)
        try:
            server = socket.create_connection(self.proxy.upstream, timeout=10)
            server.settimeout(None)
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            self.end(reset=True)
            return
        if not self._took(server):
            return
        back = threading.Thread(target=self._pump, args=(ANSWER, REQUEST), daemon=True)
        back.start()
        self._pump(REQUEST, ANSWER)
        back.join()
        self.end(reset=False)

    def _took(self, server: socket.socket) -> bool:
        """Keep the server's side, unless the client's was closed in the meantime."""
        with self.proxy.lock:
            self._sockets[ANSWER] = server
            if self.over:
                server.close()
            return not self.over

    def _pump(self, direction: str, other: str) -> None:
        """`direction` is also the name of the side that its bytes come from."""
        origin, target = self._sockets[direction], self._sockets[other]
        try:
            while True:
                chunk = origin.recv(_CHUNK)
                if not chunk:
                    break
                if not self._pass(direction, chunk, target):
                    return
            self.proxy.passing(self, direction)
            if not self.over:
                target.shutdown(socket.SHUT_WR)
        except OSError:
            self.end(reset=True)

    def _pass(self, direction: str, chunk: bytes, target: socket.socket) -> bool:
        """Hand a chunk on as the mode has it; False once the connection was cut."""
        mode, epoch = self.proxy.passing(self, direction)
        if mode.delay:
            self.proxy.wait(self, mode.delay)
        before = self._passed.get((direction, epoch), 0)
        room = mode.cut[1] - before if mode.cut and mode.cut[0] == direction else len(chunk) + 1
        self._passed[direction, epoch] = before + len(chunk)
        target.sendall(chunk[:room])
        if room > len(chunk):
            return True
        self.proxy.cut(self, mode, epoch)
        return False

    def end(self, *, reset: bool) -> None:
        """Close both sides, once."""
        with self.proxy.lock:
            if self.over:
                return
            self.over = True
            for each in self._sockets.values():
                _hang_up(each, reset=reset)
            self.proxy.forgotten(self)


def _hang_up(each: socket.socket, *, reset: bool = False) -> None:
    with contextlib.suppress(OSError):
        if reset:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
        # A thread that waits in recv() would keep the connection open after close(). SHUT_RD wakes it and sends nothing.
        each.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        each.close()


@contextlib.contextmanager
def running(host: str, port: int) -> Iterator[Proxy]:
    """A proxy in front of a server; gone afterwards with all its connections."""
    proxy = Proxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
