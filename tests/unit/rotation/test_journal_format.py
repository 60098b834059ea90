# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal's stored form: targets that take one value, or two users, keep the keys that they had before there were others."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.record import JOURNAL
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import Journal
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET, NO_TARGET_TRAITS, TargetTraits
from tests.unit.rotation.services import DOWN, LANDS, fates
from tests.unit.rotation.target_worlds import HostsWorld, KeysWorld
from tests.unit.rotation.world import LIFE, World, script, stored

KEYS = set(
    """
    rotation base overlap rollback life started phase apply_limit ask_limit grace target manual goal sending resending sent resent
    attempts reverts settles asked pending_answer current_answer asked_first refused no_way_back tested opened gap verified promoted
    retire_after orphaned reason again holder until
    """.split()  # noqa: SIM905  # as they stand in the documentation of the class
)

WRITTEN_BEFORE = [
    {
        "rotation": "6ec51e33a31d0d65",
        "base": "1",
        "overlap": "none",
        "rollback": "reapply",
        "life": 120,
        "started": 1795305600000000,
        "target": {},
    },
    {
        "rotation": "6ec51e33a31d0d65",
        "base": "1",
        "overlap": "alternating",
        "rollback": "reapply",
        "life": 120,
        "started": 1795305600000000,
        "phase": "grace",
        "ask_limit": 10,
        "grace": 120,
        "target": {"kind": "postgresql", "host": "db", "usernames": ["app_a", "app_b"]},
        "sent": 1795305600000000,
        "attempts": 1,
        "gap": 0,
        "verified": 1795305600000000,
        "promoted": "2",
        "retire_after": 1795305720000000,
        "holder": "a",
        "until": 1795306200000000,
    },
]


@pytest.mark.parametrize("before", WRITTEN_BEFORE)
def test_a_journal_from_before_is_written_as_it_was_read(before: dict[str, Any]) -> None:
    assert dict(Journal.read(before).write()) == before


def note_keys(world: World, seen: set[str]) -> None:
    """Add the keys of the stored journal, if there is one."""
    try:
        seen |= set(stored(world, JOURNAL).full_metadata.attributes["rotation"])
    except errors.NotFound:
        return


@pytest.mark.parametrize(
    ("kind", "traits"),
    [
        ("simulated", TargetTraits("none", "reapply", "asks", LIFE)),
        ("simulated", TargetTraits("alternating", "reapply", "asks", LIFE, slots=2)),
        (NO_TARGET, NO_TARGET_TRAITS),
    ],
)
def test_a_target_of_one_value_or_two_users_or_none_adds_no_key(kind: str, traits: TargetTraits) -> None:
    for fate in ((), (steps.UNKNOWN,), (steps.APPLIED, steps.UNAVAILABLE), (steps.REFUSED,)):
        world = World(traits, timedelta(seconds=300), kind=kind)
        world.check = lambda: None  # type: ignore[method-assign]
        seen: set[str] = set()
        world.store.after = partial(note_keys, world, seen)
        world.rotate(script(*fate))
        assert seen <= KEYS


def test_every_key_of_before_is_still_known() -> None:
    assert {part.name for part in fields(Journal)} >= KEYS


def test_a_journal_of_a_later_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(errors.Damaged) as raised:
        Journal.read(dict(WRITTEN_BEFORE[0], unheard_of=True))
    assert "Update the collection" in str(raised.value)


def test_the_new_keys_are_read_back_as_they_were_written() -> None:
    hosts, keys = HostsWorld(), KeysWorld(slots=4, sole_owner=False)
    hosts.rotate(fates(ask=[{"h1": DOWN}]))
    keys.rotate(fates(make=[LANDS]))
    for journal in (hosts.journal(), keys.journal()):
        assert Journal.read(journal.write()) == journal
        assert not any(isinstance(value, tuple) for value in journal.write().values())
