# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rooms of the house: what may import what, and what does."""

from __future__ import annotations

from typing import Iterator, Mapping, NamedTuple

from tests.house.source import OURS, SourceTree

# Rooms from the ground up, by the folder of plugins in which they are; an import goes down only. Rooms of one floor do not import one
# another. A room is a folder, or a file that stands alone.
ORDERS = {
    "module_utils": """
errors < model, filesystem < encoding, context < network < logins < backends < types < locks < crypto, rotation < layers, argument_specs
< audit, metrics < store < migration, adoption, drift, scanning, reports < operations
""",
    "plugin_utils": "output < config < session < client < lookup, action",
}


class Use(NamedTuple):
    """That one room imports another: both with their folder of plugins (`module_utils/store`), and where."""

    room: str
    other: str
    imported: str
    place: str


def floors(order: str) -> dict[str, int]:
    """Return the floor of each room, 0 at the bottom."""
    return {room.strip(): floor for floor, rooms in enumerate(order.split("<")) for room in rooms.split(",")}


def rooms(tree: SourceTree, folder: str) -> list[str]:
    """Return the rooms of `module_utils` or `plugin_utils`, sorted."""
    parts = len(folder.split("/")) + 1
    return sorted({found.name.split("/")[parts].removesuffix(".py") for found in tree.python("plugins/" + folder)})


def room_of(module: str) -> str:
    """Return the room of a dotted module name of ours: `module_utils/model`."""
    return "/".join(module.removeprefix(OURS).split(".")[:2])


def uses(tree: SourceTree, *folders: str) -> Iterator[Use]:
    """Yield each import from one room of these folders of plugins into another."""
    for folder in folders:
        for source in tree.python("plugins/" + folder):
            room = "/".join(source.name.removesuffix(".py").split("/")[1:3])
            for found in source.imports:
                other = room_of(found.name)
                if found.name.startswith(OURS) and "/" in other and other != room and other.split("/")[0] in folders:
                    yield Use(room, other, found.name.removeprefix(OURS), source.at(found.line))


def reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """Return every room that is imported from one, directly or through others."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = graph.get(waiting.pop(), set()) - found
        found |= fresh
        waiting.extend(fresh)
    return found


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of rooms that import one another in a circle, largest first."""
    below = {room: reachable(graph, room) for room in graph}
    groups = {tuple(sorted(other for other in below[room] if room in below.get(other, ()))) for room in graph}
    return sorted((list(group) for group in groups if group), key=len, reverse=True)


def count_floors(graph: Mapping[str, set[str]]) -> int:
    """Return how many rooms stand on one another in the highest pile; a circle counts as one floor."""
    below = {room: reachable(graph, room) for room in graph}
    heights: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in heights:
            lower = {other for other in below.get(room, ()) if room not in below.get(other, ())}
            heights[room] = 1 + max(map(height, lower), default=0)
        return heights[room]

    return max(map(height, graph), default=0)
