# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arguments are validated on the controller as `AnsibleModule` does it."""

from __future__ import annotations

import os

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
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
        "items": {"type": "list", "elements": "dict", "options": {"fields": {"type": "dict", "no_log": True}, "size": {"type": "int"}}},
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
        ({"items": [{"feilds": {}}]}, ["items.feilds"]),
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
        with pytest.raises(UserMessage) as caught:
            validation.validate(arguments, SPECIFICATION, "credential")
        assert canary not in str(caught.value)
