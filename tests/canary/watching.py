# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens while a play runs: the processes it starts, and what it sends to a syslog server."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Dict, Iterator, Set, Tuple

_PARTS = ("cmdline", "environ")


class ProcessSampler:
    """Reads the command line and environment of every process below one, again and again until stopped.

    Those that leave the family while they run, as a session does, are read on.
    """

    def __init__(self, root: int) -> None:
        """Watch the descendants of the process `root`, itself included."""
        self.family = {root}
        self._seen: Dict[str, Set[bytes]] = {part: set() for part in _PARTS}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.samples = 0

    def __enter__(self) -> ProcessSampler:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def blobs(self, part: str) -> Iterator[Tuple[str, bytes]]:
        """Everything seen of `cmdline` or `environ`."""
        return (("/proc/*/{0}".format(part), content.replace(b"\0", b"\n")) for content in self._seen[part])

    def _watch(self) -> None:
        while not self._stop.wait(0.002):
            self.samples += 1
            for pid in self._living():
                for part in _PARTS:
                    try:
                        self._seen[part].add(Path("/proc", str(pid), part).read_bytes())
                    except OSError:
                        continue  # It ended, or is not ours to read.

    def _living(self) -> Set[int]:
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    status = Path("/proc", entry, "stat").read_text(encoding="ascii", errors="replace")
                except OSError:
                    continue
                parents[int(entry)] = int(status.rpartition(")")[2].split()[1])
        while True:
            more = {pid for pid, parent in parents.items() if parent in self.family} - self.family
            if not more:
                return self.family & set(parents)
            self.family |= more


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
