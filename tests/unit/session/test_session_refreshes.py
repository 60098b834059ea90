# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session refreshes a value once, however many of the run's workers read it, and never on its event loop."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import asdict
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh import refresher
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import RequestHandler
from tests.conftest import COLLECTION_ROOT
from tests.servers import tokens
from tests.unit.store.refresh import refreshing
from tests.unit.store.refresh.refreshing import NAME, PAST

WORKERS = 32
PATIENCE = 120
DIGEST = "digest of the lookup's call"


@pytest.fixture
def world(tmp_path, monkeypatch):
    refreshing.register(monkeypatch)
    with refreshing.world({"backend": "local", "path": str(tmp_path / "store"), "format": "json", "allow_plaintext": True}) as made:
        yield made


@pytest.fixture
def desk():
    made = RequestHandler({"ttl": 300.0, "idle": 0.0})
    yield made
    made.close()


def message(world, question=None):
    context = asdict(AccessContext())
    known = {"store": "prod", "config": world.config, "operation": "get", "parameters": {"name": NAME}}
    return {**known, "context": context, "check_mode": False, "question": question}


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_of_32_workers_one_claims_and_31_join(world, desk, monkeypatch):
    world.create(lives=PAST)
    world.service.gate = threading.Event()
    waiting, replies = [], []
    wait_for = refresher._wait_for
    monkeypatch.setattr(refresher, "_wait_for", lambda *flight: (waiting.append(1), wait_for(*flight))[1])
    workers = [threading.Thread(target=lambda: replies.append(desk.handle(message(world)))) for _each in range(WORKERS)]
    for worker in workers:
        worker.start()
    until(lambda: len(waiting) == WORKERS - 1 and world.service.arrived.is_set())
    world.service.gate.set()
    for worker in workers:
        worker.join(PATIENCE)
    assert [reply["result"]["value"] for reply in replies] == ["a-1"] * WORKERS
    assert world.service.calls == [tokens.FIRST]
    assert world.events.count("refresh") == 1


def test_the_event_loop_leaves_a_value_that_is_due_to_a_thread(world, desk, monkeypatch):
    monkeypatch.setattr(refresher, "PAUSE", 3600.0)
    world.create(lives=timedelta(seconds=250))
    world.service.mode = tokens.DOWN
    question = {"question": DIGEST, "names": [NAME]}
    assert desk.handle(message(world, DIGEST))["result"]["value"] == "a-0"
    assert desk.handle(question)["result"]["value"] == "a-0"
    assert desk.try_cached(question)["result"]["value"] == "a-0"
    for manager in desk._stores.managers():
        manager.refresher()._pauses.clear()
    world.service.mode = tokens.OK
    assert desk.try_cached(question) is None
    assert desk.handle(question)["result"]["value"] == "a-1"
    assert desk.handle(question)["result"]["value"] == "a-1"
    assert desk.try_cached(question)["result"]["value"] == "a-1"
    assert len(world.service.calls) == 2


def test_a_session_keeps_the_answer_while_the_store_is_down_and_does_not_end_before_it_is_written(world, desk, monkeypatch):
    world.create(lives=PAST)

    def refuse(*_record, **_more):
        raise Unavailable("the store is down")

    with monkeypatch.context() as patched:
        patched.setattr(Local, "put", refuse)
        reply = desk.handle(message(world))
        assert reply["result"]["value"] == "a-1"
        assert "it was refreshed, and the store does not take the new value now" in reply["warnings"][0]
        desk.maintain()
        desk._keepers.join()
        assert not desk.is_idle()
    desk.maintain()
    desk._keepers.join()
    assert desk.is_idle()
    assert (world.token(), world.state, world.service.calls) == ("a-1", "active", [tokens.FIRST])


def test_a_value_of_a_type_that_cannot_be_refreshed_loads_nothing_of_it(tmp_path):
    script = """
import sys
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
store = open_store({"backend": "memory", "audit": "off"})
store.create(DesiredCredential("a", type="api_key", value=Secret("x")))
store.token("a")
store.batch_get(["a", "a"])
print([name for name in sys.modules if "refresh" in name or name.endswith(("network.http", "lease_holder")) or name == "requests"])
"""
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, env={"PYTHONPATH": str(COLLECTION_ROOT)}, capture_output=True, check=False, text=True, cwd=tmp_path)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
