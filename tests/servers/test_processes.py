# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server is started once, and once more only if its process was aborted before it became the program."""

from __future__ import annotations

import itertools
import signal
import sys

from tests.servers import processes
from tests.servers.processes import Account


def start(tmp_path, *command):
    return processes.start(command, account=Account(), log=tmp_path / "log", directory=tmp_path)


def test_one_that_has_no_command_line_yet_is_waited_for_only_until_it_has(tmp_path, monkeypatch):
    looks = itertools.count()
    monkeypatch.setattr(processes, "_has_command_line", lambda _process: next(looks) > 2)
    process = start(tmp_path, "sleep", "600")
    assert process.poll() is None
    processes.stop(process)


def test_one_that_is_aborted_is_started_again_a_few_times(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_has_command_line", lambda _process: False)
    process = start(tmp_path, sys.executable, "-c", "import os; os.write(1, b'begun '); os.abort()")
    assert process.wait() == -signal.SIGABRT
    assert (tmp_path / "log").read_text() == "begun " * (1 + processes._LAUNCHES)
