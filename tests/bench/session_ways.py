# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to a value that are compared: ours and others' lookups, each pair on the same server, which counts."""

from __future__ import annotations

import contextlib
from typing import Iterator, List, Sequence

from tests.backends.discovery import HARNESSES
from tests.bench.cloud_peers import PEERS
from tests.bench.session_runs import Way, debug
from tests.servers import once
from tests.servers.processes import ServerUnavailable


def constant() -> Way:
    """What the others are compared with."""
    task = debug("lookup('env', 'HOME')")
    return Way("lookup('env', 'HOME')", lambda _name: task, {}, many=lambda _names: task)


@contextlib.contextmanager
def all_ways(names: Sequence[str]) -> Iterator[List[Way]]:
    """The constant, and every way whose server can be had; what is left out is said."""
    others = {harness.backend: harness.lookups for harness in HARNESSES.values() if harness.lookups}
    with contextlib.ExitStack() as stack:
        stack.callback(once.stop_all)
        ways = [constant()]
        for what, server in {**others, **PEERS}.items():
            try:
                ways += stack.enter_context(server(names))
            except (ServerUnavailable, ImportError, FileNotFoundError) as error:
                print("left out, {0}: {1}".format(what, error))
        yield ways
