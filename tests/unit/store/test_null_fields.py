# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Null for a field: a secret one keeps what is stored, another is removed."""

from __future__ import annotations

import pytest

from tests.unit.store.managing import run

DECLARED = [{"name": "password"}, {"name": "pin"}, {"name": "host", "secret": False}]
SECRETS = {
    "the primary field of a type": ({"type": "basic", "fields": {"password": "one", "username": "app"}}, "password"),
    "a database's password": ({"type": "database", "value": "one", "fields": {"host": "h"}}, "password"),
    "the value of an opaque one": ({"value": "one"}, "value"),
    "an opaque one's field that get returns": ({"fields": {"password": "one", "username": "app"}}, "password"),
    "a declared secret that is not primary": (
        {"type": "custom", "declared_fields": DECLARED, "fields": {"password": "x", "pin": "one"}},
        "pin",
    ),
}
OTHERS = {
    "a field that is no secret": ({"type": "basic", "fields": {"password": "one", "username": "app"}}, "username"),
    "another field of an opaque one": ({"fields": {"password": "one", "stale": "app"}}, "stale"),
}


@pytest.mark.parametrize(("stored", "field"), SECRETS.values(), ids=SECRETS)
def test_a_secret_that_is_null_keeps_what_is_stored(manager, stored, field):
    run(manager, **stored)
    result = run(manager, fields={field: None})
    assert (result["changed"], result["generated"]) == (False, False)
    assert manager.token("db", field).expose() == b"one"


@pytest.mark.parametrize(("stored", "field"), OTHERS.values(), ids=OTHERS)
def test_another_field_that_is_null_is_removed_once(manager, stored, field):
    run(manager, **stored)
    assert run(manager, fields={field: None})["changed"]
    assert field not in manager.describe("db")["field_names"]
    assert not run(manager, fields={field: None})["changed"]


@pytest.mark.parametrize("parameters", [{"type": "basic", "fields": {"password": None}}, {"fields": {"value": None}}])
def test_a_secret_that_is_null_is_generated_once_if_none_is_stored(manager, parameters):
    assert run(manager, **parameters)["generated"]
    generated = manager.token("db").expose()
    assert not run(manager, **parameters)["changed"]
    assert manager.token("db").expose() == generated


def test_value_can_be_given_with_a_primary_field_that_is_null(manager):
    run(manager, type="basic", value="one", fields={"password": None})
    assert manager.token("db").expose() == b"one"


def test_a_secret_field_goes_with_its_declaration(manager):
    run(manager, type="custom", declared_fields=DECLARED, fields={"password": "x", "pin": "one"})
    run(manager, declared_fields=[DECLARED[0], DECLARED[2]], type="custom", fields={"pin": None})
    assert manager.describe("db")["field_names"] == ["password"]
