# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dates of a credential, what is due, and what is found by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import DENIED, RefreshStatus
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate, Slots, candidate_of
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import START, Clock, ask, create, in_state

DAY = timedelta(days=1)
DATES = ("created_at", "version_created_at", "rotated_at", "updated_at")
EVERY_30_DAYS = {"kind": "periodic", "every": 30 * 86400, "warning": 7 * 86400}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def manager(clock, tmp_path):
    opened = open_store({"backend": "local", "path": str(tmp_path / "store"), "audit": "off"})
    yield CredentialManager(opened.backend, clock=clock)
    opened.close()


def day(number):
    return (START + number * DAY).isoformat().replace("+00:00", "Z")


def dates_of(manager):
    described = manager.describe("db")
    return {name: described[name] for name in DATES}


def ensure(manager, **wanted):
    return manager.ensure(DesiredCredential("db", **wanted))


def rotate(manager, value):
    """The two writes of a rotation that concern the dates."""
    with manager.acting():
        slots = Slots(manager.backend, "db")
        base = slots.get("current")
        slots.ensure_pending(lambda _base: Candidate({"value": Secret(value)}), base, manager.clock())
        moving = replace(base, metadata=replace(base.full_metadata, lifecycle="rotating"))
        slots.promote(moving, candidate_of(slots.get("pending")), "r-1", ["promoted"], manager.clock())
        pending = slots.get("pending").full_metadata
        slots.drop("pending")
    return pending


def found(manager, **filters):
    names = {operation: ask(manager, operation, **filters).result["credentials"] for operation in ("find", "credential_info")}
    assert names["find"] == names["credential_info"]
    return [row["name"] for row in names["find"]]


def test_each_date_moves_with_what_it_is_the_date_of(manager, clock):
    create(manager)
    assert dates_of(manager) == dict.fromkeys(
        DATES,
        day(0),
    ) | {"rotated_at": None}
    clock.now += DAY
    manager.update("db", tags={"a": "b"})
    assert dates_of(manager) == {"created_at": day(0), "version_created_at": day(0), "rotated_at": None, "updated_at": day(1)}
    clock.now += DAY
    ensure(manager, scope=Scope(workflow=None, user=None, tags={}), fields={"host": Secret("db1")})
    assert dates_of(manager)["rotated_at"] == day(2)  # every field of an opaque credential is secret
    clock.now += DAY
    ensure(manager, value=Secret("another"))
    assert dates_of(manager) == {"created_at": day(0), "version_created_at": day(3), "rotated_at": day(3), "updated_at": day(3)}
    clock.now += DAY
    assert rotate(manager, "rotated").created_at == clock.now
    assert dates_of(manager) == {"created_at": day(0), "version_created_at": day(4), "rotated_at": day(4), "updated_at": day(4)}


def test_a_new_version_of_the_same_secret_is_no_rotation(manager, clock):
    create(manager, type="basic", fields={"username": Secret("app")})
    clock.now += DAY
    ensure(manager, fields={"username": Secret("other")})
    assert dates_of(manager) == {"created_at": day(0), "version_created_at": day(1), "rotated_at": None, "updated_at": day(1)}


def test_what_was_stored_before_keeps_its_date_and_gets_the_others_with_its_next_value(manager, clock):
    """Then `created_at` was that of the version."""
    create(manager)
    with manager.acting():
        record = manager.backend.get("db")
        assert record.full_metadata.attributes == {}
    clock.now += DAY
    ensure(manager, value=Secret("another"))
    assert dates_of(manager)["created_at"] == day(0)


@pytest.mark.parametrize("written", [{"version": 7}, {"rotated": "yesterday"}, "x", {"version": None}])
def test_dates_that_were_broken_are_left_out(manager, written):
    create(manager)
    with manager.acting():
        record = manager.backend.get("db")
        manager.backend.patch_metadata(record.with_metadata(attributes={"dates": written}), record.revision)
    assert dates_of(manager) == dict.fromkeys(DATES, day(0)) | {"rotated_at": None}


def test_what_is_due_counts_from_the_last_rotation_and_not_from_other_changes(manager, clock):
    create(manager, type="basic", fields={"username": Secret("app")}, policy=EVERY_30_DAYS)
    clock.now += 29 * DAY
    manager.update("db", tags={"a": "b"})
    ensure(manager, fields={"username": Secret("other")})
    described = manager.describe("db")
    assert (described["due_at"], described["warning_from"], described["overdue"]) == (day(30), day(23), False)
    clock.now += DAY
    assert manager.describe("db")["overdue"]
    ensure(manager, value=Secret("another"))
    described = manager.describe("db")
    assert (described["due_at"], described["warning_from"], described["overdue"]) == (day(60), day(53), False)


def test_due_credentials_are_found(manager, clock):
    create(manager, "late", policy=EVERY_30_DAYS)
    clock.now += 20 * DAY
    create(manager, "soon", policy=EVERY_30_DAYS)
    create(manager, "never")
    create(manager, "gone", policy={"kind": "periodic", "every": 60})
    manager.revoke("gone")
    clock.now += 12 * DAY
    assert found(manager, due=True) == ["late"]
    assert found(manager, due=False) == ["gone", "never", "soon"]
    assert found(manager, due_within="18d") == ["late"]
    assert found(manager, due_within="18d1s") == ["late", "soon"]
    assert found(manager, due_within="0") == ["late"]


@pytest.mark.parametrize("policy", [{}, {"kind": "manual"}, {"kind": "before_expiry", "before": 60}, {"kind": "periodic", "days": 30}])
def test_a_policy_without_a_time_is_never_due(manager, policy):
    """Nor one that was stored by hand and cannot be read."""
    create(manager, policy=policy)
    described = manager.describe("db")
    assert (described["due_at"], described["warning_from"], described["overdue"]) == (None, None, False)


def test_what_is_past_its_expiry_is_found_and_shown_as_expired(manager, clock):
    create(manager, expires_at=START + DAY)
    create(manager, "fresh")
    assert found(manager, lifecycle=["expired"]) == []
    clock.now += DAY
    assert manager.describe("db")["state"] == "expired"
    assert found(manager, lifecycle=["expired"]) == ["db"]
    assert found(manager, lifecycle=["active"]) == ["fresh"]
    assert found(manager, lifecycle=["active", "expired"]) == ["db", "fresh"]


@pytest.mark.parametrize("state", ["rotating", "grace_period", "revoked", "failed"])
def test_a_state_that_an_expiry_does_not_end_stays(manager, clock, state):
    create(manager, expires_at=START + DAY)
    in_state(manager, state)
    clock.now += DAY
    described = manager.describe("db")
    assert (described["state"], described["expired"]) == (state, True)
    assert described["is_terminal"] == (state in ("revoked", "failed"))


def test_a_person_is_needed_for_a_flow_and_after_a_refused_refresh(manager):
    create(manager)
    assert not manager.describe("db")["requires_interaction"]
    in_state(manager, "pending_interaction")
    assert manager.describe("db")["requires_interaction"]
    in_state(manager, "failed")
    with manager.acting():
        record = manager.backend.get("db")
        refused = record.with_metadata(attributes=RefreshStatus(problem=DENIED).write({}))
        manager.backend.patch_metadata(refused, record.revision)
    assert manager.describe("db")["requires_interaction"]


def test_the_dates_survive_every_kind_of_write(manager, clock):
    """Expiry, revocation, a restored version: the credential was created when it was created."""
    create(manager)
    for number, write in enumerate(
        (
            lambda: ensure(manager, value=Secret("two")),
            lambda: manager.restore("db", "1"),
            lambda: manager.update("db", expires_at=START + 99 * DAY),
            lambda: manager.revoke("db"),
        ),
        1,
    ):
        clock.now += DAY
        write()
        assert dates_of(manager)["created_at"] == day(0)
        assert dates_of(manager)["updated_at"] == day(number)
    assert isinstance(manager, CredentialManager)
