# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real runs of `ansible` and `ansible-playbook`, each in a directory and a home of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.sessions import wait_until_over

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(sys.executable).parent
CALLBACKS = str(HERE / "callback_plugins")
ONE_TRY = {"ANSIBLE_CALLBACK_PLUGINS": CALLBACKS, "ANSIBLE_CALLBACKS_ENABLED": "one_try"}
"""The environment of a run whose rotations try a new value once, and not again until it is accepted or the target's limit is reached."""


DIGEST = " | to_json(sort_keys=true) | hash('sha256')"
"""A filter for expressions that come to a secret: ansible-core 2.22 masks the secret itself in what callbacks are told."""


def digest(value):
    """What `DIGEST` makes of a value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("utf-8")).hexdigest()


@dataclass
class Run:
    """What a run printed, and the results of its tasks in order."""

    returncode: int
    output: str
    results: list = field(default_factory=list)

    def result(self, task):
        """The result of the (last) task of that name."""
        found = [dict(entry["result"], failed=entry["status"] == "failed") for entry in self.results if entry["task"] == task]
        assert found, "no task {0!r} in:\n{1}".format(task, self.output)
        return found[-1]

    def succeeded(self):
        """This run, which must have ended well."""
        assert self.returncode == 0, self.output
        return self

    def failed(self):
        """The message of the first task that failed, which one must have."""
        assert self.returncode != 0, self.output
        messages = [str(entry["result"].get("msg")) for entry in self.results if entry["status"] == "failed"]
        return messages[0] if messages else self.output


class Project:
    """An empty directory, and runs in it."""

    def __init__(self, directory, home):
        self.directory = directory
        self.home = home
        self._count = 0

    def write(self, name, text):
        """Put a file into the directory."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def play(self, tasks, *arguments, variables="{}", header="", **environment):
        """Run a play of these tasks (YAML, not indented) on localhost."""
        indented = "\n".join("    " + line for line in tasks.strip("\n").splitlines())
        text = "- hosts: localhost\n  gather_facts: false\n  vars: {0}\n{1}\n  tasks:\n{2}\n".format(variables, header, indented)
        self._count += 1
        return self.run("ansible-playbook", str(self.write("play{0}.yml".format(self._count), text)), *arguments, **environment)

    def run(self, program, *arguments, **environment):
        """Run a program of ansible-core in the directory, and wait for its session to be gone, too."""
        return self.finish(self.start(program, *arguments, **environment))

    def start(self, program, *arguments, stderr=subprocess.STDOUT, **environment):
        """Start a program of ansible-core in the directory."""
        results = self.directory.parent / "results.jsonl"
        results.unlink(missing_ok=True)
        extra = {
            "NEBULA_TEST_RESULTS": str(results),
            "ANSIBLE_CALLBACK_PLUGINS": CALLBACKS,
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_LOCAL_TEMP": str(self.home / "tmp"),
        }
        return subprocess.Popen(
            [str(PROGRAMS / program), *arguments],
            cwd=self.directory,
            env={**os.environ, **extra, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def finish(self, started):
        """Wait until a program has ended and its session is gone, and return what it printed."""
        output, _nothing = started.communicate()
        wait_until_over(started.pid)
        results = self.directory.parent / "results.jsonl"
        lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
        return Run(started.returncode, output, [json.loads(line) for line in lines])
