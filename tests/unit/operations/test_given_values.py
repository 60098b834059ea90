# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What YAML and templates make of a value before it is stored: numbers, booleans, mappings, nothing."""

from __future__ import annotations

from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import ask

DECLARED = {"type": "custom", "declared_fields": [{"name": "pin"}, {"name": "hint"}, {"name": "floor", "secret": False}]}


@pytest.fixture
def manager():
    with closing(open_store({"backend": "memory", "audit": "off"}, name="prod")) as opened:
        yield opened


def write(manager, **parameters):
    return ask(manager, "credential", **{"name": "x", "state": "present", **parameters}).result


@pytest.mark.parametrize(
    ("parameters", "option", "words"),
    [
        ({"value": 83}, "value", "it is an int, not text. Quote it where it is set, or write '| string'."),
        ({"value": True}, "value", "it is a bool, not text. Quote it"),
        ({"value": 1.5}, "value", "it is a float, not text"),
        ({"value": {"a": 1}}, "value", "it is a dict, not text. Write it as text, with '| to_json'."),
        ({"value": []}, "value", "it is an empty list, not text. A lookup that leaves its value out returns an empty list."),
        ({"value": ["a"]}, "value", "it is a list, not text. Write it as text: names with commas in between"),
        ({"type": "ssh_key", "fields": {"principals": ["a", "b"]}}, "fields.principals", "it is a list, not text. Write it as text: names"),
        ({"fields": {"pin": 1234}}, "fields.pin", "it is an int"),
        ({"fields": {"value": 1234, "port": 1}}, "fields.value", "it is an int"),
        ({"fields": {"username": "app", "password": 1234}}, "fields.password", "it is an int"),
        ({"type": "basic", "fields": {"password": True}}, "fields.password", "it is a bool"),
        ({"type": "database", "fields": {"password": 1234, "port": 1}}, "fields.password", "it is an int"),
        (dict(DECLARED, value="word", fields={"hint": 12}), "fields.hint", "it is an int"),
        ({"type": "basic", "fields": {"username": ["a"], "password": "x"}}, "fields.username", "it is a list"),
        ({"fields": {"a": float("inf"), "value": "x"}}, "fields.a", "it is a float"),
        ({"fields": {"port": 5433}, "value": "eA==", "encoding": "base64"}, "fields.port", "it is an int"),
    ],
)
def test_a_secret_that_is_no_text_is_refused(manager, parameters, option, words):
    with pytest.raises(InvalidInput) as caught:
        write(manager, **parameters)
    assert (caught.value.option, caught.value.name, words in str(caught.value)) == (option, "x", True), str(caught.value)
    with pytest.raises(NotFound):
        manager.inspect("x")


@pytest.mark.parametrize(
    ("parameters", "field", "text"),
    [
        ({"type": "basic", "value": "word", "fields": {"username": 1001}}, "username", "1001"),
        ({"type": "database", "value": "word", "fields": {"port": 5433}}, "port", "5433"),
        ({"fields": {"value": "word", "port": 5433}}, "port", "5433"),
        ({"fields": {"value": "word", "tls": True}}, "tls", "true"),
        (dict(DECLARED, value="word", fields={"floor": 3}), "floor", "3"),
    ],
)
def test_another_field_takes_numbers_and_booleans(manager, parameters, field, text):
    """A store that knows no JSON keeps their text, and a second run finds it."""
    for changed in (True, False):
        assert write(manager, **parameters)["changed"] is changed
    assert manager.token("x", field).expose().decode() == text


@pytest.mark.parametrize(
    ("parameters", "option"),
    [
        ({"value": ""}, "value"),
        ({"value": " ", "encoding": "base64"}, "value"),
        ({"fields": {"value": ""}}, "fields.value"),
        ({"type": "database", "fields": {"host": ""}}, "fields.host"),
        ({"type": "basic", "fields": {"username": ""}}, "fields.username"),
    ],
)
def test_an_empty_value_is_refused_unless_it_is_meant(manager, parameters, option):
    write(manager, type=parameters.get("type"), value="works")
    with pytest.raises(InvalidInput) as caught:
        write(manager, **parameters)
    assert (caught.value.option, "allow_empty: true" in caught.value.remedy) == (option, True)
    assert manager.token("x").expose() == b"works"
    assert write(manager, allow_empty=True, **parameters)["changed"]


def test_each_element_may_say_that_an_empty_value_is_meant(manager):
    empty = {"name": "meant", "value": "", "allow_empty": True}
    result = ask(manager, "credential", credentials=[empty, {"name": "forgotten", "value": ""}]).result
    assert [row.get("code") for row in result["results"]] == [None, "invalid_input"]
    whole = ask(manager, "credential", allow_empty=True, credentials=[{"name": "forgotten", "value": ""}]).result
    assert not whole["failed"]


@pytest.mark.parametrize(
    "given",
    [
        {"value": 83},
        {"value": ""},
        {"fields": {"password": True}},
        {"fields": {"username": ""}},
        {"value": "works"},
        {"generate": {"length": 1}},
    ],
)
def test_a_rotation_refuses_the_same_and_is_not_begun(manager, given):
    write(manager, type="basic", value="works")
    with pytest.raises(InvalidInput):
        ask(manager, "credential_rotate", name="x", target="none", **given)
    assert manager.token("x").expose() == b"works"
    assert manager.inspect("x").metadata.lifecycle == "active"


def test_a_rotation_takes_a_number_for_another_field(manager):
    write(manager, type="database", value="works", fields={"port": 5432})
    ask(manager, "credential_rotate", name="x", target="none", value="new", fields={"port": 5433})
    assert (manager.token("x").expose(), manager.token("x", "port").expose()) == (b"new", b"5433")


def test_what_is_stored_is_not_judged(manager):
    """Only what a task gives is refused: an empty field that is there already stays."""
    write(manager, value="works", fields={"note": ""}, allow_empty=True)
    assert write(manager, value="new")["changed"]
    assert manager.token("x", "note").expose() == b""


@pytest.mark.parametrize("scope", [3.14, "deploy", ["deploy"], {"tenant": "x"}, {"tags": 5}])
@pytest.mark.parametrize("operation", ["get", "credential", "credential_info"])
def test_a_scope_of_another_type_is_refused(manager, operation, scope):
    write(manager, value="works")
    with pytest.raises(InvalidInput) as caught:
        ask(manager, operation, name="x", names=["x"], scope=scope)
    assert str(caught.value.option).startswith("scope")
