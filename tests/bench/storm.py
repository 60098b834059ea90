# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A storm of refusals shorter than the time limit: 32 clients that read while the server of a cloud refuses twice as many requests.

`python -m tests.bench.storm [WORD…]`, part of `make bench`; with words, only the backends whose name holds one. Prints figures and asserts
nothing: the suites of the backends assert that all clients survive.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, ContextManager, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from tests.backends.discovery import HARNESSES
from tests.backends.harness import Storm
from tests.bench.measuring import Times
from tests.bench.stores import open_store, wanted
from tests.servers import once as servers
from tests.servers.processes import ServerUnavailable

CLIENTS = 32
REFUSED = 2 * CLIENTS
RETRIES, LIMIT = 8, 60.0
"""How often a read may be repeated, and the seconds that it may take."""
ROW = "{0:<34} {1:>7} {2:>8} {3:>9} {4:>13} {5:>9} {6:>9}"
HEAD = ROW.format("storm", "clients", "failed", "requests", "one has most", "p50, s", "p95, s")


@dataclass(frozen=True)
class Survived:
    """What a storm took: the seconds of each client's read, how many failed, the requests of all, and how many a client may make."""

    times: Times
    failed: int
    requests: int
    most: int


def weather(storm: Storm, backend: str) -> Survived:
    """Read with every client at once while the storm lasts."""
    config = {**storm.options, "backend": backend, "audit": "off", "read_timeout": LIMIT, "max_retries": RETRIES, "breaker_failures": 0}
    managers = [open_store(config) for _client in range(CLIENTS)]
    try:
        managers[0].ensure(wanted("storm", "a value"))
        for manager in managers:
            manager.get("storm")  # logs in
        storm.begin()
        with ThreadPoolExecutor(CLIENTS) as pool:
            found = list(pool.map(_read, managers))
        times = Times([seconds for seconds, _failed in found])
        return Survived(times, sum(failed for _seconds, failed in found), storm.count(), RETRIES + 1)
    finally:
        for manager in managers:
            manager.close()


def _read(manager: Any) -> Tuple[float, bool]:
    began, failed = time.perf_counter(), False
    try:
        manager.get("storm")
    except CredentialError:
        failed = True
    return time.perf_counter() - began, failed


def build_row(what: str, survived: Survived) -> str:
    """Return one line of the table."""
    times = ["{0:.2f}".format(survived.times.at(percent)) for percent in (50, 95)]
    return ROW.format(what, len(survived.times.seconds), survived.failed, survived.requests, survived.most, *times)


def main(words: Sequence[str]) -> None:
    """Measure every storm of every backend that has some, in a temporary home."""
    print("\n{0} clients read at once; the server refuses the first {1} reads\n{2}".format(CLIENTS, REFUSED, HEAD))
    with tempfile.TemporaryDirectory(prefix="nebula-bench-") as place, ExitStack() as ended:
        os.environ.update(HOME=place, XDG_CONFIG_HOME=place + "/config", XDG_STATE_HOME=place + "/state")
        ended.callback(servers.stop_all)
        for name, harness in HARNESSES.items():
            if words and not any(word in name for word in words):
                continue
            for number, (answer, prepare) in enumerate(harness.storms.items()):
                directory = Path(place) / "{0}{1}".format(name, number)
                directory.mkdir(mode=0o700)
                _measure("{0}, {1}".format(name, answer), name, prepare, directory)


def _measure(what: str, backend: str, prepare: Callable[[Path, int], ContextManager[Storm]], directory: Path) -> None:
    try:
        with prepare(directory, REFUSED) as storm:
            print(build_row(what, weather(storm, backend)), flush=True)
    except ServerUnavailable as error:
        print("{0}: left out, {1}".format(what, error))


if __name__ == "__main__":
    main(sys.argv[1:])
