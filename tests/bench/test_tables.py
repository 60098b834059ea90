# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of the bench are built from what was measured."""

from __future__ import annotations

import socket
import socketserver
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.backends.discovery import DECLARED
from tests.bench import bulk, growth, scanning, storm, tokens
from tests.bench.measuring import Times, run_measured
from tests.bench.network import Bench, Cost, Task, build_row, list_tasks
from tests.bench.slow_network import Meter, Passed, slow_network
from tests.bench.stores import open_store
from tests.servers.relay import serving
from tests.unit.store.managing import ask as perform

LOADED = [kind for kind in DECLARED if kind.load is not None]


class Echo(socketserver.StreamRequestHandler):
    """Answers each line with itself once all whom the test expects have asked."""

    together = threading.Barrier(1)

    def handle(self):
        for line in self.rfile:
            self.together.wait(60)
            self.wfile.write(line)


def ask(port, lines):
    """Send lines one after the other, each once the last one is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client, client.makefile("rwb") as stream:
        for _each in range(lines):
            stream.write(b"line\n")
            stream.flush()
            assert stream.readline() == b"line\n"


def config(directory):
    """A local store with its key beside it."""
    return {"backend": "local", "path": str(directory / "store"), "key_sources": [{"source": "key_file", "path": str(directory / "key")}]}


@pytest.fixture
def echo(monkeypatch, request):
    """A slow network in front of a server that answers so many at once."""
    monkeypatch.setattr(Echo, "together", threading.Barrier(request.param))
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    with serving(server), slow_network(*server.server_address, 0.001) as between:
        yield between


@pytest.mark.parametrize("echo", [1], indirect=True)
def test_requests_one_after_the_other_are_as_many_rounds(echo):
    ask(echo.port, 5)
    assert echo.meter.read() == Passed(5, 5)
    echo.meter.start_over()
    assert echo.meter.read() == Passed(0, 0)


@pytest.mark.parametrize("echo", [4], indirect=True)
def test_requests_in_flight_together_are_one_round(echo):
    """The server answers none of four before it has all of them."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _turn: ask(echo.port, 1), range(4)))
    assert echo.meter.read() == Passed(4, 1)


def test_a_request_is_a_round_later_than_the_last_answer():
    meter = Meter()
    first, second = meter.send(), meter.send()
    meter.answer(first)
    third = meter.send()
    meter.answer(second)
    meter.answer(third)
    assert (first, second, third, meter.send()) == (1, 1, 2, 3)
    assert meter.read() == Passed(4, 3)


def test_a_row_of_the_network_has_the_whole_and_each():
    task = Task("update", 8, "credential", dict, "write")
    shown = build_row(task, Cost(requests=16, rounds=2), {"write": "2.00 of others", "read": "1.00 of others"})
    assert shown.split() == ["update", "8", "16", "2", "2.00", "0.25", "2.00", "of", "others"]


def test_every_task_of_the_network_is_measured_on_a_store(tmp_path, monkeypatch):
    """On one without a server; what counts its requests is read before and after each task."""
    monkeypatch.setenv("HOME", str(tmp_path))
    asked = iter(range(1000))
    tasks = list_tasks(0.02)
    lines = list(Bench(config(tmp_path), lambda: next(asked), Meter()).run(tasks, {}))
    assert [line[:34].strip() for line in lines] == ["open and first get", *(task.what for task in tasks)]
    assert {line.split()[-3] for line in lines} == {"0"}
    assert {line.split()[-4] for line in lines} == {"1"}


def test_the_exponent_is_that_of_the_power():
    sizes = (10, 100, 1000)
    for power in (0, 1, 2):
        assert growth.exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power)


def test_a_row_of_the_growth_has_its_figures_and_the_exponent():
    whole, part = growth.build_rows((10, 100, 1000), {"find all": [0.001, 0.01, 0.1], "usage": [0.001]})
    assert whole.split() == ["find", "all", "1.00", "ms", "10.00", "ms", "100.00", "ms", "1.00"]
    assert part.split() == ["usage", "1.00", "ms"]


@pytest.mark.parametrize("kind", LOADED, ids=lambda kind: kind.label)
def test_the_growth_is_measured_on_a_store(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    measured = growth.measure_size(kind, kind.configuration(tmp_path), 12)
    assert set(measured) == {"a new credential", *growth.TASKS, *growth.ONCE}
    assert min(measured.values()) > 0


@pytest.mark.parametrize("kind", LOADED, ids=lambda kind: kind.label)
def test_what_is_loaded_at_once_is_as_a_task_stores_it(kind, tmp_path, monkeypatch):
    """It is found by its tag and its name, read with its mark, written over, and moved to a new key."""
    monkeypatch.setenv("HOME", str(tmp_path))
    store = open_store(kind.configuration(tmp_path))
    perform(store, "credential", name="like", value="the value", tags={"only": "one"})
    bulk.load(kind, store, "like", {"a/b": {"only": "rest"}, "c": {"only": "rest"}})
    found = perform(store, "find", tags={"only": "rest"}).result["credentials"]
    assert [(row["name"], row["verified"]) for row in found] == [("a/b", True), ("c", True)]
    assert store.get("a/b").token().expose() == b"the value"
    perform(store, "credential", name="c", value="another value")
    assert perform(store, "store_key", state="rotated").result["rotation"] == {"resumed": False, "envelopes": 4, "marks": 3, "dropped": []}
    store.close()


def test_a_storm_is_shown_with_its_failures_and_requests():
    survived = storm.Survived(Times([0.5, 1.5]), 1, 4, 9)
    assert storm.build_row("a cloud, 503", survived).split() == ["a", "cloud,", "503", "2", "1", "4", "9", "1.50", "1.50"]


def test_a_thousand_reads_of_a_fresh_token_are_one_request_to_its_service(tmp_path):
    store = open_store(config(tmp_path))
    found = tokens.measure(store, 1000)
    store.close()
    assert found["requests"] == 1
    assert [len(found[what].seconds) for what in ("password", "token")] == [1000, 1000]


def test_a_command_that_is_measured_has_its_time_and_memory_and_one_that_fails_is_an_error(tmp_path):
    used = run_measured([sys.executable, "-c", "import time; time.sleep(0.3)"], tmp_path)
    assert used.seconds > 0.2
    assert used.process > 1
    assert used.session == 0
    with pytest.raises(subprocess.CalledProcessError):
        run_measured([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_the_scan_of_a_tree_is_measured_with_what_it_found(tmp_path):
    assert scanning.make_tree(tmp_path, 1) == 16
    done = scanning.measure(tmp_path, 20)
    assert (done["found"], 0.9 < done["MiB"] <= 1, done["seconds"] > 0, done["peak"] > 1) == (0, True, True, True)
