# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pytest's side of once.py: servers end with the session, and the summary says how long each took to start."""

from __future__ import annotations

import dataclasses
from typing import Any, List, Tuple

import pytest

from tests.servers import once

ROW = "{0:<12} {1:<8} {2:<32} {3:>10}"
_told: List[Tuple[str, once.Start]] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the servers. A worker of pytest-xdist hands its starts to the process that prints the summary."""
    once.stop_all()
    sent = getattr(session.config, "workeroutput", None)
    if sent is None:
        _told.extend(("here", start) for start in once.STARTS)
    else:
        sent["server_starts"] = [dataclasses.asdict(start) for start in once.STARTS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take what a worker handed over."""
    starts = getattr(node, "workeroutput", {}).get("server_starts", ())
    _told.extend((node.gateway.id, once.Start(**start)) for start in starts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line a server."""
    if _told:
        terminalreporter.section("servers")
        terminalreporter.write_line(ROW.format("server", "worker", "version", "started in"))
        for worker, start in sorted(_told, key=lambda told: (told[1].kind, told[0])):
            terminalreporter.write_line(ROW.format(start.kind, worker, start.version, "{0:.1f} s".format(start.seconds)))
