# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run in a container: the session dies with it, and before that has returned its login; containers that share a directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.counted import read
from tests.integration.namespaces import IN_CONTAINER, check_allowed, play
from tests.integration.session_runs import eventually

WITHOUT_PROC = ("unshare", "--pid", "--fork", "--kill-child")
"""The first process of a PID namespace that sees the /proc of the outer one."""
AS_CHILD = (*IN_CONTAINER, "sh", "-c", '"$@"; exit $?', "sh")
"""As a child of the first process, which ends when its child does."""
WRITE = "- nebula.credential.credential: {name: c, value: v4lue, state: present}"


def revoked(counted):
    """How many logins were returned since the counts began."""
    return sum(one["path"] == "auth/token/revoke-self" and not one["error"] for one in counted._asked())


@pytest.mark.parametrize("through", [IN_CONTAINER, AS_CHILD, WITHOUT_PROC], ids=["first process", "its child", "outer proc"])
@pytest.mark.parametrize("tasks", [read("a") + "\n" + read("b"), pytest.param(WRITE, marks=pytest.mark.long)], ids=["lookups", "a module"])
def test_a_run_in_a_container_leaves_no_login(project, counted, tasks, through):
    """One session for the run, one login, and that is returned before the controller ends."""
    run = play(project, tasks, through=through).succeeded()
    assert "continues without a session" not in run.output
    assert (counted.logins(), revoked(counted)) == (1, 1)


def test_a_failed_run_in_a_container_leaves_no_login(project, counted):
    run = play(project, read("a") + "\n- ansible.builtin.fail: {msg: planned}", through=IN_CONTAINER)
    assert "planned" in run.failed()
    assert (counted.logins(), revoked(counted)) == (1, 1)


def test_a_session_that_hangs_does_not_keep_the_container(project, counted):
    """The wait at the end is bounded, and what ends the run is not its failure."""
    stop = (
        "import os, pathlib, signal; me = os.getpid()\n"
        "for each in pathlib.Path('/proc').iterdir():\n"
        "    if each.name.isdigit() and b'session/server/main.py' in (each / 'cmdline').read_bytes() and int(each.name) != me:\n"
        "        os.kill(int(each.name), signal.SIGSTOP)\n"
    )
    script = project.write("stop.py", stop)
    tasks = read("a") + "\n- ansible.builtin.command: {0} {1}".format(sys.executable, script)
    play(project, tasks, through=IN_CONTAINER).succeeded()


def place_in_container(directory, root):
    """Where a run of process 7 that began at tick 100 has its session, in a PID namespace of its own."""
    code = (
        "import sys; sys.path[:0] = json.loads(sys.argv[1]); from ansible_collections.nebula.credential.plugins.lookup import get; "
        "print(get.directory_of(7, '100'))"
    )
    command = [*IN_CONTAINER, sys.executable, "-c", "import json; " + code, json.dumps([str(root)])]
    return subprocess.run(command, env={**os.environ, "TMPDIR": str(directory)}, capture_output=True, text=True, check=True).stdout


def test_the_place_of_a_session_tells_containers_apart(base, collection_root):
    """Two that began in the same moment have controllers of the same process id and start, and may share the temporary directory."""
    check_allowed(IN_CONTAINER)
    with ThreadPoolExecutor(2) as both:
        places = list(both.map(lambda _each: place_in_container(base, collection_root), range(2)))
    assert places[0].startswith(str(base))
    assert places[0] != places[1]


def test_containers_that_share_a_directory_have_a_session_each(project, base):
    """Started at once: none sweeps the directory of another, and none goes on without a session."""
    task = "- ansible.builtin.debug: {msg: \"{{ lookup('nebula.credential.get', 'x', default='none') }}\"}"
    play(project, task, TMPDIR=str(base)).succeeded()
    with ThreadPoolExecutor(6) as all_:
        runs = list(all_.map(lambda _each: play(project, task, through=IN_CONTAINER, TMPDIR=str(base)), range(6)))
    assert {run.returncode for run in runs} == {0}
    assert not [run.output for run in runs if "WARNING" in run.output]
    eventually(lambda: not list(Path(base).glob("nebula-*")), "a session leaves its directory")
