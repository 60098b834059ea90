# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the documentation as HTML, with a search, into a directory: `python -m tests.house.build_site DIRECTORY`.

The pages are those of `docs` and of the roles, by Sphinx and myst-parser; the reference of the plugins is what antsibull-docs writes from
their documentation. Every warning is an error, a link that leads nowhere among them. Nothing is fetched.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterable, Iterator, List, Tuple

from tests.house.documentation_state import build_state
from tests.house.source import SourceFile, SourceTree

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTION = "nebula.credential"
FOLDERS = ("docs", "roles", "playbooks", "requirements")
FILES = ("README.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "galaxy.yml")
LEFT_OUT = ("docs/decisions/", "docs/architecture.md", "docs/development.md", "docs/parity.md", "docs/testing.md")
"""What users do not read: the collection as it is built does not have it either."""
FIRST = "docs/README"
PARTS = (
    ("Getting started", ("docs/getting-started/*.md",)),
    ("How-to", ("docs/how-to/*.md",)),
    ("Examples", ("docs/examples/*.md", "docs/examples/*/*/README.md")),
    ("Backends", ("docs/integrations/backends/*.md",)),
    ("Rotation targets", ("docs/integrations/targets/*.md",)),
    ("Integrations", ("docs/integrations/*.md",)),
    ("Advanced", ("docs/advanced/*.md",)),
    ("Troubleshooting", ("docs/troubleshooting/*.md",)),
    ("Reference", ("docs/reference/*.md",)),
    ("Roles", ("roles/*/README.md",)),
    ("The collection", ("README.md", "SECURITY.md", "CHANGELOG.md")),
)
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
ELSEWHERE = (
    ("action_plugins", "Action plugins", "plugins/action.html"),
    ("callback_plugins", "Callback plugins", "plugins/callback.html"),
    ("common_return_values", "Common return values", "reference_appendices/common_return_values.html"),
    ("ansible_configuration_settings", "Configuration settings", "reference_appendices/config.html"),
)
"""What the reference of the plugins refers to in Ansible's own documentation, which is not fetched: a page leads there."""
CONFIGURATION = """\
project = "nebula.credential"
author = "the nebula.credential authors"
copyright = "2026, the nebula.credential authors, GPL-3.0-or-later"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_heading_anchors = 5
root_doc = "docs/README"
html_theme = "furo"
html_title = "nebula.credential"
html_show_sourcelink = False
html_copy_source = False
# Excerpts leave out parts, so not every one is whole in its language.
suppress_warnings = ["misc.highlighting_failure"]
"""


def build_site(place: Path) -> Path:
    """Build the site below a directory, and return the directory of its first page.

    Raises:
        subprocess.CalledProcessError: there is a warning, or an error; it was printed.
    """
    source, site = place / "source", place / "html"
    shutil.rmtree(place, ignore_errors=True)
    pages = list(_copy_pages(source))
    (source / "conf.py").write_text(CONFIGURATION, encoding="utf-8")
    first = source / (FIRST + ".md")
    first.write_text("{0}\n{1}".format(first.read_text(encoding="utf-8"), build_map(pages)), encoding="utf-8")
    (source / "state.md").write_text(build_state(list_parts()), encoding="utf-8")
    _write_plugins(source / "plugins")
    command = ["-m", "sphinx", "--builder", "html", "--fail-on-warning", "--keep-going", "--quiet", "--jobs", "2"]
    subprocess.run([sys.executable, *command, str(source), str(site)], check=True)
    (site / "index.html").write_text(
        '<!doctype html><meta http-equiv="refresh" content="0; url={0}.html">\n'.format(FIRST), encoding="utf-8"
    )
    return site


def _copy_pages(source: Path) -> Iterator[str]:
    """Copy what is read, and what it links to; yield the names of the pages."""
    for file in _list_files():
        (source / file.name).parent.mkdir(parents=True, exist_ok=True)
        if file.path.suffix == ".md":
            (source / file.name).write_text(file.text, encoding="utf-8")
            yield file.name
        else:
            shutil.copy(file.path, source / file.name)


def _list_files() -> Iterator[SourceFile]:
    """Yield what users read, and what it links to."""
    for file in SourceTree(CHECKOUT).listed:
        is_ours = file.name.startswith(tuple(folder + "/" for folder in FOLDERS)) or file.name in FILES
        if is_ours and not (file.name.startswith(LEFT_OUT) and file.path.suffix == ".md"):
            yield file


def build_map(pages: Iterable[str]) -> str:
    """Return what the first page needs besides its text: every other page by its part, for the side bar.

    Raises:
        ValueError: a page is in no part.
    """
    left = sorted(set(pages) - {FIRST + ".md"})
    lines = [_build_tree(title, ["/" + name for name in found]) for title, found in _sort_out(left)]
    if left:
        raise ValueError("pages in no part of the site: {0}".format(", ".join(left)))
    return "\n".join((*lines, _build_tree("Plugins", ["/plugins/index"]), _build_tree("These pages", ["/state"])))


def list_parts() -> List[Tuple[str, List[str]]]:
    """Return each part of the site with the names of its pages."""
    left = list_pages()
    return [(title, [name + ".md" for name in found]) for title, found in _sort_out(left)]


def list_pages() -> List[str]:
    """Return the names of the pages that users read, below the checkout."""
    return sorted(file.name for file in _list_files() if file.path.suffix == ".md")


def _build_tree(title: str, names: List[str]) -> str:
    return "```{{toctree}}\n:caption: {0}\n:hidden:\n\n{1}\n```\n".format(title, "\n".join(names))


def _sort_out(left: List[str]) -> Iterator[Tuple[str, List[str]]]:
    for title, patterns in PARTS:
        found = sorted((name for name in left if any(_matches(name, pattern) for pattern in patterns)), key=_order)
        for name in found:
            left.remove(name)
        yield title, [re.sub(r"\.md$", "", name) for name in found]


def _matches(name: str, pattern: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]+"), name) is not None


def _order(name: str) -> Tuple[bool, str]:
    """The README of a folder comes first."""
    return not name.endswith("README.md"), name


def _write_plugins(place: Path) -> None:
    place.mkdir(parents=True)
    command = ["antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error", "--no-add-antsibull-docs-version"]
    where = os.environ.get("ANSIBLE_COLLECTIONS_PATH") or str(CHECKOUT / ".venv" / "collections")
    environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=where)
    subprocess.run([*command, "--dest-dir", str(place), COLLECTION], check=True, env=environment, stdout=subprocess.DEVNULL)
    sections = "\n".join(_build_section(*row) for row in ELSEWHERE)
    (place / "ansible.rst").write_text(":orphan:\n\n{0}".format(sections), encoding="utf-8")


def _build_section(label: str, title: str, page: str) -> str:
    line = "=" * len(title)
    return ".. _{0}:\n\n{1}\n{2}\n\n`{1} in Ansible's documentation <{3}>`__\n".format(label, title, line, ANSIBLE + page)


if __name__ == "__main__":
    print(build_site(Path(sys.argv[1]).resolve()) / "index.html")
