# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command and record the command line and environment of every process below it: process_tracer.py RECORD COMMAND…

The kernel stops each process at its start and at its end and reports that here (ptrace(2)), so none is too short to be seen, and one
that leaves the family, as a session does, is followed. Ends when the last of them has ended, with the exit status of the command.
RECORD is JSON: {"cmdline": […], "environ": […]}, each different content once, its bytes in base64. Standard library alone.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Dict, List, Set

PARTS = ("cmdline", "environ")
# From <linux/ptrace.h> and <linux/wait.h>.
PTRACE_CONT, PTRACE_SEIZE, PTRACE_LISTEN = 7, 0x4206, 0x4208
EVENT_FORK, EVENT_VFORK, EVENT_CLONE, EVENT_EXEC, EVENT_EXIT, EVENT_STOP = 1, 2, 3, 4, 6, 128
PTRACE_O_EXITKILL = 1 << 20
OPTIONS = PTRACE_O_EXITKILL | sum(1 << event for event in (EVENT_FORK, EVENT_VFORK, EVENT_CLONE, EVENT_EXEC, EVENT_EXIT))
WALL = 0x40000000
STOPPING = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_LIBC.ptrace.restype = ctypes.c_long


def ptrace(request: int, process: int, data: int) -> None:
    """Call ptrace(2). Raises OSError; ProcessLookupError if the process has just been killed."""
    if _LIBC.ptrace(request, process, None, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class ProcessTracer:
    """Traces one command and all that it starts."""

    def __init__(self) -> None:
        self._seen: Dict[str, Set[bytes]] = {part: set() for part in PARTS}

    def run(self, command: List[str]) -> int:
        """Run the command until the last process below it has ended. Returns its exit status, negative if a signal ended it."""
        root, ended = self._start(command), 0
        while True:
            try:
                process, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                return os.waitstatus_to_exitcode(ended)
            if os.WIFSTOPPED(status):
                self._resume(process, event=status >> 16, signal_number=os.WSTOPSIG(status))
            elif process == root:
                ended = status

    def write(self, path: Path) -> None:
        """Write the record."""
        record = {part: [base64.b64encode(content).decode() for content in sorted(seen)] for part, seen in self._seen.items()}
        path.write_text(json.dumps(record), encoding="ascii")

    def _start(self, command: List[str]) -> int:
        """Fork a child that waits until it is traced and becomes the command."""
        reader, writer = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(writer)
            os.read(reader, 1)
            os.execvp(command[0], command)  # noqa: S606  # a test's own command
        os.close(reader)
        ptrace(PTRACE_SEIZE, process, OPTIONS)
        os.close(writer)
        return process

    def _resume(self, process: int, event: int, signal_number: int) -> None:
        """Record what has to be, and let the process run on: with the signal if it was stopped for one."""
        if event in {EVENT_EXEC, EVENT_EXIT}:
            self._record(process)
        try:
            if event == EVENT_STOP and signal_number in STOPPING:
                ptrace(PTRACE_LISTEN, process, 0)
            else:
                ptrace(PTRACE_CONT, process, 0 if event else signal_number)
        except ProcessLookupError:
            pass  # Killed meanwhile.

    def _record(self, process: int) -> None:
        for part, seen in self._seen.items():
            try:
                seen.add(Path("/proc", str(process), part).read_bytes())
            except OSError:
                continue  # Killed meanwhile, or at its end no longer ours to read; its start was.


if __name__ == "__main__":
    TRACER = ProcessTracer()
    STATUS = TRACER.run(sys.argv[2:])
    TRACER.write(Path(sys.argv[1]))
    sys.exit(STATUS if STATUS >= 0 else 128 - STATUS)
