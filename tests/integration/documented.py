# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the documentation: the plugins' own, and the marked blocks of the pages.

The second word after a fence says what is done with the block: `playbook`, `tasks` (of one play on localhost) and `run` (shell,
python) are run, anything with a dot is the name of a file that later blocks need. A block without a second word is only read.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md")), *sorted((CHECKOUT / "roles").glob("*/README.md"))]
_FENCE = re.compile(r"^ *```(\w+)(?: (\S+))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
RUN = {"yaml": ("playbook", "tasks"), "shell": ("run",), "python": ("run",)}


@dataclass(frozen=True)
class Block:
    """A marked block of a page: its language, its mark, its text and the line it begins at."""

    language: str
    mark: str
    text: str
    line: int

    @property
    def is_file(self) -> bool:
        """Whether it is a file for the blocks after it."""
        return "." in self.mark

    @property
    def is_run(self) -> bool:
        """Whether it is run."""
        return self.mark in RUN.get(self.language, ())


def blocks(page):
    """The marked blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = [(match.group(1), match.group(2), match.group(3), text.count("\n", 0, match.start()) + 1) for match in _FENCE.finditer(text)]
    return [Block(*parts) for parts in found if parts[1]]


def pages_with_examples():
    """The pages of which a block is run."""
    return [page for page in PAGES if any(block.is_run for block in blocks(page))]


def plugins():
    """Kind and name of every plugin that users call."""
    return [
        (kind, path.stem) for kind in ("lookup", "filter", "test", "modules", "callback") for path in sorted((PLUGINS / kind).glob("*.py"))
    ]


def roles():
    """The name of every role."""
    return sorted(path.name for path in (CHECKOUT / "roles").iterdir())


def role_examples(name):
    """The examples of a role: a playbook."""
    path = CHECKOUT / "roles" / name / "meta" / "argument_specs.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"].get("examples", "")


def examples(kind, name):
    """The EXAMPLES of a plugin, in the file itself or beside it."""
    beside = PLUGINS / kind / (name + ".yml")
    if beside.exists():
        return yaml.safe_load(beside.read_text(encoding="utf-8")).get("EXAMPLES", "")
    tree = ast.parse((PLUGINS / kind / (name + ".py")).read_text(encoding="utf-8"))
    found = [node.value.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "EXAMPLES"]
    return found[0] if found else ""


def everything_that_runs():
    """The text of all examples."""
    pages = [block.text for page in PAGES for block in blocks(page) if block.is_run or block.is_file]
    return "\n".join([*pages, *(examples(kind, name) for kind, name in plugins()), *map(role_examples, roles())])
