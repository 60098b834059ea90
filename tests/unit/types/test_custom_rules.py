# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of fields that a user declares (C12)."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Expired, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types import patterns
from ansible_collections.nebula.credential.plugins.module_utils.types.custom import Custom

CANARY = "c4n4ry-c4n4ry"


def declare(**rules):
    return Custom.declare([{"name": "pin", **rules}])


def check(value, **rules):
    return declare(**rules).validate({"pin": Secret(value)})


@pytest.mark.parametrize(
    ("rules", "fits", "does_not"),
    [
        ({"pattern": "[0-9]{4}"}, "0123", "0123" + CANARY),
        ({"pattern": "(?i)ab|cd"}, "CD", "abcd"),
        ({"pattern": "ä+"}, "ää", "aa"),
        ({"min_length": 2}, "ää", "ä"),
        ({"max_length": 2}, "ää", "äää"),
        ({"max_length": 2, "binary": True}, b"\xff\xff", b"\xff\xff\xff"),
        ({"choices": ["a", "b"], "secret": False}, "a", "c"),
        ({"expiry": True}, "2027-01-31T02:00:00+02:00", "2027-01-31"),
        ({"expiry": True}, "1801360800", "-1"),
        ({"expiry": True}, "2027-01-31T02:00:00Z", "999999999999"),
    ],
)
def test_a_value_fits_its_rules_or_is_refused_and_not_shown(rules, fits, does_not):
    assert check(fits, **rules)["pin"] == Secret(fits)
    with pytest.raises(InvalidInput, match="field 'pin' of type 'custom'") as caught:
        check(does_not, **rules)
    assert CANARY not in str(caught.value) + repr(vars(caught.value))


def test_a_value_is_generated_by_the_pattern_of_its_field():
    """Unless the task says how it is generated."""
    kind = declare(pattern="[A-Z]{3}-[0-9]{4}")
    made = kind.validate(kind.generate({}, {}))["pin"].expose().decode()
    assert (len(made), made[3]) == (8, "-")
    assert len(kind.generate({"length": 20}, {})["pin"].expose()) == 20


@pytest.mark.parametrize(
    ("rules", "length"), [({"min_length": 40}, 40), ({"max_length": 16}, 16), ({"min_length": 8, "max_length": 64}, 32), ({}, 32)]
)
def test_a_value_is_generated_as_long_as_its_field_demands(rules, length):
    kind = declare(**rules)
    assert len(kind.validate(kind.generate({}, {}))["pin"].expose()) == length
    assert len(kind.generate({"length": 20}, {})["pin"].expose()) == 20


def test_a_field_that_is_too_short_for_a_generated_value_says_so():
    with pytest.raises(
        InvalidInput, match=r"field 'pin' .* is missing, and a generated one has 8 characters or more\. Give it, or declare"
    ):
        declare(max_length=4).generate({}, {})


def test_a_field_without_a_value_has_nothing_to_fit():
    kind = Custom.declare([{"name": "pin"}, {"name": "code", "pattern": "[0-9]+", "min_length": 3, "expiry": True}])
    assert kind.validate({"pin": Secret("x")}) == {"pin": Secret("x")}
    assert kind.expires_at({"pin": Secret("x")}) is None


def test_a_pattern_that_would_be_compared_for_years_is_ended(monkeypatch):
    monkeypatch.setattr(patterns, "SECONDS", 0.5)
    with pytest.raises(InvalidInput, match="too long") as caught:
        check("a" * 64 + CANARY, pattern="(a+)+b")
    assert CANARY not in str(caught.value)


def test_the_process_that_compares_ends_by_itself_if_the_one_that_started_it_was_killed(monkeypatch):
    """The system ends it after a time of the processor."""
    monkeypatch.setattr(patterns, "_MATCHER", "print(resource.getrlimit(resource.RLIMIT_CPU)[0])")
    assert patterns.find_mismatch([]) == "6"


def test_a_pattern_that_is_too_long_is_not_even_compiled(monkeypatch):
    monkeypatch.setattr(patterns, "re", None)
    assert not patterns.is_pattern("a" * (patterns.LONGEST_PATTERN + 1))


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"pattern": "["}, "no proper 'pattern'"),
        ({"pattern": "a" * 1001}, "no proper 'pattern'"),
        ({"pattern": "a", "binary": True}, "a rule of text"),
        ({"choices": ["a"]}, "'choices' for the secret field"),
        ({"min_length": 3, "max_length": 2}, "lengths that do not fit"),
        ({"max_length": 0}, "lengths that do not fit"),
        ({"min_length": "many"}, "no number"),
        ({"regex": "a"}, "unknown keys: 'regex'"),
    ],
)
def test_a_rule_that_is_none_is_refused_when_it_is_declared(rules, says):
    with pytest.raises(InvalidInput, match=says):
        declare(**rules)


def test_one_field_at_most_has_the_expiry():
    with pytest.raises(InvalidInput, match="several fields with 'expiry'"):
        Custom.declare([{"name": "a", "expiry": True}, {"name": "b", "expiry": True}])


def test_a_declaration_without_rules_is_written_as_before():
    assert declare().attributes() == {"fields": [{"name": "pin", "secret": True, "required": False, "binary": False, "primary": False}]}


@pytest.fixture
def manager():
    opened = open_store({"backend": "memory", "audit": "off"}, name="test")
    yield opened
    opened.close()


def test_the_field_with_the_expiry_ends_the_value_and_a_later_write_is_checked_by_the_stored_rules(manager):
    def write(**parameters):
        return perform(manager, "credential", {"name": "door", "state": "present", **parameters}, NOBODY).result["credential"]

    declared = [{"name": "pin", "pattern": "[0-9]+"}, {"name": "until", "secret": False, "expiry": True}]
    made = write(type="custom", declared_fields=declared, value="1234", fields={"until": "2101-01-31T02:00:00Z"})
    assert made["expires_at"] == "2101-01-31T02:00:00Z"
    assert write(fields={"until": "4102444800"})["expires_at"] == datetime.fromtimestamp(4102444800, timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    with pytest.raises(InvalidInput, match="does not match its 'pattern'"):
        write(value=CANARY)
    write(fields={"until": "1000"})
    with pytest.raises(Expired):
        perform(manager, "get", {"name": "door"}, NOBODY)


DECLARED = [{"name": "pin"}, {"name": "until", "secret": False}]
WITH_EXPIRY = [DECLARED[0], {**DECLARED[1], "expiry": True}]


def write_door(manager, **parameters):
    return perform(manager, "credential", {"name": "door", "state": "present", **parameters}, NOBODY).result["credential"]


def test_a_declaration_that_makes_a_stored_field_the_expiry_ends_the_value(manager):
    """And one that takes the rule away takes the end away."""
    write_door(manager, type="custom", declared_fields=DECLARED, value="1234", fields={"until": "1000"})
    perform(manager, "get", {"name": "door"}, NOBODY)
    write_door(manager, declared_fields=WITH_EXPIRY)
    with pytest.raises(Expired):
        perform(manager, "get", {"name": "door"}, NOBODY)
    assert write_door(manager, declared_fields=DECLARED)["expires_at"] is None


def test_an_expiry_that_a_task_has_set_stays_when_the_declaration_changes(manager):
    fields = {"until": "2101-01-31T02:00:00Z"}
    set_by_task = "2100-01-01T00:00:00Z"
    write_door(manager, type="custom", declared_fields=DECLARED, value="1234", fields=fields, expires_at=set_by_task)
    assert write_door(manager, declared_fields=WITH_EXPIRY)["expires_at"] == set_by_task


def test_a_value_without_the_field_does_not_end_when_the_one_before_it_did(manager):
    fields = {"until": "2101-01-31T02:00:00Z"}
    write_door(manager, type="custom", declared_fields=WITH_EXPIRY, value="1234", fields=fields)
    assert write_door(manager, fields={"until": None})["expires_at"] is None


def test_an_older_version_whose_expiry_is_no_time_is_not_restored(manager):
    write_door(manager, type="custom", declared_fields=DECLARED, value="1234", fields={"until": CANARY})
    write_door(manager, declared_fields=WITH_EXPIRY, fields={"until": "2101-01-31T02:00:00Z"})
    with pytest.raises(InvalidInput, match="field 'until' of type 'custom' is not a time") as caught:
        perform(manager, "credential", {"name": "door", "state": "restored", "version": "1"}, NOBODY)
    assert CANARY not in str(caught.value)
