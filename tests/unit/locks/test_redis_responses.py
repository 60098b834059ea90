# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock's server that responds without end holds no write up, and takes no memory without bound."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.locks import redis
from ansible_collections.nebula.credential.plugins.module_utils.locks.waiting import wait_for_lock


@contextlib.contextmanager
def endless(pause: float) -> Iterator[int]:
    """A server that responds with one line that never ends, a byte after each pause. Gives its port."""
    is_over = threading.Event()

    def respond(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(1000)
            connection.sendall(b"+")
            while not is_over.wait(pause):
                connection.sendall(b"x")

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=respond, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            is_over.set()


@pytest.mark.parametrize("pause", [0.2, 0.0])
def test_a_server_whose_response_never_ends_is_given_up(monkeypatch: Any, pause: float) -> None:
    monkeypatch.setattr(redis, "RESPONSE", 2.0)
    with endless(pause) as port:
        settings = {"url": "redis://127.0.0.1:{0}/0".format(port), "username": "u", "password": "p", "prefix": "nebula"}
        settings.update(allow_insecure_transport=False, ca_cert=None)
        found = []

        def wait() -> None:
            with contextlib.closing(redis.RedisLocks(settings, "prod", lambda _text: None)) as service:
                with pytest.raises(Unavailable) as caught:
                    wait_for_lock(service, "p", "db", 1.0)
                found.append(caught.value)

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        waiting.join(60)
        assert "does not respond" in str(found[0])
