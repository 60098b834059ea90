# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated values: as the policy says, and drawn from all of it (J6)."""

from __future__ import annotations

import re
import string
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.types import passphrase
from ansible_collections.nebula.credential.plugins.module_utils.types.generation import (
    AMBIGUOUS,
    SYMBOLS,
    PasswordPolicy,
    generate_password,
    generate_value,
)

LEAST = st.integers(0, 8)
POLICIES = st.builds(
    PasswordPolicy,
    length=st.integers(32, 80),
    lowercase=LEAST,
    uppercase=LEAST,
    digits=LEAST,
    symbols=LEAST,
    exclude_ambiguous=st.booleans(),
    exclude=st.text(string.ascii_letters, max_size=5),
).filter(lambda policy: policy.lowercase + policy.uppercase + policy.digits + policy.symbols > 0)
CLASSES = {"lowercase": string.ascii_lowercase, "uppercase": string.ascii_uppercase, "digits": string.digits, "symbols": SYMBOLS}


def text_of(secret):
    return secret.expose().decode("ascii")


@given(POLICIES)
def test_a_password_keeps_every_rule_of_its_policy(policy):
    password = text_of(generate_password(policy))
    assert len(password) == policy.length
    for name, characters in CLASSES.items():
        count = sum(character in characters for character in password)
        assert count >= getattr(policy, name)
        assert count == 0 or getattr(policy, name) > 0, "a class with 0 is left out"
    assert not set(password) & set(policy.exclude)
    assert not (policy.exclude_ambiguous and set(password) & set(AMBIGUOUS))


def test_the_classes_do_not_keep_their_places():
    """What each class must hold is drawn first; without a shuffle it would stand in front."""
    firsts = {text_of(generate_value({}))[0] for _draw in range(200)}
    assert firsts & set(string.digits)
    assert firsts & set(string.ascii_uppercase)


def test_every_character_of_the_alphabet_is_drawn():
    drawn = set("".join(text_of(generate_value({"length": 1024, "symbols": 1})) for _draw in range(4)))
    assert drawn == set(string.ascii_letters + string.digits + SYMBOLS)


def test_two_draws_differ():
    assert generate_value({}) != generate_value({})


def test_tokens_and_uuids_have_their_form():
    assert len(text_of(generate_value({"kind": "hex"}))) == 64
    assert len(text_of(generate_value({"kind": "hex", "bytes": 16}))) == 32
    assert set(text_of(generate_value({"kind": "urlsafe"}))) <= set(string.ascii_letters + string.digits + "-_")
    assert uuid.UUID(text_of(generate_value({"kind": "uuid"}))).version == 4


def test_options_that_nobody_set_count_as_absent():
    assert len(generate_value({"kind": None, "length": None, "bytes": None})) == 32


def test_numbers_and_flags_may_come_as_text():
    assert len(generate_value({"length": "40", "exclude_ambiguous": "yes"})) == 40


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kind": "words"}, "password, hex, urlsafe, uuid"),
        ({"lenght": 12}, "length"),
        ({"kind": "uuid", "length": 12}, "kind"),
        ({"kind": "hex", "bytes": 8}, "16 to 1024"),
        ({"length": 7}, "8 to 1024"),
        ({"length": 1025}, "8 to 1024"),
        ({"length": 8, "digits": 9}, "Raise 'length'"),
        ({"digits": -1}, "0"),
        ({"length": "long"}, "whole number"),
        ({"exclude_ambiguous": "perhaps"}, "true or false"),
        ({"lowercase": 0, "uppercase": 0, "digits": 0}, "Exclude fewer"),
        ({"lowercase": 0, "uppercase": 0, "exclude": string.digits}, "Exclude fewer"),
        ({"symbols": 1, "symbol_set": ""}, "Exclude fewer"),
    ],
)
def test_a_policy_that_cannot_be_met_is_refused_with_what_is_allowed(options, says):
    with pytest.raises(InvalidInput) as caught:
        generate_value(options)
    assert str(caught.value).startswith("option 'generate': ")
    assert says in str(caught.value)


def test_a_passphrase_has_words_of_the_list_of_the_eff():
    words = text_of(generate_value({"kind": "passphrase"})).split("-")
    # Four words of the list have a hyphen of their own.
    assert 6 <= len(words) <= 12
    assert len(text_of(generate_value({"kind": "passphrase", "words": 10, "separator": " "})).split(" ")) == 10
    assert len(passphrase._read_words()) == 7776
    assert {"abacus", "zoom"} <= set(passphrase._read_words())


def test_a_list_with_fewer_words_than_the_documentation_says_is_refused(monkeypatch):
    monkeypatch.setattr("xkcdpass.xkcd_password.generate_wordlist", lambda *_given, **_named: ["a", "b"])
    passphrase._read_words.cache_clear()
    with pytest.raises(MissingLibrary, match="has 2 words"):
        generate_value({"kind": "passphrase"})
    passphrase._read_words.cache_clear()


@pytest.mark.parametrize("pattern", ["[A-Z]{3}-[0-9]{4}", "(?:[a-f0-9]{4}:){7}[a-f0-9]{4}", r"\w{12}", r"(a|b)\d+[!?]{2}"])
def test_a_value_matches_the_pattern_that_it_is_generated_by_and_is_another_one_each_time(pattern):
    values = [generate_value({"kind": "pattern", "pattern": pattern}).expose().decode() for _draw in range(2)]
    assert all(re.fullmatch(pattern, value) for value in values)
    assert values[0] != values[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kind": "passphrase", "words": 3}, "words is 3"),
        ({"kind": "passphrase", "words": 65}, "words is 65"),
        ({"kind": "passphrase", "separator": "\n"}, "separator"),
        ({"kind": "passphrase", "separator": "-" * 9}, "separator"),
        ({"kind": "passphrase", "length": 20}, "unknown: length"),
        ({"kind": "password", "words": 6}, "unknown: words"),
        ({"kind": "pattern"}, "without 'pattern'"),
        ({"kind": "pattern", "pattern": "["}, "no pattern"),
        ({"kind": "pattern", "pattern": "a" * 1001}, "no pattern"),
        ({"kind": "pattern", "pattern": "abc"}, "same value each time"),
        ({"kind": "pattern", "pattern": "(?=x)[0-9]{4}"}, "no value was found"),
        ({"kind": "pattern", "pattern": "(?:[ab]{100}){11}"}, "more than 1024"),
        ({"kind": "pattern", "pattern": "[ab]{101}"}, "no value can be drawn"),
        ({"kind": "pattern", "pattern": "((([ab]{100}){100}){100}){100}"}, "no value can be drawn"),
    ],
)
def test_options_of_a_passphrase_or_a_pattern_that_do_not_fit_are_refused(options, says):
    with pytest.raises(InvalidInput, match=says):
        generate_value(options)
