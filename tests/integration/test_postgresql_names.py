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
    for name in {role[:63], other}:
        postgresql.run("DROP ROLE IF EXISTS {}".format(quote(name)))
        postgresql.run("CREATE ROLE {} LOGIN PASSWORD '{}'".format(quote(name), old_password(play)))
    output = play.run(with_options(role=role), fails=True)
    assert postgresql.accepts(other, old_password(play))
    assert "postgresql.role" in output
    assert '"phase": null' in play.run(rotation(phase="status"), SHOW)


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
