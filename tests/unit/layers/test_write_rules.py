# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a store hold for the module, rotations and migrations, and stop nothing that has begun."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from tests.unit.store.managing import create

LONG = "long-enough-for-the-rule"


def write(manager, check=False, **parameters):
    return perform(manager, "credential", {"name": "db", "state": "present", **parameters}, NOBODY, check).result


def rotate(manager, phase, **parameters):
    return perform(manager, "credential_rotate", {"name": "db", "phase": phase, **parameters}, NOBODY, False).result


@pytest.fixture
def under(stores):
    """Opens the test's store under these rules."""
    return lambda **rules: stores.local("ruled", **({"rules": rules} if rules else {}))


NEW = {
    "a short value": ({"min_length": 12}, {"value": "short"}, "fewer than 12 characters"),
    "a short password of a type": (
        {"min_length": 12},
        {"type": "basic", "fields": {"username": "a-long-enough-name", "password": "short"}},
        "the value of 'password' has fewer than 12",
    ),
    "a short generated one": ({"min_length": 12}, {"generate": {"length": 8}}, "fewer than 12"),
    "no tag": (
        {"require_tags": ["owner", "env"]},
        {"value": "x", "tags": {"env": "a"}},
        "lacks tags that 'rules' of this store requires: owner",
    ),
    "no expiry": ({"require_expiry": True}, {"value": "x"}, "it does not expire"),
    "another name": ({"name_pattern": "shop/.+"}, {"value": "x"}, "does not match the pattern"),
}
ALLOWED = {
    "a long value": ({"min_length": 12}, {"value": "twelve-chars"}),
    "characters, not bytes": ({"min_length": 3}, {"value": "äöü"}),
    "all tags": ({"require_tags": ["owner"]}, {"value": "x", "tags": ["owner"]}),
    "an expiry": ({"require_expiry": True}, {"value": "x", "ttl": "90d"}),
    "a name that matches": ({"name_pattern": "d."}, {"value": "x"}),
}


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
@pytest.mark.parametrize(("rules", "wanted", "words"), NEW.values(), ids=NEW)
def test_a_new_credential_against_a_rule_is_refused(under, rules, wanted, words, check):
    manager = under(**rules)
    with pytest.raises(InvalidInput) as caught:
        write(manager, check, **wanted)
    assert words in str(caught.value)
    with pytest.raises(NotFound):
        manager.inspect("db")


@pytest.mark.parametrize(("rules", "wanted"), ALLOWED.values(), ids=ALLOWED)
def test_one_that_keeps_them_is_stored(under, rules, wanted):
    assert write(under(**rules), **wanted)["changed"]


def test_a_new_value_is_held_to_them_and_an_old_one_stays(under):
    write(under(), value="short")
    manager = under(min_length=12, require_tags=["owner"])
    assert write(manager, description="later")["changed"]
    for check in (True, False):
        with pytest.raises(InvalidInput, match="fewer than 12"):
            write(manager, check, value="other")
    assert manager.token("db").expose() == b"short"
    assert write(manager, value=LONG)["changed"]


def test_a_change_of_tags_is_held_to_them(under):
    write(under(), value="x", tags={"owner": "a", "env": "b"})
    manager = under(require_tags=["owner"])
    assert write(manager, tags={"owner": "c"})["changed"]
    for check in (True, False):
        with pytest.raises(InvalidInput, match="lacks tags"):
            write(manager, check, tags={"env": "b"})


def test_a_value_is_not_used_again(under):
    manager = under(different_from_last=2)
    for value in ("one", "two", "three"):
        write(manager, value=value)
    for check in (True, False):
        with pytest.raises(InvalidInput, match="is that of version 2"):
            write(manager, check, value="two")
    assert write(manager, value="one")["changed"]


def test_a_change_of_another_field_is_no_new_value(under):
    manager = under(different_from_last=3, min_length=3)
    write(manager, type="basic", fields={"username": "a", "password": "word"})
    assert write(manager, fields={"username": "b"})["changed"]


def test_an_old_version_against_a_rule_is_not_restored(under):
    manager = under(different_from_last=5)
    write(manager, value="one")
    write(manager, value="two")
    with pytest.raises(InvalidInput, match="is that of version 1"):
        perform(manager, "credential", {"name": "db", "state": "restored", "version": "1"}, NOBODY)


def test_a_rotation_to_a_value_against_a_rule_ends_before_anything_is_sent(under):
    manager = under(min_length=12, different_from_last=3)
    write(manager, value=LONG)
    with pytest.raises(InvalidInput, match="fewer than 12"):
        rotate(manager, "prepare", value="short")
    with pytest.raises(NotFound):
        manager.inspect("db", stage="pending")


def test_a_rotation_is_completed_and_taken_back_under_rules_that_came_later(under):
    write(under(), value="short")
    rotate(under(), "prepare", value="also", grace="1h")
    manager = under(min_length=12, different_from_last=5, require_expiry=True, require_tags=["owner"], name_pattern="never")
    rotate(manager, "test", accepted=True, wrong_refused=True)
    rotate(manager, "commit", grace="1h")
    assert manager.token("db").expose() == b"also"
    rotate(manager, "rollback", target="none")
    assert manager.token("db").expose() == b"short"


def test_a_migration_of_a_value_against_a_rule_writes_nothing(stores, under):
    source = stores.local("source")
    create(source, "db", value=Secret("x"))
    write(source, value="short")
    destination = under(min_length=12)
    for check in (True, False):
        result = perform(source, "migrate", {"names": ["db"]}, NOBODY, check, beside={"to": destination}).result
        assert "fewer than 12" in str(result)
    with pytest.raises(NotFound):
        destination.inspect("db")


def test_a_migration_takes_older_values_along(stores, under):
    source = stores.local("source")
    for value in ("one", "two", "one", LONG):
        write(source, value=value)
    destination = under(min_length=12, different_from_last=5)
    perform(source, "migrate", {"names": ["db"]}, NOBODY, False, beside={"to": destination})
    assert destination.token("db").expose() == LONG.encode()
    assert len(destination.versions("db")) == 4


def test_a_refusal_is_in_the_audit_trail(stores):
    manager = stores.local("audited", rules={"min_length": 12})
    write(manager, value=LONG)
    with pytest.raises(InvalidInput):
        write(manager, value="short")
    manager.flush()
    trail = (stores.directory / "audited" / ".nebula" / "audit.jsonl").read_text(encoding="utf-8")
    assert "invalid_input" in trail


@pytest.mark.parametrize(
    ("rules", "option"),
    [
        ({"min_lenght": 8}, "rules.min_lenght"),
        ({"min_length": 0}, "rules.min_length"),
        ({"different_from_last": 99}, "rules.different_from_last"),
        ({"name_pattern": "("}, "rules.name_pattern"),
        ({"require_expiry": False}, "rules"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_name(stores, rules, option):
    with pytest.raises(InvalidConfiguration) as caught:
        stores.local("wrong", rules=rules)
    assert caught.value.option == option
