# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session keeps between two runs, how long it waits, and whom it serves next."""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.plugin_utils.session import linger
from ansible_collections.nebula.credential.plugins.plugin_utils.session.peer import read_start_time
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import LENGTH, LINGERS, TAKEN, Place
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server import lingering
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.lingering import Lingering, Origin, find_origin
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import RequestHandler
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.session import Session
from tests.unit.session.server.desks import Caller

OPTIONS = {"ttl": 300.0}
NO_SERVER = {
    "backend": "vault",
    "url": "http://127.0.0.1:1",
    "auth": {"method": "token", "token": "t"},
    "max_retries": 0,
    "breaker_failures": 1,
}
MINE = (os.getpid(), read_start_time(os.getpid()))


def a_caller(tmp_path):
    return Caller({"backend": "local", "path": str(tmp_path / "store")})


def test_the_next_run_finds_the_store_open_and_reads_each_value_itself(tmp_path):
    first = a_caller(tmp_path)
    first.put("a")
    assert first.read("a") == "value of a"
    (manager,) = first.desk._stores.managers()
    stores = first.desk.end_run()
    assert [manager.cache.shelf.find(("a", None)), manager.cache.counts.hits, manager.trail is None or manager.trail.is_empty] == [
        None,
        0,
        True,
    ]
    second = Caller(first.config)
    second.desk = RequestHandler(OPTIONS, stores)
    assert second.read("a") == "value of a"
    assert second.desk._stores.managers() == [manager]
    assert manager.cache.counts.misses == 1
    second.desk.close()


def test_no_value_that_a_run_has_read_is_in_memory_after_it(tmp_path):
    caller = a_caller(tmp_path)
    caller("credential", name="a", value="a-telling-value", state="present")
    caller.desk.handle(caller.message("get", question="digest", name="a"))
    assert list_secrets(b"a-telling-value")
    stores = caller.desk.end_run()
    del caller
    gc.collect()
    assert stores.managers()
    assert list_secrets(b"a-telling-value") == []


def list_secrets(value):
    return [each for each in gc.get_objects() if issubclass(type(each), Secret) and each.expose() == value]


def test_a_store_that_ends_with_its_process_is_closed_and_nothing_is_kept():
    caller = Caller()
    caller.put("a")
    assert caller.desk.end_run() is None


def test_passwords_that_callers_have_sent_are_forgotten(tmp_path):
    caller = a_caller(tmp_path)
    caller.put("a")
    (asked,) = caller.desk._stores._passwords
    asked._known["prod"] = "c2VjcmV0"
    caller.desk.end_run()
    assert asked._known == {}


def test_the_next_run_asks_a_server_that_did_not_respond_to_the_one_before():
    first = Caller(NO_SERVER)
    assert [first("get", name="a")["code"] for _turn in range(2)] == ["unavailable", "circuit_open"]
    stores = first.desk.end_run()
    second = Caller(first.config)
    second.desk = RequestHandler(OPTIONS, stores)
    assert second.desk._stores.managers()
    assert second("get", name="a")["code"] == "unavailable"
    second.desk.close()


@pytest.mark.parametrize(("named", "is_kept"), [("another", False), ("as before", True)])
def test_a_store_whose_login_comes_from_what_holds_another_one_now_logs_in_anew(tmp_path, monkeypatch, named, is_kept):
    token = tmp_path / "token"
    token.write_text("as before")
    token.chmod(0o600)
    monkeypatch.setenv("MY_TOKEN", "as before")
    caller = a_caller(tmp_path)
    by_variable, by_file = {"token_env": "MY_TOKEN"}, {"token_file": str(token)}
    for login in (by_variable, by_file):
        caller.desk._stores.manager("ci", {"backend": "github", "repository": "shop/web", "audit": "off", **login})
    stores, dropped = caller.desk.end_run(), []
    assert len(stores.managers()) == 2
    monkeypatch.setenv("MY_TOKEN", named)
    if not is_kept:
        token.write_text("another one")
    stores.drop_changed_logins(lambda store, close: dropped.append((store, close())))
    assert (len(stores.managers()), len(dropped)) == ((2, 0) if is_kept else (0, 2))
    caller.desk.close()


@pytest.fixture
def place(base):
    return str(base / "nebula-{0}-linger-0123456789abcdef".format(os.geteuid()))


def begin(place, seconds=60.0, program=None):
    origin = find_origin(MINE)
    program = program or os.stat("/proc/self/exe")
    return Lingering(place, Origin((program.st_dev, program.st_ino), origin and origin.terminal), seconds)


@pytest.fixture(autouse=True)
def _signals(monkeypatch):
    monkeypatch.setattr(lingering.signal, "signal", lambda _number, _handler: None)
    monkeypatch.setattr(lingering, "TICK", 0.01)


def ask(place, directory, run=MINE):
    """What a run says to a session that waits, and its response."""
    content = json.dumps({"run": run, "directory": directory, "environment": {"A": "b"}, "expected": None, "awaited": None}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(Place(place).socket)
        connection.sendall(LENGTH.pack(len(content)) + content)
        return connection.recv(65536)[LENGTH.size :]


def directory_for(place, run=MINE):
    return "{0}/nebula-{1}-{2}-{3}-0123456789ab".format(os.path.dirname(place), os.geteuid(), *run)


def wait(waiting, results, taken):
    results.append(waiting.wait(lambda: None, taken.append))


@pytest.fixture
def waited(place):
    """A session that waits, what it takes over, and the result of waiting."""
    waiting, results, taken = begin(place), [], []
    thread = threading.Thread(target=wait, args=(waiting, results, taken))
    thread.start()
    yield taken, results, thread
    waiting._told_to_end = True
    thread.join(30)
    if results != [True]:
        waiting.close()
    assert not os.path.exists(place)


def test_a_run_of_the_same_program_takes_it_over(place, waited):
    taken, results, thread = waited
    assert json.loads(ask(place, directory_for(place))) == {"result": TAKEN}
    thread.join(30)
    assert results == [True]
    assert [each["run"] for each in taken] == [list(MINE)]


def test_another_program_is_not_served(place, waited):
    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        run = (other.pid, read_start_time(other.pid))
        assert ask(place, directory_for(place, run), run) == b""
        other.kill()
    assert waited[0] == []


def test_a_process_that_speaks_for_a_run_that_is_not_its_own_is_not_served(place, waited):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        run = (other.pid, read_start_time(other.pid))
        assert ask(place, directory_for(place, run), run) == b""
        other.kill()
    assert waited[0] == []


@pytest.mark.parametrize(
    "run", [(MINE[0], "1"), (MINE[0], ""), (2**22 + 1, "5"), ("x", "y"), (None, None)], ids=["reused", "unknown", "none", "text", "null"]
)
def test_a_run_that_is_not_there_is_not_served(place, waited, run):
    assert ask(place, directory_for(place, run), run) == b""
    assert waited[0] == []


@pytest.mark.parametrize("directory", ["/tmp/elsewhere", "", None])
def test_a_directory_that_is_not_the_run_s_is_not_served(place, waited, directory):
    assert ask(place, directory) == b""
    assert waited[0] == []


def test_what_is_no_request_ends_nothing(place, waited):
    for content in (b"", b"x", LENGTH.pack(4) + b"nope", LENGTH.pack(2) + b"[]", LENGTH.pack(1 << 30)):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(Place(place).socket)
            connection.sendall(content)
    assert json.loads(ask(place, directory_for(place))) == {"result": TAKEN}


def test_its_time_ends(place):
    waiting = begin(place, 0.0)
    assert waiting.wait(lambda: None, lambda _asked: None) is False
    waiting.close()
    assert not os.path.exists(place)


@pytest.mark.parametrize("name", ["lingers", "s"])
def test_it_ends_when_its_file_is_removed(place, name):
    waiting = begin(place)
    os.unlink(os.path.join(place, name))
    assert waiting.wait(lambda: None, lambda _asked: None) is False
    waiting.close()


def test_it_ends_with_its_terminal(place):
    waiting = begin(place)
    with subprocess.Popen(["/bin/sleep", "60"]) as shell:
        watch = lingering.ControllerWatch(shell.pid, read_start_time(shell.pid))
        waiting._origin = waiting._origin._replace(terminal=watch)
        assert not waiting._is_over()
        shell.kill()
    assert waiting._is_over()
    waiting.close()


def test_two_never_wait_in_one_place(place):
    waiting = begin(place)
    with pytest.raises(OSError):
        begin(place)
    waiting.close()


def test_a_place_that_others_can_enter_is_not_used(place):
    os.mkdir(place, 0o755)
    with pytest.raises(PermissionError):
        begin(place)


def test_what_a_killed_one_has_left_is_replaced(place):
    os.mkdir(place, 0o700)
    for name in ("s", "n"):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(os.path.join(place, name))
    waiting = begin(place)
    waiting.close()
    assert not os.path.exists(place)


def test_those_that_have_waited_longest_end_if_too_many_wait(place):
    others = [place[:-2] + "{0:02}".format(number) for number in range(lingering.MOST)]
    waiting = [begin(each) for each in others]
    for age, each in enumerate(others):
        os.utime(os.path.join(each, LINGERS), (age, age))
    waiting.append(begin(place))
    assert [each._is_over() for each in waiting] == [True] + [False] * lingering.MOST
    for each in waiting:
        each.close()


def test_files_of_others_that_are_named_like_it_do_not_hinder_it(place):
    base = os.path.dirname(place)
    Path(place[:-1] + "a").write_text("", encoding="utf-8")
    os.symlink(base, place[:-1] + "b")
    begin(place).close()
    assert not os.path.exists(place)


def test_one_that_begins_to_wait_while_all_are_told_to_end_is_told_too(place, base, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    serving = directory_for(place)
    os.mkdir(serving, 0o700)
    Path(serving, LINGERS).touch()
    waiting = []

    look = linger.list_sessions

    def look_too_early():
        found = look()
        if not waiting:
            waiting.append(begin(place))
        return found

    monkeypatch.setattr(linger, "list_sessions", look_too_early)
    monkeypatch.setattr(linger, "FORGET_TIMEOUT", 0)
    assert linger.end_sessions() == 2
    assert waiting[0]._is_over()
    waiting[0].close()


def test_one_that_was_told_to_end_while_it_left_its_run_does_not_wait(place):
    permissions = [True, False]
    premises = SimpleNamespace(is_given_up=lambda: False, may_linger=lambda: permissions.pop(0))
    origin = Origin((0, 0), None)
    run = SimpleNamespace(
        _origin=origin, _has_ended_with_run=True, _premises=premises, _handed={"linger": place, "options": {"linger": 60.0}}
    )
    assert Session._begin_lingering(run) is None
    assert not os.path.exists(place)
