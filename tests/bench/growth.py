# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the cost of a task grows with the number of credentials, on the stores that need no server.

`python -m tests.bench.growth [WORD…]`, part of `make bench`; with words, only the kinds of stores whose label holds one. The exponent is
that of the best power of the number: 0 is flat, 1 grows with it, 2 with its square. Prints figures and asserts nothing.
NEBULA_BENCH_SCALE makes the stores smaller. The stores are filled at once (`tests.bench.bulk`); five credentials are stored by tasks.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

from tests.backends.discovery import DECLARED
from tests.backends.harness import StoreKind
from tests.bench.bulk import load
from tests.bench.measuring import once
from tests.bench.network import perform
from tests.bench.stores import open_store

SCALE = float(os.environ.get("NEBULA_BENCH_SCALE", "1"))
SIZES = tuple(max(10 * power, int(1000 * power * SCALE)) for power in (1, 10, 100))
REPEATED = 5
NEW = 5
ROW = "{0:<32}" + " {1:>13} {2:>13} {3:>13} {4:>9}"

TASKS: Mapping[str, Tuple[str, Mapping[str, Any]]] = {
    "find by prefix, one match": ("find", {"prefix": "one/"}),
    "find by tag, one match": ("find", {"tags": {"only": "one"}}),
    "find all": ("find", {}),
    "store_info": ("store_info", {}),
    "credential_info with usage": ("credential_info", {"names": ["one/match"], "usage": True}),
}
"""Operations that are repeated on a store that stays as it is."""

ONCE: Mapping[str, Tuple[str, Mapping[str, Any]]] = {"store_key, state: rotated": ("store_key", {"state": "rotated"})}
"""Operations that change all of it."""


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the slope of the straight line through the logarithms of both (least squares)."""
    line = statistics.linear_regression([math.log(size) for size in sizes], [math.log(each) for each in seconds])
    return line.slope


def build_rows(sizes: Sequence[int], measured: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """Yield a line for each kind of task: its seconds for each size, and the exponent."""
    for what, seconds in measured.items():
        figures = ["{0:.2f} ms".format(each * 1000) for each in seconds] + [""] * (len(sizes) - len(seconds))
        slope = "{0:.2f}".format(exponent(sizes[: len(seconds)], seconds)) if len(seconds) > 1 else ""
        yield ROW.format(what, *figures, slope)


def fill(kind: StoreKind, store: Any, number: int) -> float:
    """Store so many credentials, one of them apart from the rest. Returns the seconds of one that is stored by a task, at the end."""
    _write(store, "one/match", "one")
    names = ("team{0:02d}/service{1:06d}".format(index % 50, index) for index in range(number - 1 - NEW))
    load(kind, store, "one/match", {name: {"only": "rest"} for name in names})
    return statistics.median(once(lambda index=index: _write(store, "new/n{0}".format(index), "rest")) for index in range(NEW))


def _write(store: Any, name: str, tag: str) -> None:
    perform(store, "credential", {"name": name, "value": "value of " + name, "tags": {"only": tag}})


def measure_size(kind: StoreKind, config: Dict[str, Any], number: int) -> Dict[str, float]:
    """Return the seconds of each kind of task on a new store of so many credentials."""
    store = open_store(config)
    measured = {"a new credential": fill(kind, store, number)}
    for what, (operation, parameters) in TASKS.items():
        measured[what] = _repeat(lambda operation=operation, parameters=parameters: perform(store, operation, parameters))
    for what, (operation, parameters) in ONCE.items():
        measured[what] = once(lambda operation=operation, parameters=parameters: perform(store, operation, parameters))
    store.backend.close()
    return measured


def _repeat(call: Callable[[], object]) -> float:
    call()
    return statistics.median(once(call) for _turn in range(REPEATED))


def bench_kind(kind: StoreKind, root: Path) -> None:
    """One kind of store. Prints its table; a size that it does not hold is left out."""
    found: Dict[str, List[float]] = {}
    for size in SIZES:
        place = root / "{0}-{1}".format(kind.label, size)
        place.mkdir(mode=0o700)
        # The audit trail of some kinds is in the home.
        os.environ.update(HOME=str(place), XDG_CONFIG_HOME=str(place / "config"), XDG_STATE_HOME=str(place / "state"))
        config = kind.configuration(place, key_sources=[{"source": "key_file", "path": str(place / "store.key")}])
        try:
            measured = measure_size(kind, config, size)
        except RuntimeError as error:
            print("\n{0}, {1:,}: left out, {2}".format(kind.label, size, error))
            break
        for what, seconds in measured.items():
            found.setdefault(what, []).append(seconds)
    print("\n" + ROW.format(kind.label, *("{0:,}".format(size) for size in SIZES), "exponent"))
    for line in build_rows(SIZES, found):
        print(line, flush=True)


def main(only: Sequence[str]) -> None:
    """Measure every kind of store that can be filled at once."""
    print("Seconds of one task by the number of credentials in the store")
    with tempfile.TemporaryDirectory(prefix="nebula-bench-") as place:
        for kind in DECLARED:
            if kind.load is not None and (not only or any(word in kind.label for word in only)):
                bench_kind(kind, Path(place))


if __name__ == "__main__":
    main(sys.argv[1:])
