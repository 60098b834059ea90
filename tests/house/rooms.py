# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of the collection's rooms, and what its files import of each other. A statement inside a function counts like any other."""

from __future__ import annotations

import ast
from math import inf
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Mapping, Optional, Set, Tuple, TypeVar

CHECKOUT = Path(__file__).resolve().parents[2]
OURS = "ansible_collections.nebula.credential.plugins."
# From the ground up; an import goes down only. Those of one floor do not import one another.
TREES = "module_utils < plugin_utils, modules < lookup, filter, test, vars, action, callback, doc_fragments"
ORDER = """
errors < sent_code, model, filesystem < encoding, context < network < logins < backends < types < locks < crypto, rotation
< layers, argument_specs < audit, metrics, hosts < store < migration, mirror, adoption, drift, scanning, reports < operations
"""
ORDER_ON_THE_CONTROLLER = "output < config < session < client < preflight < lookup, action < command"
ORDERS = {"module_utils": ORDER, "plugin_utils": ORDER_ON_THE_CONTROLLER}

Imports = Mapping[Path, Set[Path]]
Room = Tuple[str, str]
Node = TypeVar("Node")


def read_floors(order: str) -> Dict[str, int]:
    """The floor of each room of an order, from 0 up."""
    return {room.strip(): floor for floor, rooms in enumerate(order.split("<")) for room in rooms.split(",")}


def read_imports(plugins: Path) -> Imports:
    """What each file of ours imports of the others. `plugins` is a directory like the collection's `plugins`."""
    return {path: set(_read_imports_of(path, plugins)) - {path} for path in sorted(plugins.rglob("*.py"))}


def _read_imports_of(path: Path, plugins: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        for name in _imported_names(node):
            found = _find_file(name, plugins)
            if found is not None:
                yield found


def _imported_names(node: ast.AST) -> List[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module is not None:
        return [node.module, *("{0}.{1}".format(node.module, alias.name) for alias in node.names)]
    return []


def _find_file(name: str, plugins: Path) -> Optional[Path]:
    path = plugins.joinpath(*name[len(OURS) :].split(".")).with_suffix(".py") if name.startswith(OURS) else plugins
    return path if path.is_file() else None


def room_of(path: Path, plugins: Path) -> Room:
    """The tree and the room of a file: `("module_utils", "model")`. A file beside the rooms is a room of its own."""
    tree, room = path.relative_to(plugins).parts[:2]
    return tree, room.removesuffix(".py")


def find_climbing_imports(plugins: Path) -> List[str]:
    """Each import that does not go down, and each room that is not in the order, as a sentence that names the rooms."""
    found = set()
    for path, imported in read_imports(plugins).items():
        found.update(_find_unlisted(path, plugins))
        for other in imported:
            names, order = _compare(room_of(path, plugins), room_of(other, plugins))
            floors = read_floors(order)
            if names[0] != names[1] and floors.get(names[1], inf) >= floors.get(names[0], inf):
                shown = path.relative_to(plugins), other.relative_to(plugins)
                found.add("{0} imports {1} ({2} imports {3})".format(*names, *shown))
    return sorted(found)


def _find_unlisted(path: Path, plugins: Path) -> Iterator[str]:
    tree, room = room_of(path, plugins)
    for name, order in ((tree, TREES), (room, ORDERS.get(tree, room))):
        if name not in read_floors(order):
            yield "{0}: the room {1} is not in the order".format(path.relative_to(plugins), name)


def _compare(one: Room, other: Room) -> Tuple[Tuple[str, str], str]:
    """The two names that decide whether `one` may import `other`, and the order they are of. Two plugins of one type have no order."""
    if one[0] != other[0]:
        return (one[0], other[0]), TREES
    order = ORDERS.get(one[0])
    return ((one[1], other[1]), order) if order else ((one[0], other[0]), TREES)


def find_circles(plugins: Path) -> List[List[str]]:
    """Each set of files that import one another, directly or by way of others of the set."""
    return sorted(sorted(str(path.relative_to(plugins)) for path in circle) for circle in group_circles(read_imports(plugins)))


def group_circles(graph: Mapping[Node, Set[Node]]) -> Set[FrozenSet[Node]]:
    """Each set of nodes that lead to one another."""
    reached = {node: reach(node, graph) for node in graph}
    return {frozenset({node, *(other for other in reached[node] if node in reached[other])}) for node in graph if node in reached[node]}


def reach(start: Node, graph: Mapping[Node, Set[Node]]) -> Set[Node]:
    """All nodes to which one leads sooner or later; itself where a circle leads back to it."""
    found: Set[Node] = set()
    waiting = list(graph[start])
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(graph[node])
    return found


def read_room_imports(plugins: Path) -> Dict[Room, Set[Room]]:
    """The rooms that each room imports. Each plugin type of the edge (`lookup`, `modules`…) is one room."""
    edges: Dict[Room, Set[Room]] = {}
    for path, imported in read_imports(plugins).items():
        room = _drawn_room(path, plugins)
        edges.setdefault(room, set()).update({_drawn_room(other, plugins) for other in imported} - {room})
    return edges


def _drawn_room(path: Path, plugins: Path) -> Room:
    tree, room = room_of(path, plugins)
    return (tree, room) if tree in ORDERS else (tree, "")
