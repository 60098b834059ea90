# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play sends to a syslog server."""

from __future__ import annotations

import socket


class SyslogServer:
    """A UDP syslog server on the loopback address that keeps what it gets."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def received(self) -> bytes:
        """What has come in until now. The kernel keeps it, so nothing has to run meanwhile."""
        self._socket.setblocking(False)
        packets = []
        while True:
            try:
                packets.append(self._socket.recv(1 << 16))
            except BlockingIOError:
                return b"\n".join(packets)

    def close(self) -> None:
        """Release the port."""
        self._socket.close()
