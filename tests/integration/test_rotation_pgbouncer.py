# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotating a role of PostgreSQL whose applications connect through a real PgBouncer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import cannot_run
from tests.integration.ansible_run import ONE_TRY
from tests.integration.rotated_role import ROLE, SHOW, Play, new_play, old_password, rotation
from tests.servers import pgbouncer
from tests.servers.processes import ServerUnavailable


@pytest.fixture
def play(tmp_path: Path, postgresql: Any) -> Play:
    try:
        pgbouncer.find_program()
    except ServerUnavailable as error:
        cannot_run(str(error))
    return new_play(tmp_path, postgresql)


def through(pooler: Any, option: str = "probe_") -> dict[str, Any]:
    """A rotation in which a value is tried at the pooler, or everything goes through it."""
    task = rotation()
    task["nebula.credential.credential_rotate"]["postgresql"].update({option + "host": pooler.host, option + "port": pooler.port})
    return task


def accepts(pooler: Any, password: str) -> bool:
    import psycopg

    try:
        connection = psycopg.connect(
            host=pooler.host, port=pooler.port, user=ROLE, password=password, dbname="postgres", connect_timeout=10
        )
        connection.close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_pooler_that_reads_passwords_from_the_server_accepts_the_new_one(play: Play, postgresql: Any) -> None:
    with pgbouncer.running(postgresql, {}, asks_server=True) as pooler:
        output = play.run(through(pooler), SHOW)
        assert '"outcome": "promoted"' in output
        assert accepts(pooler, play.value())
        assert not accepts(pooler, old_password(play))


def test_a_pooler_with_a_list_of_its_own_refuses_the_new_value_which_is_rolled_back(play: Play, postgresql: Any) -> None:
    with pgbouncer.running(postgresql, {ROLE: old_password(play)}) as pooler:
        output = play.run(through(pooler), fails=True, **ONE_TRY)
        assert "ended as 'rolled_back'" in output
        assert "does not accept the new value" in output
        assert play.value() == old_password(play)
        assert postgresql.accepts(ROLE, play.value())
        assert accepts(pooler, play.value())


def test_an_administrator_who_goes_through_the_pooler_learns_how_to_name_both(play: Play, postgresql: Any) -> None:
    with pgbouncer.running(postgresql, {ROLE: old_password(play)}, asks_server=True) as pooler:
        output = play.run(through(pooler, ""), fails=True)
    assert "a connection pooler refuses the parameters of the connection" in output
    assert "'probe_host' and 'probe_port'" in output
    assert postgresql.accepts(ROLE, old_password(play))
