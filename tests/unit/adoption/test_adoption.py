# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of other tools in a store: created, compared, verified, and never written over what is there."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.adoption import adopter
from ansible_collections.nebula.credential.plugins.module_utils.adoption.registry import _FORMATS, find_format
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.adopt import ANSIBLE_VAULT, FORMATS
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.unit.adoption.stores import find


def test_a_new_name_is_created_and_read_back(target):
    row = target.row(find("db_pass"))
    assert (row["action"], row["verified"], row["type"], row["failed"]) == ("create", True, "opaque", False)
    assert target.value("db_pass") == b"one"


def test_a_second_adoption_changes_nothing(target):
    target.adopt(find("db_pass"))
    before = target.manager.get("db_pass").record.etag
    result = target.adopt(find("db_pass"))
    assert (result["changed"], result["counts"]["unchanged"], result["names"]) == (False, 1, [])
    assert target.manager.get("db_pass").record.etag == before


@pytest.mark.parametrize("value", [b"\x00\xff", b"", b" a \n", "ü€ '\"\\".encode(), b"{{ x }}", b"line\r\nline"])
def test_every_byte_arrives(target, value):
    assert target.row(find("odd", value))["verified"]
    assert target.value("odd") == value


def test_check_mode_writes_nothing_and_shows_type_and_reason(target):
    result = target.adopt(find("url", "postgresql://app:canary@db/shop"), check=True)
    row = result["results"][0]
    assert (result["changed"], row["action"], row["type"], row["verified"]) == (True, "create", "database", False)
    assert row["reason"] == "a connection string of a database"
    assert row["field"] == "connection_string"
    assert not target.manager.exists("url")
    assert "canary" not in json.dumps(result)


def test_what_is_created_gets_the_scope_and_what_is_there_keeps_its_own(target):
    scope = {"workflow": "deploy", "tags": {"tier": 1}}
    target.manager.create(DesiredCredential("free", value=Secret("theirs")))
    for name in ("db_pass", "free"):
        assert target.row(find(name), on_conflict="update", scope=scope)["verified"]
    assert target.value("free") == b"one"
    with pytest.raises(errors.AccessDenied):
        target.value("db_pass")
    assert target.row(find("db_pass"), scope=scope)["action"] == "nothing"


def test_another_value_under_the_name_is_refused_and_stays(target):
    target.manager.create(DesiredCredential("db_pass", value=Secret("theirs")))
    result = target.adopt(find("db_pass"), find("other"))
    assert (result["failed"], result["counts"]["failed"], result["counts"]["created"]) == (True, 1, 1)
    assert result["results"][0]["code"] == "duplicate"
    assert target.value("db_pass") == b"theirs"


def test_a_name_that_no_credential_can_have_is_refused_with_the_options_that_give_another_one(target):
    row = target.row(find("Web/My Site"))
    assert (row["failed"], row["code"]) == (True, "invalid_input")
    for words in ("option 'names'", "'Web/My Site' is not a credential's name", "in 'names'", "'characters: replace' in 'options'"):
        assert words in row["msg"]


def test_another_value_is_skipped_or_updated_if_that_is_said(target):
    target.manager.create(DesiredCredential("db_pass", type="basic", value=Secret("theirs"), fields={"username": Secret("app")}))
    assert target.row(find("db_pass"), on_conflict="skip")["action"] == "skip"
    assert target.value("db_pass") == b"theirs"
    row = target.row(find("db_pass"), on_conflict="update")
    assert (row["action"], row["verified"]) == ("update", True)
    assert (target.value("db_pass"), target.value("db_pass", "username")) == (b"one", b"app")
    assert target.manager.get("db_pass").record.type == "basic"


def test_a_value_that_is_there_under_another_type_is_the_same_value(target):
    target.manager.create(DesiredCredential("db_pass", type="basic", value=Secret("one")))
    assert target.row(find("db_pass"))["action"] == "nothing"


def test_a_writer_who_comes_first_keeps_its_value(target, monkeypatch):
    create = target.manager.create

    def create_late(*arguments):
        monkeypatch.undo()
        target.manager.create(DesiredCredential("db_pass", value=Secret("theirs")))
        return create(*arguments)

    monkeypatch.setattr(target.manager, "create", create_late)
    assert target.row(find("db_pass"))["code"] == "duplicate"
    assert target.value("db_pass") == b"theirs"


def test_a_value_that_comes_back_different_is_not_reported_as_adopted(target, monkeypatch):
    ensured = adopter.Adopter._find

    def find_spoiled(self, name):
        stored = ensured(self, name)
        return stored and target.manager.get("other")

    target.manager.create(DesiredCredential("other", value=Secret("x")))
    monkeypatch.setattr(adopter.Adopter, "_find", find_spoiled)
    row = target.row(find("db_pass"))
    assert (row["failed"], row["verified"], row["code"]) == (True, False, errors.StorageError.code)


def test_older_values_become_versions_and_an_adoption_that_ended_early_goes_on(target):
    older = ("two", "one")
    target.manager.create(DesiredCredential("db_pass", value=Secret("one")))
    row = target.row(find("db_pass", "three", older=older))
    assert (row["action"], row["older"]) == ("update", 2)
    assert [target.manager.get("db_pass", one.version).token().expose() for one in target.manager.versions("db_pass")] == [
        b"three",
        b"two",
        b"one",
    ]
    assert not target.adopt(find("db_pass", "three", older=older))["changed"]


def test_several_fields_are_one_credential(target):
    row = target.row(find("db", None, fields={"username": "app", "password": "one"}))
    assert (row["type"], row["fields"], row["field"]) == ("basic", ["password", "username"], None)
    assert (target.value("db"), target.value("db", "username")) == (b"one", b"app")
    assert not target.adopt(find("db", None, fields={"username": "app", "password": "one"}))["changed"]


def test_tags_and_the_description_are_taken_over(target):
    target.adopt(find("db_pass", tags=("prod",), description="the database"))
    known = target.manager.get("db_pass").metadata
    assert (dict(known.tags), known.description) == ({"prod": ""}, "the database")


def test_one_name_in_two_places_is_one_credential_only_if_the_values_are_equal(target):
    row = target.row(find("a", origin="x"), find("a", origin="y"))
    assert (row["origins"], row["action"]) == (["x", "y"], "create")
    row = target.row(find("b", "one", origin="x"), find("b", "two", origin="y"))
    assert (row["code"], row["failed"]) == ("duplicate", True)
    assert "x; y" in row["msg"]
    assert not target.manager.exists("b")


def test_the_advice_for_two_values_of_one_name_is_true_of_that_name_alone(target):
    """The others are written, and the two values may be lines of one file."""
    result = target.adopt(find("b", "one", origin="x, line 1"), find("b", "two", origin="x, line 2"), find("c"))
    assert target.manager.exists("c")
    assert "It was not written. Keep one of them" in result["msg"]
    assert "Nothing was written" not in result["msg"]


def test_a_key_that_is_no_name_is_its_own_failure(target):
    result = target.adopt(find("not a name"), find("a"))
    assert [row["code"] for row in result["results"] if row["failed"]] == ["invalid_input"]
    assert result["counts"]["created"] == 1


def test_a_report_has_every_row_and_no_value(target, tmp_path):
    path = tmp_path / "report.json"
    target.adopt(find("a", "canary-one"), find("b", "canary-two"), report=str(path))
    content = path.read_text()
    assert [row["name"] for row in json.loads(content)["results"]] == ["a", "b"]
    assert "canary" not in content
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_unknown_answer_to_a_collision_is_refused(target):
    with pytest.raises(errors.InvalidInput, match="on_conflict"):
        target.adopt(find("a"), on_conflict="replace")


def test_every_format_that_the_module_names_has_a_reader():
    assert set(FORMATS) == {ANSIBLE_VAULT, *_FORMATS}
    for name in _FORMATS:
        assert callable(find_format(name).read)
    with pytest.raises(errors.InvalidInput, match="dotenv"):
        find_format("dotenvs")


def test_a_name_with_half_of_a_surrogate_pair_is_in_the_report(target, tmp_path):
    report = tmp_path / "report.json"
    result = target.adopt(find("a\udcff"), report=str(report))
    assert result["results"][0]["code"] == "invalid_input"
    assert json.loads(report.read_text().replace("\\u", "\\\\u"))["counts"]["failed"] == 1
