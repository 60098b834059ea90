# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names with special characters: a rotation changes the role of exactly that name, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.rotated_role import SHOW, new_play, old_password, rotation


def quote(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def with_options(**options: Any) -> dict[str, Any]:
    task = rotation()
    task["nebula.credential.credential_rotate"]["postgresql"].update(options)
    return task


@pytest.mark.parametrize(("role", "other"), [('"foo"', "foo"), ("a%%b", "a%b"), ("n" * 70, "n" * 63)])
def test_no_other_role_gets_the_new_password(tmp_path: Path, postgresql: Any, role: str, other: str) -> None:
    play = new_play(tmp_path, postgresql)
    for name in sorted({role[:63], other}):
        postgresql.run("DROP ROLE IF EXISTS {}".format(quote(name)))
        postgresql.run("CREATE ROLE {} LOGIN PASSWORD '{}'".format(quote(name), old_password(play)))
    output = play.run(with_options(role=role), fails=True)
    assert postgresql.accepts(other, old_password(play))
    assert "postgresql.role" in output
    assert not play.has_begun()


def test_other_names_are_taken_literally(tmp_path: Path, postgresql: Any) -> None:
    play = new_play(tmp_path, postgresql)
    role, admin, database = "it's a.b; \\", 'ad"m%%in', 'd"b%%=x'
    postgresql.run("DROP DATABASE IF EXISTS {}".format(quote(database)))
    postgresql.run("CREATE DATABASE {}".format(quote(database)))
    for name in (role, admin):
        postgresql.run("DROP ROLE IF EXISTS {}".format(quote(name)))
    postgresql.run("CREATE ROLE {} LOGIN PASSWORD '{}'".format(quote(role), old_password(play)))
    postgresql.run("CREATE ROLE {} LOGIN SUPERUSER PASSWORD 'secret-of-admin'".format(quote(admin)))
    options = {"role": role, "admin_user": admin, "admin_password": "secret-of-admin", "database": database}
    assert '"outcome": "promoted"' in play.run(with_options(**options), SHOW)
    assert postgresql.accepts(role, play.value())
    assert not postgresql.accepts(role, old_password(play))


NAMES = {"host": "login_host", "port": "login_port", "database": "login_db", "admin_user": "login_user", "admin_password": "login_password"}


def test_the_names_of_community_postgresql_mean_the_same_and_are_masked_alike(tmp_path: Path, postgresql: Any) -> None:
    play = new_play(tmp_path, postgresql)
    task = rotation()
    arguments = task["nebula.credential.credential_rotate"]
    arguments["postgresql"] = {NAMES[name]: value for name, value in arguments["postgresql"].items()}
    output = play.run(task, SHOW, arguments=("-vvv",))
    assert '"outcome": "promoted"' in output
    assert postgresql.password not in output
    assert postgresql.accepts("app", play.value())


@pytest.mark.parametrize("name", ["host", "admin_password"])
def test_two_names_of_one_option_are_a_conflict(tmp_path: Path, postgresql: Any, name: str) -> None:
    play = new_play(tmp_path, postgresql)
    output = play.run(with_options(**{NAMES[name]: "another"}), fails=True)
    assert "option 'postgresql.{}': it is another name of '{}'".format(NAMES[name], name) in output
