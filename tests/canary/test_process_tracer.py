# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of processes has every process, however short it was and wherever it went."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest

from tests.canary import process_tracer


@pytest.fixture
def trace(tmp_path):
    """Run a shell command under the tracer. Returns its exit status and the record, as text with spaces for NUL."""

    def run(command):
        record = tmp_path / "record.json"
        done = subprocess.run([sys.executable, "-I", process_tracer.__file__, str(record), "sh", "-c", command], check=False)
        parts = json.loads(record.read_text(encoding="ascii")).items()
        return done.returncode, {part: [base64.b64decode(each).decode().replace("\0", " ") for each in seen] for part, seen in parts}

    return run


def test_no_process_is_too_short_to_be_seen(trace):
    _status, seen = trace("for number in $(seq 50); do /bin/true short$number; done")
    assert {"/bin/true short{0} ".format(number) for number in range(1, 51)} <= set(seen["cmdline"])


def test_the_environment_of_one_process_alone_is_seen(trace):
    _status, seen = trace("PLANTED=there /bin/true")
    assert sum("PLANTED=there" in environment for environment in seen["environ"]) == 1


def test_a_process_that_leaves_the_family_is_waited_for(trace):
    _status, seen = trace("(setsid sh -c 'sleep 0.2; /bin/true afterwards' &)")
    assert "/bin/true afterwards " in seen["cmdline"]


def test_what_a_thread_starts_is_seen(trace):
    program = "import subprocess, threading; threading.Thread(target=subprocess.run, args=(['/bin/true', 'threaded'],)).start()"
    _status, seen = trace('{0} -I -c "{1}"'.format(sys.executable, program))
    assert "/bin/true threaded " in seen["cmdline"]


@pytest.mark.parametrize(("command", "status"), [("exit 3", 3), ("true", 0), ("kill -TERM $$", 128 + 15)])
def test_the_status_is_that_of_the_command(trace, command, status):
    assert trace(command)[0] == status


def test_a_process_that_is_stopped_can_be_continued(trace):
    stopped = "sh -c 'kill -STOP $$; exit 4' & stopped=$!"
    continuing = "while :; do kill -CONT $stopped; sleep 0.01; done & continuing=$!"
    status, _seen = trace("\n".join([stopped, continuing, "wait $stopped; status=$?; kill $continuing; exit $status"]))
    assert status == 4
