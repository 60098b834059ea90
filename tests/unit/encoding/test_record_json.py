# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of other tools in JSON: they are read as text, and written again as what they were."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.encoding.record_json import (
    read_native,
    write_native,
    write_values,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

VALUES = {
    "text": "5432",
    "empty": "",
    "number": 5432,
    "negative": -1,
    "huge": 10**30,
    "float": 1.5,
    "true": True,
    "false": False,
    "null": None,
    "list": ["a", {"b": 1}],
    "mapping": {"a": {"b": "ü"}, "c": None},
    "bytes": {"base64": "/wA="},
    "text as base64": {"base64": "aGk="},
    "no base64": {"base64": "é"},
    "more than base64": {"base64": "aGk=", "x": 1},
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_what_is_read_is_written_again(value):
    written = write_native(read_native({"field": value}))
    assert written == {"field": value}
    assert type(written["field"]) is type(value)


def test_their_text_is_their_json():
    fields = read_native(VALUES)
    read = {name: fields[name].expose().decode() for name in ("text", "number", "true", "mapping", "text as base64", "no base64")}
    expected = {"text": "5432", "number": "5432", "true": "true", "mapping": '{"a":{"b":"ü"},"c":null}', "text as base64": "hi"}
    assert read == dict(expected, **{"no base64": '{"base64":"é"}'})


def test_null_is_no_value():
    """It is not the text "null", and no store that knows no JSON keeps anything for it."""
    null = read_native({"field": None})
    assert (null["field"].is_null, null["field"].expose(), write_values(null)) == (True, b"", {})


def test_bytes_that_are_no_text_are_written_as_base64():
    assert write_native({"field": Secret(b"\xff\x00")}) == {"field": {"base64": "/wA="}}
