# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session that outlives its run by `linger`: one login for several runs, and nothing else of one in another."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.plugin_utils.session import linger
from tests.integration.counted import ON, read
from tests.integration.session_runs import eventually, is_alive
from tests.integration.sessions import directories, is_held, wait_until_over

LINGER = '{"linger": "5m"}'


@pytest.fixture
def lingering(base, monkeypatch):
    """The places in which sessions of this test wait; they have ended when it is over."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    monkeypatch.setenv("TMPDIR", str(base))

    def list_places():
        return [each for each in directories("linger", str(base)) if is_held(each)]

    yield list_places
    linger.end_sessions()
    assert list_places() == []


def run_to_end(run_of, **environment):
    """A run that writes and reads; the process of its session."""
    run = run_of(NEBULA_CREDENTIAL_SESSION=LINGER, TEST_SESSION=LINGER, **environment)
    run.write()
    assert run.read() == "v4lue-of-a"
    session = run.session()
    run.met.clear()
    run.end()
    wait_until_over(run.pid)  # it has left the run's directory, so it waits in its own
    return session


def test_two_runs_one_after_the_other_have_one_login_and_read_each_value_themselves(project, counted, lingering):
    counted.is_default_of(project, linger="5m")
    for _run in range(2):
        project.play(read("a")).succeeded()
    assert counted.logins() == 1
    assert counted.reads() == {"a": 2}
    assert revoked(counted) == 0
    linger.end_sessions()
    assert revoked(counted) == 1


def revoked(counted):
    """How often a token was given back."""
    return sum(one["path"] == "auth/token/revoke-self" for one in counted.server.requests()[counted._seen :])


def test_a_run_with_another_login_in_a_variable_does_not_act_by_the_login_of_the_run_before(project, counted, lingering, monkeypatch):
    login = dict(counted.auth)
    right = login.pop("secret_id")
    monkeypatch.setattr(counted, "auth", {**login, "secret_id_env": "MY_SECRET_ID"})
    counted.is_default_of(project, linger="5m")
    project.play(read("a"), MY_SECRET_ID=right).succeeded()
    assert "login_failed" in project.play(read("a"), MY_SECRET_ID="wrong").failed()
    project.play(read("a"), MY_SECRET_ID=right).succeeded()


def test_without_the_option_each_run_logs_in(project, counted, lingering):
    for _run in range(2):
        project.play(read("a"), **ON).succeeded()
    assert counted.logins() == 2
    assert lingering() == []


def test_the_next_run_has_the_same_process_in_a_directory_of_its_own(run_of, lingering):
    first = run_to_end(run_of)
    assert len(lingering()) == 1
    assert run_to_end(run_of) == first


def test_it_keeps_no_directory_busy_while_it_waits_and_serves_the_next_run_in_its_own(run_of, lingering):
    session = run_to_end(run_of)
    eventually(lambda: os.readlink("/proc/{0}/cwd".format(session)) == "/", "it is in the directory of the run")
    run = run_of(NEBULA_CREDENTIAL_SESSION=LINGER, TEST_SESSION=LINGER)
    assert (run.read(), run.session()) == ("v4lue-of-a", session)
    assert os.readlink("/proc/{0}/cwd".format(session)) == os.getcwd()
    run.met.clear()
    run.end()


def test_two_runs_at_once_have_two_sessions_and_one_of_them_waits(run_of, lingering):
    one, other = (run_of(NEBULA_CREDENTIAL_SESSION=LINGER, TEST_SESSION=LINGER) for _run in range(2))
    one.write()
    sessions = {each.read() and each.session() for each in (one, other)}
    assert len(sessions) == 2
    for each in (one, other):
        each.met.clear()
        each.end()
    eventually(lambda: sum(map(is_alive, sessions)) == 1, "both stay, or none")
    assert len(lingering()) == 1


@pytest.mark.parametrize(
    "changed",
    [{"VAULT_NAMESPACE": "another"}, {"NEBULA_CREDENTIAL_SESSION": '{"linger": "4m"}', "TEST_SESSION": '{"linger": "4m"}'}],
    ids=["environment", "options"],
)
def test_a_run_in_other_surroundings_has_a_session_of_its_own(run_of, lingering, changed):
    first = run_to_end(run_of)
    second = run_of(**{"NEBULA_CREDENTIAL_SESSION": LINGER, "TEST_SESSION": LINGER, **changed})
    second.write()
    assert second.session() != first
    second.met.clear()
    second.end()


def test_a_changed_configuration_file_makes_another_session(run_of, lingering, home):
    first = run_to_end(run_of)
    (home / ".nebula").mkdir(exist_ok=True)
    (home / ".nebula" / "nebula.yml").write_text("default: local\n", encoding="utf-8")
    assert run_to_end(run_of) != first


def test_one_that_was_killed_leaves_nothing_and_the_next_run_has_another(run_of, lingering, base):
    first = run_to_end(run_of)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: not is_alive(first), "it lives")
    assert run_to_end(run_of) != first
    assert len(list(base.glob("nebula-*"))) == 1


def test_one_that_hangs_is_passed_over(run_of, lingering):
    first = run_to_end(run_of)
    os.kill(first, signal.SIGSTOP)
    try:
        assert run_to_end(run_of) != first
    finally:
        os.kill(first, signal.SIGKILL)


def test_a_run_whose_session_is_to_be_forgotten_ends_it_itself(run_of, lingering):
    run = run_of(NEBULA_CREDENTIAL_SESSION=LINGER, TEST_SESSION=LINGER)
    run.write()
    session = run.session()
    assert linger.end_sessions() == 1
    assert run.read() == "v4lue-of-a"
    run.end()
    eventually(lambda: not is_alive(session), "it stays")
    assert lingering() == []


def test_its_directory_gone_is_the_end(run_of, lingering):
    first = run_to_end(run_of)
    (place,) = lingering()
    Path(place, "s").unlink()
    eventually(lambda: not is_alive(first), "it stays")
