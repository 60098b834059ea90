# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each backend beside the bare client library's own call, on the same server, in turns, in one process.

`python -m tests.bench backends` runs this part alone; `python -m tests.bench backends vault` one backend of it.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from tests.backends.discovery import DECLARED
from tests.backends.harness import Bare, StoreKind
from tests.bench.measuring import Times, once
from tests.bench.stores import innermost, open_store, wanted
from tests.servers import once as servers
from tests.servers.processes import ServerUnavailable

ROW = "{0:<38} {1:>18} {2:>18} {3:>18} {4:>10} {5:>9}"
GOAL_MS = 0.3
WARM = 5


@dataclass(frozen=True)
class Counts:
    """How often each thing is done."""

    names: int
    reads: int
    writes: int
    lists: int
    batch: int


def counts(scale: float) -> Counts:
    """The counts of a whole run, or a part of it."""
    return Counts(*(max(least, int(number * scale)) for number, least in ((200, 20), (1000, 20), (200, 10), (20, 3), (50, 10))))


def in_turns(calls: Sequence[Callable[[Any], object]], arguments: Sequence[Any]) -> List[Times]:
    """Times of each call for each argument, one after the other, so that all meet the same machine."""
    seconds: List[List[float]] = [[] for _call in calls]
    for argument in arguments:
        for kept, call in zip(seconds, calls):
            kept.append(once(lambda call=call, argument=argument: call(argument)))
    return [Times(each[WARM:] or each) for each in seconds]


def shown(times: Times) -> str:
    """Median and 99th percentile in milliseconds."""
    return "{0:.2f} / {1:.2f}".format(times.median * 1000, times.at(99) * 1000)


def row(what: str, times: Sequence[Times], requests: str) -> None:
    """One operation: the bare call, the backend alone, the whole store, what the whole adds, requests of bare and whole."""
    added = (times[-1].median - times[0].median) * 1000
    cells = [shown(each) for each in times]
    if len(cells) == 2:
        cells.insert(1, "")
    print(ROW.format(what, *cells, "{0:+.2f}".format(added), requests), flush=True)


class Comparison:
    """One backend: its store, its backend, and the bare client, with the same number of values in each."""

    def __init__(self, config: Dict[str, Any], bare: Bare, requests: Optional[Callable[[], int]]) -> None:
        """Open the store. Nothing is measured yet."""
        self._bare = bare
        self._requests = requests
        self._store = open_store(config)
        self._backend = innermost(self._store.backend)

    def run(self, number: Counts) -> None:
        """Fill both, measure, print."""
        names = ["team{0:02d}/service{1:04d}".format(index % 10, index) for index in range(number.names)]
        for name in names:
            self._bare.write(name, secrets.token_hex(16))
            self._store.create(wanted(name, secrets.token_hex(16)))
        self._reads([names[index % len(names)] for index in range(number.reads + WARM)])
        self._writes(names, number.writes)
        self._lists(number.lists)
        self._batches([names[: number.batch] for _turn in range(number.lists)])
        self._store.backend.close()
        self._bare.close()

    def _reads(self, names: Sequence[str]) -> None:
        calls = [self._bare.read, self._backend.get, self._store.get]
        row("read", in_turns(calls, names), self._asked(lambda: self._bare.read(names[0]), lambda: self._store.get(names[0])))

    def _writes(self, names: Sequence[str], number: int) -> None:
        chosen = [names[index % len(names)] for index in range(number + WARM)]
        calls = [
            lambda name: self._bare.write(name, secrets.token_hex(16)),
            lambda name: self._store.ensure(wanted(name, secrets.token_hex(16))),
        ]
        row("write over a value", in_turns(calls, chosen), self._asked(lambda: calls[0](names[0]), lambda: calls[1](names[0])))

    def _lists(self, number: int) -> None:
        from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter

        def ours(_turn: Any) -> object:
            return list(self._backend.list(Filter(names_only=True)))

        def whole(_turn: Any) -> object:
            return list(self._store.list(Filter()))

        calls = [lambda _turn: self._bare.list(), ours, whole]
        row("list all", in_turns(calls, range(number + WARM)), self._asked(self._bare.list, lambda: whole(None)))

    def _batches(self, batches: Sequence[Sequence[str]]) -> None:
        from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
        from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform

        def bare(names: Sequence[str]) -> object:
            return [self._bare.read(name) for name in names]

        def whole(names: Sequence[str]) -> object:
            return perform(self._store, "get_many", {"names": names}, NOBODY, False)

        calls = [bare, self._backend.get_many, whole]
        requests = self._asked(lambda: bare(batches[0]), lambda: whole(batches[0]))
        row("read {0} at once".format(len(batches[0])), in_turns(calls, batches), requests)

    def _asked(self, bare: Callable[[], object], ours: Callable[[], object]) -> str:
        """How many requests the server counted for one bare call and one of ours."""
        if self._requests is None:
            return ""
        counted = []
        for call in (bare, ours):
            before = self._requests()
            call()
            counted.append(self._requests() - before)
        return "{0} / {1}".format(*counted)


def bench_backends(root: Path, scale: float, only: Sequence[str] = ()) -> None:
    """Every backend whose server can be had."""
    print(
        "\nBackends beside the bare client: milliseconds, p50 / p99. Goal of a read: less than {0} ms more, no request more.".format(
            GOAL_MS
        )
    )
    for kind in DECLARED:
        if kind.bare is None or (only and not any(word in kind.label for word in only)):
            continue
        with prepared(kind, root) as comparison:
            if comparison:
                comparison.run(counts(scale))


@contextlib.contextmanager
def prepared(kind: StoreKind, root: Path) -> Iterator[Any]:
    """A comparison with its server running, or None if there is no server. No other server runs meanwhile."""
    try:
        server = servers.started(kind.server) if kind.server else None
    except ServerUnavailable as error:
        print("\n{0}: left out, {1}".format(kind.label, error))
        yield None
        return
    place = root / kind.label
    place.mkdir(mode=0o700)
    what = "{0} {1}".format(kind.label, getattr(server, "version", ""))
    print("\n" + ROW.format(what, "bare client", "backend", "whole store", "added p50", "requests"))
    try:
        yield _comparison(kind, place)
    finally:
        servers.stop_all()


def _comparison(kind: StoreKind, place: Path) -> Comparison:
    assert kind.bare is not None
    key = {"source": "key_file", "path": str(place / "store.key")}
    requests = kind.requests
    config = kind.configuration(place, **({"key_sources": [key]} if kind.encrypted else {}))
    return Comparison(config, kind.bare(place), requests and (lambda: requests(place)))
