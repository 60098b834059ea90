# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`run` on a host, without a controller: real programs, with values that nothing shows."""

from __future__ import annotations

import base64
import os
import sys
from types import SimpleNamespace

import pytest

from ansible_collections.nebula.credential.plugins.action.run import check_arguments
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.hosts import command
from ansible_collections.nebula.credential.plugins.module_utils.hosts.command import run
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

SECRET = "p@ss w0rd'x"


def encode(text):
    return base64.b64encode(text.encode()).decode()


def call(*argv, check_mode=False, env=None, stdin=None, hidden=(SECRET,), **options):
    work = {"chdir": None, "creates": None, "removes": None, **options}
    work.update(env={name: encode(value) for name, value in (env or {}).items()}, hidden=[encode(each) for each in hidden])
    work["stdin"] = None if stdin is None else encode(stdin)
    return run(SimpleNamespace(params={"argv": list(argv)}, check_mode=check_mode), work)


def test_a_value_is_in_the_environment_of_the_command_alone():
    done = call(sys.executable, "-c", "import os; print(len(os.environ['A']), 'PATH' in os.environ)", env={"A": SECRET})
    assert (done["rc"], done["stdout_lines"]) == (0, ["11 True"])
    assert "A" not in os.environ


def test_standard_input_gets_the_bytes_and_nothing_more():
    done = call(sys.executable, "-c", "import sys; sys.exit(sys.stdin.buffer.read() != {0!r})".format(SECRET.encode()), stdin=SECRET)
    assert done["rc"] == 0


def test_the_output_holds_a_value_in_no_form():
    program = (
        "import base64, os, shlex, sys, urllib.parse as u; a = os.environ['A']; s = base64.b64encode\n"
        "print(a, s(a.encode()), s(b'x' + a.encode()), u.quote(a), a.encode().hex()); print(shlex.quote(a), file=sys.stderr)"
    )
    done = call(sys.executable, "-c", program, env={"A": SECRET})
    shown = done["stdout"] + done["stderr"]
    assert done["rc"] == 0
    assert shown.count("********") >= 6
    assert not any(part in shown for part in (SECRET, encode(SECRET)[:8], SECRET.encode().hex(), "p%40ss"))


@pytest.mark.parametrize("shift", [0, 7, 13, 39])
def test_output_is_bounded_and_no_part_of_a_value_is_left_where_it_is_cut(monkeypatch, shift):
    monkeypatch.setattr(command, "MOST_OUTPUT", 1000)
    program = "import os, sys; sys.stdout.write('.' * {0} + os.environ['A'] * 200)".format(shift)
    done = call(sys.executable, "-S", "-c", program, env={"A": SECRET})
    assert done["truncated"] == ["stdout"]
    assert len(done["stdout"]) <= 1000
    assert set(done["stdout"]) <= {".", "*"}


@pytest.mark.parametrize("home", ["~", "$HOME"])
def test_the_home_of_the_user_of_the_task_may_be_in_a_path(tmp_path, monkeypatch, home):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "there").touch()
    assert call("pwd", chdir=home)["stdout"] == os.path.realpath(tmp_path)
    assert call("false", creates=home + "/there")["changed"] is False
    assert call("true", removes=home + "/there")["changed"] is True


def test_creates_and_removes_decide_as_in_the_module_command(tmp_path):
    (tmp_path / "there").touch()
    touch = ("touch", "made")
    for option, pattern, runs in (("creates", "th*", False), ("removes", "nothing", False), ("creates", "nothing", True)):
        done = call(*touch, chdir=str(tmp_path), **{option: pattern})
        assert (done["changed"], (tmp_path / "made").exists()) == (runs, runs)


def test_check_mode_says_that_it_would_run_and_has_no_value(tmp_path):
    work = {"chdir": str(tmp_path), "creates": None, "removes": None}
    done = run(SimpleNamespace(params={"argv": ["touch", "made"]}, check_mode=True), work)
    assert done["changed"]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("argv", "options", "says"),
    [
        (("/no/such/program",), {}, "option 'argv': the program '/no/such/program' cannot be started: No such file"),
        (("true",), {"chdir": "/no/such/directory"}, "option 'chdir': there is no directory"),
    ],
)
def test_a_command_that_cannot_start_is_named(argv, options, says):
    with pytest.raises(InvalidInput, match=says):
        call(*argv, **options)


def test_a_child_that_outlives_the_command_is_neither_waited_for_nor_killed(tmp_path):
    """It holds the streams open, as a service does that a command starts."""
    os.mkfifo(tmp_path / "gate")
    os.mkfifo(tmp_path / "answer")
    child = "(read line < '{0}/gate'; echo alive > '{0}/answer') & echo started".format(tmp_path)
    assert call("sh", "-c", child, hidden=())["stdout"] == "started"
    (tmp_path / "gate").write_text("go\n", encoding="ascii")
    assert (tmp_path / "answer").read_text(encoding="ascii") == "alive\n"


@pytest.mark.parametrize("argument", [SECRET, "--password=" + SECRET, base64.b64encode(SECRET.encode()).decode(), "p%40ss%20w0rd%27x"])
def test_an_argument_that_holds_a_secret_is_refused_and_not_shown(argument):
    with pytest.raises(InvalidInput, match=r"option 'argv\[1\]': it holds the value of a credential") as refused:
        check_arguments(["psql", argument], [Secret(SECRET)])
    assert SECRET not in str(refused.value)


def test_a_short_secret_is_refused_as_a_whole_argument_only():
    check_arguments(["psql", "abcd"], [Secret("ab")])
    with pytest.raises(InvalidInput):
        check_arguments(["psql", "ab"], [Secret("ab")])
