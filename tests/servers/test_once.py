# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import types

import pytest

from tests.conftest import CHECKOUT
from tests.servers import once, reporting
from tests.servers.processes import ServerUnavailable

ASKING = """
import contextlib, os, sys, types
from tests.servers import once

@contextlib.contextmanager
def running():
    print("started", flush=True)
    try:
        yield types.SimpleNamespace(version="1.0", started_in=0.5)
    finally:
        print("ended", os.getpid() == {owner}, flush=True)

sys.modules["tests.servers.valkey"] = types.SimpleNamespace(running=running)
"""


def what_happens(program):
    """What a process prints that uses a pretended server."""
    program = ASKING.replace("{owner}", "owner").replace("import contextlib", "import os; owner = os.getpid()\nimport contextlib") + program
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.split("\n")[:-1]


def test_a_server_is_started_once_and_ends_with_the_process():
    assert what_happens("assert once.valkey() is once.valkey(); print('used', flush=True)") == ["started", "used", "ended True"]


def test_a_server_ends_after_a_failure():
    assert what_happens("once.valkey(); sys.exit(3)") == ["started", "ended True"]


@pytest.mark.parametrize("end", ["sys.exit(0)", "os._exit(0)", "once.stop_all()"])
def test_a_forked_child_leaves_the_server_to_its_parent(end):
    """However the child ends, and whatever its interpreter collects on the way out."""
    program = """
once.valkey()
child = os.fork()
if child == 0:
    {0}
else:
    os.waitpid(child, 0)
    print("child gone", flush=True)
""".format(end)
    assert what_happens(program) == ["started", "child gone", "ended True"]


@pytest.fixture
def pretended(monkeypatch):
    """A server that cannot be had, and how often it was tried."""
    tried = []

    class Running(contextlib.AbstractContextManager):
        def __enter__(self):
            tried.append(1)
            raise ServerUnavailable("there is none")

        def __exit__(self, *_error):
            return None

    monkeypatch.setitem(sys.modules, "tests.servers.pretended", types.SimpleNamespace(running=Running))
    yield tried
    once._refused.pop("pretended", None)


@pytest.mark.parametrize(("variable", "outcome"), [("1", pytest.fail.Exception), (None, pytest.skip.Exception)], ids=["CI", "elsewhere"])
def test_a_server_that_cannot_be_had_fails_in_ci_and_is_skipped_elsewhere(pretended, monkeypatch, variable, outcome):
    monkeypatch.setenv("CI", variable) if variable else monkeypatch.delenv("CI", raising=False)
    for _again in range(2):
        with pytest.raises(outcome, match="there is none"):
            once.server("pretended")
    assert len(pretended) == 1, "what failed is not tried by every test anew"


def test_a_thread_may_not_start_a_server():
    """The kernel would end the server together with the thread."""
    caught = []

    def ask():
        try:
            once.server("no such server")
        except RuntimeError as error:
            caught.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    asking.join()
    assert "before starting threads" in caught[0]


def test_the_summary_of_a_run_tells_how_long_each_server_took_to_start(monkeypatch):
    """Of this process, and of the workers that handed theirs over."""
    printed = []
    reporter = types.SimpleNamespace(section=printed.append, write_line=printed.append)
    monkeypatch.setattr(reporting, "_told", [("gw1", once.Start("valkey", "8.1", 0.14)), ("here", once.Start("openbao", "2.7.2", 2.0))])
    reporting.pytest_terminal_summary(reporter)
    assert [line.split() for line in printed[2:]] == [["openbao", "here", "2.7.2", "2.0", "s"], ["valkey", "gw1", "8.1", "0.1", "s"]]


def test_every_kind_has_a_shortcut():
    assert all(callable(getattr(once, kind)) for kind in once.KINDS)
