# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of other tools that the tests have, and what each has to give."""

from __future__ import annotations

import base64
import zipfile
from importlib import import_module
from typing import Any, Dict, List

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from tests.conftest import CHECKOUT

PLACE = CHECKOUT / "tests" / "fixtures" / "adoption"
EXPECTED: Dict[str, Any] = yaml.safe_load((PLACE / "expected.yml").read_text(encoding="utf-8"))
FORMATS = "ansible_collections.nebula.credential.plugins.module_utils.adoption.formats."
FILES = {"pass": "pass_store", "netrc": "netrc_file"}
"""The file of a format, where it has another name: `pass` is a word of Python, and `netrc` a module of it."""


def names_of(*formats: str) -> List[str]:
    """The files of some formats, as `expected.yml` names them."""
    return [name for name in EXPECTED if name.split("/")[0] in formats]


def read(format_name: str, path: Any, **options: Any) -> List[Any]:
    """All that a file gives."""
    module = import_module(FORMATS + FILES.get(format_name, format_name))
    return list(module.read(str(path), options))


def refusal(format_name: str, path: Any, **options: Any) -> CredentialError:
    """The error that refuses a file. It names the file, and chains no error of a library."""
    with pytest.raises(CredentialError) as caught:
        read(format_name, path, **options)
    error = caught.value
    assert str(path) in str(error)
    assert error.remedy
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error


def check(expected: Any, format_name: str, path: Any, **options: Any) -> None:
    """Check that a file gives these entries, or that it is refused for this reason."""
    if isinstance(expected, str):
        assert expected in refusal(format_name, path, **options).what
        return
    found = read(format_name, path, **options)
    assert [describe(each) for each in found] == [complete(each) for each in expected]
    for each, wanted in zip(found, expected):
        assert each.origin.startswith("{0}, {1}".format(path, wanted.get("origin", "")))


def describe(found: Any) -> Dict[str, Any]:
    """An entry without its place."""
    return {part: value for part, value in found._asdict().items() if part not in ("origin", "description")}


def complete(expected: Dict[str, Any]) -> Dict[str, Any]:
    """What `expected.yml` says of an entry, with what it leaves out."""
    fields = {name: _value(value) for name, value in expected.get("fields", {}).items()}
    return {
        "name": expected["name"],
        "value": _value(expected.get("value")),
        "fields": fields,
        "type": expected.get("type"),
        "tags": tuple(expected.get("tags", ())),
        "older": tuple(expected.get("older", ())),
    }


def _value(written: Any) -> Any:
    return base64.b64decode(written["base64"]) if isinstance(written, dict) else written


def pack_1pux(data: bytes, path: Any) -> Any:
    """Write an export of 1Password with this `export.data`, and the one file that the tests have."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("export.attributes", '{"version":3,"description":"1Password Unencrypted Export","createdAt":1641849283}')
        archive.writestr("export.data", data)
        archive.writestr("files/o2xjvw2q5j2yx6rtpxfjdqopom__license.bin", b"\x00\x01\xfe\xff")
    return path
