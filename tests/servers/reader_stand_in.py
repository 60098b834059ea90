# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stand-ins of services that are only read have in common: a test can have them respond to everything alike, or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Mapping, Optional

from tests.servers import scripted
from tests.servers.scripted import Answer, Request


class StandIn(ABC):
    """A part of `tests.conformance.reader_kind.ReaderService`, on a scripted server."""

    def __init__(self, server: scripted.Server) -> None:
        """Answer in place of the server's script."""
        self.server = server
        self._instead: Optional[Answer] = None
        self._hangs = False
        server.script = self.answer

    def respond(self, status: int, content: bytes = b"", headers: Optional[Mapping[str, str]] = None, hangs: bool = False) -> None:
        self._instead, self._hangs = Answer(status, content, headers or {}), hangs

    def count_requests(self) -> int:
        return len(self.server.asked)

    def close(self) -> None:
        self.server.close()

    def answer(self, request: Request) -> Answer:
        """The answer to a request."""
        if self._hangs:
            self.server.over.wait()
        if self.server.over.is_set():  # a connection that was kept
            return Answer(hangs_up=True)
        return self._instead or self._serve(request)

    @abstractmethod
    def _serve(self, request: Request) -> Answer:
        """The service's own answer."""
