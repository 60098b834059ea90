# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Python itself may print: the repr of every public class, also inside a traceback with its locals."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pickle
import traceback
from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.canary import canaries
from tests.canary.search import Searcher
from tests.conftest import CHECKOUT
from tests.house.source import LIBRARY, OURS, SourceTree


def public_classes():
    """Every public class of the library, by its module and name. The folders have no __init__.py, so the files are looked for."""
    found = {}
    for source in SourceTree(CHECKOUT).python("plugins/module_utils"):
        module = importlib.import_module(OURS + ".".join(source.path.with_suffix("").relative_to(CHECKOUT / "plugins").parts))
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__ and not name.startswith("_"):
                found["{0}.{1}".format(module.__name__.removeprefix(LIBRARY), name)] = kind
    return found


def may_hold_a_secret(field: dataclasses.Field[Any]) -> bool:
    kind = str(field.type)
    return any(word in kind for word in ("Secret", "bytes", "Fields"))


CLASSES = public_classes()
VALUES = {name: kind for name, kind in CLASSES.items() if dataclasses.is_dataclass(kind)}


@pytest.mark.parametrize("name", VALUES)
def test_no_value_class_shows_what_it_holds(name):
    """Every field that can hold a secret is filled with one; the others are left empty, unchecked by the constructor."""
    canary = canaries.make()
    filled = object.__new__(VALUES[name])
    for field in dataclasses.fields(VALUES[name]):
        held = {"field": Secret(canary)} if "Fields" in str(field.type) or "Mapping" in str(field.type) else Secret(canary)
        object.__setattr__(filled, field.name, held if may_hold_a_secret(field) else None)
    shown = "{0!r} {0!s}".format(filled)
    assert Searcher({"canary": canary}).hits([(name, shown.encode())]) == []


@pytest.mark.parametrize("show", [repr, str, "{0}".format, "{0!r:>30}".format, ascii], ids=["repr", "str", "format", "padded", "ascii"])
def test_a_secret_is_redacted_however_it_is_shown(show):
    canary = canaries.make()
    assert Searcher({"canary": canary}).hits([("shown", show(Secret(canary)).encode())]) == []


@pytest.mark.parametrize("encode", [json.dumps, pickle.dumps], ids=["json", "pickle"])
def test_a_secret_is_encoded_by_nothing(encode):
    with pytest.raises(TypeError) as raised:
        encode(Secret(canaries.make()))
    assert "canary" not in str(raised.value)


def test_a_traceback_with_locals_shows_no_secret():
    canary = canaries.make()
    held = Secret(canary)
    try:
        held.no_such_attribute  # noqa: B018 - failing is what it is for
    except AttributeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    shown = "\n".join(line for line in shown.splitlines() if not line.strip().startswith("canary ="))
    assert Searcher({"canary": canary}).hits([("traceback", shown.encode())]) == []
