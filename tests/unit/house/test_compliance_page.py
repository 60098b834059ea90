# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of compliance: each control leads to a setting or a page, or is said not to be covered; so is what a standard has besides."""

from __future__ import annotations

import re

import pytest

from tests.conftest import CHECKOUT

PAGE = (CHECKOUT / "docs" / "advanced" / "compliance.md").read_text(encoding="utf-8")
STANDARDS = dict(re.findall(r"^## ([^\n]+)\n(.+?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
LEADS_SOMEWHERE = re.compile(r"\]\([\w./#-]+\)|`[\w: ]+`|not covered: ")


def list_rows(text):
    """The rows of the table of a standard, as lists of cells."""
    return [row.split(" | ") for row in re.findall(r"^\| (.+) \|$", text, re.MULTILINE)[1:]]


def test_four_standards_are_mapped():
    assert list(STANDARDS) == ["SOC 2", "ISO/IEC 27001:2022", "HIPAA", "GDPR"]


@pytest.mark.parametrize("standard", STANDARDS)
def test_each_control_leads_somewhere(standard):
    rows = list_rows(STANDARDS[standard])
    assert len(rows) >= 9
    assert [row for row in rows if len(row) != 3 or not LEADS_SOMEWHERE.search(row[2])] == []
    assert len({row[0] for row in rows}) == len(rows)


@pytest.mark.parametrize("standard", STANDARDS)
def test_each_standard_says_what_is_not_covered(standard):
    assert "\nNot covered: " in STANDARDS[standard]
