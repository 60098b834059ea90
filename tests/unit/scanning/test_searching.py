# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values in every form are found where they are, however the bytes come."""

from __future__ import annotations

import base64
import gzip
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.scanning import content
from ansible_collections.nebula.credential.plugins.module_utils.scanning.content import Lines, Unfinished, expand
from ansible_collections.nebula.credential.plugins.module_utils.scanning.forms import LONGEST
from ansible_collections.nebula.credential.plugins.module_utils.scanning.ordinary_values import TOO_COMMON, TOO_SHORT, find_reason
from ansible_collections.nebula.credential.plugins.module_utils.scanning.searcher import COVER, Searcher
from ansible_collections.nebula.credential.plugins.module_utils.scanning.stored_values import Origin

VALUE = b'canary/va"lue+of~one?secret'
DB = Origin("app/db", "password", "3", "current")
FORMS = {
    "plain": VALUE,
    "json": json.dumps(VALUE.decode()).encode(),
    "url": quote(VALUE, safe="").encode(),
    "url with slashes": quote(VALUE).encode(),
    "url of a form": quote_plus(b"a canary value").encode(),
    "url in small letters": quote(VALUE, safe="").lower().encode(),
    "hex": VALUE.hex().encode(),
    "hex in capitals": VALUE.hex().upper().encode(),
}
VALUES = st.binary(min_size=8, max_size=LONGEST + 40)


def build_searcher(*values):
    return Searcher((Origin("value/{0}".format(number), "password", "1", "current"), Secret(value)) for number, value in enumerate(values))


def cut(data, sizes):
    """The data in chunks of these sizes, and the rest as the last one."""
    for size in sizes:
        if not data:
            return
        yield data[:size]
        data = data[size:]
    if data:
        yield data


@pytest.mark.parametrize("form", FORMS)
def test_a_value_is_found_in_every_form(form):
    (hit,) = build_searcher(VALUE, b"a canary value").search([b"first\nsecond: " + FORMS[form] + b"\n"])
    assert (hit.form, hit.line) == (form.split()[0], 2)


@pytest.mark.parametrize("before", [b"", b"1", b"12", b"123"])
@pytest.mark.parametrize("after", [b"", b"1", b"12"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_value_is_found_in_base64_wherever_it_begins(before, after, encode):
    for value in (VALUE, VALUE[:-1], VALUE[:-2], b"\xff\xfe\xfb\xef\xbe\xff\xff\xff\xfb"):
        hits = list(build_searcher(value).search([b"\n\n" + encode(before + value + after)]))
        assert [(hit.form, hit.line) for hit in hits] == [("base64", 3)]


@given(VALUES, st.binary(max_size=300), st.binary(max_size=60), st.lists(st.integers(1, 90), max_size=40))
def test_any_bytes_are_found_at_their_place_however_they_are_cut(value, before, after, sizes):
    hits = list(build_searcher(value).search(cut(before + value + after, sizes)))
    places = {(hit.offset, hit.line) for hit in hits if hit.form == "plain"}
    assert (len(before), before.count(b"\n") + 1) in places


@given(st.binary(min_size=8, max_size=60), st.sampled_from([1, 2, 3, 7, 64, 4096]), st.integers(0, 9000))
def test_several_forms_are_found_on_both_sides_of_a_border(value, size, padding):
    forms = [value.hex().encode(), base64.b64encode(b"x" + value), value]
    data = b"." * padding + b"\n" + b"\n".join(forms)
    found = {(hit.form, hit.line) for hit in build_searcher(value).search(cut(data, [size] * (len(data) // size)))}
    assert {("hex", 2), ("base64", 3), ("plain", 4)} <= found


@given(st.lists(st.binary(min_size=8, max_size=40), min_size=1, max_size=6), st.lists(st.integers(1, 50), max_size=40))
def test_the_cuts_change_nothing(values, sizes):
    data = b"\n".join([*values, *(base64.b64encode(value) for value in values)])
    searcher = build_searcher(*values)
    assert list(searcher.search(cut(data, sizes))) == list(searcher.search([data]))


def test_a_long_value_is_found_by_its_middle_and_has_the_line_of_its_beginning():
    key = "\n".join(
        ["-----BEGIN PRIVATE KEY-----", *("{0:064d}".format(number**9) for number in range(1, 26)), "-----END PRIVATE KEY-----"]
    )
    (hit,) = build_searcher(key.encode()).search([b"a: 1\nb: 2\n" + key.encode() + b"\n"])
    assert (hit.offset, hit.line) == (10, 3)
    other = key.replace("7", "6").encode()
    assert list(build_searcher(key.encode()).search([other])) == []


def test_two_credentials_with_one_value_are_both_named_and_two_versions_of_one_are_not():
    values = [(DB, Secret(VALUE)), (DB._replace(version="1", stage="older"), Secret(VALUE)), (DB._replace(name="b"), Secret(VALUE))]
    (hit,) = Searcher(values).search([VALUE])
    assert [(origin.name, origin.version) for origin in hit.origins] == [("app/db", "3"), ("b", "3")]


def test_a_store_without_values_finds_nothing():
    assert list(Searcher([]).search([b"anything"])) == []
    assert Searcher([]).cover("anything") == "anything"


def test_values_in_a_name_are_covered_and_its_other_letters_stay():
    searcher = build_searcher(b"canary-value", b"value-of-one")
    assert searcher.cover("/é/canary-value-of-one.txt") == "/é/{0}.txt".format(COVER)
    assert searcher.cover("/é/other.txt") == "/é/other.txt"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"short", TOO_SHORT),
        (b"postgres", TOO_COMMON),
        (b"PassWord", TOO_COMMON),
        (b"aaaabbbb", TOO_COMMON),
        (b"20261130", TOO_COMMON),
        (b"12345678901234", None),
        (b"hunter2-horse", None),
        (b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", None),
    ],
)
def test_what_every_tree_has_is_not_searched_for(value, reason):
    assert find_reason(value, 8) == reason


def test_the_content_of_gzip_is_read_in_several_members():
    data = gzip.compress(b"first\n") + gzip.compress(b"second\n")
    is_binary, chunks = expand(cut(data, [5] * 100))
    assert (is_binary, b"".join(chunks)) == (False, b"first\nsecond\n")


@pytest.mark.parametrize("spoil", [lambda data: data[:-12], lambda data: data[:40] + b"\xff\xff" + data[42:], lambda data: data[:12]])
def test_damaged_gzip_is_said_to_be_damaged(spoil):
    data = spoil(gzip.compress(bytes(range(256)) * 100))
    with pytest.raises(Unfinished, match="damaged"):
        b"".join(expand(iter([data]))[1])


def test_gzip_that_expands_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(content, "MOST_EXPANDED", 1 << 20)
    chunks = expand(iter([gzip.compress(b"a" * (1 << 21))]))[1]
    with pytest.raises(Unfinished, match="expand to more than 1 MiB"):
        max(map(len, chunks))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=30), max_size=12), st.lists(st.integers(1, 9)))
def test_lines_are_the_same_however_they_are_cut(lines, sizes):
    reader, found = Lines(), []
    for chunk in cut("\n".join(lines).encode(), sizes):
        found += reader.feed(chunk)
    found += reader.finish()
    while lines and not lines[-1]:
        lines.pop()
    assert found[: len(lines)] == list(enumerate(lines, 1))


def test_of_a_long_line_the_beginning_is_read():
    reader = Lines()
    found = [*reader.feed(b"a" * 10_000), *reader.feed(b"a" * 10_000 + b"\nsecond\n")]
    assert [(number, len(line)) for number, line in found] == [(1, content.LONGEST_LINE), (2, 6)]
