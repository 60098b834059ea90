# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of stores names every common option with its default, and shows messages as they are."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.store.open import COMMON_OPTIONS, open_store
from tests.house.write_options_page import CHECKOUT

PAGE = (CHECKOUT / "docs" / "reference" / "stores.md").read_text(encoding="utf-8")
NOT_WRITTEN = "no `backend`"


def read_rows(heading):
    """The rows of the first table below a heading, as lists of cells."""
    section = PAGE.partition("\n## {0}\n".format(heading))[2]
    table = re.search(r"^\|(?:---\|)+\n(.+?)\n\n", section, re.MULTILINE | re.DOTALL).group(1)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_every_option_of_every_store_is_on_the_page():
    named = {option: row for row in read_rows("Options of every store") for option in re.findall(r"`(\w+)`", row[0])}
    assert set(named) == set(COMMON_OPTIONS)
    numbers = {
        option: spec["default"] for option, spec in COMMON_OPTIONS.items() if spec.get("type") in ("float", "int") and "default" in spec
    }
    for option, default in numbers.items():
        assert "{0:g}".format(default) in re.findall(r"[\d.]+", named[option][2]), option


@pytest.mark.parametrize(("written", "message"), read_rows("Messages about mistakes"), ids=str)
def test_a_message_is_the_one_of_the_page(written, message, tmp_path):
    store = {} if written == NOT_WRITTEN else {"backend": "local", "path": str(tmp_path), **yaml.safe_load(written.strip("`"))}
    with pytest.raises(InvalidConfiguration) as caught:
        open_store(store, name="team")
    expected = ".*".join(re.escape(part) for part in message.strip("`").split("…"))
    assert re.fullmatch(expected, str(caught.value)), str(caught.value)
