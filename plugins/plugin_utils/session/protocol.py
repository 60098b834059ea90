# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both ends of a connection need: the framing, who is at the other end, and the names of the session's files.

The lookup `get` holds a copy of all but `Place`, because on a hit it is the only file that a worker loads. A test compares the two.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

LENGTH = struct.Struct(">I")
HEARTBEAT = b"."
CREDENTIALS = struct.Struct("3i")
OVERFLOW_UID = 65534
"""What Linux shows for users that a container does not know (/proc/sys/kernel/overflowuid; nobody changes it)."""


class Place(NamedTuple):
    """Where the session of this run is, or would be: one directory a run, which names it."""

    directory: str

    @property
    def socket(self) -> str:
        """What the session listens on."""
        return self.directory + "/s"

    @property
    def lock(self) -> str:
        """A file that is locked while a session starts."""
        return self.directory + "/lock"

    @property
    def begun(self) -> str:
        """A file that is there once a session has begun, which keeps it locked."""
        return self.directory + "/begun"

    @property
    def gone(self) -> str:
        """A file that says why this run goes on without a session."""
        return self.directory + "/gone"


def other_end(connection: socket.socket) -> tuple[int | None, int]:
    """The process (None where the system does not tell) and the uid at the other end."""
    if hasattr(socket, "SO_PEERCRED"):
        process, uid, _gid = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        return process, uid
    # unix(4) of macOS and the BSDs: struct xucred begins with a version and the effective uid.
    _version, uid = struct.unpack("2I", connection.getsockopt(0, 1, 76)[:8])
    return None, uid
