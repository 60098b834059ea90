# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PostgreSQL that closes a connection and does not respond to the next one, by which libpq finds out why."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable

LIMIT = 600


def close_the_first(listener: socket.socket) -> None:
    connection, _address = listener.accept()
    connection.close()


def test_it_does_not_hold_up_the_process_for_the_whole_time_limit() -> None:
    """No other thread runs while libpq waits. The listener takes the first connection; the next one stays in its queue."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=close_the_first, args=(listener,), daemon=True).start()
        url = "postgresql://app@127.0.0.1:{0}/nebula".format(listener.getsockname()[1])
        options = {"url": url, "password": "x", "read_timeout": LIMIT, "pool": {"connect_timeout": LIMIT}}
        backend = Database(options, BackendContext("prod"))
        backend.connect()
        began = time.monotonic()
        with pytest.raises(Unavailable, match="cannot be reached"):
            backend.get("a")
        assert time.monotonic() - began < LIMIT / 2
