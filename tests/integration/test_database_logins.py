# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database's login that is renewed while a connection is being made."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed
from tests.conformance.records import a_record, value_of
from tests.integration.database_servers import backend_on
from tests.servers import once, proxy

pytestmark = pytest.mark.server


@pytest.fixture
def server():
    """MariaDB: its driver lets other threads of this process run, such as the network's, at every step."""
    return once.mariadb()


@pytest.mark.parametrize("renewed", [True, False])
def test_a_password_that_is_renewed_meanwhile_is_read_again_once(server, prefix, tmp_path, renewed):
    """The network is silent until the old password was read and the file has the new one."""
    backend_on(server, prefix).put(a_record())
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("old")
    outcome = []
    with proxy.running(server.host, server.port) as between:
        between.mode = proxy.SILENT
        more = {"password": None, "password_file": str(file), "pool": {"connect_timeout": 120}}
        backend = backend_on(server, prefix, port=between.port, **more)

        def read():
            try:
                outcome.append(value_of(backend.get("db_pass")))
            except LoginFailed as refused:
                outcome.append(refused)

        reading = threading.Thread(target=read)
        reading.start()
        while between.accepted == 0:
            time.sleep(0.02)
        if renewed:
            file.write_text(server.password)
        between.mode = proxy.PASS
        reading.join(120)
        backend.close()
    assert outcome == [b"s3cret"] if renewed else isinstance(outcome[0], LoginFailed)
