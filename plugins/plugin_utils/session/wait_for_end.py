# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run's controller does when it exits, if `run_end.py` has registered it: have the session record what it kept, or end it."""

from __future__ import annotations

import time
from contextlib import suppress

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import HUNG, exchange, is_locked
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place

PAUSE = 0.01
LONGEST_WAIT = 22
"""Seconds: a session may take 20 to return what it holds."""


def end_session(directory: str) -> None:
    """Tell the session in `directory` that the run is over, and wait until it has ended, for `LONGEST_WAIT` seconds at most.

    Does not wait for a session that hangs.
    """
    where = Place(directory)
    try:
        exchange(where.directory, {"end": True})
    except (OSError, ValueError) as error:
        if str(error) == HUNG:
            return
    for _pause in range(int(LONGEST_WAIT / PAUSE)):
        if not is_locked(where.start_file):
            return
        time.sleep(PAUSE)


def write_deployments(directory: str) -> None:
    """Have the session in `directory` record what the run has deployed, and show its warnings. Each of its requests is bounded in time."""
    with suppress(OSError, ValueError):  # a session that has ended has recorded it
        for warning in exchange(directory, {"deployments": True}).get("warnings") or ():
            Display().warning(warning)
