# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A limit of time and of output for a kubeconfig's login program: the official client, which runs it, has neither.

The client runs another program in its place, which runs it in a process group of its own, kills that group when the time is over, and
passes on what it wrote once it has ended.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, Mapping

MOST_OUTPUT = 1 << 20
_RUN = """
import os, signal, subprocess, sys
seconds, most, command = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
try:
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
except OSError:
    sys.exit(127)
def end(*_signal):
    try:
        os.killpg(program.pid, signal.SIGKILL)
    finally:
        os._exit(124)
signal.signal(signal.SIGALRM, end)
signal.signal(signal.SIGTERM, end)
signal.setitimer(signal.ITIMER_REAL, seconds)
output = program.stdout.read(most + 1)
if len(output) > most:
    end()
status = program.wait()
sys.stdout.buffer.write(output)
sys.stdout.buffer.flush()
os._exit(status if status >= 0 else 128 - status)
"""


def limit_program(program: Mapping[str, Any], seconds: float) -> Dict[str, Any]:
    """Return the kubeconfig's `exec` with a program that ends within `seconds`, and passes on `MOST_OUTPUT` bytes at most."""
    given = [program["command"], *(program.get("args") or ())]
    # Neither the environment nor installed packages change how the interpreter starts.
    return dict(program, command=sys.executable, args=["-I", "-S", "-c", _RUN, repr(seconds), str(MOST_OUTPUT), *map(str, given)])
