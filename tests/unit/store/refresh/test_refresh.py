# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that are refreshed when they are read: every outcome, as a type of the tests and a real HTTP service come to it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InteractionRequired,
    NoRefreshToken,
    ReadOnly,
    RefreshFailed,
    RefreshUnsupported,
    Revoked,
    RotationInProgress,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import ATTRIBUTE, Importing
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY, AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.servers import tokens
from tests.unit.store.refresh import refreshing
from tests.unit.store.refresh.refreshing import HOUR, NAME, PAST, SOON


@pytest.mark.parametrize("lives", [PAST, SOON])
def test_a_value_that_has_expired_or_is_about_to_is_refreshed_by_the_one_who_reads_it(world, lives):
    world.create(lives=lives)
    assert world.token() == "a-1"
    assert world.service.calls == [tokens.FIRST]
    assert (world.state, world.events[-2:]) == ("active", ["refresh", "refresh_ok"])
    assert world.token() == "a-1"
    assert len(world.service.calls) == 1


def test_a_first_value_that_the_service_makes_is_not_generated_and_comes_with_the_first_read(world):
    fields = {"refresh_token": Secret(tokens.FIRST), "url": Secret(world.service.url)}
    wanted = DesiredCredential(NAME, type=refreshing.MadeByService.name, fields=fields)
    made = world.manager.ensure(wanted)
    assert (made.changed, made.generated, world.service.calls) == (True, False, [])
    assert world.token() == "a-1"
    assert not world.manager.ensure(wanted).changed
    assert (world.token(), world.service.calls) == ("a-1", [tokens.FIRST])


def test_a_value_whose_import_is_not_complete_is_not_refreshed(world):
    """The import continues from the version that is stored, so a refresh must not write another one."""
    world.create(lives=PAST)
    record = world.manager.backend.get(NAME)
    marked = dict(record.full_metadata.attributes, **{ATTRIBUTE: Importing("3", 0, 1).write()})
    world.manager.backend.patch_metadata(record.with_metadata(attributes=marked), record.revision)
    with pytest.raises(Unusable, match="its import from another store is not complete"):
        world.token()
    assert world.service.calls == []


def test_a_value_that_lives_longer_than_the_margin_is_read_and_nothing_else(world):
    world.create(lives=timedelta(seconds=301))
    world.backend.reads = 0
    assert world.token() == "a-0"
    assert (world.backend.reads, world.backend.writes, world.service.calls) == (1, [], [])


def test_a_token_that_lives_shorter_than_the_margin_is_refreshed_in_the_last_fifth_of_its_life(world):
    world.service.expires_in = 1000
    world.create(lives=PAST)
    assert world.token() == "a-1"
    world.clock.ahead += timedelta(seconds=700)
    assert world.token() == "a-1"
    world.clock.ahead += timedelta(seconds=150)
    assert world.token() == "a-2"


@pytest.mark.parametrize(
    ("mode", "error", "says"),
    [
        (tokens.DENY, RefreshFailed, "the service refused"),
        (tokens.INTERACTION, InteractionRequired, "the service"),
    ],
)
@pytest.mark.parametrize("lives", [PAST, SOON])
def test_a_refresh_that_the_service_refuses_is_not_tried_again(world, mode, error, says, lives):
    world.create(lives=lives)
    world.service.mode = mode
    if lives == SOON:
        assert [world.token(), world.token()] == ["a-0", "a-0"]
        assert (world.state, len(world.warnings)) == ("active", 1)
        assert "Its value can be used until" in world.warnings[0]
        world.clock.ahead += HOUR
    for _again in range(2):
        with pytest.raises(error, match=says):
            world.token()
    assert (world.events[-1], world.service.calls) == ("refresh_denied", [tokens.FIRST])
    assert world.state == ("active" if lives == SOON else "failed")


def test_a_new_value_from_a_person_ends_a_refusal(world):
    world.create(lives=PAST)
    world.service.mode = tokens.DENY
    with pytest.raises(RefreshFailed):
        world.token()
    world.service.mode = tokens.OK
    world.manager.ensure(DesiredCredential(NAME, fields={"access_token": Secret("by hand")}, expires_at=world.clock() + PAST))
    assert world.token() == "a-1"


@pytest.mark.parametrize("lives", [PAST, SOON])
def test_a_service_that_is_down_is_asked_again(world, lives):
    world.create(lives=lives)
    world.service.mode = tokens.DOWN
    if lives == SOON:
        assert world.token() == "a-0"
        assert world.state == "active"
    else:
        with pytest.raises(RefreshFailed, match=r"it has expired, and the service gave no new value: the server .* status 503"):
            world.token()
        assert world.state == "expired"
    assert world.events[-1] == "refresh_transient"
    world.service.mode = tokens.OK
    assert world.token(world.another()) == "a-1"


def test_a_service_that_is_down_is_not_asked_by_every_reader_of_an_unexpired_value(world):
    world.create(lives=SOON)
    world.service.mode = tokens.DOWN
    assert [world.token() for _each in range(3)] == ["a-0"] * 3
    assert len(world.service.calls) == 1


@pytest.mark.parametrize("lives", [PAST, SOON])
def test_without_a_refresh_token_nothing_is_written(world, lives):
    world.create(lives=lives, refresh_token=None)
    if lives == SOON:
        assert world.token() == "a-0"
    else:
        with pytest.raises(NoRefreshToken):
            world.token()
    assert (world.backend.writes, world.service.calls) == ([], [])


@pytest.mark.parametrize("refusal", [AccessDenied("the token may not update secret/api", remedy="Grant update."), ReadOnly("read only")])
@pytest.mark.parametrize("lives", [PAST, SOON])
def test_a_reader_that_may_not_write_does_not_refresh(world, lives, refusal):
    world.create(lives=lives)

    def refuse(_write):
        raise refusal

    world.backend.before = refuse
    if lives == SOON:
        assert [world.token(), world.token()] == ["a-0", "a-0"]
    else:
        with pytest.raises(AccessDenied, match="this login may not do: {0}".format(refusal.what)) as caught:
            world.token()
        assert (caught.value.code, caught.value.remedy) == ("access_denied", refusal.remedy)
    assert (world.service.calls, world.backend.writes) == ([], ["patch"])


@pytest.mark.parametrize("state", ["rotation_scheduled", "grace_period"])
def test_a_rotation_that_is_scheduled_or_in_its_grace_period_keeps_its_state(world, state):
    world.create(lives=PAST)
    world.patch(lifecycle=state)
    assert world.token() == "a-1"
    assert (world.state, world.events[-2:]) == (state, ["refresh", "refresh_ok"])


@pytest.mark.parametrize("lives", [PAST, SOON])
def test_no_refresh_begins_while_it_is_rotated(world, lives):
    world.create(lives=lives)
    world.patch(lifecycle="rotating")
    if lives == SOON:
        assert world.token() == "a-0"
    else:
        with pytest.raises(RotationInProgress, match="not refreshed while it is rotated"):
            world.token()
    assert (world.service.calls, world.backend.writes) == ([], [])


def test_an_answer_that_comes_while_it_is_rotated_is_stored_and_changes_no_state(world):
    world.create(lives=PAST)
    world.patch(lifecycle="rotation_scheduled")
    world.service.gate = threading.Event()
    slow = threading.Thread(target=world.token, args=(world.another(),))
    slow.start()
    assert world.service.arrived.wait(60)
    world.patch(lifecycle="rotating")
    world.service.gate.set()
    slow.join(60)
    assert (world.state, world.token()) == ("rotating", "a-1")


def test_a_revoked_credential_is_not_refreshed(world):
    world.create(lives=PAST)
    world.manager.revoke(NAME)
    with pytest.raises(Revoked):
        world.token()
    assert world.service.calls == []


def test_get_and_get_many_and_token_refresh_and_read_what_a_refresh_brought(world):
    world.create(lives=PAST)
    assert perform(world.manager, "get", {"name": NAME}, NOBODY).result["value"] == "a-1"
    world.clock.ahead += 2 * HOUR
    many = perform(world.manager, "get_many", {"names": [NAME]}, NOBODY)
    assert many.result["values"] == {NAME: "a-2"}
    world.clock.ahead += 2 * HOUR
    fields = perform(world.manager, "get", {"name": NAME, "fields": True}, NOBODY)
    assert fields.result["value"] == {"access_token": "a-3", "refresh_token": "r-3", "url": world.service.url}
    assert sorted(refreshing.text(secret) for secret in fields.secrets) == ["a-3", "r-3"]
    world.clock.ahead += 2 * HOUR
    assert refreshing.text(world.manager.token(NAME, "refresh_token")) == "r-4"


@pytest.fixture
def batching(tmp_path):
    """A store whose backend has a request for several names, a scope guard, and an audit trail."""
    config = {"backend": "database", "url": "sqlite:///{0}".format(tmp_path / "private" / "store.db")}
    trail = {"audit": "batched", "audit_path": str(tmp_path / "audit.jsonl")}
    with refreshing.world({**config, **trail}) as made:
        made.manager = made.opened
        yield made


def test_a_batch_refreshes_for_the_caller_that_it_was_asked_by(batching):
    ops = AccessContext(user="ops")
    batching.create(lives=PAST, scope=Scope(user="ops"))
    batching.manager.create(DesiredCredential("plain", value=Secret("x")))
    many = perform(batching.manager, "get_many", {"names": [NAME, "plain"], "scope": {"user": "ops"}}, NOBODY).result
    assert (many["values"], many["failures"]) == ({NAME: "a-1", "plain": "x"}, {})
    assert batching.manager.inspect(NAME, context=ops).metadata.lifecycle == "active"


def test_the_audit_trail_has_the_refresh_and_its_own_reads_are_no_use(batching):
    batching.create(lives=PAST)
    perform(batching.manager, "get", {"name": NAME}, NOBODY)
    (row,) = perform(batching.manager, "credential_info", {"name": NAME, "usage": True}, NOBODY).result["credentials"]
    assert (row["usage"]["uses"], row["usage"]["refreshes"]) == (1, 1)
    assert row["usage"]["last_refreshed_at"] is not None


def test_a_batch_refreshes_what_is_due_and_fails_for_what_cannot_be(world):
    world.create(lives=PAST)
    world.manager.create(DesiredCredential("plain", value=Secret("x")))
    found = {result.name: result for result in world.manager.batch_get([NAME, "plain"])}
    assert refreshing.text(found[NAME].answer.token()) == "a-1"
    world.clock.ahead += 2 * HOUR
    world.service.mode = tokens.DENY
    found = {result.name: result for result in world.manager.batch_get([NAME, "plain"])}
    assert (found[NAME].error.code, found["plain"].error) == ("refresh_failed", None)


def test_an_older_version_and_another_stage_are_read_as_they_are(world):
    world.create(lives=SOON)
    version = world.stored.version
    assert refreshing.text(world.manager.get(NAME, version).token()) == "a-0"
    assert world.service.calls == []


def test_a_type_that_has_nothing_to_refresh_says_so(world):
    world.manager.create(DesiredCredential("plain", type="api_key", value=Secret("x")))
    with pytest.raises(RefreshUnsupported, match="credential 'plain', store 'prod': type 'api_key' cannot be refreshed"):
        world.manager.refresh("plain")


def test_no_refresh_shows_a_token_in_what_it_says(world):
    world.create(lives=SOON)
    world.service.mode = tokens.DENY
    world.token()
    shown = "".join(world.warnings) + repr(world.stored) + repr(vars(world.manager.refresher()))
    assert "a-0" not in shown
    assert tokens.FIRST not in shown
