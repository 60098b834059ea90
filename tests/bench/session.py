# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session saves in plays: requests as the servers count them, and time, beside the lookups and modules of others.

`python -m tests.bench.session`, part of `make bench`; `… session FILE.svg` draws the first play, too. NEBULA_BENCH_SCALE below 1 makes
plays smaller and leaves the largest out. Wall time is told as a ratio to the same play with a constant.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence

from tests.bench.kept import SCALE, keep_plays
from tests.bench.session_runs import Measured, Play, Way, measure, our_lookup, our_lookup_of_many, run
from tests.bench.session_ways import all_ways, constant

ROUNDS = 3 if SCALE >= 1 else 1
PLAYS = (
    Play("10 hosts x 10 tasks, one secret, 5 forks", hosts=10, tasks=10, secrets=1, forks=5, rounds=ROUNDS),
    Play("10 hosts x 10 tasks, ten secrets, 5 forks", hosts=10, tasks=10, secrets=10, forks=5, rounds=ROUNDS),
    Play("10 hosts x one lookup of ten secrets, 5 forks", hosts=10, tasks=1, secrets=10, forks=5, rounds=ROUNDS, together=True),
)
LARGE = Play("100 hosts x 20 tasks, 20 secrets, 50 forks", hosts=100, tasks=20, secrets=20, forks=50, rounds=1)
WRITES = 50
START = 0.35
"""Seconds that a session may take of a run, once."""
NAMES = ["s{0:02d}".format(each) for each in range(20)]
ROW = "{0:<46} {1:>7} {2:>7} {3:>9} {4:>8} {5:>16}"


def bench_play(directory: Path, play: Play, ways: Sequence[Way]) -> List[Measured]:
    """Measure and print one play."""
    print("\n" + ROW.format(play.title, "logins", "reads", "seconds", "ratio", "less the start"))
    found = measure(directory, play, ways, lambda way: list_tasks(play, way))
    base = found[0].median
    for one in found:
        ratios = ("{0:.2f} x".format(one.median / base), "{0:.2f} x".format((one.median - START) / base))
        print(ROW.format(one.way.label, _count(one.logins), _count(one.reads), "{0:.2f}".format(one.median), *ratios), flush=True)
    return found


def bench_plays(directory: Path, ways: Sequence[Way]) -> List[List[Measured]]:
    """Measure, print and keep every play."""
    found = [bench_play(directory, play, ways) for play in PLAYS]
    keep_plays({play.title: describe(of_play) for play, of_play in zip(PLAYS, found)})
    return found


def describe(found: Sequence[Measured]) -> Dict[str, Dict[str, Any]]:
    """Return logins and reads of each way to a server, by its label."""
    return {one.way.label: {"logins": one.logins, "reads": one.reads} for one in found if one.reads is not None}


def list_tasks(play: Play, way: Way) -> List[str]:
    """Return the tasks with which a play reads its secrets this way. One without a lookup of several has a task for each of them."""
    many = our_lookup_of_many if way.task is our_lookup else way.many
    if play.together and many:
        return [many(NAMES[: play.secrets])] * play.tasks
    return [way.task(NAMES[task % play.secrets]) for task in range(play.tasks * (play.secrets if play.together else 1))]


def _count(counted: Any) -> str:
    return "" if counted is None else str(counted)


def bench_writes(directory: Path, ways: Sequence[Way]) -> None:
    """Writes in a loop of one task, beside a loop that does nothing, and beside the modules of others."""
    print("\n{0:<46} {1:>17} {2:>16}".format("{0} writes in a loop".format(WRITES), "a write, seconds", "over debug"))
    chosen = {way.label: way for way in ways}
    tasks = {
        "debug": (constant(), "ansible.builtin.debug: {msg: x}"),
        "nebula.credential.credential, OpenBao": (chosen.get("nebula.credential, OpenBao"), OURS),
        **{way.label: (way, way.write) for way in ways if way.is_peer and way.write},
    }
    base = 0.0
    for label, (way, task) in tasks.items():
        if way is None:
            continue
        seconds = [_loop(directory, way, task, WRITES) - _loop(directory, way, task, 1) for _round in range(ROUNDS)]
        each = sorted(seconds)[len(seconds) // 2] / (WRITES - 1)
        base = base or each
        print("{0:<46} {1:>17.4f} {2:>16.4f}".format(label, each, each - base), flush=True)


OURS = "nebula.credential.credential: {name: 'w{{ item }}', type: basic, fields: {username: app, password: 'p4ss {{ 99999 | random }}'}}"


def _loop(directory: Path, way: Way, task: str, number: int) -> float:
    """Seconds of a run with one task, which does the same so many times. The run with one takes what is no write's off."""
    text = '- hosts: all\n  gather_facts: false\n  tasks:\n    - {0}\n      loop: "{{{{ range({1}) | list }}}}"\n'
    return run(directory, text.format(task, number), 1, 5, way)


def main(picture: str = "") -> None:
    """Measure everything in a temporary home."""
    with tempfile.TemporaryDirectory(prefix="nebula-bench-") as place:
        directory = Path(place)
        os.environ.update(HOME=place, XDG_CONFIG_HOME=place + "/config", XDG_STATE_HOME=place + "/state")
        print("Plays with secrets. Python {0}, {1} CPUs, load {2:.1f}".format(sys.version.split()[0], os.cpu_count(), os.getloadavg()[0]))
        with all_ways(NAMES) as ways:
            found = bench_plays(directory, ways)
            if SCALE >= 1:
                # The others need a quarter of an hour for this one.
                bench_play(directory, LARGE, [way for way in ways if not way.is_peer])
            bench_writes(directory, ways)
        print("\nThe load at the end was {0:.1f}.".format(os.getloadavg()[0]))
        if picture:
            from tests.bench.session_picture import draw

            draw(PLAYS[0].title, found[0], Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
