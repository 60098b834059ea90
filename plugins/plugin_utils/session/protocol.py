# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both ends of a connection need: the framing, the other end's process and user, and the names of the session's files.

The lookup `get` has a copy of all but `Place`, `LINGERS` and `TAKEN`, because on a hit it is the only file that a worker loads. A test
compares the two.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

LENGTH = struct.Struct(">I")
HEARTBEAT = b"."
CREDENTIALS = struct.Struct("3i")
OVERFLOW_UID = 65534
"""The uid that Linux shows for users that a container does not know (the default of /proc/sys/kernel/overflowuid)."""


LINGERS = "lingers"
"""The file in a session's directory that says that it may outlive its run."""
TAKEN = "taken"
"""The response of a session that waited for a run and has become that of the caller's run."""


class Place(NamedTuple):
    """The directory of this run's session, whether the session exists or not, and the files in it."""

    directory: str

    @property
    def socket(self) -> str:
        """The socket that the session listens on."""
        return self.directory + "/s"

    @property
    def lock(self) -> str:
        """A file that is locked while a session starts."""
        return self.directory + "/lock"

    @property
    def start_file(self) -> str:
        """A file that a session makes when it begins, and keeps locked."""
        return self.directory + "/begun"

    @property
    def files(self) -> str:
        """The directory of the files with values (`session.files`); it is made with the first one."""
        return self.directory + "/files"

    @property
    def abandonment_file(self) -> str:
        """A file with the reason why this run continues without a session."""
        return self.directory + "/gone"


def other_end(connection: socket.socket) -> tuple[int | None, int]:
    """Return the process id (None if the system does not provide it) and the uid of the other end."""
    if hasattr(socket, "SO_PEERCRED"):
        process, uid, _gid = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        return process, uid
    # unix(4) of macOS and the BSDs: struct xucred begins with a version and the effective uid.
    _version, uid = struct.unpack("2I", connection.getsockopt(0, 1, 76)[:8])
    return None, uid
