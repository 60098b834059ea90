# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session under load: a store that does not answer makes no other one wait, and equal questions at the same time are one request."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ansible_collections.nebula.credential.plugins.lookup.get import exchange
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server import event_loop
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.event_loop import FETCHERS, SHORT, EventLoop
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import RequestHandler
from tests.integration.counted import VALUE
from tests.integration.session_runs import PATIENCE, eventually
from tests.servers import proxy

MANY = ["n{0:03d}/{1}".format(number, "x" * 60) for number in range(100)]
"""Names of a request that is longer than one that is read at once."""


class Served:
    """A session's event loop in a thread, and callers of it. Its socket is a real one, and so are the stores."""

    def __init__(self, base):
        self.directory = str(base)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.directory + "/s")
        listener.listen(256)
        listener.setblocking(False)
        self.desk = RequestHandler({})
        self.loop = EventLoop(listener, lambda _connection: True, self.desk)
        self.callers = ThreadPoolExecutor(3 * FETCHERS)
        self._over = threading.Event()
        self._serving = threading.Thread(target=self._serve)
        self._serving.start()

    def _serve(self):
        while not self._over.is_set():
            self.loop.step()

    def ask(self, operation, config, store="prod", question=None, check_mode=False, host="h", user=None, **parameters):
        """The future of the response."""
        context = asdict(AccessContext(host=host, task="task of " + host, user=user))
        asked = {"operation": operation, "parameters": parameters, "store": store, "config": config, "context": context}
        return self.send({**asked, "check_mode": check_mode, "question": question})

    def ask_cached(self, question, names):
        return self.send({"question": question, "names": names, "host": "h", "task": "t"})

    def send(self, message):
        return self.callers.submit(exchange, self.directory, message)

    def wait_for_callers(self, number):
        """Wait until so many requests are being performed."""
        eventually(lambda: sum(caller.working for caller in list(self.loop._callers)) == number, "they are not there")

    def close(self):
        self._over.set()
        self._serving.join()
        self.close_stores()
        self.callers.shutdown()

    def close_stores(self):
        """End as a session does."""
        self.loop.close()
        self.desk.close()


@pytest.fixture
def served(base):
    found = Served(base)
    yield found
    found.close()


@pytest.fixture
def between(counted):
    """The network in front of the counted store."""
    url = urlsplit(counted.server.url)
    with proxy.running(url.hostname, url.port) as found:
        yield found


@pytest.fixture
def distant(counted, between):
    """The counted store behind that network."""
    return counted.configured(url="http://{0}:{1}".format(between.host, between.port), read_timeout=600)


@pytest.fixture
def near(tmp_path):
    """A local store."""
    return {"backend": "local", "path": str(tmp_path / "near")}


def value_of(future):
    return future.result(PATIENCE)["result"]["value"]


def test_what_other_stores_read_and_write_is_answered_while_all_requests_of_a_store_are_held(served, between, distant, counted, near):
    counted.fill(*MANY)
    assert value_of(served.ask("get", distant, name=MANY[0])) == VALUE + MANY[0]
    between.mode = proxy.UNANSWERED
    held = [served.ask("get", distant, name=name) for name in MANY[1 : FETCHERS + 9]]
    served.wait_for_callers(len(held))
    write = served.ask("credential", near, store="near", name="a", value="v4lue", state="present")
    assert write.result(PATIENCE)["result"]["changed"]
    assert value_of(served.ask("get", near, store="near", name="a")) == "v4lue"
    assert served.ask("find", near, store="near").result(PATIENCE)["result"]["credentials"][0]["name"] == "a"
    assert not any(each.done() for each in held)
    between.mode = proxy.PASS
    assert [value_of(each) for each in held] == [VALUE + name for name in MANY[1 : FETCHERS + 9]]


def test_what_is_in_memory_is_answered_while_all_requests_of_its_store_are_held(served, between, distant, counted):
    """For one name, and for so many that their request is read in another thread."""
    counted.fill(*MANY, "a")
    assert value_of(served.ask("get", distant, question="one", name="a")) == VALUE + "a"
    served.ask("get_many", distant, question="many", names=MANY).result(PATIENCE)
    between.mode = proxy.UNANSWERED
    held = [served.ask("find", distant, prefix=name) for name in MANY[: FETCHERS + 9]]
    served.wait_for_callers(len(held))
    assert len(json.dumps(MANY)) > SHORT
    assert served.ask_cached("many", MANY).result(PATIENCE)["result"]["values"] == {name: VALUE + name for name in MANY}
    assert value_of(served.ask_cached("one", ["a"])) == VALUE + "a"
    assert not any(each.done() for each in held)
    between.mode = proxy.PASS
    for each in held:
        each.result(PATIENCE)


HOSTS = ["h{0}".format(number) for number in range(10)]


@pytest.mark.parametrize(("operation", "parameters"), [("find", {}), ("credential_info", {"usage": True}), ("store_info", {})])
def test_ten_equal_questions_at_the_same_time_are_the_requests_of_one(served, between, distant, counted, operation, parameters):
    served.ask(operation, distant, **parameters).result(PATIENCE)  # it also logs in
    counted.start_over()
    alone = served.ask(operation, distant, **parameters).result(PATIENCE)["result"]
    requests = len(counted._asked())
    counted.start_over()
    between.mode = proxy.UNANSWERED
    asked = [served.ask(operation, distant, host=host, **parameters) for host in HOSTS]
    served.wait_for_callers(len(HOSTS))
    between.mode = proxy.PASS
    replies = [each.result(PATIENCE)["result"] for each in asked]
    assert len(counted._asked()) == requests > 0
    assert replies == [replies[0]] * len(HOSTS)
    assert replies[0].get("credentials") == alone.get("credentials")


def test_each_of_them_is_in_the_audit_trail(served, between, distant, tmp_path):
    config = {
        **distant,
        "prefix": distant["prefix"] + "/sealed",
        "audit": "strict",
        "audit_path": str(tmp_path / "trail.jsonl"),
        "encrypt": True,
    }
    written = served.ask("credential", config, name="sealed", value="v4lue", state="present").result(PATIENCE)
    assert "result" in written, written
    between.mode = proxy.UNANSWERED
    asked = [served.ask("credential_info", config, host=host, names=["sealed"]) for host in HOSTS]
    served.wait_for_callers(len(HOSTS))
    between.mode = proxy.PASS
    for each in asked:
        assert each.result(PATIENCE)["result"]["credentials"][0]["name"] == "sealed"
    entries = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text(encoding="ascii").splitlines()]
    seen = [(entry["host"], entry["task"]) for entry in entries if entry["action"] == "read" and entry["operation"] == "credential_info"]
    assert sorted(seen) == [(host, "task of " + host) for host in HOSTS]


@pytest.mark.parametrize("other", [{"user": "bob"}, {"prefix": "b"}, {"check_mode": True}, {"store": "another"}])
def test_a_question_that_differs_in_anything_is_another_one(served, between, distant, other):
    served.ask("find", distant).result(PATIENCE)
    between.mode = proxy.UNANSWERED
    asked = [served.ask("find", distant), served.ask("find", distant, **other)]
    served.wait_for_callers(2)
    assert len({id(flight) for flight in served.desk.flights._shared.values()}) == 2
    between.mode = proxy.PASS
    for each in asked:
        each.result(PATIENCE)


def test_a_question_after_a_write_of_the_run_sees_the_write(served, between, distant, counted):
    """It does not join a request that began before."""
    served.ask("find", distant).result(PATIENCE)
    between.mode = proxy.UNANSWERED
    before = served.ask("find", distant)
    served.wait_for_callers(1)
    through_another_login = counted.configured()
    assert served.ask("credential", through_another_login, name="new", value="v4lue", state="present").result(PATIENCE)["result"]["changed"]
    after = served.ask("find", distant)
    served.wait_for_callers(2)
    between.mode = proxy.PASS
    before.result(PATIENCE)
    assert [row["name"] for row in after.result(PATIENCE)["result"]["credentials"]] == ["a", "b", "new"]


def test_equal_questions_that_fail_get_one_error(served, between, distant):
    served.ask("find", distant).result(PATIENCE)
    between.mode = proxy.UNANSWERED
    asked = [served.ask("find", distant, query="[", host=host) for host in HOSTS]
    served.wait_for_callers(len(HOSTS))
    between.mode = proxy.PASS
    assert {each.result(PATIENCE)["error"]["option"] for each in asked} == {"query"}


def test_a_cached_value_waits_for_no_file_where_many_entries_are_held(served, near):
    """It is asked for again in a thread, and that one writes them if need be."""
    names = ["n{0}".format(number) for number in range(100)]
    made = served.ask("credential", near, credentials=[{"name": name, "value": "v4lue"} for name in names], state="present")
    assert "result" in made.result(PATIENCE)
    served.ask("get_many", near, question="many", names=names).result(PATIENCE)
    (manager,) = served.desk._stores.managers()
    question = {"question": "many", "names": names, "host": "h"}
    while not manager.trail.is_crowded:
        assert "result" in served.desk.try_cached(question)
    assert served.desk.work_waits.is_set()
    assert served.desk.try_cached(question) is None
    assert len(served.ask_cached("many", names).result(PATIENCE)["result"]["values"]) == len(names)
    served.desk.maintain()
    served.desk._keepers.join()
    assert served.desk.try_cached(question) is not None


def test_a_store_that_does_not_respond_delays_neither_the_trail_nor_the_end_of_another(served, between, distant, near, tmp_path):
    """Its login is given back at the end, which is held."""
    config = {**near, "audit_path": str(tmp_path / "trail.jsonl")}
    assert "result" in served.ask("get", distant, name="a").result(PATIENCE)
    assert "result" in served.ask("credential", config, store="near", name="a", value="v4lue", state="present").result(PATIENCE)

    def entries():
        return (tmp_path / "trail.jsonl").read_text(encoding="ascii").count("\n")

    between.mode = proxy.UNANSWERED
    written = entries()
    served.ask("get", config, store="near", name="a").result(PATIENCE)
    closing = threading.Thread(target=served.desk.close)
    closing.start()
    eventually(lambda: entries() > written, "the entry is not written")
    assert closing.is_alive()
    between.mode = proxy.PASS
    closing.join(PATIENCE)


def test_a_request_that_is_held_does_not_keep_the_other_stores_from_being_closed(served, between, distant, near, tmp_path, monkeypatch):
    """The entries of the last second are still in memory when the run ends, and so are leases."""
    monkeypatch.setattr(event_loop, "WORK_TIMEOUT", 0.1)
    config = {**near, "audit_path": str(tmp_path / "trail.jsonl")}
    assert "result" in served.ask("credential", config, store="near", name="a", value="v4lue", state="present").result(PATIENCE)
    assert "result" in served.ask("get", distant, name="a").result(PATIENCE)
    between.mode = proxy.UNANSWERED
    served.ask("find", distant)
    served.wait_for_callers(1)
    written = (tmp_path / "trail.jsonl").read_text(encoding="ascii").count("\n")
    served.ask("get", config, store="near", name="a").result(PATIENCE)
    closing = threading.Thread(target=served.close_stores)
    closing.start()
    eventually(lambda: (tmp_path / "trail.jsonl").read_text(encoding="ascii").count("\n") > written, "the entry is not written")
    assert closing.is_alive()
    between.mode = proxy.PASS
    closing.join(PATIENCE)


CACHED = ["n{0:04d}".format(number) for number in range(2000)]
MOST_MIB = 80
"""More than a session of a local store needs (some 60 MiB with 2,000 values), and less than it took with entries held (110 MiB)."""


def test_entries_of_the_audit_trail_take_no_memory_that_grows(run_of):
    """Five workers read 2,000 cached values, again and again: each read is an entry."""
    run = run_of()
    made = run.worker("perform", "credential", credentials=[{"name": name, "value": "v4lue"} for name in CACHED], state="present")
    assert made["error"] is None
    for _round in range(5):
        for answer in run.workers(5, "ask", *CACHED, operation="get_many"):
            assert len(answer["values"][0]) == len(CACHED)
    status = Path("/proc/{0}/status".format(run.session())).read_text().splitlines()
    assert int(next(line.split()[1] for line in status if line.startswith("VmHWM:"))) / 1024 < MOST_MIB
