# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation as HTML: every page has its place, the search finds them, and nothing is loaded from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.build_site import FIRST, PARTS, _copy_pages, build_map, build_site
from tests.house.documentation_state import build_state

LOADED = re.compile(r"""<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)="([^"]+)\"""")
LINKED = re.compile(r"""<a\b[^>]*\bhref="([^"#?]+)[^"]*\"""")


def test_every_page_is_in_one_part_and_readmes_come_first(tmp_path):
    pages = list(_copy_pages(tmp_path))
    found = build_map(pages)
    listed = [line for line in found.splitlines() if line.startswith("/")]
    assert sorted(listed) == sorted([*("/" + name[: -len(".md")] for name in pages if name != FIRST + ".md"), "/plugins/index", "/state"])
    assert found.index("backends/README") < found.index("backends/aws")
    assert all(":caption: {0}\n".format(title) in found for title, _patterns in PARTS)


def test_a_page_in_no_part_is_an_error():
    with pytest.raises(ValueError, match=r"docs/elsewhere/page\.md"):
        build_map(["docs/elsewhere/page.md"])


def test_the_state_of_the_documentation_counts_pages_and_what_of_them_runs():
    state = build_state([("How-to", ["docs/how-to/patterns.md", "docs/how-to/lookups.md"]), ("Nothing", [])])
    how_to = re.search(r"^\| How-to \| 2 \| 1 \| (\d+) \|$", state, re.MULTILINE)
    assert int(how_to.group(1)) > 1
    assert "| Nothing | 0 | 0 | 0 |\n| all | 2 | 1 | {0} |\n".format(how_to.group(1)) in state
    for what in ("plugins with examples", "lines of the threat model that a test shows"):
        having, everything = re.search(r"^\| {0} \| (\d+) of (\d+) \|$".format(what), state, re.MULTILINE).groups()
        assert having == everything != "0"


@pytest.mark.long
def test_the_site_has_a_search_and_loads_nothing_from_elsewhere(tmp_path):
    site = build_site(tmp_path)
    pages = list(site.rglob("*.html"))
    assert len(pages) > 100
    assert '"docs/advanced/threat-model"' in (site / "searchindex.js").read_text(encoding="utf-8")
    assert (site / "plugins" / "credential_module.html").is_file()
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert [url for url in LOADED.findall(text) if url.startswith(("http:", "https:", "//"))] == [], page
        assert [url for url in LINKED.findall(text) if not _leads_somewhere(page, url)] == [], page


def _leads_somewhere(page: Path, url: str) -> bool:
    return ":" in url or (page.parent / url).exists()
