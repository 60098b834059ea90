# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The peak of the memory of a run's session, in MiB: run as a program by a task of the run, which is how the session is found."""

from __future__ import annotations

import os
import socket
import struct
import sys
from pathlib import Path
from typing import Iterable, Iterator, Tuple


def ancestors(process: int) -> Iterator[int]:
    """The parent, its parent, and so on."""
    while process > 1:
        # proc(5): the 4th field; the 2nd is a name in parentheses.
        process = int(Path("/proc/{0}/stat".format(process)).read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        yield process


def session_of_this_run() -> Tuple[int, Path]:
    """The process that listens in the directory that is named after one of this process's ancestors, and that directory."""
    return find_session(ancestors(os.getpid()))


def find_session(controllers: Iterable[int]) -> Tuple[int, Path]:
    """The process that listens in the directory that is named after one of these processes, and that directory."""
    bases = [Path(base) for base in (os.environ.get("XDG_RUNTIME_DIR"), "/tmp") if base]  # where sessions are
    for process in controllers:
        for found in (one for base in bases for one in base.glob("nebula-{0}-{1}-*/s".format(os.geteuid(), process))):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(str(found))
                return struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0], found.parent
    raise LookupError("no session listens for this run")


def peak(process: int) -> float:
    """VmHWM of a process in MiB."""
    lines = Path("/proc/{0}/status".format(process)).read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    sys.stdout.write("{0:.1f}".format(peak(session_of_this_run()[0])))
