# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of the formats names each format that is read, and each of its options."""

from __future__ import annotations

import re

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import CHARACTERS
from ansible_collections.nebula.credential.plugins.module_utils.adoption.registry import find_format
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from tests.conftest import CHECKOUT
from tests.unit.adoption.formats.corpus import EXPECTED

PAGE = (CHECKOUT / "docs" / "reference" / "adopted-formats.md").read_text(encoding="utf-8")
FORMATS, OPTIONS = (PAGE.partition(heading)[2].partition("\n## ")[0] for heading in ("# Formats", "## Options"))


def rows(text):
    """The words in backticks of the first and of the second column of each row."""
    return [
        [re.findall("`([a-z_]+)`", cell) for cell in line.split("|")[1:3]]
        for line in text.splitlines()
        if line.startswith("| `") and "`from`" not in line
    ]


NAMED = [name for first, _second in rows(FORMATS) for name in first]


def test_every_format_of_the_corpus_is_on_the_page():
    assert set(NAMED) == {name.split("/")[0] for name in EXPECTED} | {"gopass", "keepass"}


@pytest.mark.parametrize("name", NAMED)
def test_the_page_has_each_option_of_a_format(name):
    said = {option for first, second in rows(OPTIONS) if name in first for option in second}
    options = find_format(name).options
    assert set(options) - {CHARACTERS} == said
    assert (CHARACTERS in options) == (name != "kubernetes")
    assert [option for option, row in options.items() if not row.get("description")] in ([], ["nested", "separator"])


def test_an_unknown_format_is_refused_with_a_suggestion():
    with pytest.raises(InvalidInput, match="Did you mean 'keepass'"):
        find_format("keypass")
