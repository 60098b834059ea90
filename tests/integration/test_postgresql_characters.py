# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values with unusual characters: PostgreSQL takes them, a rollback sends them back, and what it cannot take is refused at once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.encoding.scram import build_verifier
from tests.integration.ansible_run import ONE_TRY
from tests.integration.rotated_role import ROLE, SHOW, new_play, rotation
from tests.integration.test_rotation_postgresql import _waits, wait_for

EMOJI = "emoji\U0001f600pass\t\u200b\u05d0x"
OTHER = "zero\u200bwidth"


def test_values_that_saslprep_refuses_or_changes_are_rotated_and_rolled_back(tmp_path: Path, postgresql: Any) -> None:
    play = new_play(tmp_path, postgresql)
    output = play.run(rotation(value=OTHER), SHOW, rotation(value=EMOJI), SHOW)
    assert output.count('"outcome": "promoted"') == 2
    assert postgresql.accepts(ROLE, EMOJI)
    postgresql.run(
        "CREATE OR REPLACE FUNCTION undo(old text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
        " FOR turn IN 1..6000 LOOP PERFORM pg_sleep(0.01);"
        " IF (SELECT rolpassword FROM pg_authid WHERE rolname = 'app') <> old THEN"
        " EXECUTE format('ALTER ROLE app PASSWORD %L', 'of-another-tool'); EXIT; END IF; END LOOP; END $$"
    )
    undoing = threading.Thread(target=postgresql.run, args=("SELECT undo((SELECT rolpassword FROM pg_authid WHERE rolname = 'app'))",))
    undoing.start()
    wait_for(lambda: _waits(postgresql, "PgSleep"), "the other tool looks at the role")
    output = play.run(rotation(), fails=True, **ONE_TRY)
    undoing.join()
    assert "rolled_back" in output
    assert play.value() == EMOJI
    assert postgresql.accepts(ROLE, EMOJI)


def test_a_value_that_postgresql_cannot_take_is_refused_before_anything_is_begun(tmp_path: Path, postgresql: Any) -> None:
    play = new_play(tmp_path, postgresql)
    postgresql.run("ALTER ROLE app PASSWORD '{}'".format(build_verifier("other")))
    for options, option in (({"value": "a\0b"}, "option 'value'"), ({"fields": {"password": "a\0b"}}, "option 'fields'")):
        output = play.run(rotation(**options), fails=True)
        assert "NUL" in output
        assert option in output
    assert not play.has_begun()
