# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may import what: the order of the rooms, and no circles of files."""

from __future__ import annotations

import pytest

from tests.house.rooms import CHECKOUT, OURS, find_circles, find_climbing_imports

PLUGINS = CHECKOUT / "plugins"


def test_an_import_goes_down_only():
    assert find_climbing_imports(PLUGINS) == []


def test_no_files_import_one_another():
    assert find_circles(PLUGINS) == []


@pytest.fixture
def plant(tmp_path):
    """Writes files of a tree like `plugins`, each with the imports given, and returns the tree."""

    def write(**files):
        for name, imported in files.items():
            path = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("def late():\n    " + "\n    ".join("import " + OURS + other for other in imported or ["os"]) + "\n")
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"module_utils__model__a": ["module_utils.store.b"], "module_utils__store__b": []}, "model imports store"),
        ({"module_utils__audit__a": ["module_utils.metrics.b"], "module_utils__metrics__b": []}, "audit imports metrics"),
        ({"plugin_utils__session__a": ["plugin_utils.client.b"], "plugin_utils__client__b": []}, "session imports client"),
        ({"plugin_utils__session__a": ["lookup.get"], "lookup__get": []}, "plugin_utils imports lookup"),
        ({"module_utils__store__a": ["plugin_utils.session.b"], "plugin_utils__session__b": []}, "module_utils imports plugin_utils"),
        ({"modules__a": ["plugin_utils.session.b"], "plugin_utils__session__b": []}, "modules imports plugin_utils"),
        ({"plugin_utils__session__a": ["modules.b"], "modules__b": []}, "plugin_utils imports modules"),
        ({"attic__a": []}, "the room attic is not in the order"),
        ({"module_utils__cellar__a": []}, "the room cellar is not in the order"),
        ({"module_utils__loose": []}, "the room loose is not in the order"),
        ({"action__a": ["lookup.get"], "lookup__get": []}, "action imports lookup"),
    ],
)
def test_an_import_that_climbs_is_found_and_both_rooms_are_named(plant, files, found):
    (sentence,) = find_climbing_imports(plant(**files))
    assert found in sentence


def test_an_import_that_goes_down_is_not_found(plant):
    tree = plant(
        plugin_utils__client__a=["module_utils.store.b"], module_utils__store__b=["module_utils.model.c"], module_utils__model__c=[]
    )
    assert find_climbing_imports(tree) == []


def test_a_circle_is_found_whole_though_it_is_closed_inside_a_function(plant):
    tree = plant(
        module_utils__model__a=["module_utils.model.b"],
        module_utils__model__b=["module_utils.model.c"],
        module_utils__model__c=["module_utils.model.a"],
        module_utils__model__d=["module_utils.model.a"],
    )
    assert find_circles(tree) == [["module_utils/model/a.py", "module_utils/model/b.py", "module_utils/model/c.py"]]
