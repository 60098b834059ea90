# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, and their writing in smaller alphabets."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.names import FILE_NAMES, MAX_NAME, Escaping, check_name

SEGMENT = st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=20).filter(
    lambda text: not text.startswith(".") and not text.endswith(".") and ".." not in text
)
NAMES = st.lists(SEGMENT, min_size=1, max_size=5).map("/".join).filter(lambda name: len(name) <= MAX_NAME)

BAD = [
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    "..",
    "../a",
    "a/../b",
    "a/..",
    ".",
    "./a",
    ".hidden",
    "a.",
    "a..b",
    "a b",
    "a\x00b",
    "a\nb",
    "a\n",
    "\x1b[31m",
    "ä",
    "a#pending",
    "a^b",
    "a\\b",
    "a" * (MAX_NAME + 1),
    "a" * 500,
    "C:\\a",
    "a\u202eb",
    "{{ a }}",
]


@given(NAMES)
def test_a_proper_name_is_accepted_as_it_is(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_bad_name_is_refused_with_the_option_and_what_to_write(name):
    with pytest.raises(InvalidInput) as caught:
        check_name(name)
    message = str(caught.value)
    assert message.startswith("option 'name': ")
    assert "segments of letters" in message
    assert all(character.isprintable() for character in message)
    assert len(message) < 600


@pytest.mark.parametrize("name", [None, 1, b"a", ["a"], {"a": 1}, True])
def test_what_is_not_text_is_refused(name):
    with pytest.raises(InvalidInput, match="is text, not"):
        check_name(name)


@given(st.text(max_size=MAX_NAME + 5))
def test_whatever_is_accepted_stays_within_its_directory(text):
    try:
        name = check_name(text)
    except InvalidInput:
        return
    assert not name.startswith("/")
    assert all(segment not in {"", ".", ".."} for segment in name.split("/"))


@given(NAMES)
def test_writing_a_name_as_a_file_name_can_be_undone(name):
    written = FILE_NAMES.escape(name)
    assert FILE_NAMES.unescape(written) == name
    assert "/" not in written
    assert len(written) <= 2 * MAX_NAME


@given(NAMES, NAMES)
def test_two_names_never_share_a_file_even_where_case_is_folded(one, other):
    assume(one != other)
    assert FILE_NAMES.escape(one).lower() != FILE_NAMES.escape(other).lower()


@given(st.text(string.ascii_letters + "^/0", max_size=12))
def test_what_was_not_written_by_us_is_refused_or_read_back_the_same(text):
    try:
        name = FILE_NAMES.unescape(text)
    except InvalidInput:
        return
    assert FILE_NAMES.escape(name) == text


ALPHABET = string.ascii_letters + string.digits + "/._-"


@given(st.sets(st.sampled_from(ALPHABET), max_size=8), st.text(ALPHABET, max_size=30), st.text(ALPHABET, max_size=30))
def test_any_escaping_is_injective_and_reversible(coded, one, other):
    """Whatever backend's alphabet: a mark with a code of its own, and different codes, are enough."""
    codes = dict(zip(sorted(coded | {"-"}), string.ascii_lowercase))
    escaping = Escaping("-", codes)
    assert escaping.unescape(escaping.escape(one)) == one
    assert (escaping.escape(one) == escaping.escape(other)) == (one == other)
