# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated values: as the policy says, and drawn from all of it (J6)."""

from __future__ import annotations

import string
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
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
