# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A refresh beside a rotation, and beside the versions that a store keeps."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY, AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.object_places import MemoryObjects
from tests.conformance.records import a_record, value_of
from tests.servers import tokens
from tests.unit.store.refresh import refreshing
from tests.unit.store.refresh.refreshing import DEAD, HOUR, NAME, PAST, Reusable, claim

STORES = {
    "memory": lambda _directory: {"backend": "memory"},
    "local": lambda directory: {"backend": "local", "path": str(directory / "store")},
    "sqlite": lambda directory: {"backend": "database", "url": "sqlite:///{0}".format(directory / "private" / "store.db")},
}


def rotate(world, **parameters):
    return perform(world.manager, "credential_rotate", {"name": NAME, **parameters}, NOBODY).result


def write(world, text):
    world.manager.ensure(DesiredCredential(NAME, value=refreshing.Secret(text), expires_at=world.clock() + HOUR))


@pytest.mark.parametrize("store", STORES)
def test_refreshes_push_no_written_value_out_of_the_kept_versions(tmp_path, store):
    with refreshing.world({**STORES[store](tmp_path), "keep_versions": 2}, rotates=False) as world:
        world.create(Reusable)
        for number in range(2):
            for _each in range(4):
                world.clock.ahead += 2 * HOUR
                world.token()
            write(world, "written-{0}".format(number))
        kept = world.manager.versions(NAME)
        values = [refreshing.text(world.manager.inspect(NAME, info.version).fields["access_token"]) for info in kept]
        assert values == ["written-1", "written-0", "a-0"]


def test_a_backend_of_objects_keeps_no_replaced_value_where_that_is_said():
    backend = MemoryObjects({"keep_versions": 2}, BackendContext("test"))
    backend.connect()
    stored = backend.put(a_record("a", "first"))
    for text in ("second", "third"):
        stored = backend.put(refreshing.replace(a_record("a", text), keep_replaced=False), stored.etag)
    backend.put(a_record("a", "fourth"), stored.etag)
    assert [value_of(backend.get("a", info.version)) for info in backend.versions("a")] == [b"fourth", b"third"]


def test_a_new_version_of_the_value_under_rotation_is_no_other_value(refreshed_in_rotation):
    """The journal's base is the version of the input, which a refresh keeps."""
    world = refreshed_in_rotation
    assert (world.state, refreshing.text(world.stored.record.state["access_token"])) == ("rotating", "a-1")
    rotate(world, phase="test", accepted=True, wrong_refused=True)
    assert rotate(world, phase="commit")["outcome"] == "promoted"
    assert (world.token(), world.state) == ("new", "grace_period")
    assert rotate(world, phase="rollback", target="none")["outcome"] == "promoted"
    assert world.token() == "a-1"


def test_a_new_scope_leaves_what_a_refresh_brought(world):
    """The fields are the same, so the token in them is used up."""
    world.create(lives=PAST)
    world.token()
    world.manager.ensure(DesiredCredential(NAME, scope=Scope(user="ops")), AccessContext(user="ops"))
    world.clock.ahead += 2 * HOUR
    assert refreshing.text(world.manager.token(NAME, context=AccessContext(user="ops"))) == "a-2"
    assert not world.service.is_revoked


def test_a_new_scope_leaves_the_expiry_of_a_value_that_is_to_be_refreshed(world):
    world.create(lives=PAST)
    world.manager.ensure(DesiredCredential(NAME, scope=Scope(user="ops")), AccessContext(user="ops"))
    assert refreshing.text(world.manager.token(NAME, context=AccessContext(user="ops"))) == "a-1"


def test_the_same_value_is_not_written_again_in_the_midst_of_its_refresh(world):
    world.create(lives=PAST)
    claim(world)
    with pytest.raises(Conflict, match="it is being refreshed, and its response would be lost"):
        world.manager.ensure(DesiredCredential(NAME, scope=Scope(user="ops")), AccessContext(user="ops"))


def test_a_rolled_back_rotation_leaves_the_refreshed_value(refreshed_in_rotation):
    world = refreshed_in_rotation
    rotate(world, phase="rollback", sent=False)
    assert (world.token(), world.state, world.service.is_revoked) == ("a-1", "active", False)


@pytest.fixture
def refreshed_in_rotation(world):
    """A rotation that was prepared by hand while a refresh was under way, whose answer has come since."""
    world.create(lives=PAST)
    world.patch(lifecycle="rotation_scheduled")
    world.service.gate = threading.Event()
    slow = threading.Thread(target=world.token, args=(world.another(),))
    slow.start()
    assert world.service.arrived.wait(60)
    rotate(world, phase="prepare", value="new", ttl="2h", grace="1d")
    world.service.gate.set()
    slow.join(60)
    return world


def test_a_value_in_its_grace_period_is_refreshed(world):
    world.create()
    rotate(world, phase="prepare", fields={"access_token": "b-0", "refresh_token": tokens.FIRST}, ttl="1h", grace="1d")
    rotate(world, phase="test", accepted=True, wrong_refused=True)
    rotate(world, phase="commit")
    assert (world.token(), world.state) == ("b-0", "grace_period")
    world.clock.ahead += 2 * HOUR
    assert (world.token(), world.state) == ("a-1", "grace_period")
    assert rotate(world, phase="rollback", target="none")["outcome"] == "promoted"


@pytest.mark.parametrize("phase", ["prepare", "auto"])
def test_no_rotation_begins_in_the_midst_of_a_refresh(world, phase):
    world.create(lives=PAST)
    claim(world)
    with pytest.raises(Unusable, match="it is being refreshed"):
        rotate(world, phase=phase, value="new", **({"target": "none"} if phase == "auto" else {}))
    claim(world, holder=DEAD)
    assert world.token() == "a-1"
    assert rotate(world, phase=phase, value="new", **({"target": "none"} if phase == "auto" else {}))["changed"]


def test_a_rotation_whose_first_write_came_before_a_claim_changes_nothing(world):
    """The claim lands between the journal and the state: the rotation stops there, and goes on when the refresh has ended."""
    world.create(lives=timedelta(seconds=250))
    written = []

    def interfere(_write):
        if not written:
            written.append(1)
            claim(world)

    world.backend.after = interfere
    with pytest.raises(Unusable, match="it is being refreshed"):
        rotate(world, phase="prepare", value="new")
    claim(world, holder=DEAD)
    world.token()
    assert rotate(world, phase="prepare", value="new")["outcome"] == "prepared"


def test_a_new_value_does_not_take_over_how_long_a_refreshed_one_has_lived(world):
    world.create(lives=PAST)
    world.token()
    rotate(world, target="none", value="new")
    assert world.stored.metadata.expires_at is None
