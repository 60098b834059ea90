# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values as the keys of a secret, ours and other tools'; where they lie; names out of folders."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import (
    read_fields,
    read_state,
    refuse_envelope,
    write_data,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_object import read_object, write_object
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import KeptVersion, ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.mount import Location
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.tree_walk import names
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidConfiguration, InvalidInput, NotEncrypted
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.conformance.records import METADATA, NOON, a_record
from tests.conformance.sealing import seal

FIELDS = st.dictionaries(st.text(min_size=1, max_size=10).filter(lambda key: not key.startswith("nebula.")), st.binary(max_size=40))


def exposed(fields):
    return {key: value.expose() for key, value in fields.items()}


def through_json(data):
    return json.loads(json.dumps(data))


@given(FIELDS, FIELDS)
def test_fields_and_state_come_back_through_json(fields, state):
    record = Record(
        "db_pass", fields={key: Secret(value) for key, value in fields.items()}, state={"s": Secret(str(state))} if state else {}
    )
    data = through_json(write_data(record))
    assert (exposed(read_fields(data)), exposed(read_state(data, "db_pass"))) == (fields, exposed(record.state))


def test_text_is_text_to_other_tools():
    assert write_data(a_record(state={})) == {"username": "app", "password": "s3cret"}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (5, b"5"),
        (1.5, b"1.5"),
        (True, b"true"),
        (None, b""),
        ([1, "a"], b'[1,"a"]'),
        ({"a": {"b": "ü"}}, '{"a":{"b":"ü"}}'.encode()),
        ({"base64": "no base64!"}, b'{"base64":"no base64!"}'),
        ({"base64": 5}, b'{"base64":5}'),
        ({"base64": "/w==", "more": 1}, b'{"base64":"/w==","more":1}'),
        ({"base64": "/w=="}, b"\xff"),
    ],
)
def test_what_other_tools_wrote_is_read_as_its_json(value, read):
    assert read_fields({"field": value})["field"].expose() == read


def test_a_field_may_not_have_a_name_that_is_ours():
    with pytest.raises(InvalidInput) as caught:
        write_data(a_record(fields={"nebula.state": Secret("x")}))
    assert "'nebula.state'" in str(caught.value)


def test_a_state_that_was_changed_by_hand_is_damaged():
    for state in ("text", {"a": 5}, [1]):
        with pytest.raises(Damaged):
            read_state({"nebula.state": state}, "db_pass")


def test_an_envelope_is_not_read_as_a_value():
    with pytest.raises(InvalidConfiguration) as caught:
        refuse_envelope({"nebula.envelope": "AA=="}, "db_pass")
    assert "encrypt: true" in str(caught.value)


def an_object(**changes):
    record = a_record(serial=3, record_id=b"i" * 16, revision=2, **changes)
    return StoredObject(record, older=(KeptVersion(2, NOON), KeptVersion(1)), garbage=(9, 8), written_at=NOON)


def test_an_object_comes_back_whole():
    content = an_object()
    found = read_object(ObjectKey("db_pass"), through_json(write_object(content)), "t", encrypted=False, tenant="default")
    assert exposed(found.record.fields) == exposed(content.record.fields)
    for part in ("type", "metadata", "serial", "record_id", "revision"):
        assert getattr(found.record, part) == getattr(content.record, part)
    assert (found.older, found.garbage, found.written_at, found.token) == (content.older, content.garbage, NOON, "t")


def test_an_envelope_comes_back_to_the_byte():
    record = a_record(serial=3, record_id=b"i" * 16)
    content = StoredObject(Record("db_pass", envelope=seal(record, 3), serial=3))
    data = through_json(write_object(content))
    assert set(data) == {"nebula.envelope", "nebula.object"}
    found = read_object(ObjectKey("db_pass"), data, "t", encrypted=True, tenant="default")
    assert (found.record.envelope, found.record.serial, found.problem) == (content.record.envelope, 3, None)


@pytest.mark.parametrize("bit", ["A", "=", "\n", " "])
def test_base64_that_decodes_to_the_same_bytes_is_not_the_same(bit):
    """ENVELOPE rule 1: decoded strictly, encoded again, compared."""
    text = write_object(StoredObject(Record("db_pass", envelope=b"1234", serial=1)))["nebula.envelope"]
    changed = text[:-3] + "B==" if bit == "A" else text + bit
    found = read_object(ObjectKey("db_pass"), {"nebula.envelope": changed}, "t", encrypted=True, tenant="default")
    assert isinstance(found.problem, Damaged)


def test_a_plain_value_among_envelopes_is_a_problem_of_its_own():
    found = read_object(ObjectKey("db_pass"), {"password": "x"}, "t", encrypted=True, tenant="default")
    assert isinstance(found.problem, NotEncrypted)
    assert dict(found.record.fields) == {}


def test_what_another_tool_wrote_is_opaque():
    found = read_object(ObjectKey("db_pass"), {"password": "x"}, "t", encrypted=False, tenant="web")
    assert (found.record.type, found.record.serial, found.record.record_id) == ("opaque", None, None)
    assert (exposed(found.record.fields), found.record.full_metadata.scope.tenant) == ({"password": b"x"}, "web")


def test_a_removed_object_is_none():
    assert read_object(ObjectKey("db_pass"), {"nebula.deleted": "x"}, "t", encrypted=False, tenant="default") is None


@pytest.mark.parametrize("damage", ["text", [], {}, {"serial": -1, "older": [], "leftover": [], "written_at": None}, {"serial": "3"}])
def test_bookkeeping_that_was_changed_by_hand_is_damaged(damage):
    data = dict(write_object(an_object()), **{"nebula.object": damage})
    assert isinstance(read_object(ObjectKey("db_pass"), data, "t", encrypted=False, tenant="default").problem, Damaged)


def test_metadata_that_was_changed_by_hand_is_damaged():
    data = dict(write_object(an_object()), **{"nebula.metadata": {"type": "basic"}})
    found = read_object(ObjectKey("db_pass"), data, "t", encrypted=False, tenant="default")
    assert isinstance(found.problem, Damaged)
    assert found.older == (KeptVersion(2, NOON), KeptVersion(1))


def test_a_tombstone_has_a_serial_and_no_metadata():
    content = StoredObject(Record("db_pass", serial=7), garbage=(3,))
    for encrypted in (False, True):
        found = read_object(
            ObjectKey("db_pass", "deleted"), through_json(write_object(content)), "t", encrypted=encrypted, tenant="default"
        )
        assert (found.record.serial, found.record.metadata, found.garbage, found.problem) == (7, None, (3,), None)
    assert METADATA is not None


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({}, ("secret", "nebula/db/pass")),
        ({"mount": "/kv/team/", "prefix": "/a/b/"}, ("kv/team", "a/b/db/pass")),
        ({"prefix": ""}, ("secret", "db/pass")),
    ],
)
def test_a_store_lies_at_mount_and_prefix(settings, place):
    location = Location.of(settings)
    assert (location.mount, location.place("db/pass")) == place
    assert location.place("db/pass", "pending") == location.within(".nebula/pending/db/pass")


@pytest.mark.parametrize("path", ["a//b", "../x", "a/../b", ".nebula", "a/.b", "a b", "a?b", "a%2fb", "ü", "a\n"])
@pytest.mark.parametrize("option", ["mount", "prefix"])
def test_a_path_that_leads_elsewhere_is_refused(option, path):
    with pytest.raises(InvalidConfiguration) as caught:
        Location.of({option: path})
    assert "option '{0}'".format(option) in str(caught.value)


def test_a_mount_has_a_name():
    with pytest.raises(InvalidConfiguration):
        Location.of({"mount": ""})


TREE = {"r/": ["a", "a/", "b c", ".nebula/", "x/"], "r/a/": ["b", "deep/"], "r/a/deep/": ["c"], "r/x/": ["1", "..", "2/"], "r/x/2/": []}


@pytest.mark.parametrize(
    ("prefix", "found", "asked"),
    [
        ("", {"a", "a/b", "a/deep/c", "x/1"}, 5),
        ("a", {"a", "a/b", "a/deep/c"}, 3),
        ("a/", {"a/b", "a/deep/c"}, 2),
        ("a/d", {"a/deep/c"}, 2),
        ("a/../x", set(), 0),
        ("x?y/", set(), 0),
        ("nothing/", set(), 1),
    ],
)
def test_a_listing_asks_for_the_folders_that_it_needs(prefix, found, asked):
    """What is no credential's name is left out, and what is hidden."""
    folders = []

    def keys(folder):
        folders.append(folder)
        return TREE.get(folder, [])

    assert set(names(keys, "r/", prefix)) == found
    assert len(folders) == asked
