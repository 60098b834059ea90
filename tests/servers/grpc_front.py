# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `front` is for HTTP, for a server that speaks gRPC over TLS: it counts the calls, refuses them, or loses their responses.

with grpc_front.running("127.0.0.1:443", ca_cert) as before: …
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple, Optional

import grpc

from tests.servers.certificates import Authority
from tests.servers.processes import LOOPBACK
from tests.servers.scripted import Answer

PATIENCE = 60.0
_CODES = {429: grpc.StatusCode.RESOURCE_EXHAUSTED, 503: grpc.StatusCode.UNAVAILABLE}


class Call(NamedTuple):
    """One call as it came, in bytes."""

    method: str
    content: bytes
    metadata: Any


class GrpcFront(grpc.GenericRpcHandler):
    """What stands between. `asked` calls came; `refuses` gives the answer to a call by its number, from 1, or None to pass it on."""

    def __init__(self, upstream: str, roots: bytes) -> None:
        """Pass on to this address, whose certificate that authority signed."""
        self.url, self.ca_cert = "", ""
        self.refuses: Callable[[int, Call], Optional[Answer]] = lambda _number, _call: None
        self.asked = 0
        self._channel = grpc.secure_channel(upstream, grpc.ssl_channel_credentials(roots))
        self._counting = threading.Lock()

    def hold(self, _together: int, _total: int) -> None:
        """Begin to count. Nothing is held."""
        self.asked = 0

    def service(self, details: Any) -> Any:
        """Answer a method, whichever it is."""
        return grpc.unary_unary_rpc_method_handler(lambda content, context: self._answer(details.method, content, context))

    def _answer(self, method: str, content: bytes, context: Any) -> Any:
        with self._counting:
            self.asked += 1
            number = self.asked
        # Headers of gRPC itself are those of the next connection.
        sent = [pair for pair in context.invocation_metadata() if not pair[0].startswith(("user-agent", "grpc-", ":"))]
        call = Call(method, content, sent)
        refused = self.refuses(number, call)
        if refused is not None:
            context.abort(
                _CODES.get(refused.status, grpc.StatusCode.UNAVAILABLE) if not refused.hangs_up else grpc.StatusCode.UNKNOWN, "no"
            )
        try:
            return self.pass_on(call)
        except grpc.RpcError as error:
            context.set_trailing_metadata(error.trailing_metadata())
            context.abort(error.code(), error.details())

    def pass_on(self, call: Call) -> bytes:
        """Have the server answer. Raises grpc.RpcError as it does."""
        return bytes(self._channel.unary_unary(call.method)(call.content, metadata=call.metadata, timeout=PATIENCE))

    def close(self) -> None:
        """Close the connection to the server."""
        self._channel.close()


@contextlib.contextmanager
def running(upstream: str, ca_cert: str) -> Iterator[GrpcFront]:
    """A running one, which ends with the `with` block."""
    front = GrpcFront(upstream, Path(ca_cert).read_bytes())
    with tempfile.TemporaryDirectory(prefix="nebula-front-") as directory, contextlib.closing(front):
        authority = Authority(Path(directory))
        issued = authority.issue("front", [LOOPBACK])
        pair = (issued.key.read_bytes(), issued.certificate.read_bytes())
        server = grpc.server(ThreadPoolExecutor(16))
        server.add_generic_rpc_handlers((front,))
        port = server.add_secure_port(LOOPBACK + ":0", grpc.ssl_server_credentials([pair]))
        server.start()
        # The server's authority too: it may have other addresses, for logins.
        trusted = Path(directory) / "trusted.pem"
        trusted.write_bytes(authority.certificate.read_bytes() + Path(ca_cert).read_bytes())
        front.url, front.ca_cert = "https://{0}:{1}".format(LOOPBACK, port), str(trusted)
        try:
            yield front
        finally:
            server.stop(0).wait()
