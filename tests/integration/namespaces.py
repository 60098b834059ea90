# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of ansible-playbook in namespaces of their own: as in a container, without one."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.conftest import cannot_run
from tests.integration.ansible_run import PROGRAMS, Run

STRANGER = 471100
AS_STRANGER = ("unshare", "--user", "--map-user={0}".format(STRANGER), "--map-group={0}".format(STRANGER))
"""A user id that no passwd entry has. It owns what the user of the tests owns, and has no privileges."""
IN_CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
"""A PID namespace whose first process is the program: when that ends, the system kills all others."""


def check_allowed(prefix):
    """Skip the test, or fail it in CI, if such a namespace is not allowed here."""
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        cannot_run("namespaces are not allowed here: {0}".format(" ".join(prefix)))


def play(project, tasks, *arguments, through=(), without=(), **environment):
    """Run a play on localhost, in the project. `through` are words before the command, `without` variables to leave out."""
    if through[:1] == ("unshare",):
        check_allowed(through)
    indented = "\n".join("    " + line for line in tasks.strip("\n").splitlines())
    book = project.write("play.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n{0}\n".format(indented))
    given = {
        **os.environ,
        "NEBULA_CREDENTIAL_SESSION": "true",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_HOME": str(project.directory / "ansible-home"),
        **environment,
    }
    done = subprocess.run(
        [*through, str(PROGRAMS / "ansible-playbook"), str(book), *arguments],
        cwd=project.directory,
        env={name: value for name, value in given.items() if name not in without},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(done.returncode, done.stdout)
