# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of a server that each process opens for itself: parent and child would mix up the responses of a connection that they share."""

from __future__ import annotations

import os
import threading
from typing import Any, Callable, NamedTuple, Optional


class _Opened(NamedTuple):
    process: int
    client: Any


class ProcessClient:
    """The client of the running process. Threads share it. Opens nothing until it is needed."""

    def __init__(self, open_client: Callable[[], Any]) -> None:
        """Take what opens a client, which logs in and has a method `close`. It is called by one thread at a time."""
        self._open_client = open_client
        self._opening = threading.Lock()
        self._opened: Optional[_Opened] = None

    def get(self) -> Any:
        """Return the client. Opens it if this process has none."""
        opened = self._opened
        if opened is not None and opened.process == os.getpid():
            return opened.client
        with self._opening:
            if self._opened is None or self._opened.process != os.getpid():
                self._opened = _Opened(os.getpid(), self._open_client())
            return self._opened.client

    def renew(self, spent: Any) -> Any:
        """Return a new client in place of one whose login the server no longer accepts. Threads that have it renewed share the new one.

        The spent one is not closed: another thread may still wait for its response.
        """
        with self._opening:
            if self._opened is None or self._opened.client is spent:
                self._opened = None  # If this login fails, the next request tries again.
                self._opened = _Opened(os.getpid(), self._open_client())
            return self._opened.client

    @property
    def is_open(self) -> bool:
        """Whether any process has opened one."""
        return self._opened is not None

    def close(self) -> None:
        """Close the client. May be called twice; what needs it next opens another one."""
        opened, self._opened = self._opened, None
        if opened is not None and opened.process == os.getpid():
            opened.client.close()
