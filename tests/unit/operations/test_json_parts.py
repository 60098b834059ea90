# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of a field that holds JSON, read and written by a path."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.unit.store.managing import ask, create, run

DOCUMENT = {
    "app": {"user": "ann", "port": 5432, "on": True, "none": None, "hosts": ["one", {"name": "two"}]},
    "app.user": "literal",
    "ü": "é",
}


@pytest.fixture
def stored(manager):
    create(manager, value=Secret(json.dumps(DOCUMENT)))
    return manager


def read(manager, field, **options):
    return ask(manager, "get", name="db", field=field, **options).result["value"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("value.app.port", "5432"),
        ("value.app.on", "true"),
        ("value.app.hosts.0", "one"),
        ("value.app.hosts.1.name", "two"),
        ("value.app.hosts.1", '{"name": "two"}'),
        ("value.app.user", "literal"),
        ("value.ü", "é"),
    ],
)
def test_a_path_reads_a_part(stored, path, value):
    assert read(stored, path) == value


def test_a_field_with_dots_comes_before_a_path(manager):
    create(manager, value=None, fields={"a": Secret('{"b": "part"}'), "a.b": Secret("field")})
    assert read(manager, "a.b") == "field"


def test_a_field_with_dots_can_be_the_beginning_of_a_path(manager):
    create(manager, value=None, fields={"a.b": Secret('{"c.d": "part"}')})
    assert read(manager, "a.b.c.d") == "part"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nothing.app", "there is no value in field 'nothing'"),
        ("value.nothing.user", "there is no 'nothing' in 'value'"),
        ("value.app.hosts.2", "there is no '2' in 'value.app.hosts'"),
        ("value.app.port.x", "there is no 'x' in 'value.app.port'"),
        ("value.app.none", "there is no value in 'value.app.none'"),
    ],
)
def test_a_part_that_is_missing_is_a_missing_value(stored, path, words):
    with pytest.raises(NoToken, match=words):
        read(stored, path)


def test_text_has_no_parts(manager):
    create(manager)
    with pytest.raises(NoToken, match="no JSON object or list, so it has no part 'x'"):
        read(manager, "value.x")


def test_a_part_of_a_secret_field_is_masked(stored):
    (secret,) = ask(stored, "get", name="db", field="value.app.hosts.0").secrets
    assert secret.expose() == b"one"


def test_parts_can_be_read_together(stored):
    result = ask(stored, "get", name="db", fields=["value.app.port", "value.app.hosts.0"]).result["value"]
    assert result == {"value.app.port": "5432", "value.app.hosts.0": "one"}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("value.app.new", "x", lambda data: data["app"].update(new="x")),
        ("value.app.deep.er", "x", lambda data: data["app"].update(deep={"er": "x"})),
        ("value.app.port", 5433, lambda data: data["app"].update(port=5433)),
        ("value.app.hosts.1.name", "x", lambda data: data["app"]["hosts"][1].update(name="x")),
        ("value.app.user", "x", lambda data: data.update({"app.user": "x"})),
        ("value.app.on", None, lambda data: data["app"].pop("on")),
        ("value.app.hosts.0", None, lambda data: data["app"]["hosts"].pop(0)),
        ("value.app.none", {"a": [1]}, lambda data: data["app"].update(none={"a": [1]})),
    ],
)
def test_a_write_by_a_path_keeps_the_rest_and_is_made_once(stored, path, value, expected):
    wanted = json.loads(json.dumps(DOCUMENT))
    expected(wanted)
    assert run(stored, fields={path: value})["changed"]
    assert json.loads(stored.token("db").expose()) == wanted
    if "hosts.0" not in path:  # what was removed from a list has another in its place
        assert not run(stored, fields={path: value})["changed"]


def test_two_parts_of_one_field_are_written_together(stored):
    version = stored.inspect("db").version
    run(stored, fields={"value.app.a": "1", "value.app.b": "2"})
    assert (read(stored, "value.app.a"), read(stored, "value.app.b")) == ("1", "2")
    assert int(stored.inspect("db").version) == int(version) + 1


def test_a_part_that_is_the_same_already_leaves_the_spelling_as_it_is(manager):
    create(manager, value=Secret('{ "a" :\n"b" }'))
    assert not run(manager, fields={"value.a": "b"})["changed"]
    assert manager.token("db").expose() == b'{ "a" :\n"b" }'


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"value.app.port.x": "1"}, "there is no place for 'x' of 'value.app.port.x'"),
        ({"value.app.hosts.7": "1"}, "there is no place for '7'"),
        ({"value.app": "1", "value": "2"}, "'value.app' is a part of 'value', which is given, too"),
        ({"value.app.hosts.0": 5}, "Quote the new value"),
    ],
)
def test_a_part_that_has_no_place_is_refused_and_nothing_is_written(stored, fields, words):
    with pytest.raises(InvalidInput) as caught:
        run(stored, fields=fields)
    assert words in str(caught.value)
    assert json.loads(stored.token("db").expose()) == DOCUMENT


def test_a_name_with_dots_is_a_field_where_no_json_is_stored(manager):
    create(manager, value=None, fields={"tls": Secret("text")})
    run(manager, fields={"tls.key": "k"})
    assert manager.inspect("db").fields["tls.key"].expose() == b"k"
