# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""credential_rotate against a real PostgreSQL, as ansible-playbook runs it."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.integration.ansible_run import ONE_TRY
from tests.integration.rotated_role import ROLE, SHOW, Play, new_play, old_password, rotation

# Somebody else's tool sets the old password again, as soon as it sees another one.
UNDO = """
DO $$
DECLARE old text := (SELECT rolpassword FROM pg_authid WHERE rolname = 'app');
BEGIN
  FOR turn IN 1..30000 LOOP
    PERFORM pg_sleep(0.01);
    IF (SELECT rolpassword FROM pg_authid WHERE rolname = 'app') <> old THEN
      EXECUTE format('ALTER ROLE app PASSWORD %L', old);
      EXIT;
    END IF;
  END LOOP;
END $$
"""


@pytest.fixture
def play(tmp_path: Path, postgresql: Any) -> Play:
    return new_play(tmp_path, postgresql)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_the_old_password_stops_and_the_new_one_works_and_no_output_or_log_shows_either(play: Play, postgresql: Any) -> None:
    log_before = len(postgresql.log.read_text(errors="replace"))
    output = play.run(rotation(), SHOW, arguments=("-vvvvv",), ANSIBLE_DEBUG="1")
    old, new = old_password(play), play.value()
    assert old != new
    assert postgresql.accepts(ROLE, new)
    assert not postgresql.accepts(ROLE, old)
    log = postgresql.log.read_text(errors="replace")[log_before:]
    assert "ALTER USER" in log
    for what, secret in (("old", old), ("new", new), ("admin", postgresql.password)):
        assert not around(secret, output), what
        assert not around(secret, log), what
    assert "SCRAM-SHA-256$" not in output
    assert '"outcome": "promoted"' in output


def test_a_rotation_that_cannot_be_verified_is_rolled_back(play: Play, postgresql: Any) -> None:
    undoing = threading.Thread(target=lambda: postgresql.run(UNDO))
    undoing.start()
    wait_for(lambda: _waits(postgresql, "PgSleep"), "the other tool looks at the role")
    output = play.run(rotation(), fails=True)
    undoing.join()
    assert "rolled_back" in output
    assert "does not accept the new value" in output
    assert play.value() == old_password(play)
    assert postgresql.accepts(ROLE, play.value())
    assert not postgresql.accepts(ROLE, play.value(stage="pending"))


@pytest.mark.parametrize("lands", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_killed_controller_is_followed_by_one_that_settles_it(play: Play, postgresql: Any, lands: bool) -> None:
    """kill -9 while the server holds the request back; then the request lands, or never does."""
    blocker = postgresql.connect()
    blocker.autocommit = False
    blocker.execute("ALTER ROLE app CONNECTION LIMIT -1")
    process = subprocess.Popen(play.command([rotation()]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    wait_for(lambda: _waits(postgresql, "Lock"), "the request waits for the role's lock")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    if not lands:
        postgresql.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    blocker.rollback()
    blocker.close()
    wait_for(lambda: not _waits(postgresql, "Lock"), "the request ends")
    output = play.run(rotation(), SHOW, fails=not lands, **ONE_TRY)
    assert ("promoted" if lands else "rolled_back") in output
    current = play.value()
    assert postgresql.accepts(ROLE, current)
    assert (current == old_password(play)) is not lands


def test_two_users_take_turns_and_the_old_one_goes_on_working(play: Play, postgresql: Any) -> None:
    options = {"usernames": ["app", "app_b"]}
    task = rotation(consumer_ttl="5m")
    task["nebula.credential.credential_rotate"]["postgresql"].update(options)
    play.run(task)
    assert play.value("username") == "app_b"
    assert postgresql.accepts("app_b", play.value())
    assert postgresql.accepts("app", old_password(play))
    assert play.value(stage="previous") == old_password(play)
    output = play.run(task, fails=True)
    assert "grace period" in output


def test_the_previous_password_is_tried_too_in_the_grace_period_and_a_refusal_is_a_warning(play: Play, postgresql: Any) -> None:
    task = rotation(validate_rotated=True)
    assert "validate_rotated" in play.run(task, fails=True), "one role has no grace period"
    task["nebula.credential.credential_rotate"]["postgresql"]["usernames"] = ["app", "app_b"]
    assert '"previous_accepted": true' in play.run(task, SHOW)
    postgresql.run("ALTER ROLE app NOLOGIN")
    settle = rotation(phase="settle")
    settle["nebula.credential.credential_rotate"]["postgresql"]["usernames"] = ["app", "app_b"]
    output = play.run(settle, SHOW)
    assert '"previous_accepted": false' in output
    assert "refuses the previous value already" in output
    assert postgresql.accepts("app_b", play.value())


def test_a_role_that_is_not_there_is_told_and_nothing_is_begun(play: Play) -> None:
    task = rotation()
    task["nebula.credential.credential_rotate"]["postgresql"]["role"] = "nobody_there"
    output = play.run(task, fails=True)
    assert "has no role 'nobody_there'" in output
    assert '"phase": null' in play.run(rotation(phase="status"), SHOW)


def test_a_wrong_admin_login_is_told_and_nothing_is_begun(play: Play) -> None:
    task = rotation()
    task["nebula.credential.credential_rotate"]["postgresql"]["admin_password"] = secrets.token_hex(8)
    assert "refuses the admin login" in play.run(task, fails=True)
    assert not play.has_begun()


def test_check_mode_shows_the_plan_and_changes_nothing(play: Play, postgresql: Any) -> None:
    output = play.run(rotation(), SHOW, arguments=("--check", "--diff"))
    assert "store the new value as pending" in output
    assert "the rotation, in order:" in output
    assert '"version": "a new one"' in output
    assert postgresql.accepts(ROLE, old_password(play))
    assert play.value() == old_password(play)


def test_the_playbook_rotates_what_is_due_and_prints_a_summary_without_secrets(play: Play, postgresql: Any) -> None:
    old = old_password(play)
    play.run(
        {"nebula.credential.credential": {"name": "db_pass", "policy": {"kind": "periodic", "every": "1s"}}},
        {"nebula.credential.credential": {"name": "cookie_key", "policy": {"kind": "periodic", "every": "9d"}}},
    )
    listed = [{"name": "db_pass", "target": "postgresql"}, {"name": "cookie_key", "target": "none"}]
    variables = {"rotate_credentials": listed, "rotate_postgresql": "{{ pg }}", "rotate_only_due": True}
    output = play.playbook("nebula.credential.rotate", variables)
    assert "postgresql   promoted, readers were refused for" in output
    assert "none         not due" in output
    new = play.value()
    assert postgresql.accepts(ROLE, new)
    for secret in (old, new, postgresql.password):
        assert not around(secret, output)


def test_a_role_that_cannot_log_in_is_sent_nothing_unless_the_task_says_so(play: Play, postgresql: Any) -> None:
    """NOLOGIN, and a password that has expired: each is named, and the password at the server stays as it is."""
    query = "SELECT rolpassword FROM pg_authid WHERE rolname = 'app'"
    with postgresql.connect() as connection:
        stored = connection.execute(query).fetchone()
        for change, words in (("NOLOGIN", "it may not log in (NOLOGIN)"), ("LOGIN VALID UNTIL '2020-01-01'", "VALID UNTIL is in the past")):
            connection.execute("ALTER ROLE app {}".format(change))
            output = play.run(rotation(), fails=True)
            assert "could not be tried at the target" in output
            assert words in output
            assert connection.execute(query).fetchone() == stored
        assert not play.has_begun()
        output = play.run(rotation(current_unverified=True), fails=True, **ONE_TRY)
        assert "ended as 'parked'" in output
        assert play.value() == old_password(play)
        assert connection.execute(query).fetchone() != stored
        connection.execute("ALTER ROLE app VALID UNTIL 'infinity'")
    output = play.run(rotation(phase="settle"), SHOW)
    assert '"outcome": "promoted"' in output
    assert '"current_verified": false' in output
    assert postgresql.accepts(ROLE, play.value())


def test_what_is_not_due_is_left_alone_and_the_playbook_ends_well(play: Play, postgresql: Any) -> None:
    play.run({"nebula.credential.credential": {"name": "db_pass", "policy": {"kind": "periodic", "every": "90d"}}})
    listed = [{"name": "db_pass", "target": "postgresql"}]
    variables = {"rotate_credentials": listed, "rotate_postgresql": "{{ pg }}", "rotate_only_due": True}
    assert "postgresql   not due" in play.playbook("nebula.credential.rotate", variables)
    assert postgresql.accepts(ROLE, old_password(play))


def test_the_playbook_goes_on_after_a_failure_and_fails_at_the_end(play: Play) -> None:
    listed = [{"name": "missing", "target": "postgresql"}, {"name": "db_pass", "target": "postgresql"}]
    output = play.playbook("nebula.credential.rotate", {"rotate_credentials": listed, "rotate_postgresql": "{{ pg }}"}, fails=True)
    assert "postgresql   failed: " in output
    assert "postgresql   promoted" in output
    assert "Not rotated: missing" in output


def test_the_admin_login_comes_from_a_credential_too(play: Play, postgresql: Any) -> None:
    play.run(
        {
            "nebula.credential.credential": {
                "name": "postgresql/admin",
                "type": "basic",
                "fields": {"username": "{{ pg.admin_user }}", "password": "{{ pg.admin_password }}"},
            }
        }
    )
    task = rotation()
    way = task["nebula.credential.credential_rotate"]["postgresql"]
    del way["admin_user"], way["admin_password"]
    way["admin_credential"] = "postgresql/admin"
    play.run(task)
    assert postgresql.accepts(ROLE, play.value())


def test_auto_without_a_target_is_refused(play: Play) -> None:
    output = play.run({"nebula.credential.credential_rotate": {"name": "db_pass"}}, fails=True)
    assert "write 'target: none' if no service takes it" in output


def around(secret: str, text: str) -> list[str]:
    """Where a secret shows, without showing it."""
    pieces = text.split(secret)
    return [before[-200:] + "[...]" + after[:80] for before, after in zip(pieces, pieces[1:])]


def _waits(server: Any, event: str) -> bool:
    with server.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = %s OR wait_event = %s"
        return bool(connection.execute(query, (event, event)).fetchone()[0])
