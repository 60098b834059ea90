# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An HTTP server whose every answer a test writes: for what no real server can be brought to say.

with scripted.running(lambda request: Answer(503, {"errors": ["Vault is sealed"]})) as server: …
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from tests.servers.processes import LOOPBACK


@dataclass(frozen=True)
class Request:
    """What came: `path` with its query, `headers` by their names in small letters, `all_headers` as they came."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    all_headers: Sequence[Tuple[str, str]] = field(repr=False, default=())

    @property
    def json(self) -> Any:
        """The content as JSON."""
        return json.loads(self.content)


@dataclass(frozen=True)
class Answer:
    """What goes: JSON for a mapping, else bytes as they are. `drips` sends the content a byte at a time, each so many seconds apart.

    `hangs_up` ends the connection with nothing said.
    """

    status: int = 200
    content: Union[Mapping[str, Any], bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drips: float = 0.0
    hangs_up: bool = False


Script = Callable[[Request], Answer]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hangs up: some tests want that."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Server:
    """A running one. `asked` is what came so far."""

    def __init__(self, script: Script) -> None:
        """Answer as the script says."""
        self.script = script
        self.asked: List[Request] = []
        self.over = threading.Event()
        self._http = _Listener((LOOPBACK, 0), _Handler)
        self._http.owner = self  # type: ignore[attr-defined]
        self.port: int = self._http.server_address[1]
        self.url = "http://{0}:{1}".format(LOOPBACK, self.port)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self.over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and content are sent apart, and the second would wait 40 ms

    # Whatever the method is called, it is answered the same way.
    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = do_GET  # noqa: N815

    @property
    def _owner(self) -> Server:
        owner: Server = self.server.owner  # type: ignore[attr-defined]
        return owner

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if len(content) < length:  # the connection was cut: no server carries out a part of a request
            self.close_connection = True
            return
        headers: Dict[str, str] = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, content, self.headers.items())
        self._owner.asked.append(request)
        with contextlib.suppress(OSError):  # the client has gone
            answer = self._owner.script(request)
            self.close_connection = self.close_connection or answer.hangs_up
            if not answer.hangs_up:
                self._send(answer)

    def _send(self, answer: Answer) -> None:
        plain = isinstance(answer.content, bytes)
        content = answer.content if isinstance(answer.content, bytes) else json.dumps(answer.content).encode()
        # A script may have a clock of its own.
        (self.send_response_only if "Date" in answer.headers else self.send_response)(answer.status)
        self.send_header("Content-Type", "text/html" if plain else "application/json")
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if answer.drips:
            self._drip(content, answer.drips)
        else:
            self.wfile.write(content)

    def _drip(self, content: bytes, seconds: float) -> None:
        for byte in content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self._owner.over.wait(seconds):
                return

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextlib.contextmanager
def running(script: Optional[Script] = None) -> Iterator[Server]:
    """Start one on the loopback address and a free port, and end it."""
    server = Server(script or (lambda _request: Answer()))
    try:
        yield server
    finally:
        server.close()
