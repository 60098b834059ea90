# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the small controller (session_controller.py) does under extreme conditions. `call` is one of its own functions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

from denied_calls import deny


def without_call(denied, call, *positional, **named):
    """Do something where the kernel refuses a system call, to this process and to a session that it starts."""
    deny(denied)
    return vars(sys.modules["__main__"])[call](*positional, **named)


def orphaned(result, call, *positional, **named):
    """Do something after the controller was killed, and write the answer to the file `result`."""
    controller_process = os.getppid()
    os.kill(controller_process, signal.SIGKILL)
    while os.getppid() == controller_process:
        time.sleep(0.005)
    found = vars(sys.modules["__main__"])[call](*positional, **named)
    with open(result + ".new", "w", encoding="utf-8") as file:
        json.dump({**found, "started": STARTED}, file)
    os.rename(result + ".new", result)


STARTED = []
"""The programs that this process has started."""


def count_programs(call, *positional, **named):
    """Do something, and note each program that is started meanwhile in `STARTED`."""
    start = subprocess.Popen.__init__

    def started(self, arguments, *more, **options):
        STARTED.append(arguments[-1])
        start(self, arguments, *more, **options)

    subprocess.Popen.__init__ = started
    return vars(sys.modules["__main__"])[call](*positional, **named)
