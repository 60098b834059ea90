# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A night in which 1,000 credentials are due on 200 targets, by programs: seconds, requests of the store's server, and peak memory.

`python -m tests.bench.nightly`, part of `make bench`. Prints figures and asserts nothing. NEBULA_BENCH_SCALE=0.1 makes it quick.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Mapping

from tests.bench.measuring import Used, figure, print_memory, run_measured, title
from tests.integration.ansible_run import PROGRAMS, Project
from tests.integration.counted import Counted
from tests.integration.nights import Night
from tests.servers.processes import ServerUnavailable

SCALE = float(os.environ.get("NEBULA_BENCH_SCALE", "1"))
DUE, TARGETS, PARALLEL = max(5, int(1000 * SCALE)), max(1, int(200 * SCALE)), 10


def main() -> None:
    """Run the night with a local store, and with one on a server."""
    title("a night: {0} due on {1} targets, {2} at once".format(DUE, TARGETS, PARALLEL))
    with tempfile.TemporaryDirectory() as place:
        _run("local", {"backend": "local", "path": place + "/store", "audit": "off"}, Path(place))
    try:
        counted = Counted()
    except ServerUnavailable as missing:
        figure("on a server", str(missing))
        return
    with tempfile.TemporaryDirectory() as place:
        configured = counted.configured()
        before = len(counted.server.requests())
        night = _prepare(configured, Path(place))
        filled = len(counted.server.requests())
        _print_used("server", _measure(night, configured))
        figure("server: requests for each credential", "{0:.1f}".format((len(counted.server.requests()) - filled) / DUE))
        figure("server: requests to store one", "{0:.1f}".format((filled - before) / DUE))
        figure("server: logins", str(counted.logins()))


def _run(what: str, configured: Mapping[str, Any], place: Path) -> None:
    night = _prepare(configured, place)
    _print_used(what, _measure(night, configured))
    figure(what + ": seconds when nothing is due", "{0:.1f}".format(_measure(night, configured).seconds))


def _print_used(what: str, used: Used) -> None:
    figure(what + ": seconds", "{0:.1f}".format(used.seconds))
    print_memory(what, used)


def _prepare(configured: Mapping[str, Any], place: Path) -> Night:
    directory = place / "project"
    directory.mkdir()
    night = Night(Project(directory, place))
    night.add_many(DUE, TARGETS, dict(configured))
    return night


def _measure(night: Night, configured: Mapping[str, Any]) -> Used:
    _program, *arguments = night.command("-e", "rotate_parallel={0}".format(PARALLEL), "-e", "rotate_show_summary=false")
    night.project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": configured}, "targets": night.targets}))
    return run_measured([str(PROGRAMS / "ansible-playbook"), *arguments], night.project.directory)


if __name__ == "__main__":
    main()
