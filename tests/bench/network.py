# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each kind of task on a network with 20 ms a round trip: requests as the server counts them, and rounds one after the other.

`python -m tests.bench.network [WORD…]`, part of `make bench`; with words, only the kinds of stores whose label holds one. Beside ours
the modules and lookups of other collections, where they do the same. Prints figures and asserts nothing. NEBULA_BENCH_SCALE makes the
tasks smaller.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence
from urllib.parse import urlsplit

from tests.backends.discovery import DECLARED, HARNESSES
from tests.backends.harness import StoreKind
from tests.bench.session_runs import Way, playbook, run
from tests.bench.slow_network import Meter, slow_network
from tests.bench.stores import open_store
from tests.servers import once as servers
from tests.servers.processes import ServerUnavailable

SCALE = float(os.environ.get("NEBULA_BENCH_SCALE", "1"))
ROUND_TRIP = 0.02
PEER_TASKS = 4
"""Tasks of another collection. Each of them does the same again."""
ROW = "{0:<34} {1:>6} {2:>10} {3:>8} {4:>8} {5:>8}   {6}"


@dataclass(frozen=True)
class Task:
    """One kind of task.

    Attributes:
        what: for people.
        number: how many credentials it is about.
        operation: of the library.
        parameters: of the operation, for these names.
        peer: what others' modules are compared with it: `read` or `write`. Empty: none.
        is_new: the credentials are not there before.
        encrypted_only: only a store that the collection encrypts has it.
    """

    what: str
    number: int
    operation: str
    parameters: Callable[[Sequence[str]], Mapping[str, Any]]
    peer: str = ""
    is_new: bool = False
    encrypted_only: bool = False


@dataclass(frozen=True)
class Cost:
    """What a task took."""

    requests: int
    rounds: int


def _write(word: str) -> Callable[[Sequence[str]], Mapping[str, Any]]:
    def parameters(names: Sequence[str]) -> Mapping[str, Any]:
        return {"credentials": [{"name": name, "type": "basic", "fields": {"username": "app"}, "value": word + name} for name in names]}

    return parameters


def _names(names: Sequence[str]) -> Mapping[str, Any]:
    return {"names": list(names)}


def _rotate(names: Sequence[str]) -> Mapping[str, Any]:
    return {"name": names[0], "target": "none"}


def _delete(names: Sequence[str]) -> Mapping[str, Any]:
    return {"credentials": [{"name": name, "state": "absent"} for name in names]}


def list_tasks(scale: float) -> List[Task]:
    """Every kind of task, in an order in which each finds what it needs."""
    many, some, twice = (max(2, int(number * scale)) for number in (100, 20, 200))
    return [
        Task("new", many, "credential", _write("a"), is_new=True),
        Task("again, unchanged", many, "credential", _write("a")),
        Task("update", many, "credential", _write("b"), "write"),
        Task("get_many", many, "get_many", _names, "read"),
        Task("credential_info", twice, "credential_info", _names),
        Task("rotate, target: none", 1, "credential_rotate", _rotate),
        Task("store_key, state: rotated", twice, "store_key", lambda _names: {"state": "rotated"}, encrypted_only=True),
        Task("absent", some, "credential", _delete),
    ]


def build_row(task: Task, cost: Cost, peers: Mapping[str, str]) -> str:
    """Return the line of one task: ours in all and for each credential, and another collection's for each."""
    each = ["{0:.2f}".format(count / task.number) for count in (cost.requests, cost.rounds)]
    return ROW.format(task.what, task.number, cost.requests, cost.rounds, *each, peers.get(task.peer, "")).rstrip()


def measure(requests: Callable[[], int], meter: Meter, call: Callable[[], object]) -> Cost:
    """Do it, and return what the server and the network have counted meanwhile."""
    meter.start_over()
    before = requests()
    call()
    return Cost(requests() - before, meter.read().rounds)


class Bench:
    """The tasks on one kind of store, through the network."""

    def __init__(self, config: Dict[str, Any], requests: Callable[[], int], meter: Meter) -> None:
        """Take the store's configuration with the network's address, and what counts requests and rounds."""
        self._config, self._requests, self._meter = config, requests, meter

    def run(self, tasks: Sequence[Task], peers: Mapping[str, str]) -> Iterator[str]:
        """Do every task. Yields the lines of the table."""
        store = open_store(self._config)
        perform(store, "credential", _write("a")(["first"]))
        store.backend.close()
        opened: List[Any] = []
        cost = measure(self._requests, self._meter, lambda: opened.append(self._open_and_get()))
        yield build_row(Task("open and first get", 1, "get", _names, "read"), cost, peers)
        (store,) = opened
        names = ["team/n{0:03d}".format(index) for index in range(max(task.number for task in tasks))]
        made = 0
        for task in tasks:
            if not task.is_new and made < task.number:
                perform(store, "credential", _write("b")(names[made : task.number]))
            made = max(made, task.number)
            parameters = task.parameters(names[: task.number])
            cost = measure(self._requests, self._meter, lambda task=task, given=parameters: perform(store, task.operation, given))
            yield build_row(task, cost, peers)
        store.backend.close()

    def _open_and_get(self) -> Any:
        store = open_store(self._config)
        perform(store, "get", {"name": "first"})
        return store


def perform(store: Any, operation: str, parameters: Mapping[str, Any]) -> None:
    """Perform one operation, as a module would. Raises RuntimeError if it fails for any of the credentials."""
    from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
    from ansible_collections.nebula.credential.plugins.module_utils.operations import dispatch

    result = dispatch.perform(store, operation, parameters, AccessContext()).result
    failed = [one for one in result.get("results") or () if one.get("failed")] if isinstance(result, dict) else []
    if failed or (isinstance(result, dict) and result.get("failures")):
        raise RuntimeError("{0} failed: {1}".format(operation, failed[:1] or result["failures"]))


def measure_peers(directory: Path, ways: Sequence[Way]) -> Dict[str, str]:
    """Return what another collection's tasks ask for each credential, by `read` and `write`. Its requests are one after the other."""
    found: Dict[str, str] = {}
    for way in ways:
        if not way.is_peer or way.requests is None:
            continue
        name = way.label.split(",")[0]
        found["read"] = "{0:.2f} {1}".format(_each(directory, way, lambda number, way=way: playbook([way.task("s00")] * number)), name)
        if way.write:
            found["write"] = "{0:.2f} {1}".format(_each(directory, way, lambda number, way=way: _loop(way.write, number)), name)
    return found


def _each(directory: Path, way: Way, text: Callable[[int], str]) -> float:
    """Requests of a task more: the difference of two runs."""
    counted = []
    for number in (1, 1 + PEER_TASKS):
        before = way.requests() if way.requests else 0
        run(directory, text(number), 1, 1, way)
        counted.append((way.requests() if way.requests else 0) - before)
    return (counted[1] - counted[0]) / PEER_TASKS


def _loop(task: str, number: int) -> str:
    return '- hosts: all\n  gather_facts: false\n  tasks:\n    - {0}\n      loop: "{{{{ range({1}) | list }}}}"\n'.format(task, number)


def bench_kind(kind: StoreKind, place: Path, peers: Mapping[str, str]) -> None:
    """One kind of store. Prints its table."""
    address = HARNESSES[kind.backend].address
    key = {"source": "key_file", "path": str(place / "store.key")}
    config = kind.configuration(place, **({"key_sources": [key]} if kind.encrypted else {}))
    server = urlsplit(config[address])
    requests = kind.requests
    assert requests is not None
    assert server.hostname is not None
    assert server.port is not None
    print("\n" + ROW.format(kind.label, "number", "requests", "rounds", "each", "rounds", "others' requests, each"))
    with slow_network(server.hostname, server.port, ROUND_TRIP) as network:
        config[address] = config[address].replace(":{0}".format(server.port), ":{0}".format(network.port))
        tasks = [task for task in list_tasks(SCALE) if kind.encrypted or not task.encrypted_only]
        for line in Bench(config, lambda: requests(place), network.meter).run(tasks, peers):
            print(line, flush=True)


def main(only: Sequence[str]) -> None:
    """Measure every kind of store on a server that counts."""
    print("On a network with {0:.0f} ms a round trip".format(ROUND_TRIP * 1000))
    with tempfile.TemporaryDirectory(prefix="nebula-bench-") as place:
        os.environ.update(HOME=place, XDG_CONFIG_HOME=place + "/config", XDG_STATE_HOME=place + "/state")
        for kind in DECLARED:
            if kind.server and kind.requests and (not only or any(word in kind.label for word in only)):
                directory = Path(place, kind.label)
                directory.mkdir(mode=0o700)
                try:
                    servers.started(kind.server)
                    bench_kind(kind, directory, {} if kind.encrypted else _find_peers(kind, directory))
                except ServerUnavailable as error:
                    print("\n{0}: left out, {1}".format(kind.label, error))
                finally:
                    servers.stop_all()


def _find_peers(kind: StoreKind, directory: Path) -> Dict[str, str]:
    lookups = HARNESSES[kind.backend].lookups
    if lookups is None:
        return {}
    plays = directory / "plays"
    plays.mkdir()
    with lookups(["s00"]) as ways:
        try:
            return measure_peers(plays, ways)
        except RuntimeError as error:
            print("left out, others' lookups: {0}".format(str(error).splitlines()[0]))
            return {}


if __name__ == "__main__":
    main(sys.argv[1:])
