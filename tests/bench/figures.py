# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures of each kind of store on the page that compares the backends: requests of each operation, and times.

`python -m tests.bench.figures [WORD…]`, part of `make bench`, measures the kinds that the page names (with words, those whose label holds
one), prints them, and keeps them. `python -m tests.house.write_comparison_page` writes the page from them. A test counts the requests
again; none looks at a time.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from tests.backends.discovery import HARNESSES
from tests.backends.harness import StoreKind
from tests.bench.backends import WARM, in_turns
from tests.bench.kept import SCALE, describe_circumstances, keep_figures, read_figures
from tests.bench.measuring import Times
from tests.bench.stores import open_store
from tests.servers import once as servers
from tests.servers.processes import ServerUnavailable

READS, WRITES = (max(20, int(number * SCALE)) for number in (400, 200))
NAMES = tuple("team/service{0}".format(number) for number in range(10))
LIST = "list ten"
GOAL_OF_CLOUDS = 500
"""Milliseconds that 95 of 100 operations in a cloud may take."""
ROW = "{0:<34} {1:>24} {2:>9} {3:>24} {4:>9}"
Step = Tuple[str, Callable[[], object]]


def list_kinds() -> List[StoreKind]:
    """Return the kinds of stores that the page names, in its order."""
    by_label = index_kinds()
    return [by_label[label] for harness in HARNESSES.values() for choice in harness.choices for label in choice.kinds]


def index_kinds() -> Dict[str, StoreKind]:
    """Return the kinds of stores that a choice may name, by their labels."""
    return {kind.label: kind for harness in HARNESSES.values() for kind in harness.kinds}


def list_steps(manager: Any) -> List[Step]:
    """Return the operations whose requests are counted, with what the page calls them. Each runs once, in this order."""
    recoverable = {"permanent": True} if manager.backend.capabilities.soft_delete else {}
    first, second, third = NAMES[0], NAMES[1], NAMES[2]
    steps: List[Step] = [
        ("read one", lambda: _perform(manager, "get", name=first)),
        ("read ten", lambda: _perform(manager, "get_many", names=list(NAMES))),
        (LIST, lambda: _perform(manager, "find")),
        ("write a new one", lambda: _write(manager, "new", "one")),
        ("the same again", lambda: _write(manager, "new", "one")),
        ("write over a value", lambda: _write(manager, first, "three")),
        ("change a tag", lambda: _perform(manager, "credential", name=second, state="present", tags={"team": "b"})),
    ]
    if manager.backend.capabilities.native_cas:
        steps.append(("rotate", lambda: _perform(manager, "credential_rotate", name=third, target="none")))
    return [*steps, ("delete", lambda: _perform(manager, "credential", name=NAMES[3], state="absent", **recoverable))]


def count_requests(kind: StoreKind, directory: Path) -> Dict[str, Optional[int]]:
    """Return the requests of each operation on a new store of this kind, as its server counts them; None where others' stores decide."""
    requests = kind.requests
    assert requests is not None
    manager = open_store(kind.configuration(directory, audit="off"))
    try:
        # The first of everything is done before: a login, tables, the second value of a name, a rotation.
        for name in NAMES:
            _write(manager, name, "one")
        _write(manager, NAMES[0], "two")
        if manager.backend.capabilities.native_cas:
            _perform(manager, "credential_rotate", name=NAMES[2], target="none")
        found: Dict[str, Optional[int]] = {}
        for what, call in list_steps(manager):
            before = requests(directory)
            call()
            found[what] = None if kind.lists_everything and what == LIST else requests(directory) - before
        return found
    finally:
        manager.close()


def measure_times(kind: StoreKind, directory: Path) -> Dict[str, Dict[str, float]]:
    """Return the milliseconds of a read and of a write over a value on a store that is open, and of the bare client if there is one."""
    manager = open_store(kind.configuration(directory))
    bare = kind.bare(directory) if kind.bare else None
    try:
        for name in NAMES:
            _write(manager, name, "one")
            if bare:
                bare.write(name, "one")
        reads: List[Callable[[Any], object]] = [manager.get, *([bare.read] if bare else [])]
        read, *bares = in_turns(reads, [NAMES[turn % len(NAMES)] for turn in range(READS + WARM)])
        (write,) = in_turns([lambda name: _write(manager, name, secrets.token_hex(16))], [*NAMES] * (1 + WRITES // len(NAMES)))
        found = {"read": describe(read), "write": describe(write)}
        return {**found, "bare read": describe(bares[0])} if bares else found
    finally:
        manager.close()
        if bare:
            bare.close()


def describe(times: Times) -> Dict[str, float]:
    """Return the milliseconds that half, 95 and 99 of 100 calls did not exceed, and how many calls there were in a second."""
    shown = {"p{0}".format(percent): round(times.at(percent) * 1000, 2) for percent in (50, 95, 99)}
    return {**shown, "a second": round(times.a_second)}


def measure_kind(kind: StoreKind, directory: Path) -> Dict[str, Any]:
    """Return the figures of one kind of store.

    Raises:
        ServerUnavailable: its server cannot be had.
    """
    server = servers.started(kind.server) if kind.server else None
    stores = [directory / part for part in ("times", "counts")]
    for store in stores:
        store.mkdir(mode=0o700)
    try:
        times = measure_times(kind, stores[0])
        counted = count_requests(kind, stores[1]) if kind.requests else {}
        version = str(getattr(server, "version", "")).partition("-")[0]
        return {"server": "{0} {1}".format(kind.server, version) if kind.server else "", "times": times, "requests": counted}
    finally:
        servers.stop_all()


def main(words: Sequence[str]) -> None:
    """Measure, print, and keep what was measured."""
    kept = read_figures()
    print("\nStores: milliseconds p50 / p95 / p99, and operations a second. Goal of clouds: p95 below {0} ms".format(GOAL_OF_CLOUDS))
    print(ROW.format("", "read", "a second", "write over a value", "a second"))
    with tempfile.TemporaryDirectory(prefix="nebula-bench-") as place:
        os.environ.update(HOME=place, XDG_CONFIG_HOME=place + "/config", XDG_STATE_HOME=place + "/state")
        for kind in list_kinds():
            if words and not any(word in kind.label for word in words):
                continue
            directory = Path(place, kind.label)
            directory.mkdir(mode=0o700)
            measured = _measure(kind, directory)
            if measured:
                kept[kind.label] = measured
    keep_figures({kind.label: kept[kind.label] for kind in list_kinds() if kind.label in kept})


def _measure(kind: StoreKind, directory: Path) -> Optional[Mapping[str, Any]]:
    load = os.getloadavg()[0]
    try:
        found = measure_kind(kind, directory)
    except ServerUnavailable as error:
        print("{0}: left out, {1}".format(kind.label, error))
        return None
    cells = []
    for what in ("read", "write"):
        times = found["times"][what]
        cells += ["{p50} / {p95} / {p99}".format(**times), "{0:,}".format(times["a second"])]
    print(ROW.format(kind.label, *cells), flush=True)
    return {**describe_circumstances(load), **found}


def _perform(manager: Any, operation: str, **parameters: Any) -> None:
    """Perform one operation as a plugin does. Raises RuntimeError if it fails for any of the credentials."""
    from tests.bench.network import perform

    perform(manager, operation, parameters)


def _write(manager: Any, name: str, value: str) -> None:
    _perform(manager, "credential", name=name, state="present", type="basic", fields={"username": "app"}, value=value)


if __name__ == "__main__":
    main(sys.argv[1:])
