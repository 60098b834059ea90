# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count what the house is measured by: python -m tests.house.measure [--list] [CHECKOUT…].

Prints a table with a column for each checkout (this one if none is named), so that two releases are counted by the same script.
With --list, also the names that are counted: circles, files that name a backend, functions that begin with a participle.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Mapping, Set

from tests.house.count_backend_files import list_shared_files
from tests.house.participles import participles
from tests.house.rooms import CHECKOUT, Room, find_circles, group_circles, reach, read_imports, room_of
from tests.house.source import SourceTree

HOUSE_RULES = re.compile(r"^tests/unit/(house/|test_(house_rules|pages|requirements|troubleshooting)\.py)")
# What the base class does for its backends, which is no part of the contract.
SERVICES = {"setting"}


@dataclass
class Measures:
    """The counts of one checkout, by what they count, and the names behind some of them."""

    counts: Dict[str, str] = field(default_factory=dict)
    names: Dict[str, List[str]] = field(default_factory=dict)

    def add(self, what: str, names: List[str]) -> None:
        """Count names, and keep them."""
        self.counts[what], self.names[what] = str(len(names)), names


def measure(root: Path) -> Measures:
    """Count one checkout."""
    tree, measures = SourceTree(root), Measures()
    measure_rooms(root / "plugins", measures)
    measures.add("files, outside its own, that name the backend `kubernetes`", list_shared_files("kubernetes", tree))
    measures.add("methods of the contract of a backend", contract_methods(tree))
    for folder in ("plugins", "tests"):
        measure_functions(tree, folder, measures)
    measure_tests(root, measures)
    measures.counts["files and folders at the top"] = str(len({source.name.split("/")[0] for source in tree.listed}))
    return measures


def measure_rooms(plugins: Path, measures: Measures) -> None:
    """Count rooms, their floors and circles. A room is a folder in module_utils or plugin_utils, or a file beside those."""
    graph = room_graph(plugins)
    library = [room for room in graph if room[0] in {"module_utils", "plugin_utils"}]
    loose = [name for tree, name in library if tree == "module_utils" and (plugins / tree / name).with_suffix(".py").exists()]
    circles = sorted((sorted("/".join(room) for room in circle) for circle in group_circles(graph)), key=len, reverse=True)
    measures.counts["rooms of module_utils and plugin_utils"] = str(len(library))
    measures.add("of these, loose files in module_utils", sorted(loose))
    measures.counts["floors: rooms that stand on one another, each of a circle on the others"] = str(count_floors(graph))
    measures.add("circles of rooms", [", ".join(circle) for circle in circles])
    measures.add("circles of files", [", ".join(circle) for circle in find_circles(plugins)])


def room_graph(plugins: Path) -> Mapping[Room, Set[Room]]:
    """Return the rooms that each room imports; each plugin at the edge is a room."""
    graph: Dict[Room, Set[Room]] = {}
    for path, imported in read_imports(plugins).items():
        room = room_of(path, plugins)
        graph.setdefault(room, set()).update({room_of(other, plugins) for other in imported} - {room})
    return graph


def count_floors(graph: Mapping[Room, Set[Room]]) -> int:
    """Return how many rooms stand on one another in the highest pile, all rooms of a circle among them."""
    below = {room: reach(room, graph) for room in graph}
    heights: Dict[Room, int] = {}

    def height(room: Room) -> int:
        if room not in heights:
            circle = {room, *(other for other in below[room] if room in below[other])}
            heights[room] = len(circle) + max((height(other) for other in below[room] - circle), default=0)
        return heights[room]

    return max(height(room) for room in graph)


def contract_methods(tree: SourceTree) -> List[str]:
    """Return the public methods of the class that every backend derives from."""
    found = tree.glob("plugins/module_utils/backends/base.py") or tree.glob("plugins/module_utils/providers/base.py")
    classes = (node for source in found for node in source.nodes if isinstance(node, ast.ClassDef) and node.name in {"Backend", "Provider"})
    methods = [part.name for node in classes for part in node.body if isinstance(part, ast.FunctionDef)]
    return [name for name in methods if not name.startswith("_") and name not in SERVICES]


def measure_functions(tree: SourceTree, folder: str, measures: Measures) -> None:
    """Count functions, and those that begin with a past participle."""
    functions = sum(len(source.functions) for source in tree.python(folder))
    measures.counts["functions in " + folder] = str(functions)
    begins = "of these, beginning with a past participle" + (" (tests)" if folder == "tests" else "")
    measures.add(begins, ["{0} {1}".format(found.place, found.name) for found in participles(tree, folder)])
    measures.counts[begins] += " ({0:.1f} %)".format(100 * len(measures.names[begins]) / functions)


def measure_tests(root: Path, measures: Measures) -> None:
    """Count the tests that pytest collects, and those that are rules for all files."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq"]
    environment = {**os.environ, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    files: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        name, colon, count = line.rpartition(": ")
        if colon and count.isdigit():
            files[name] += int(count)
    measures.counts["tests"] = str(sum(files.values())) + (", without files that cannot be collected" if done.returncode else "")
    measures.counts["of these, rules of the house"] = str(sum(count for name, count in files.items() if HOUSE_RULES.match(name)))


def print_table(roots: List[Path], columns: List[Measures]) -> None:
    """Print the counts as a table of Markdown."""
    print("| | {0} |".format(" | ".join(str(root) for root in roots)))
    print("|---|" + "---|" * len(roots))
    for what in columns[0].counts:
        print("| {0} | {1} |".format(what, " | ".join(column.counts[what] for column in columns)))


def print_names(root: Path, column: Measures) -> None:
    """Print what stands behind the counts."""
    for what, names in column.names.items():
        print("\n{0}: {1}".format(root, what), *names, sep="\n  ")


def main() -> None:
    """Measure the checkouts that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the names that are counted, too")
    parser.add_argument("checkout", nargs="*", type=Path, default=[CHECKOUT])
    arguments = parser.parse_args()
    roots = [root.resolve() for root in arguments.checkout]
    columns = [measure(root) for root in roots]
    print_table(roots, columns)
    if arguments.list:
        for root, column in zip(roots, columns):
            print_names(root, column)


if __name__ == "__main__":
    main()
