# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection of a session: one request and one response. Neither ever blocks."""

from __future__ import annotations

import socket
from typing import Any

from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import HEARTBEAT, LENGTH

LONGEST_REQUEST = 64 * 1024 * 1024
SEND_TIMEOUT = 5
"""Seconds in which a whole request must arrive, and a response must be read. They are counted in ticks of the event loop: a freeze of
the whole run costs one."""
PART = 1 << 16


class ClientConnection:
    """The caller at the other end: read its one request, and send it one response."""

    def __init__(self, connection: socket.socket) -> None:
        """Take an accepted connection."""
        self.connection = connection
        connection.setblocking(False)
        self.working = False
        """Whether its request is being performed."""
        self.watched = False
        """Whether the event loop waits for its connection."""
        self.request = b""
        """Its request, once that has arrived."""
        self.asked: Any = None
        """The same, once it is parsed."""
        self._ticks = 0
        self._content = bytearray()
        self._reply: list[memoryview] = []

    def receive(self) -> bytes | None:
        """Return the request once it has arrived whole; None until then.

        Raises:
            ConnectionError: the caller is gone, or what it sends is no request.
        """
        try:
            part = self.connection.recv(PART)
        except BlockingIOError:
            return None
        self._content += part
        if not part or self.working or self._reply:
            raise ConnectionError("gone, or not silent")
        return self._whole()

    def _whole(self) -> bytes | None:
        if len(self._content) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._content)
        if length > LONGEST_REQUEST or len(self._content) > LENGTH.size + length:
            raise ConnectionError("no request")
        if len(self._content) < LENGTH.size + length:
            return None
        request = bytes(memoryview(self._content)[LENGTH.size :])
        self._content = bytearray()
        return request

    def is_waiting(self) -> bool:
        """Return True if the caller still waits for a response. A caller that closed the connection has continued without it."""
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def reply(self, content: bytes) -> bool:
        """Send a response, as much as the connection takes now. Return True if that was all."""
        self.working = False
        self._ticks = 0
        length = LENGTH.pack(len(content))
        # A long response, which several callers may get, is not copied for each. A short one must be sent in one piece.
        self._reply = [memoryview(length), memoryview(content)] if len(content) > PART else [memoryview(length + content)]
        return self.send()

    def send(self) -> bool:
        """Send more of the response. Return True if that was all.

        Raises:
            OSError: the caller is gone.
        """
        try:
            while self._reply:
                rest = self._reply[0][self.connection.send(self._reply[0]) :]
                self._reply[:1] = [rest] if rest else []
        except BlockingIOError:
            return False
        return True

    def beat(self) -> None:
        """Send a heartbeat: the request is being performed.

        Raises:
            OSError: the caller is gone, or reads nothing.
        """
        self.connection.send(HEARTBEAT)

    def tick(self) -> bool:
        """Count a second. Return True if the caller takes too long to send its request, or to read its response."""
        self._ticks += 1
        return not self.working and self._ticks > SEND_TIMEOUT
