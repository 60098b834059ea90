# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An administrator without the right to change a role's password, and a server that refuses the change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.rotated_role import ROLE, Play, new_play, old_password, rotation

LOGIN = {"admin_user": "limited", "admin_password": "secret-of-limited"}
READ_ONLY = {"connect_params": {"options": "-c default_transaction_read_only=on"}}


@pytest.fixture
def play(tmp_path: Path, postgresql: Any) -> Play:
    found = new_play(tmp_path, postgresql)
    postgresql.run("DROP ROLE IF EXISTS limited")
    postgresql.run("CREATE ROLE limited LOGIN PASSWORD 'secret-of-limited'")
    return found


def with_options(options: dict[str, Any]) -> dict[str, Any]:
    task = rotation()
    task["nebula.credential.credential_rotate"]["postgresql"].update(options)
    return task


@pytest.mark.parametrize(
    ("statement", "options", "words"),
    [
        ("ALTER ROLE app SUPERUSER; ALTER ROLE limited CREATEROLE", LOGIN, "only a superuser may change"),
        ("ALTER ROLE app CREATEDB", LOGIN, "CREATEROLE"),
        ("ALTER ROLE app CREATEDB", READ_ONLY, "takes no changes"),
    ],
)
def test_what_the_administrator_lacks_is_named_and_nothing_is_begun(
    play: Play, postgresql: Any, statement: str, options: dict[str, Any], words: str
) -> None:
    postgresql.run(statement)
    output = play.run(with_options(options), fails=True)
    assert words in output
    assert "readers" not in output.lower()
    assert postgresql.accepts(ROLE, old_password(play))
    assert not play.has_begun()


def test_a_change_that_the_server_answers_with_an_error_is_refused_and_not_unknown(play: Play, postgresql: Any) -> None:
    blocker = postgresql.connect()
    blocker.autocommit = False
    blocker.execute("ALTER ROLE app CONNECTION LIMIT -1")
    limits = {"connect_params": {"options": "-c statement_timeout=3000"}}
    try:
        output = play.run(with_options(limits), fails=True)
    finally:
        blocker.rollback()
        blocker.close()
    assert "the target refused the new value (the server did not make the change within the statement timeout)" in output
    assert "Readers of the current value" not in output
    assert postgresql.accepts(ROLE, old_password(play))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 1}, ("nothing listens", "127.0.0.1:1")),
        ({"host": "nowhere.invalid"}, ("cannot be resolved", "nowhere.invalid:")),
        ({"ssl_mode": "require"}, ("TLS",)),
        ({**LOGIN, "admin_password": "wrong"}, ("refuses the admin login", "limited at ")),
    ],
)
def test_a_login_that_fails_says_where_and_why(play: Play, options: dict[str, Any], words: tuple[str, ...]) -> None:
    output = play.run(with_options(options), fails=True)
    for part in (*words, "credential 'db_pass'", "store 'local'"):
        assert part in output
