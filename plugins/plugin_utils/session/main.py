# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of a session: read what the run hands over, become a process of its own, serve until the run is gone.

Started as `python -I main.py`, with its parameters on standard input: nothing of a run is in its arguments or environment that was
not there before. It writes no bytecode, opens no file of its own, and its memory is in no core dump.
"""

from __future__ import annotations

import json
import os
import resource
import sys

sys.dont_write_bytecode = True

PR_SET_DUMPABLE = 4


def main() -> int:
    """Serve one run. The exit status and one line on standard output tell the parent whether it began."""
    handed = json.loads(sys.stdin.buffer.read())
    sys.path[:0] = [path for path in handed["path"] if path not in sys.path]
    harden()
    if os.fork():
        os._exit(0)  # the run's process reaps this one at once; the session belongs to nobody's process table but init's
    os.setsid()
    from ansible_collections.nebula.credential.plugins.plugin_utils.session.serving import serve

    return serve(handed, ready=_ready)


def _ready(word: str) -> None:
    """Tell the parent, and let go of everything that was inherited."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def harden() -> None:
    """No core file, not dumpable (Linux: also not to be traced by its own user without privileges), nothing readable by others."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    except (OSError, AttributeError, ImportError):
        pass  # no Linux: the core limit is what there is


if __name__ == "__main__":
    sys.exit(main())
