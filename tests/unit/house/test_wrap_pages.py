# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wrapping a page changes line ends of prose, and nothing else."""

from __future__ import annotations

import pytest

from tests.house.page_rules import pages
from tests.house.rooms import CHECKOUT
from tests.house.source import SourceTree
from tests.house.wrap_pages import WIDTH, wrap_page

LONG = "word " * 30
KEPT = [
    "# {0}\n".format(LONG),
    "| {0}|\n|---|\n| {0}|\n".format(LONG),
    "```yaml\n{0}\n\n- {0}\n```\n".format(LONG),
    "<!--\n{0}\n-->\n".format(LONG),
    "Text:\n\n    {0}\n".format(LONG),
    "<!-- Written by a script from something: do not edit. -->\n\n{0}\n".format(LONG),
    "Lines that are\nshorter than they\ncould be.\n",
]


@pytest.mark.parametrize("page", KEPT)
def test_everything_but_long_prose_stays_as_it_is(page):
    assert wrap_page(page) == page


def test_an_item_keeps_its_indentation():
    lines = wrap_page("- {0}\n  {0}\n- short\n".format(LONG.strip())).splitlines()
    assert [line[:2] for line in lines] == ["- ", "  ", "  ", "- "]
    assert max(map(len, lines)) <= WIDTH


def test_a_code_span_is_not_broken():
    code = "`" + "a b " * 20 + "`"
    assert code in wrap_page("{0} {1} end\n".format(LONG, code))


def test_no_line_begins_what_was_no_item_or_heading():
    text = ("words and so on " * 6).strip()
    wrapped = wrap_page("{0} on - {0} # {0} 12. {0}\n".format(text)).splitlines()
    assert [line for line in wrapped if line.startswith(("- ", "# ", "12. "))] == []


def test_no_word_of_a_page_is_lost():
    for page in pages(SourceTree(CHECKOUT)):
        wrapped = wrap_page(page.text)
        assert wrapped.split() == page.text.split(), page.name
        assert wrap_page(wrapped) == wrapped, page.name
