# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listing of what is due, and of what is open: what a nightly run has to do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.operations.rotated_store import DUAL, PG, Store

DAILY = {"kind": "periodic", "every": 86400}
DAY = timedelta(days=1)


def list_due(store: Store, **parameters: Any) -> dict[str, Any]:
    return perform(store.manager, "credential_rotate_due", parameters, AccessContext()).result


def names(listing: dict[str, Any]) -> list[str]:
    return [row["name"] for row in listing["credentials"]]


@pytest.fixture
def store() -> Store:
    return Store()


def test_what_is_due_is_listed_with_its_target_and_the_others_as_next(store: Store) -> None:
    store.create("late", policy=DAILY, rotation={"target": "shop-db"})
    store.create("bare", policy=DAILY)
    store.create("never")
    store.now += DAY
    store.create("early", policy=DAILY)
    found = list_due(store)
    assert [(row["name"], row["target"], row["open"]) for row in found["credentials"]] == [
        ("bare", None, False),
        ("late", "shop-db", False),
    ]
    assert found["next"] == [{"name": "early", "due_at": "2026-11-24T00:00:00Z"}]
    assert found["total"] == 4


@pytest.mark.parametrize(
    ("filters", "expected"),
    [({"prefix": "a/"}, ["a/x", "a/y"]), ({"tags": {"team": "pay"}}, ["a/y"]), ({"target": "doors"}, ["b/z"]), ({"type": "opaque"}, [])],
)
def test_the_filters_choose_among_what_is_due(store: Store, filters: dict[str, Any], expected: list[str]) -> None:
    store.create("a/x", policy=DAILY, rotation={"target": "shop-db"})
    store.create("a/y", policy=DAILY, tags={"team": "pay"})
    store.create("b/z", policy=DAILY, rotation={"target": "doors"})
    store.now += DAY
    assert names(list_due(store, **filters)) == expected


def test_a_rotation_that_was_left_open_is_listed_although_it_is_not_due(store: Store) -> None:
    store.create(rotation={"target": "shop-db"})
    assert names(list_due(store)) == []
    store.begin(**PG)
    (row,) = list_due(store)["credentials"]
    assert (row["name"], row["open"], row["target"]) == ("db_pass", True, "shop-db")


def test_a_grace_period_that_lasts_is_left_alone_and_one_that_is_over_is_finished(store: Store) -> None:
    store.create(policy=DAILY, rotation={"target": "doors"})
    store.now += DAY
    step = store.begin(**DUAL, grace="1h")
    for outcome in ("applied", "accepted"):
        step = store.rotate(step={"ticket": step["ticket"], "outcome": outcome}, **DUAL, grace="1h")["step"]
    assert step["kind"] == "done"
    assert names(list_due(store)) == []
    store.now += timedelta(minutes=63)
    assert names(list_due(store)) == ["db_pass"]


def test_a_rotation_by_hand_is_left_to_the_person(store: Store) -> None:
    store.create(policy=DAILY, rotation={"target": "shop-db"})
    store.now += DAY
    store.rotate(phase="prepare")
    assert names(list_due(store)) == []


def test_a_revoked_credential_is_not_due(store: Store) -> None:
    store.create(policy=DAILY, rotation={"target": "none"})
    store.manager.revoke("db_pass")
    store.now += DAY
    assert names(list_due(store)) == []


def test_an_encrypted_store_takes_options_and_its_listing_returns_them(store: Store) -> None:
    rotation = {"target": "shop-db", "options": {"usernames": ["a", "b"]}}
    perform(store.manager, "credential", {"name": "db", "value": "x", "policy": DAILY, "rotation": rotation}, AccessContext())
    store.now += DAY
    (row,) = list_due(store)["credentials"]
    assert (row["target"], row["options"], row["problem"]) == ("shop-db", {"usernames": ["a", "b"]}, None)


def test_a_plain_store_takes_no_options_and_refuses_those_that_are_in_it() -> None:
    manager = open_store({"backend": "memory", "encrypt": False, "allow_plaintext": True, "audit": "off"})
    rotation = {"target": "shop-db", "options": {"host": "evil.example.com"}}
    wanted = {"name": "db", "value": "x", "rotation": rotation}
    with pytest.raises(InvalidInput, match=r"rotation\.options"):
        perform(manager, "credential", wanted, AccessContext())
    perform(manager, "credential", {**wanted, "rotation": {"target": "shop-db"}}, AccessContext())
    record = manager.inspect("db").record
    attributes = {**record.full_metadata.attributes, "rotates": rotation}
    changed = record.with_metadata(attributes=attributes, policy=DAILY, created_at=record.full_metadata.created_at - DAY)
    with manager.acting():
        manager.backend.patch_metadata(changed, record.revision)
    (row,) = perform(manager, "credential_rotate_due", {}, AccessContext()).result["credentials"]
    assert row["problem"]["code"] == "invalid_input"
    assert "rotation.options" in row["problem"]["message"]
    assert (row["target"], row["options"]) == (None, None)


def test_the_target_is_shown_kept_by_a_rotation_and_removed_by_an_empty_mapping(store: Store) -> None:
    wanted = {"name": "db", "value": "x", "rotation": {"target": "none"}}
    done = perform(store.manager, "credential", wanted, AccessContext()).result
    assert done["credential"]["rotation"] == done["diff"]["after"]["rotation"] == {"target": "none"}
    assert not perform(store.manager, "credential", wanted, AccessContext()).result["changed"]
    store.rotate(name="db", target="none")
    assert store.manager.describe("db")["rotation"] == {"target": "none"}
    perform(store.manager, "credential", {"name": "db", "rotation": {}}, AccessContext())
    assert store.manager.describe("db")["rotation"] == {}


def test_a_policy_that_this_controller_cannot_read_is_a_problem_and_not_never_due(store: Store) -> None:
    """For example a time zone that another machine knows, or a kind of policy of a later version."""
    store.create(policy={"kind": "scheduled", "cron": "30 2 * * *", "zone": "Europe/Berlin"}, rotation={"target": "none"})
    record = store.manager.inspect("db_pass").record
    with store.manager.acting():
        changed = record.with_metadata(policy={**record.full_metadata.policy, "zone": "Mars/Olympus"})
        store.manager.backend.patch_metadata(changed, record.revision)
    (row,) = list_due(store)["credentials"]
    assert (row["problem"]["code"], row["target"]) == ("invalid_input", "none")
    assert "Mars/Olympus" in row["problem"]["message"]
    store.manager.revoke("db_pass")
    assert names(list_due(store)) == []


def test_a_credential_that_cannot_be_read_is_a_problem_of_an_encrypted_store(tmp_path: Path) -> None:
    manager = open_store({"backend": "local", "path": str(tmp_path / "store"), "audit": "off"})
    for name in ("fine", "spoiled"):
        perform(manager, "credential", {"name": name, "value": "x", "policy": DAILY}, AccessContext())
    spoiled = tmp_path / "store" / "spoiled.enc"
    spoiled.write_bytes(spoiled.read_bytes()[:-9])
    found = perform(manager, "credential_rotate_due", {}, AccessContext()).result
    (row,) = found["credentials"]
    assert (row["name"], row["target"], row["due_at"]) == ("spoiled", None, None)
    assert row["problem"]["code"] == "damaged"
    assert found["total"] == 2
    # It may not be one of those that a filter chooses.
    assert perform(manager, "credential_rotate_due", {"target": "none"}, AccessContext()).result["credentials"] == []
