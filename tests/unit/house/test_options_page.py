# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference page of stores' options is the one of the declarations of now, and every plugin's documentation names it."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.doc_fragments.store import ModuleDocFragment
from tests.house.write_options_page import CHECKOUT, PAGE, build_page

LOOKUPS = sorted((CHECKOUT / "plugins" / "lookup").glob("*.yml"))
USED_MOST = ("backend", "path", "url", "auth", "key_sources")


def test_the_page_is_the_one_of_the_declarations_of_now():
    assert PAGE.read_text(encoding="utf-8") == build_page(), "run python -m tests.house.write_options_page"


def read_descriptions():
    yield "modules", yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]["store"]["description"]
    for path in LOOKUPS:
        yield path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))["DOCUMENTATION"]["options"]["store"]["description"]


@pytest.mark.parametrize(("plugin", "description"), list(read_descriptions()))
def test_the_documentation_of_a_plugin_names_the_page_and_the_options_that_are_used_most(plugin, description):
    text = " ".join(description)
    assert "docs/reference/options.md" in text, plugin
    assert [option for option in USED_MOST if "C({0})".format(option) not in text] == []
