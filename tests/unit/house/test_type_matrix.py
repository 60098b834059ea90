# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of what each type can do is the one of the types of now, and the page names every type and field."""

from __future__ import annotations

import re

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.types.registry import TYPES, type_named
from tests.house.write_type_matrix import BEGIN, CAPABILITIES, HEAD, PAGE, build_matrix, put_matrix

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_is_the_one_of_the_types_of_now():
    assert put_matrix(TEXT) == TEXT, "run python -m tests.house.write_type_matrix"


def test_every_capability_has_a_column_and_every_type_a_row():
    assert HEAD.splitlines()[0].lower().split(" | ")[1 : 1 + len(CAPABILITIES)] == list(CAPABILITIES)
    assert re.findall(r"^\| `(\w+)` \|", build_matrix(), re.MULTILINE) == list(TYPES)


def test_a_page_without_a_place_for_the_table_is_refused():
    with pytest.raises(ValueError, match="no marks"):
        put_matrix(TEXT.replace(BEGIN, ""))


@pytest.mark.parametrize("name", [name for name in TYPES if name != "custom"])
def test_the_page_names_every_field_of_a_type(name):
    row = next(line for line in TEXT.splitlines() if line.startswith("| `{0}` |".format(name)))
    assert [field.name for field in type_named(name, {}).fields if "`{0}`".format(field.name) not in row] == []
