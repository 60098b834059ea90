# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Long work shows how far it is, on a terminal or if a task says so."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import threading
import time
from contextlib import contextmanager

from ansible_collections.nebula.credential.plugins.module_utils.backends.local.layout import Layout

PATIENCE = 60.0
STORE = """{backend: local, path: "{{ playbook_dir }}/store", lock_timeout: 300}"""
WRITE = """
- name: write
  nebula.credential.credential: {{credentials: [{{name: a}}, {{name: b}}, {{name: c}}], store: {0}{1}}}
"""


@contextmanager
def another_writer(project, name):
    """Another process writes this credential, so that a run waits for it. Yields the function that ends that."""
    layout = Layout(str(project.directory / "store"), ".enc")
    with open(layout.lock(name), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lambda: fcntl.flock(lock, fcntl.LOCK_UN)


def read_until(descriptor, expected):
    """Read what a run prints until it is printed, and go on reading in the background, so that the run never waits for that."""
    shown, deadline = b"", time.monotonic() + PATIENCE
    while expected not in shown:
        assert time.monotonic() < deadline, "not shown: {0}".format(shown)
        shown += os.read(descriptor, 4096)
    threading.Thread(target=_drain, args=(descriptor,), daemon=True).start()
    return shown.decode()


def _drain(descriptor):
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:  # the terminal is closed
        pass


def start_blocked(project, more="", stderr=subprocess.STDOUT, **environment):
    """Start a play that writes three credentials, of which another process writes the last one."""
    project.play("- nebula.credential.credential: {{name: first, store: {0}}}".format(STORE)).succeeded()
    path = project.write(
        "blocked.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:" + WRITE.format(STORE, more).replace("\n", "\n  ")
    )
    return path, lambda: project.start("ansible-playbook", str(path), stderr=stderr, **environment)


def test_on_a_terminal_a_long_task_shows_how_far_it_is(project):
    ours, its = pty.openpty()
    _path, start = start_blocked(project, stderr=its)
    with another_writer(project, "c") as end:
        started = start()
        os.close(its)
        shown = read_until(ours, b"nebula.credential.credential: 2 of 3 credentials")
        end()
    run = project.finish(started).succeeded()
    assert len(run.result("write")["results"]) == 3
    assert "WARNING" not in shown


def test_without_a_terminal_and_without_a_session_a_task_shows_it_if_it_says_so(project):
    ours, its = os.pipe()
    _path, start = start_blocked(project, ", progress: true", stderr=its, NEBULA_CREDENTIAL_SESSION="false")
    with another_writer(project, "c") as end:
        started = start()
        os.close(its)
        shown = read_until(ours, b"nebula.credential.credential: 2 of 3 credentials")
        end()
    project.finish(started).succeeded()
    assert "WARNING" not in shown


def test_a_module_on_the_host_refuses_to_show_it(project):
    run = project.play("- nebula.credential.credential_info: {run_on: target, progress: true}")
    assert "option 'progress'" in run.failed()
