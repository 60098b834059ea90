# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many processes that read one credential at the same moment, and processes that die in each phase of its refresh."""

from __future__ import annotations

import os
import signal

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InteractionRequired
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh import attempt
from tests.servers import tokens
from tests.unit.store.refresh import refreshing
from tests.unit.store.refresh.many_processes import at_once, in_process, result_of
from tests.unit.store.refresh.refreshing import PAST, SOON, Reusable, Token


def local(directory):
    return {"backend": "local", "path": str(directory / "store"), "lock_timeout": 300}


def sqlite(directory):
    url = "sqlite:///{0}".format(directory / "private" / "store.db")
    return {"backend": "database", "url": url, "read_timeout": 300, "write_timeout": 300}


def plain(directory):
    return {**local(directory), "format": "json", "allow_plaintext": True}


def answered(config):
    """What one process reads, or the code of its error."""
    try:
        opened = refreshing.open_store({"audit": "off", **config}, name="prod")
        return refreshing.text(opened.token(refreshing.NAME))
    except Exception as error:  # noqa: BLE001  # the test shows it
        return repr(error)


@pytest.mark.parametrize("lives", [PAST, SOON], ids=["expired", "unexpired"])
@pytest.mark.parametrize("store", [local, sqlite])
def test_of_32_processes_all_are_answered_and_one_asks_the_service(tmp_path, store, lives, monkeypatch):
    monkeypatch.setattr(attempt, "WAIT_TIMEOUT", 300.0)
    with refreshing.world(store(tmp_path)) as world:
        world.create(lives=lives)
        results = at_once(lambda: answered(world.config))
        assert {status for _said, status in results} == {0}
        assert {said for said, _status in results} <= ({"a-1"} if lives == PAST else {"a-0", "a-1"})
        assert (world.service.calls, world.service.is_revoked) == ([tokens.FIRST], False)
        assert (world.token(), world.state) == ("a-1", "active")


def dying(world, moment, number):
    """Read the credential in a process that dies before or after its write or call of that number."""

    def die(*_arguments):
        os.kill(os.getpid(), signal.SIGKILL)

    def count(_write):
        if len(world.backend.writes) == number:
            die()

    def work():
        if number:
            setattr(world.backend, moment, count)
        else:
            called = Token.refresh
            Token.refresh = die if moment == "before" else lambda *fields: die(called(*fields))
        return world.token()

    _said, status = result_of(*in_process(work))
    assert status == -signal.SIGKILL


CALL = 0
MOMENTS = [("before", 1), ("after", 1), ("before", 2), ("after", 2), ("before", CALL), ("after", CALL), ("before", 3), ("after", 3)]
SENT = [("after", 2), ("before", CALL), ("after", CALL), ("before", 3)]
"""After the second compare-and-swap the token may have been used up, and before the last write its answer is lost."""


@pytest.mark.parametrize("lives", [PAST, SOON], ids=["expired", "unexpired"])
@pytest.mark.parametrize(("moment", "number"), MOMENTS)
def test_a_process_that_dies_never_has_a_used_token_sent_again(tmp_path, moment, number, lives):
    with refreshing.world(plain(tmp_path)) as world:
        world.create(lives=lives)
        dying(world, moment, number)
        if (moment, number) not in SENT:
            assert (world.token(), world.state) == ("a-1", "active")
        elif lives == SOON:
            assert (world.token(), world.state, world.events[-1]) == ("a-0", "active", "refresh_lost")
        else:
            with pytest.raises(InteractionRequired):
                world.token()
            assert (world.state, world.events[-1]) == ("failed", "refresh_lost")
        assert (len(world.service.calls) <= 1, world.service.is_revoked) == (True, False)


@pytest.mark.parametrize(
    ("moment", "number"), [("before", 1), ("after", 1), ("before", CALL), ("after", CALL), ("before", 2), ("after", 2)]
)
def test_a_process_that_dies_with_a_token_that_may_be_sent_again_costs_a_request_at_most(tmp_path, moment, number):
    with refreshing.world(plain(tmp_path), rotates=False) as world:
        world.create(Reusable, lives=PAST)
        dying(world, moment, number)
        assert world.token() in ("a-1", "a-2")
        assert (world.state, len(world.service.calls) <= 2) == ("active", True)
