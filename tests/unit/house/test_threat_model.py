# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of the threat model: ten scenarios, each with what does not stop it; a test that exists shows each line that does."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

import pytest
import yaml

from tests.conftest import CHECKOUT

PAGE = CHECKOUT / "docs" / "advanced" / "threat-model.md"
SCENARIOS = dict(re.findall(r"^## (\d+\. [^\n]+)\n(.+?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
TESTS = yaml.safe_load((CHECKOUT / "tests" / "house" / "threat_model.yml").read_text(encoding="utf-8"))


@lru_cache(maxsize=None)
def list_tests(place):
    """The tests of a file."""
    tree = ast.parse((CHECKOUT / "tests" / place).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def list_stops(text):
    """What stops a scenario: the first cells of its table."""
    return [row.partition(" |")[0] for row in re.findall(r"^\| (.+) \|$", text, re.MULTILINE)[1:]]


def test_there_are_ten_scenarios_and_each_says_what_does_not_stop_it():
    assert len(SCENARIOS) == 10
    assert [title for title, text in SCENARIOS.items() if "\nDoes not: " not in text] == []


@pytest.mark.parametrize("title", SCENARIOS)
def test_each_line_that_stops_a_scenario_names_its_tests(title):
    stops = list_stops(SCENARIOS[title])
    assert stops
    assert list(TESTS[title]) == stops
    assert [stop for stop in stops if not TESTS[title][stop]] == []


def test_no_other_scenario_has_tests():
    assert list(TESTS) == list(SCENARIOS)


def test_each_test_that_is_named_exists():
    named = [name for stops in TESTS.values() for tests in stops.values() for name in tests]
    assert [name for name in named if name.partition("::")[2] not in list_tests(name.partition("::")[0])] == []
