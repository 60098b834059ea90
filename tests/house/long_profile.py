# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the tests that the long profile changes: python -m tests.house.long_profile.

A file of tests is changed if it, or a module of the tests that it imports, reads the profile or draws examples with hypothesis. The suites
that other distributions run import their harness by the name in a variable, so all of the backends' suite counts. The targets' suite is
`make test-long PART=rotation`.
"""

from __future__ import annotations

import ast
import re
from typing import List, Set

from tests.house.rooms import CHECKOUT
from tests.house.source import SourceFile, SourceTree

READS_THE_PROFILE = re.compile(r"\bPROFILE\b|\bNEBULA_TEST_PROFILE\b|\bhypothesis\b|\bmark\.long\b")
EVERYWHERE = "tests/conftest.py"
"""Every test stands on it, and it defines the profile for those that read it."""
BY_NAME = "tests/conformance/"
OTHERS = "tests/target_suite/"


def list_changed(tree: SourceTree) -> List[str]:
    """Return the paths of the files of tests that say something else in the long profile."""
    modules = {source.name[:-3].replace("/", "."): source for source in tree.python("tests")}
    others = {name: find_imported(source) for name, source in modules.items()}
    changed = {name for name, source in modules.items() if source.name != EVERYWHERE and READS_THE_PROFILE.search(source.text)}
    grown = True
    while grown:
        more = {name for name in modules if others[name] & changed} - changed
        changed |= more
        grown = bool(more)
    names = [source.name for name, source in modules.items() if name in changed or source.name.startswith(BY_NAME)]
    return sorted(name for name in names if name.rpartition("/")[2].startswith("test_") and not name.startswith(OTHERS))


def find_imported(source: SourceFile) -> Set[str]:
    """Return the dotted names that a file's import statements may reach."""
    taken = [node for node in source.nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    from_modules = {"{0}.{1}".format(node.module, alias.name) for node in taken for alias in node.names}
    return {found.name for found in source.imports} | from_modules


if __name__ == "__main__":
    print("\n".join(list_changed(SourceTree(CHECKOUT))))
