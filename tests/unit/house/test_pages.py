# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of the documentation hang together."""

from __future__ import annotations

import re

import pytest

from tests.conftest import CHECKOUT

DOCS = CHECKOUT / "docs"
PAGES = [CHECKOUT / "README.md", *sorted(DOCS.rglob("*.md")), *sorted((CHECKOUT / "roles").glob("*/README.md"))]
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
PLUGIN = re.compile(r"nebula\.credential\.([a-z_]+)")
NO_PLUGINS = {"plugins"}  # the package, in an import


def each_page(test):
    return pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))(test)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(page):
    return re.sub(r"`[^`\n]+`", "", re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL))


@each_page
def test_every_link_leads_somewhere(page):
    for place, anchor in LINK.findall(without_code(page)):
        if not place.startswith("http"):
            there = (page.parent / place).resolve() if place else page
            assert there.exists(), place
            assert not anchor or anchor in anchors(there), anchor


@each_page
def test_every_plugin_role_and_playbook_that_is_named_is_there(page):
    folders = ("plugins/lookup", "plugins/modules", "plugins/callback", "playbooks")
    known = {path.stem for folder in folders for path in (CHECKOUT / folder).iterdir()}
    known |= {path.name for path in (CHECKOUT / "roles").iterdir()} | NO_PLUGINS
    assert set(PLUGIN.findall(page.read_text(encoding="utf-8"))) <= known


def test_the_map_leads_to_every_page():
    linked = {(DOCS / place).resolve() for place, _anchor in LINK.findall((DOCS / "README.md").read_text(encoding="utf-8"))}
    pages = {page for page in DOCS.rglob("*.md") if page.parent.name != "decisions" and page.name != "README.md"}
    assert pages - linked == set()
