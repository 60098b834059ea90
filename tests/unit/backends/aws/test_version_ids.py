# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The id of a version and the tags of a secret hold a value's metadata, and nothing that AWS refuses."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.version_ids import (
    LONGEST_KEY,
    LONGEST_VALUE,
    MOST_OF_THE_USERS,
    MOST_TAGS,
    build_id,
    build_mirror,
    build_tags,
    choose_mirror,
    list_keys,
    read_id,
    read_record,
    select_native,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import DATES, date_version
from tests.conformance.records import METADATA, NOON, a_record

ALLOWED = re.compile(r"[A-Za-z0-9 _.:/=+@-]+\Z")
LATER = NOON + timedelta(days=3, microseconds=5)
IDENTITY = bytes(range(16))
DATED = replace(METADATA, updated_at=LATER)
CASES = {
    "never replaced": METADATA,
    "replaced": date_version(DATED, LATER, is_rotated=True),
    "another field replaced": date_version(DATED, LATER, is_rotated=False),
    "replaced before": replace(METADATA, attributes={DATES: {"version": NOON.isoformat(), "rotated": NOON.isoformat()}}),
    "no attributes": replace(METADATA, attributes={}),
}


def written(metadata=METADATA, serial=7, revision=2):
    record = a_record(metadata=metadata, serial=serial, revision=revision, record_id=IDENTITY)
    mirror = choose_mirror()
    return record, build_id(record, mirror), build_tags(mirror, build_mirror(record), record.name)


@pytest.mark.parametrize("case", CASES)
def test_a_row_is_the_record_without_its_values(case):
    record, version_id, tags = written(CASES[case])
    row = read_record(record.name, record.stage, read_id(version_id), {**tags, "of-others": "x"})
    assert row == replace(record, fields={}, state={})


@pytest.mark.parametrize(("serial", "revision"), [(1, 0), (10**9, 10**6)])
def test_an_id_has_a_length_that_aws_accepts_and_no_two_are_equal(serial, revision):
    _record, one, _tags = written(serial=serial, revision=revision)
    _record, other, _tags = written(serial=serial, revision=revision)
    assert 32 <= len(one) <= 64
    assert one != other
    assert (read_id(one).serial, read_id(one).revision) == (serial, revision)


@pytest.mark.parametrize(
    "other", ["", "a" * 36, "7b1c2a4e-0000-4000-8000-000000000000", "nebula-1-0-zz", "nebula-1-0-00000000-" + "f" * 16 + "-" + "0" * 12]
)
def test_an_id_of_another_tool_has_no_facts(other):
    assert read_id(other) is None


def test_tags_have_only_what_aws_accepts():
    _record, _id, tags = written(replace(METADATA, description="ü{}\"'" * 200))
    assert len(tags) > 1
    assert all(ALLOWED.match(part) for pair in tags.items() for part in pair)
    assert all(len(key) <= LONGEST_KEY and len(value) <= LONGEST_VALUE for key, value in tags.items())


def test_a_write_of_another_value_leaves_the_mirror_as_it_is_and_other_metadata_do_not():
    first = a_record(metadata=METADATA, record_id=IDENTITY)
    second = replace(first, metadata=date_version(DATED, LATER, is_rotated=True))
    third = replace(second, metadata=replace(second.metadata, description="other"))
    assert build_mirror(first) == build_mirror(second) != build_mirror(third)


def test_metadata_that_needs_too_many_tags_is_refused():
    noise = "".join(chr(random.Random(number).randrange(0x4E00, 0x9FFF)) for number in range(6000))
    with pytest.raises(TooLarge, match="tags of AWS"):
        written(replace(METADATA, description=noise))


@pytest.mark.parametrize("spoilt", ["missing", "cut", "foreign"])
def test_tags_that_were_changed_by_hand_are_damage(spoilt):
    _record, version_id, tags = written()
    first = next(iter(tags))
    changed = {"missing": {}, "cut": {**tags, first: tags[first][:-9]}, "foreign": {**tags, first: "x" * 256}}[spoilt]
    with pytest.raises(Damaged):
        read_record("db_pass", "current", read_id(version_id), changed)


def test_tags_that_aws_refuses_are_not_tags_of_the_secret():
    tags = {"team": "shop", "": "x", "aws:x": "y", "nebula:x": "y", "a,b": "c", "long": "x" * 257, "k" * 129: "x", "empty": ""}
    assert select_native(tags) == {"team": "shop", "empty": ""}
    assert len(select_native({"t{0:03d}".format(each): "x" for each in range(100)})) == MOST_OF_THE_USERS
    assert len(list_keys("0" * 8)) + MOST_OF_THE_USERS == MOST_TAGS
