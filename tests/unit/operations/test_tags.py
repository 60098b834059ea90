# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.operations.tags import read_tags, read_wanted_tags
from ansible_collections.nebula.credential.plugins.module_utils.operations.write import read_desired
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import (
    LONGEST_METADATA,
    read_free_metadata,
    write_free_metadata,
)


@pytest.mark.parametrize(
    ("given", "tags", "wanted"),
    [
        (None, None, {}),
        ({}, {}, {}),
        ([], {}, {}),
        ({"team": "web", "tier": 1}, {"team": "web", "tier": "1"}, {"team": "web", "tier": "1"}),
        (["production", "api"], {"production": "", "api": ""}, {"production": None, "api": None}),
        ("team=web", {"team": "web"}, {"team": "web"}),
        ('{"team": "web"}', {"team": "web"}, {"team": "web"}),
    ],
)
def test_tags_are_a_mapping_or_a_list_of_names(given, tags, wanted):
    assert read_tags(given) == tags
    assert read_wanted_tags(given) == wanted


@pytest.mark.parametrize("given", [5, "canary", [{"team": "web"}], [1], [""], {"a": ["b"]}, {"a": None}])
def test_other_tags_are_refused_with_both_forms(given):
    with pytest.raises(InvalidInput, match="option 'tags") as caught:
        read_desired({"name": "db", "tags": given})
    assert "canary" not in str(caught.value)


def test_the_tags_of_a_scope_have_values():
    with pytest.raises(InvalidInput, match=r"scope\.tags"):
        read_desired({"name": "db", "scope": {"tags": ["production"]}})


@pytest.mark.parametrize("free", [{"a": float("nan")}, {"a": object()}, {"a": {1, 2}}, {("a",): 1}])
def test_metadata_that_is_no_json_is_refused(free):
    with pytest.raises(InvalidInput) as caught:
        write_free_metadata({}, free)
    assert caught.value.option == "metadata"


def test_metadata_is_bounded():
    deep = {}
    for _level in range(100000):
        deep = {"a": deep}
    with pytest.raises(InvalidInput):
        write_free_metadata({}, deep)
    with pytest.raises(TooLarge, match="65536"):
        write_free_metadata({}, {"a": "x" * LONGEST_METADATA})
    assert read_free_metadata(write_free_metadata({"fields": []}, {"a": 1.5})) == {"a": 1.5}


@pytest.mark.parametrize("stored", [None, 5, "{", "[1]", "[" * 100000])
def test_metadata_that_another_tool_has_spoilt_reads_as_none(stored):
    assert read_free_metadata({"metadata": stored}) == {}
