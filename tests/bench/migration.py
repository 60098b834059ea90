# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a migration is, beside a bare loop that writes each value to the same store and reads it again.

`python -m tests.bench.migration [WORD…]`, part of `make bench`; with words, only destinations whose label holds one. The source is a local
encrypted store. The bare loop uses the backend's client library where the harness has one, else this collection's `create` and `get`.
Prints figures and asserts nothing. NEBULA_BENCH_SCALE makes the stores smaller.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from tests.backends.discovery import KINDS
from tests.backends.harness import StoreKind
from tests.bench.measuring import figure, once, title
from tests.bench.stores import open_local, open_store, wanted

SCALE = float(os.environ.get("NEBULA_BENCH_SCALE", "1"))
NUMBER = max(20, int(10000 * SCALE))


def bench_kind(kind: StoreKind, source: Any, names: Sequence[str], root: Path) -> None:
    """Measure the bare loop and the migration, each into a store of its own."""
    from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
    from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform

    title("Migrating {0:,} credentials to {1}".format(len(names), kind.label))
    store = open_store(kind.configuration(make_directory(root, kind, "bare"), audit="off"))
    loop = read_bare(kind, root) if kind.bare else store_and_read(store)
    bare = once(lambda: [loop(name) for name in names])
    destination = open_store(kind.configuration(make_directory(root, kind, "migrated"), audit="off"))
    results: list[Mapping[str, Any]] = []
    ours = once(lambda: results.append(perform(source, "migrate", {"all": True}, NOBODY, beside={"to": destination}).result))
    assert results[0]["counts"]["created"] == len(names)
    again = once(lambda: results.append(perform(source, "migrate", {"all": True}, NOBODY, beside={"to": destination}).result))
    assert not results[1]["changed"]
    figure("bare loop, write and read", "{0:,.0f} a second".format(len(names) / bare))
    figure("migration", "{0:,.0f} a second".format(len(names) / ours))
    figure("  of the bare loop's throughput", "{0:.0f} %".format(100 * bare / ours), ">= 80 %")
    figure("the same again, which writes nothing", "{0:,.0f} a second".format(len(names) / again))
    for each in (store, destination):
        each.close()


def make_directory(root: Path, kind: StoreKind, name: str) -> Path:
    """Return a directory for a store of this kind."""
    directory = root / "{0}-{1}".format(kind.label, name)
    directory.mkdir(exist_ok=True)
    return directory


def read_bare(kind: StoreKind, root: Path) -> Callable[[str], object]:
    """Return what writes and reads one value by the client library alone."""
    assert kind.bare is not None
    client = kind.bare(make_directory(root, kind, "bare"))

    def loop(name: str) -> object:
        client.write(name, "value")
        return client.read(name)

    return loop


def store_and_read(store: Any) -> Callable[[str], object]:
    """Return what writes and reads one value by this collection."""

    def loop(name: str) -> object:
        store.create(wanted(name, "value"))
        return store.get(name)

    return loop


def main(only: Sequence[str]) -> None:
    """Measure each destination in a temporary home."""
    with tempfile.TemporaryDirectory(prefix="nebula-bench-") as place:
        root = Path(place)
        os.environ.update(HOME=place, XDG_CONFIG_HOME=str(root / "config"), XDG_STATE_HOME=str(root / "state"))
        source = open_local(root / "source", audit="off")
        names = ["team{0:02d}/service{1:05d}".format(number % 50, number) for number in range(NUMBER)]
        for name in names:
            source.create(wanted(name, "value of " + name))
        for kind in KINDS:
            if kind.configurable and (kind.bare or (kind.persistent and kind.encrypted)) and all(word in kind.label for word in only):
                bench_kind(kind, source, names, root)
        source.close()


if __name__ == "__main__":
    main(sys.argv[1:])
