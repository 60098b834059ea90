# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a migration is, beside a bare loop that writes each value to the same store and reads it again.

`python -m tests.bench.migration [WORD…]`, part of `make bench`; with words, only destinations whose label holds one. The source is a local
encrypted store. The bare loop is this collection's `create` and `get`, one credential after the other; the client library alone, which
neither encrypts nor compares, is another row. They take turns, so that all meet the same disk and the same load. Prints figures and
asserts nothing. NEBULA_BENCH_SCALE makes the stores smaller.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Sequence

from tests.backends.discovery import DECLARED
from tests.backends.harness import StoreKind
from tests.bench.measuring import figure, once, title
from tests.bench.stores import open_local, open_store, wanted

SCALE = float(os.environ.get("NEBULA_BENCH_SCALE", "1"))
TEAMS = 10
NUMBER = max(20, int(10000 * SCALE))


def bench_kind(kind: StoreKind, source: Any, teams: Mapping[str, Sequence[str]], root: Path) -> None:
    """Measure each way into a store of its own, team by team."""
    number = sum(map(len, teams.values()))
    title("Migrating {0:,} credentials to {1}".format(number, kind.label))
    store, destination = (open_store(kind.configuration(make_directory(root, kind, way), audit="off")) for way in ("loop", "migrated"))
    loop, client = store_and_read(store), read_bare(kind, root) if kind.bare else None
    seconds: Dict[str, float] = dict.fromkeys(("client", "loop", "migration", "again"), 0.0)
    for team, names in teams.items():
        if client is not None:
            seconds["client"] += once(lambda names=names: [client(name) for name in names])
        seconds["loop"] += once(lambda names=names: [loop(name) for name in names])
        seconds["migration"] += once(lambda team=team, number=len(names): check(migrate(source, destination, team), number))
        seconds["again"] += once(lambda team=team: check(migrate(source, destination, team), 0))
    if client is not None:
        figure("the client library alone, write and read", "{0:,.0f} a second".format(number / seconds["client"]))
    figure("a bare loop, write and read", "{0:,.0f} a second".format(number / seconds["loop"]))
    figure("migration", "{0:,.0f} a second".format(number / seconds["migration"]))
    figure("  of the bare loop's throughput", "{0:.0f} %".format(100 * seconds["loop"] / seconds["migration"]), ">= 80 %")
    figure("the same again, which writes nothing", "{0:,.0f} a second".format(number / seconds["again"]))
    for each in (store, destination):
        each.close()


def migrate(source: Any, destination: Any, team: str) -> Mapping[str, Any]:
    """Migrate the credentials of one team."""
    from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
    from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform

    result: Mapping[str, Any] = perform(source, "migrate", {"prefix": team}, NOBODY, beside={"to": destination}).result
    return result


def check(result: Mapping[str, Any], created: int) -> None:
    """Measure nothing that did not happen."""
    if result["failed"] or result["counts"]["created"] != created:
        raise RuntimeError(result.get("msg", result["counts"]))


def make_directory(root: Path, kind: StoreKind, name: str) -> Path:
    """Return a directory for a store of this kind."""
    directory = root / "{0}-{1}".format(kind.label, name)
    directory.mkdir(exist_ok=True)
    return directory


def read_bare(kind: StoreKind, root: Path) -> Callable[[str], object]:
    """Return what writes and reads one value by the client library alone."""
    assert kind.bare is not None
    client = kind.bare(make_directory(root, kind, "client"))

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
        teams = {
            "team{0}/".format(team): ["team{0}/service{1:05d}".format(team, number) for number in range(NUMBER // TEAMS)]
            for team in range(TEAMS)
        }
        for name in (name for names in teams.values() for name in names):
            source.create(wanted(name, "value of " + name))
        for kind in DECLARED:
            if (
                kind.configurable
                and (kind.bare or (kind.persistent and kind.encrypted and not kind.long_only))
                and all(word in kind.label for word in only)
            ):
                bench_kind(kind, source, teams, root)
        source.close()


if __name__ == "__main__":
    main(sys.argv[1:])
