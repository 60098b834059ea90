# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about the pages and the layout of the tree.

A rule takes a tree and yields a line for each place that breaks it: where, and what is wrong.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, Set

from tests.house.source import SourceFile, SourceTree
from tests.house.wrap_pages import list_long_lines

LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
PLUGIN = re.compile(r"nebula\.credential\.([a-z_]+)")
NO_PLUGINS = {"plugins"}  # the package, in an import
ISSUE = re.compile(r"(?i)\b(issue|ticket|pull request|pr|gh-|fixes|closes)\s*#?\d+\b|(?<![\w&#/;])#\d{1,5}\b(?!\w)")
BINARY = {".enc", ".bin", ".png", ".xz"}
# The vectors are there for others to read.
TEST_FILE = re.compile(r"\btest_\w+\.py\b|\btests/(?!vectors\b)\w+")
FEATURE = re.compile(r"\b[A-K]\d{1,2}\b|\(S\d\b")


def find_folders_that_mirror_nothing(tree: SourceTree) -> Iterator[str]:
    """Each folder of the unit tests is a room of the plugins, or `house`, where the rules for all files are."""
    folders = {Path(source.name).parent.relative_to("tests/unit") for source in tree.python("tests/unit")} - {Path("house")}
    places = [tree.root / "plugins", tree.root / "plugins" / "module_utils", tree.root / "plugins" / "plugin_utils"]
    for folder in sorted(folders):
        if not any((place / folder).is_dir() for place in places):
            yield "tests/unit/{0}: no folder of the plugins is called so".format(folder)


def find_ignored_sanity_tests(tree: SourceTree) -> Iterator[str]:
    """The ignore files of ansible-test are empty."""
    return (source.name for source in tree.glob("tests/sanity/ignore*") if source.text.strip())


def find_issue_numbers(tree: SourceTree) -> Iterator[str]:
    """Nothing refers to an issue by number: a reason stands where it is needed, and the reader may not have the place it points to."""
    for source in tree.listed:
        if source.path.suffix in BINARY or "LICENSE" in source.name or source.name.startswith("tests/vectors/wycheproof/"):
            continue
        for number, line in enumerate(source.text.splitlines(), 1):
            if ISSUE.search(line) and "iv." not in line:
                yield "{0}: {1}".format(source.at(number), line.strip()[:80])


def find_broken_links(tree: SourceTree) -> Iterator[str]:
    """Every link in a page leads to a file and a heading that are there."""
    for page in pages(tree):
        for place, anchor in LINK.findall(_without_code(page)):
            there = page.path.parent / place if place else page.path
            if not place.startswith("http") and not (there.exists() and (not anchor or anchor in _anchors(there))):
                yield "{0}: {1}".format(page.name, place + (anchor and "#" + anchor))


def find_unknown_plugins(tree: SourceTree) -> Iterator[str]:
    """Every plugin, role and playbook that a page names is there."""
    folders = ("plugins/lookup", "plugins/filter", "plugins/test", "plugins/vars", "plugins/modules", "plugins/callback", "playbooks")
    known = {source.path.stem for folder in folders for source in tree.glob(folder + "/*")} | {*tree.folders("roles"), *NO_PLUGINS}
    for page in pages(tree):
        yield from ("{0}: nebula.credential.{1}".format(page.name, name) for name in sorted(set(PLUGIN.findall(page.text)) - known))


def find_long_prose(tree: SourceTree) -> Iterator[str]:
    """Prose is wrapped at a width that people read; `python -m tests.house.wrap_pages` does it."""
    return ("{0}: {1}…".format(page.name, line[:60]) for page in pages(tree) for line in list_long_lines(page.text))


def find_pages_without_a_link(tree: SourceTree) -> Iterator[str]:
    """The maps, docs/README.md and CONTRIBUTING.md, lead to every page: themselves, or by the README of a folder that they link to."""
    top = tree.file("docs/README.md")
    linked = {found for page in (top, *tree.glob("CONTRIBUTING.md")) for found in _linked_pages(page)}
    for page in tree.glob("docs/**/README.md"):
        linked |= _linked_pages(page) if page.path.resolve() in linked else set()
    for page in tree.glob("docs/**/*.md"):
        if "/decisions/" not in page.name and page.name != top.name and page.path.resolve() not in linked:
            yield page.name


def _linked_pages(page: SourceFile) -> Set[Path]:
    return {(page.path.parent / place).resolve() for place, _anchor in LINK.findall(page.text)}


def find_test_files_in_user_pages(tree: SourceTree) -> Iterator[str]:
    """No page for users names a file of the tests."""
    return _matches(tree, TEST_FILE)


def find_feature_ids_in_user_pages(tree: SourceTree) -> Iterator[str]:
    """No page for users names a row of the list of features."""
    return _matches(tree, FEATURE)


def pages(tree: SourceTree) -> list[SourceFile]:
    """Return every page of the documentation."""
    patterns = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**/*.md", "roles/*/README.md")
    return [found for pattern in patterns for found in tree.glob(pattern)]


def _matches(tree: SourceTree, pattern: re.Pattern[str]) -> Iterator[str]:
    for page in pages(tree):
        if page.name not in ("docs/development.md", "docs/testing.md", "docs/parity.md") and "/decisions/" not in page.name:
            for number, line in enumerate(page.text.splitlines(), 1):
                yield from ("{0}: {1}".format(page.at(number), found.group()) for found in pattern.finditer(line))


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _without_code(page: SourceFile) -> str:
    return re.sub(r"`[^`\n]+`", "", re.sub(r"^ *```.*?^ *```", "", page.text, flags=re.MULTILINE | re.DOTALL))
