# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metadata in the custom metadata of KV version 2: everything comes back, within the engine's limits, whoever is late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import Description
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_metadata import (
    MAX_KEY,
    MAX_KEYS,
    MAX_VALUE,
    check_room,
    describe_version,
    find_description,
    foreign_tags,
    mark_deleted,
    newest_deleted_version,
    visible_tags,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Transition
from tests.conformance.records import METADATA, NOON

TAGS = st.dictionaries(st.text(min_size=1, max_size=140), st.text(max_size=40), max_size=30)
METADATAS = st.builds(
    lambda description, tags, steps, expires: replace(
        METADATA, description=description, tags=tags, expires_at=expires, history=(Transition("put", "active", "active", NOON),) * steps
    ),
    st.text(max_size=300),
    TAGS,
    st.integers(0, 50),
    st.none() | st.just(NOON + timedelta(days=1)),
)


def a_description(metadata=METADATA, revision=0):
    return Description("basic", metadata, b"i" * 16, revision)


def applied(custom, change):
    """What a server makes of a change, and that it takes the outcome."""
    merged = {key: value for key, value in {**custom, **change}.items() if value is not None}
    assert len(merged) <= MAX_KEYS
    for key, value in merged.items():
        assert 0 < len(key.encode()) <= MAX_KEY
        assert 0 < len(value.encode()) <= MAX_VALUE
        assert key.isprintable()
        assert value.isprintable()
    return merged


def fits(description):
    try:
        check_room(description, "db_pass")
    except TooLarge:
        return False
    return True


@given(METADATAS, st.integers(1, 10**9), st.integers(0, 10**6))
def test_a_description_comes_back_whole(metadata, version, revision):
    description = a_description(metadata, revision)
    if not fits(description):
        return
    custom = applied({}, describe_version({}, version, description))
    assert find_description(custom, version, "db_pass") == (description, True, True)


@given(st.lists(METADATAS, min_size=1, max_size=6))
def test_versions_follow_each_other_within_the_limits(metadatas):
    """However long the descriptions are, the newest is whole, and the one before it as long as there is room."""
    custom = {}
    for version, metadata in enumerate(metadatas, 1):
        if fits(a_description(metadata)):
            custom = applied(custom, describe_version(custom, version, a_description(metadata)))
            assert find_description(custom, version, "db_pass").description.metadata == metadata
            assert find_description(custom, version + 1, "db_pass").description.metadata.description == metadata.description


@given(METADATAS, METADATAS)
def test_who_is_late_changes_no_description_of_another_version(late, newer):
    """A writer that was stopped between its two requests, and goes on after the next one has made both."""
    if not (fits(a_description(late)) and fits(a_description(newer))):
        return
    custom = applied({}, describe_version({}, 4, a_description(newer)))
    change = describe_version({}, 3, a_description(late))
    merged = {key: value for key, value in {**custom, **change}.items() if value is not None}
    assert find_description(merged, 4, "db_pass") == (a_description(newer), True, True)


def test_tags_lie_under_their_own_keys_for_other_tools():
    custom = describe_version({}, 1, a_description())
    assert (custom["env"], custom["nebula-type"], custom["nebula-expires-at"]) == ("prod", "basic", METADATA.expires_at.isoformat())
    assert "empty" not in custom


def test_tags_that_were_changed_by_hand_are_read_as_they_are_now():
    """Changed, added and removed; what no other tool could have seen stays."""
    custom = applied({}, describe_version({}, 1, a_description(replace(METADATA, tags={"env": "prod", "gone": "1", "empty": ""}))))
    del custom["gone"]
    custom.update(env="dev", owner="somebody")
    assert find_description(custom, 1, "db_pass").description.metadata.tags == {"env": "dev", "owner": "somebody", "empty": ""}


def test_tags_of_a_late_writer_do_not_count():
    custom = applied({}, describe_version({}, 4, a_description()))
    merged = applied(custom, describe_version({}, 3, a_description(replace(METADATA, tags={"env": "old", "late": "1"}))))
    assert find_description(merged, 4, "db_pass").description.metadata.tags == METADATA.tags


def test_a_tag_that_is_taken_away_is_taken_away_for_other_tools_too():
    custom = applied({"owner": "somebody"}, describe_version({"owner": "somebody"}, 1, a_description()))
    assert foreign_tags(custom) == {"env": "prod"}


def test_more_tags_than_there_is_room_for_are_kept_but_not_mirrored():
    tags = {"tag{0}".format(number): "x" for number in range(30)}
    description = a_description(replace(METADATA, tags=tags))
    custom = applied({}, describe_version({}, 1, description))
    assert visible_tags(tags) == foreign_tags(custom) == {}
    assert find_description(custom, 1, "db_pass").description == description


def test_a_version_that_nobody_described_takes_what_the_one_before_says():
    custom = applied({}, describe_version({}, 3, a_description()))
    assert find_description(custom, 4, "db_pass") == (a_description(), False, False)
    assert find_description(custom, 2, "db_pass") == (a_description(), False, True)
    assert find_description({"owner": "somebody"}, 4, "db_pass") == (None, False, False)


def test_what_was_deleted_is_forgotten():
    custom = applied({}, describe_version({}, 3, a_description()))
    gone = applied(custom, mark_deleted(custom, 4))
    assert (gone, newest_deleted_version(gone)) == ({"nebula-deleted": "4"}, 4)
    again = applied(gone, describe_version(gone, 5, a_description()))
    assert (newest_deleted_version(again), find_description(again, 5, "db_pass").own) == (4, True)
    late = applied(gone, describe_version({}, 3, a_description()))
    assert find_description(late, 5, "db_pass").description is None


@pytest.mark.parametrize("value", ["", "{", "[]", "{}", '{"type": 1}', "null", '{"type": "basic", "record_id": "", "revision": -1}'])
def test_a_description_that_was_changed_by_hand_is_damaged(value):
    with pytest.raises(Damaged) as caught:
        find_description({"nebula-4-0": value}, 4, "db_pass")
    assert "nebula-4-0" in str(caught.value)


def test_too_much_is_refused_before_anything_is_sent():
    with pytest.raises(TooLarge) as caught:
        check_room(a_description(replace(METADATA, description="x" * 20000)), "db_pass")
    assert "db_pass" in str(caught.value)


@pytest.mark.parametrize("key", ["nebula-4-", "nebula-04-0", "nebula-4-00", "nebula-x-0", "nebula-4-0-0", "nebula-" + "9" * 30 + "-0"])
def test_keys_that_only_look_like_ours_are_left_alone(key):
    assert find_description({key: "x"}, 4, "db_pass").description is None
