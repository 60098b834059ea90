# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session at its socket: what a hit costs, one after the other and fifty at a time; its memory; how it begins and ends.

`python -m tests.bench.session_socket`. Prints figures and asserts nothing. The machine should have nothing else to do.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measuring import Times, figure, milliseconds, title
from tests.conftest import COLLECTION_ROOT
from tests.integration.session_runs import Controller, is_alive, running

SECRETS, HITS, WORKERS, ROUNDS = 20, 2000, 50, 7


def resident(process: int) -> float:
    """MiB of memory that a process has in use."""
    status = Path("/proc", str(process), "status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmRSS:"))) / 1024


def bench_hits(run: Controller) -> None:
    """One worker, then fifty, each asking as soon as it is answered."""
    alone = Times(run.worker("hammer", "secret0", HITS))
    figure("hits a second, one after the other", "{0:.0f}".format(alone.a_second), "≥ 490")
    figure("  p50", milliseconds(alone.at(50)), "< 0.7 ms")
    figure("  p99", milliseconds(alone.at(99)), "< 4 ms")
    rounds = sorted((crowd(run) for _each in range(ROUNDS)), key=lambda times: times.at(50))
    middle = rounds[ROUNDS // 2]
    figure("{0} workers in a closed loop, p50, middle of {1} rounds".format(WORKERS, ROUNDS), milliseconds(middle.at(50)), "< 2 ms")
    figure("  of the quickest round, and of the slowest", " ".join(milliseconds(times.at(50)) for times in (rounds[0], rounds[-1])))
    figure("  p99", milliseconds(middle.at(99)))


def crowd(run: Controller) -> Times:
    """Fifty workers, each asking as soon as it is answered: as the system schedules them on few cores, so a round is quick or slow."""
    return Times([one for each in run.workers(WORKERS, "hammer", "secret0", HITS // WORKERS) for one in each])


def bench_start() -> None:
    """A user's first session compiles the collection, and keeps the bytecode."""
    with running(COLLECTION_ROOT) as first:
        figure("start of a user's first session", milliseconds(first.itself("with_bytecode", "begin")))
    with running(COLLECTION_ROOT) as second:
        figure("start of the next one", milliseconds(second.itself("with_bytecode", "begin")), "< 350 ms")


def bench_memory(run: Controller) -> None:
    """What a session takes."""
    run.worker("perform", "find")
    session = run.session()
    figure("memory after the start", "{0:.0f} MiB".format(resident(session)))
    for number in range(SECRETS):
        run.write("secret{0}".format(number), "v4lue-{0}".format(number))
        run.read("secret{0}".format(number))
    figure("memory with {0} secrets".format(SECRETS), "{0:.0f} MiB".format(resident(session)), "< 80 MiB")


def bench_end(run: Controller) -> None:
    """The controller is killed."""
    session, directory = run.session(), run.directory()
    run.process.send_signal(signal.SIGKILL)
    begun = time.monotonic()
    while is_alive(session) or directory.exists():
        time.sleep(0.0002)
    figure("nothing is left after `kill -9` of the controller in", milliseconds(time.monotonic() - begun))


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="nebula-bench-") as home:
        os.environ.update(HOME=home, XDG_CACHE_HOME=home + "/.cache", XDG_CONFIG_HOME=home + "/.config", XDG_STATE_HOME=home + "/.state")
        title("The session at its socket (local store)")
        bench_start()
        with running(COLLECTION_ROOT) as run:
            bench_memory(run)
            bench_hits(run)
            figure("memory afterwards", "{0:.0f} MiB".format(resident(run.session())), "< 80 MiB")
            bench_end(run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
