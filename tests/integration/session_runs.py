# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the small controller (session_controller.py) as a test directs them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.integration.sessions import directories, wait_until_over

PROGRAM = Path(__file__).with_name("session_controller.py")
PATIENCE = 120.0


def eventually(is_so, what):
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def state_of(process):
    """The letter that proc(5) has for what a process does; X for one that is no more."""
    try:
        return Path("/proc/{0}/stat".format(process)).read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def is_alive(process):
    """Whether a process is there, and is no zombie."""
    return state_of(process) not in "ZX"


def is_stopped(process):
    """Whether a process was stopped by a signal."""
    return state_of(process) == "T"


def kill(processes):
    """End these."""
    for process in processes:
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)


class Controller:
    """One run."""

    def __init__(self, collection_root, **environment):
        given = {
            "NEBULA_CREDENTIAL_SESSION": "true",
            "TEST_PATH": json.dumps([str(collection_root)]),
            "PYTHONPATH": str(collection_root),
        }
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **given, **environment},
        )
        self.pid = self.process.pid
        self.met = set()

    def send(self, call, *positional, workers=1, **named):
        """Begin something; `answer` waits for it."""
        line = json.dumps({"call": call, "positional": positional, "named": named, "workers": workers})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self):
        """What the workers answered."""
        return json.loads(self.process.stdout.readline() or "null")

    def workers(self, number, call, *positional, **named):
        """Have so many workers do it at once."""
        self.send(call, *positional, workers=number, **named)
        return self.answer()

    def worker(self, call, *positional, **named):
        """Have one worker do it."""
        return self.workers(1, call, *positional, **named)[0]

    def itself(self, call, *positional, **named):
        """Have the controller itself do it."""
        return self.workers(0, call, *positional, **named)

    def read(self, name="a", **options):
        """The value that a worker's lookup answers."""
        found = self.worker("ask", name, **options)
        assert found["error"] is None, found["error"]
        return found["values"][0]

    def write(self, name="a", value="v4lue-of-a", **more):
        """Have a worker write a value."""
        found = self.worker("perform", "credential", name=name, value=value, state="present", **more)
        assert found["error"] is None, found["error"]
        return found["result"]

    def session(self):
        """The process of the run's session."""
        found = self.itself("session")
        self.met.add(found)
        return found

    def directory(self):
        """The directory of the run's session."""
        return Path(self.itself("where"))

    def is_over(self):
        """Whether nothing of the run's session is left."""
        return not directories(self.pid) and not any(map(is_alive, self.met))

    def end(self):
        """End the run, and see that nothing of it is left but what a test broke."""
        with suppress(OSError):
            self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@contextmanager
def running(collection_root, **environment):
    """A run, which is over at the end of the `with` block, with all its processes and directories."""
    run = Controller(collection_root, **environment)
    try:
        yield run
        run.end()
        kill(filter(is_stopped, run.met))
        wait_until_over(run.pid)
    finally:
        run.process.kill()
        run.process.wait()
        kill(run.met)
        for directory in directories(run.pid):
            shutil.rmtree(directory, ignore_errors=True)
