# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions of runs as a test sees them: the directory of each names its run."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

PATIENCE = 120.0


def directories(process="*", base=None):
    """Where the sessions of that controller are, or those of everybody who is this user."""
    bases = [base] if base else {os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR"), "/tmp"}
    pattern = "nebula-{0}-{1}-*".format(os.geteuid(), process)
    return [found for each in bases if each for found in Path(each).glob(pattern)]


def wait_until_over(process, base=None):
    """Wait until the session of a controller that has ended is gone: then its audit trail is written, and its leases are given back.

    What one that was killed left behind stays there until another run sweeps it.
    """
    deadline = time.monotonic() + PATIENCE
    while any(is_held(found) for found in directories(process, base)):
        assert time.monotonic() < deadline, "the session of {0} is still there".format(process)
        time.sleep(0.01)


def is_held(directory):
    """Whether a session is there: it keeps a lock."""
    try:
        with open(directory / "begun") as begun:
            fcntl.flock(begun, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
