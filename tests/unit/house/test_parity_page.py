# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page that compares features with those of other tools is the one of its data, and each test that it names is there."""

from __future__ import annotations

import ast

import pytest

from tests.conftest import CHECKOUT
from tests.house.write_parity_page import HAVE, PAGE, STATUSES, build_page, read_tools

ROWS = [row for tool in read_tools() for row in tool["features"]]
TESTS = CHECKOUT / "tests"


def list_tests(place):
    """The tests of a file."""
    tree = ast.parse((TESTS / place).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_the_page_is_written_from_its_data():
    assert PAGE.read_text(encoding="utf-8") == build_page(), "run python -m tests.house.write_parity_page"


@pytest.mark.parametrize("status", STATUSES)
def test_each_feature_has_a_status_and_a_test_if_it_is_there(status):
    rows = [row for row in ROWS if row["status"] == status]
    assert rows
    assert [row["feature"] for row in ROWS if row["status"] not in STATUSES] == []
    assert [row["feature"] for row in rows if ("test" in row) != (status == HAVE) or not row["how"]] == []


def test_each_test_that_is_named_exists():
    named = {row["test"] for row in ROWS if "test" in row}
    files = {place: list_tests(place) for place in {name.partition("::")[0] for name in named}}
    assert sorted(name for name in named if name.partition("::")[2] not in files[name.partition("::")[0]]) == []


def test_no_feature_of_a_tool_is_there_twice():
    for tool in read_tools():
        names = [row["feature"] for row in tool["features"]]
        assert len(names) == len(set(names)), tool["tool"]
