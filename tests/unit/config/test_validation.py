# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arguments are validated on the controller as `AnsibleModule` does it."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace

import pytest
from ansible._internal._templating._utils import Omit

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import CREDENTIAL
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import FIND, GET
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.config import validation
from ansible_collections.nebula.credential.plugins.plugin_utils.output.ansible_errors import UserMessage

SPECIFICATION = Specification(
    argument_spec={
        "new": {
            "type": "int",
            "aliases": ["old"],
            "deprecated_aliases": [{"name": "old", "version": "9.0.0", "collection_name": "nebula.credential"}],
        },
        "leaving": {"type": "str", "removed_in_version": "9.0.0", "removed_from_collection": "nebula.credential"},
        "value": {"type": "str", "no_log": True, "choices": ["a", "b"]},
        "items": {
            "type": "list",
            "elements": "dict",
            "options": {
                "fields": {"type": "dict", "no_log": True},
                "name": {"type": "str", "required": True},
                "size": {"type": "int"},
                "way": {"type": "str", "choices": ["a", "b"]},
                "parts": {"type": "list", "elements": "dict", "options": {"x": {"type": "str"}}},
                "deep": {"type": "dict", "options": {"x": {"type": "str"}}},
            },
            "mutually_exclusive": [["size", "way"]],
        },
        "place": {"type": "dict", "options": {"user": {"type": "str"}, "login_password": {"type": "str", "no_log": True}}},
        "raw": {"type": "raw", "no_log": True},
        "store": {"type": "raw"},
        "names": {"type": "list", "elements": "str"},
    },
    required_together=[("new", "leaving")],
)


@pytest.fixture
def said(monkeypatch):
    """What the display was told."""
    lines = []

    class Display:
        def warning(self, text):
            lines.append(text)

        def deprecated(self, text, version, **_more):
            lines.append((text, version))

    monkeypatch.setattr(validation, "Display", Display)
    return lines


def test_values_are_converted_and_defaults_set():
    found = validation.validate({"new": "5", "leaving": "x"}, SPECIFICATION, "credential")
    assert (found["new"], found["value"], found["items"]) == (5, None, None)


def test_aliases_and_deprecations_are_told(said):
    validation.validate({"new": 1, "old": 1, "leaving": "x"}, SPECIFICATION, "credential")
    assert any("Both option" in str(line) for line in said)
    assert any("'old' is deprecated" in line[0] and line[1] == "9.0.0" for line in said if isinstance(line, tuple))
    assert any("'leaving'" in line[0] for line in said if isinstance(line, tuple))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"nwe": 1}, ["Unsupported parameters for (nebula.credential.credential) module: nwe", "items"]),
        ({"new": 1, "leavng": "x"}, ["Unsupported parameters for (nebula.credential.credential) module: leavng", "leaving"]),
        ({"items": [{"name": "a"}, {"feilds": {}}]}, ["items[1]: Unsupported parameters: feilds", "'fields' in place of 'feilds'"]),
        ({"items": [{"name": "app/x", "deep": {"y": 1}}]}, ["items[0] (app/x): Unsupported parameters: deep.y"]),
        ({"items": [{"name": "a"}, {"name": "b", "size": "large"}]}, ["items[1] (b): ", "size", "int"]),
        ({"items": [{"name": "a"}, {"size": 2}]}, ["items[1]: missing required arguments: name"]),
        ({"items": [{"name": "a", "way": "c"}]}, ["items[0] (a): value of way must be one of: a, b"]),
        ({"items": [{"name": "a", "size": 1, "way": "a"}]}, ["items[0] (a): parameters are mutually exclusive: size|way"]),
        ({"items": [{"name": "a", "parts": [{}, {"z": 1}]}]}, ["items[0] (a).parts[1]: Unsupported parameters: z"]),
        ({"new": "many", "leaving": "x"}, ["new", "int"]),
        ({"new": 1}, ["required together: new, leaving"]),
    ],
)
def test_mistakes_are_told_in_the_modules_words(arguments, words):
    with pytest.raises(UserMessage) as caught:
        validation.validate(arguments, SPECIFICATION, "credential")
    for word in words:
        assert word in str(caught.value)


def test_a_message_holds_no_value_of_a_secret_option(monkeypatch):
    monkeypatch.setattr(validation.masking, "register_secrets", None)
    canary = "canary-" + os.urandom(4).hex()
    for arguments in ({"value": canary}, {"items": [{"fields": {"x": canary}, "size": canary}]}, {"items": [{"fields": canary}]}):
        with pytest.raises((UserMessage, InvalidInput)) as caught:
            validation.validate(arguments, SPECIFICATION, "credential")
        assert canary not in str(caught.value)


def test_true_is_no_number():
    """ansible-core reads it as 1."""
    for arguments, option in (({"new": True}, "new"), ({"items": [{"name": "a", "size": False}]}, "items[0] (a).size")):
        with pytest.raises(InvalidInput) as caught:
            validation.validate(arguments, SPECIFICATION, "credential")
        assert (caught.value.option, caught.value.what) == (option, "it is a bool, and cannot be read as int")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ({"place": 3.14}, "place"),
        ({"place": [1]}, "place"),
        ({"place": "nowhere"}, "place"),
        ({"items": [{"name": "a"}, 3.14]}, "items[1]"),
        ({"items": 7}, "items[0]"),
        ({"items": [{}, {"deep": 3}]}, "items[1].deep"),
    ],
)
def test_another_type_where_an_option_has_options_is_refused_by_its_name(arguments, option):
    with pytest.raises(InvalidInput) as caught:
        validation.validate(arguments, SPECIFICATION, "credential")
    assert (caught.value.option, caught.value.code) == (option, "invalid_input")


def test_a_mapping_is_read_in_each_form():
    for place in ({"user": "app"}, '{"user": "app"}', "{'user': 'app'}", "user=app"):
        assert validation.validate({"place": place}, SPECIFICATION, "credential")["place"] == {"user": "app", "login_password": None}


def test_a_login_in_a_mapping_that_is_text_is_masked(monkeypatch):
    masked = []
    monkeypatch.setattr(validation.masking, "register", lambda secrets: masked.extend(secret.expose() for secret in secrets))
    for place in ('{"login_password": "canary-1"}', "login_password=canary-1 user=app"):
        masked.clear()
        validation.validate({"place": place}, SPECIFICATION, "credential")
        assert masked == [b"canary-1"]


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ({"value": 83}, "value"),
        ({"value": True}, "value"),
        ({"raw": dt.date(2027, 1, 31)}, "raw"),
        ({"raw": {"a": [dt.datetime(2027, 1, 31, tzinfo=dt.timezone.utc)]}}, "raw.a"),
        ({"value": dt.date(2027, 1, 31)}, "value"),
        ({"place": {"login_password": 83}}, "place.login_password"),
        ({"items": [{"fields": {"day": dt.date(2027, 1, 31)}}]}, "items[0].fields.day"),
    ],
)
def test_a_secret_that_yaml_has_changed_is_refused(arguments, option):
    with pytest.raises(InvalidInput) as caught:
        validation.validate(arguments, SPECIFICATION, "credential")
    assert caught.value.option == option


def test_an_option_that_is_omitted_is_not_given():
    found = validation.validate(
        {"value": Omit, "items": [{"name": "a", "size": Omit, "fields": {"x": "y", "z": Omit}}]}, SPECIFICATION, "credential"
    )
    assert (found["value"], found["items"]) == (
        None,
        [{"name": "a", "size": None, "fields": {"x": "y"}, "deep": None, "way": None, "parts": None}],
    )


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ({"new": 1, "leaving": ""}, "leaving"),
        ({"place": {"user": ""}}, "place.user"),
        ({"place": "user="}, "place.user"),
        ({"store": ""}, "store"),
        ({"names": ["a", ""]}, "names[1]"),
        ({"names": ""}, "names[0]"),
        ({"items": [{"name": "a"}, {"name": "b", "deep": {"x": ""}}]}, "items[1] (b).deep.x"),
    ],
)
def test_an_empty_text_is_refused_by_the_name_of_its_option(arguments, option):
    with pytest.raises(InvalidInput, match=r"it is empty\. Leave it out, or use omit\.") as caught:
        validation.validate(arguments, SPECIFICATION, "credential")
    assert (caught.value.option, caught.value.code) == (option, "invalid_input")


def test_null_and_omit_are_not_given_and_a_mapping_of_the_user_may_hold_empty_texts():
    found = validation.validate({"store": None, "raw": "x", "names": [], "items": [{"name": "a", "fields": {"x": ""}}]}, SPECIFICATION)
    assert (found["store"], found["names"], found["items"][0]["fields"]) == (None, [], {"x": ""})
    assert validation.validate({"store": Omit, "place": {"user": Omit}}, SPECIFICATION)["store"] is None


def test_an_empty_text_is_taken_where_it_has_a_meaning():
    written = {
        "name": "x",
        "value": "",
        "description": "",
        "declared_fields": [{"name": "pin", "primary": True}, {"name": "site", "secret": False, "default": "", "description": ""}],
    }
    assert validation.validate(written, CREDENTIAL, "credential")["description"] == ""
    assert validation.validate({"prefix": "", "default": ""}, replace(FIND, argument_spec={**FIND.argument_spec, **GET.argument_spec}))
