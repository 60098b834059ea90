# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The claim is written before the request, and what came of it after it: one request, whoever reads, dies or sleeps."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InteractionRequired,
    NoRefreshToken,
    RefreshFailed,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import RefreshStatus, read_refresh_status
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh import attempt
from tests.servers import tokens
from tests.unit.store.refresh import refreshing
from tests.unit.store.refresh.refreshing import DEAD, HOUR, NAME, PAST, SOON, Reusable, claim


def test_one_write_carries_state_expiry_and_lifecycle(world):
    world.create(lives=PAST)
    seen = []
    world.backend.before = lambda write: seen.append((write, world.opened.backend.get(NAME)))
    world.token()
    assert [write for write, _before in seen] == ["patch", "patch", "put"]
    before, after = seen[-1][1], world.stored
    assert (before.full_metadata.lifecycle, dict(before.state)) == ("refreshing", {})
    assert (after.metadata.lifecycle, refreshing.text(after.record.state["access_token"])) == ("active", "a-1")
    assert after.metadata.expires_at > world.clock()
    assert refreshing.text(after.fields["access_token"]) == "a-0"


def test_a_token_that_works_once_costs_three_writes_and_another_two(world, reusing):
    world.create(lives=PAST)
    world.token()
    assert world.backend.writes == ["patch", "patch", "put"]
    reusing.create(Reusable, lives=PAST)
    reusing.token()
    assert reusing.backend.writes == ["patch", "put"]


def test_a_claimant_that_was_taken_over_before_it_sent_sends_nothing(world):
    """A process that sleeps between its claim and its request loses the second compare-and-swap."""
    world.create(lives=PAST)

    def take_over(_write):
        if len(world.backend.writes) == 2:
            claim(world, holder=DEAD)

    world.backend.before = take_over
    assert world.token() == "a-1"
    assert world.service.calls == [tokens.FIRST]
    assert world.backend.writes == ["patch", "patch", "patch", "patch", "put"]


def test_a_change_of_the_description_between_claim_and_request_costs_one_more_claim(world):
    world.create(lives=PAST)

    def describe(_write):
        if len(world.backend.writes) == 2:
            world.patch(description="new")

    world.backend.before = describe
    assert world.token() == "a-1"
    assert (world.service.calls, world.stored.metadata.description) == ([tokens.FIRST], "new")


def test_a_token_counts_as_single_use_as_soon_as_an_answer_brings_another_one(world):
    world.create(Reusable, lives=PAST)
    world.token()
    assert world.backend.writes == ["patch", "put"]
    world.backend.writes.clear()
    world.clock.ahead += 2 * HOUR
    assert world.token() == "a-2"
    assert world.backend.writes == ["patch", "patch", "put"]


def test_a_claim_of_a_dead_process_is_taken_over(world):
    world.create(lives=PAST)
    claim(world, holder=DEAD)
    assert world.token() == "a-1"


def test_a_claim_whose_lease_is_over_is_taken_over_after_the_clocks_may_differ(world):
    world.create(lives=SOON)
    claim(world, until=timedelta(seconds=-60))
    assert world.token() == "a-0"
    assert world.service.calls == []
    claim(world, until=timedelta(seconds=-121))
    assert world.token(world.another()) == "a-1"


@pytest.mark.parametrize("until", [timedelta(seconds=181), timedelta(days=36500)])
def test_a_claim_that_ends_later_than_any_that_begins_now_is_not_believed(world, until):
    """Someone wrote it who is no holder: it would lock the credential for as long as it says."""
    world.create(lives=PAST)
    claim(world, until=until)
    assert world.token() == "a-1"


def test_a_token_whose_end_was_reckoned_by_a_clock_that_was_ahead_is_refreshed(world):
    world.create(lives=PAST)
    world.clock.ahead += 5 * HOUR
    assert world.token() == "a-1"
    world.clock.ahead -= 2 * HOUR  # its end is three hours away now, though it lives one
    assert [world.token(world.another()) for _each in range(2)] == ["a-2", "a-2"]
    world.clock.ahead -= timedelta(seconds=110)
    assert world.token(world.another()) == "a-2"


def test_a_clock_that_is_ahead_by_what_clocks_may_differ_is_believed(world):
    world.create(lives=SOON)
    claim(world, until=timedelta(seconds=179))
    assert world.token() == "a-0"
    assert world.service.calls == []


def test_no_reader_waits_for_another_process_while_the_value_is_unexpired(world):
    world.create(lives=SOON)
    claim(world)
    assert world.token() == "a-0"
    assert (world.service.calls, world.backend.writes) == ([], [])


def test_the_reader_of_an_expired_value_waits_for_another_process_until_its_deadline(world, monkeypatch):
    world.create(lives=PAST)
    claim(world)
    monkeypatch.setattr(attempt, "WAIT_TIMEOUT", 0.3)
    with pytest.raises(Timeout, match="another process that refreshes it did not end"):
        world.token()
    assert world.service.calls == []


def test_the_reader_of_an_expired_value_gets_what_another_process_has_refreshed(world):
    world.create(lives=PAST)
    world.service.gate = threading.Event()
    first = threading.Thread(target=world.token, args=(world.another(),))
    first.start()
    assert world.service.arrived.wait(60)
    seen = []
    second = threading.Thread(target=lambda: seen.append(world.token(world.another())))
    reads = world.backend.reads
    second.start()
    polled = [second.join(0.01) for _each in range(6000) if world.backend.reads < reads + 3]
    assert len(polled) < 6000
    world.service.gate.set()
    first.join(60)
    second.join(60)
    assert (seen, world.service.calls) == (["a-1"], [tokens.FIRST])


@pytest.mark.parametrize("lives", [PAST, SOON])
def test_an_answer_that_a_dead_process_lost_is_not_asked_for_again(world, lives):
    """The token that was sent works once: sending it again would end every token that came from it."""
    world.create(lives=lives)
    claim(world, holder=DEAD, sent=True)
    if lives == SOON:
        assert [world.token(), world.token()] == ["a-0", "a-0"]
        assert (world.state, len(world.warnings)) == ("active", 1)
    else:
        with pytest.raises(InteractionRequired, match="the response to its last refresh was lost"):
            world.token()
        assert world.state == "failed"
    assert (world.events[-1], world.service.calls) == ("refresh_lost", [])


def test_a_person_is_asked_for_before_the_expiry_is_looked_at(world):
    world.create(lives=SOON)
    claim(world, holder=DEAD, sent=True)
    assert world.token() == "a-0"
    world.clock.ahead += HOUR
    for _again in range(2):
        with pytest.raises(InteractionRequired, match="write it with state 'present'"):
            world.token()
    assert world.service.calls == []


def test_a_late_answer_of_the_same_version_is_stored_even_over_failed(world):
    world.create(lives=PAST)
    world.service.gate = threading.Event()
    seen = []
    slow = threading.Thread(target=lambda: seen.append(world.token(world.another())))
    slow.start()
    assert world.service.arrived.wait(60)
    status = read_refresh_status(world.stored.record)
    claim(world, holder=DEAD, sent=status.sent)
    with pytest.raises(InteractionRequired):
        world.token()
    assert world.state == "failed"
    world.service.gate.set()
    slow.join(60)
    assert (seen, world.token(), world.state) == (["a-1"], "a-1", "active")


def test_a_late_refusal_gives_the_value_that_another_process_has_stored_meanwhile(reusing):
    """The claim of the first one ran out while its request waited at the service."""
    reusing.create(Reusable, lives=PAST)
    reusing.service.gate = threading.Event()
    seen = []
    slow = threading.Thread(target=lambda: seen.append(reusing.token(reusing.another())))
    slow.start()
    assert reusing.service.arrived.wait(60)
    gate, reusing.service.gate = reusing.service.gate, None
    reusing.clock.ahead += timedelta(seconds=200)
    assert reusing.token(reusing.another()) == "a-1"
    reusing.service.mode = tokens.DENY
    gate.set()
    slow.join(60)
    assert (seen, reusing.state) == (["a-1"], "active")


def test_a_late_answer_is_dropped_where_a_person_has_written_another_value(world):
    world.create(lives=PAST)
    world.service.gate = threading.Event()
    seen = []
    slow = threading.Thread(target=lambda: seen.append(world.token(world.another())))
    slow.start()
    assert world.service.arrived.wait(60)
    fields = {"access_token": Secret("by hand"), "refresh_token": Secret("another")}
    world.manager.ensure(DesiredCredential(NAME, fields=fields, expires_at=world.clock() + HOUR))
    world.service.gate.set()
    slow.join(60)
    assert (seen, world.token(), world.state) == (["by hand"], "by hand", "active")
    assert read_refresh_status(world.stored.record) == RefreshStatus()


@pytest.mark.parametrize("kind", [refreshing.Token, Reusable])
def test_an_answer_that_is_lost_on_its_way_counts_as_lost_where_the_token_works_once(reusing, kind):
    reusing.create(kind, lives=PAST)
    reusing.service.mode = tokens.LOSE
    with pytest.raises(InteractionRequired if kind is refreshing.Token else RefreshFailed):
        reusing.token()
    reusing.service.mode = tokens.OK
    if kind is refreshing.Token:
        with pytest.raises(InteractionRequired):
            reusing.token()
    else:
        assert reusing.token() == "a-2"


def test_a_mistake_of_the_type_leaves_no_claim_and_no_text(world, monkeypatch):
    monkeypatch.setattr(Reusable, "refresh", lambda *_fields: 1 / 0)
    world.create(Reusable, lives=PAST)
    with pytest.raises(Exception, match="an unforeseen ZeroDivisionError") as caught:
        world.token()
    assert caught.value.__suppress_context__
    assert (world.state, read_refresh_status(world.stored.record).holder) == ("expired", None)


def test_a_response_without_a_refresh_token_is_stored_and_the_used_token_is_not_sent_again(world, monkeypatch):
    refresh, find_token = refreshing.Token.refresh, refreshing.Token.refresh_token

    def refresh_without_token(kind, fields, state):
        answer = refresh(kind, fields, state)
        return replace(answer, state={"access_token": answer.state["access_token"]})

    monkeypatch.setattr(refreshing.Token, "refresh_token", lambda kind, fields, state: find_token(kind, {} if state else fields, state))
    monkeypatch.setattr(refreshing.Token, "refresh", refresh_without_token)
    world.create(lives=PAST)
    assert world.token() == "a-1"
    assert (world.state, world.token(world.another())) == ("active", "a-1")
    world.clock.ahead += 2 * HOUR
    with pytest.raises(NoRefreshToken):
        world.token()
    assert world.service.calls == [tokens.FIRST]


def test_a_store_that_is_down_after_the_call_gets_the_answer_when_it_is_back(world):
    world.create(lives=PAST)
    down = threading.Event()

    def refuse(write):
        if write == "put" and not down.is_set():
            raise Unavailable("the store is down")

    world.backend.before = refuse
    assert world.token() == "a-1"
    assert bool(world.manager.refreshing.unwritten)
    assert "the store does not take the new value now: the store is down" in world.warnings[0]
    world.manager.flush()
    assert (bool(world.manager.refreshing.unwritten), world.state) == (True, "refreshing")
    down.set()
    world.manager.flush()
    assert (bool(world.manager.refreshing.unwritten), world.state) == (False, "active")
    assert (world.token(world.another()), world.service.calls) == ("a-1", [tokens.FIRST])


def test_the_next_reader_gets_the_answer_that_the_store_did_not_take(world):
    world.create(lives=PAST)
    world.backend.before = lambda write: refuse_once(world, write)
    assert world.token() == "a-1"
    assert bool(world.manager.refreshing.unwritten)
    assert world.token() == "a-1"
    assert (bool(world.manager.refreshing.unwritten), world.service.calls) == (False, [tokens.FIRST])


def test_a_refresh_can_be_asked_for_before_it_is_due(world):
    world.create(lives=HOUR)
    assert refreshing.text(world.manager.refresh(NAME).token()) == "a-1"
    world.service.mode = tokens.DENY
    with pytest.raises(RefreshFailed):
        world.manager.refresh(NAME)


def test_an_answer_that_the_store_refuses_is_given_to_every_reader_of_this_process(world):
    """The login may claim and not store: no reader waits for a claim of this process, and no token is sent twice."""
    world.create(lives=PAST)

    def refuse(write):
        if write == "put":
            raise AccessDenied("the token may not update data/api")

    world.backend.before = refuse
    assert [world.token() for _each in range(3)] == ["a-1"] * 3
    assert world.service.calls == [tokens.FIRST]
    world.clock.ahead += 2 * HOUR
    world.backend.before = lambda _write: None
    assert world.token() == "a-2"


def refuse_once(world, write):
    if write == "put" and world.backend.writes.count("put") == 1:
        raise Unavailable("the store is down")
