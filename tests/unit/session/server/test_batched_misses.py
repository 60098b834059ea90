# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run's workers miss at the same time is one statement at a database (A14, F1), with and without encryption."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from ansible_collections.nebula.credential.plugins.module_utils.layers.cache import coalesce as gathering
from tests.unit.backends.database.stores import url_in
from tests.unit.session.server.desks import Caller

NAMES = ["app/n{0}".format(number) for number in range(10)]
PLAIN = {"encrypt": False, "allow_plaintext": True}


class World:
    """Ten credentials, a session that keeps none of them, and a slow database: its first answer waits for the other workers."""

    def __init__(self, directory, **options):
        self.asking = Caller({"backend": "database", "url": url_in(directory), "audit": "off", **options})
        self.asking.put(*NAMES)
        self.statements = []

    def waiting(self):
        (manager,) = self.asking.desk._stores.managers()
        return len(manager.cache._gathering._waiting)

    def heard(self, _connection, _cursor, statement, *_rest):
        if "FROM cred_credentials" in statement:
            self.statements.append(statement)
            if len(self.statements) == 1:
                pause = threading.Event()
                while self.waiting() < len(NAMES) - 1:
                    pause.wait(0.001)


@pytest.fixture(params=[{}, PLAIN], ids=["encrypted", "plain"])
def world(request, tmp_path, monkeypatch):
    monkeypatch.setattr(gathering, "BATCH_WAIT", 30.0)
    world = World(tmp_path, **request.param)
    event.listen(Engine, "before_cursor_execute", world.heard)
    yield world
    event.remove(Engine, "before_cursor_execute", world.heard)
    world.asking.desk.close()


def test_ten_names_of_ten_workers_are_two_statements(world):
    with ThreadPoolExecutor(len(NAMES)) as pool:
        values = list(pool.map(world.asking.read, NAMES))
    assert values == ["value of " + name for name in NAMES]
    assert len(world.statements) == 2
    told = world.asking("cache")["statistics"]
    assert (told["misses"], told["shared"], told["batched"], told["requests_saved"]) == (10, 0, 8, 8)
