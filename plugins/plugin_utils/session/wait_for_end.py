# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run's controller does when it exits, if `run_end.py` has registered it: end the session, and wait until that has ended."""

from __future__ import annotations

import time

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
