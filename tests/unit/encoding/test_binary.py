# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes of a fixed layout: every value has one writing, and every accepted writing one value."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import (
    MAX_DEPTH,
    Malformed,
    Reader,
    write_bytes,
    write_text,
    write_value,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def read_whole(data: bytes) -> object:
    reader = Reader(data)
    value = reader.value()
    reader.end()
    return value


@given(VALUES)
def test_a_value_comes_back_as_it_was(value):
    assert read_whole(write_value(value)) == value


@given(VALUES, VALUES)
def test_two_values_never_have_the_same_writing(first, second):
    """True and 1 are equal in Python and are two values here."""
    if write_value(first) == write_value(second):
        assert repr(first) == repr(second) or first == second


@given(st.binary(max_size=40))
def test_what_is_accepted_is_written_back_byte_for_byte(data):
    try:
        value = read_whole(data)
    except Malformed:
        return
    assert write_value(value) == data


@given(VALUES)
def test_no_writing_begins_another_one(value):
    """So values may stand one after the other."""
    data = write_value(value)
    for end in range(len(data)):
        with pytest.raises(Malformed):
            read_whole(data[:end])
    with pytest.raises(Malformed):
        read_whole(data + b"\x00")


@given(st.none() | TEXT)
def test_a_string_or_its_absence_comes_back(value):
    assert Reader(write_text(value)).optional_text() == value


def test_an_empty_string_is_not_an_absent_one():
    assert write_text("") != write_text(None)
    with pytest.raises(Malformed):
        Reader(write_text(None)).text()


@pytest.mark.parametrize("value", [1.5, b"bytes", {1: "a"}, 2**63, -(2**63) - 1, "\ud800", {"\ud800": 1}, {"a": {1, 2}}], ids=ascii)
def test_what_has_no_single_writing_is_refused(value):
    with pytest.raises(InvalidInput):
        write_value(value)


def test_depth_is_bounded_on_both_sides():
    nested: object = 1
    for _each in range(MAX_DEPTH - 1):
        nested = [nested]
    assert read_whole(write_value(nested)) == nested
    with pytest.raises(InvalidInput):
        write_value([nested])
    with pytest.raises(Malformed):
        read_whole(b"\x05\x00\x00\x00\x01" + write_value(nested))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x07",
        b"\x01\x00\x00\x00\x02\xc1\xa4",
        b"\x01\xff\xff\xff\xffabc",
        b"\x04\x00",
        b"\x05\xff\xff\xff\xff",
        b"\x06\x00\x00\x00\x01\x00",
    ],
    ids=lambda data: data.hex() or "nothing",
)
def test_other_bytes_are_refused(data):
    with pytest.raises(Malformed):
        read_whole(data)


def test_a_mapping_is_told_from_other_values():
    assert Reader(write_value({"a": 1})).mapping() == {"a": 1}
    with pytest.raises(Malformed):
        Reader(write_value([1])).mapping()


@pytest.mark.parametrize("presence", [2, 255])
def test_a_presence_byte_is_0_or_1(presence):
    with pytest.raises(Malformed):
        Reader(bytes((presence,)) + write_text("a")[1:]).optional_text()


def test_bytes_come_back_with_their_length():
    assert Reader(write_bytes(b"\x00\x01")).bytes() == b"\x00\x01"
    with pytest.raises(Malformed):
        Reader(b"\x00\x00\x00\x05abc").bytes()
    with pytest.raises(Malformed):
        Reader(b"\x00\x00").bytes()
