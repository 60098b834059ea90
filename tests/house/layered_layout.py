# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Placing boxes on floors so that the lines between them can be read: layer by layer, after Sugiyama.

A line that passes floors has a lane on each. The order on a floor follows the neighbours above and below; of the orders tried, the one
whose lines cross least and go sideways least is taken. `fsum` adds alike in every version of Python, `sum` does not.
"""

from __future__ import annotations

from itertools import combinations
from math import fsum
from typing import Dict, List, Mapping, NamedTuple, Sequence, Tuple

Box = Tuple[str, str]
WIDTH, MARGIN, BOX, LANE, GAP = 860, 24, 178, 10, 20
SWEEPS, STRAIGHTENING, STIFF = 24, 60, 0.9
CROSSING = 150
"""Pixels that a line may go sideways to avoid a crossing."""


class Node(NamedTuple):
    """A box, or (with `target`) the lane in which a line passes a floor on its way from `box` down to `target`."""

    box: Box
    floor: int
    target: Box = ("", "")

    @property
    def width(self) -> int:
        """In pixels."""
        return LANE if self.is_lane else BOX

    @property
    def is_lane(self) -> bool:
        """Whether nothing is drawn here but a line that passes."""
        return self.target != ("", "")


Floors = List[List[Node]]
Places = Dict[Node, float]
Link = Tuple[Node, Node]


def lay_lanes(floors: Mapping[Box, int], edges: Mapping[Box, Sequence[Box]]) -> Tuple[Floors, List[List[Node]]]:
    """Return the nodes of each floor, and for each edge the nodes that its line leads through.

    Args:
        floors: of each box, from 0 at the top down.
        edges: from each box to boxes on lower floors.
    """
    lines = [
        [Node(box, floors[box]), *(Node(box, floor, other) for floor in range(floors[box] + 1, floors[other])), Node(other, floors[other])]
        for box, others in sorted(edges.items())
        for other in others
    ]
    nodes = {Node(box, floor) for box, floor in floors.items()} | {node for line in lines for node in line}
    return [sorted(node for node in nodes if node.floor == floor) for floor in range(max(floors.values()) + 1)], lines


def arrange(floors: Floors, lines: Sequence[Sequence[Node]]) -> Places:
    """Return the middle of each node in pixels from the left. Lines cross seldom and bend little."""
    links = sorted({link for line in lines for link in zip(line, line[1:])})
    near: Dict[Node, List[Node]] = {node: [] for floor in floors for node in floor}
    for one, other in links:
        near[one].append(other)
        near[other].append(one)
    places: Places = dict.fromkeys(near, WIDTH / 2)
    tried = []
    for sweep in range(SWEEPS):
        down = sweep % 2 == 1
        for floor in floors if down else reversed(floors):
            wishes = {node: _wish(node, near[node], places, down) for node in floor}
            places.update(_pack(sorted(floor, key=lambda node: (wishes[node], node)), wishes))
        tried.append(_straighten(floors, near, places))
    return min(tried, key=lambda found: _cost(links, found))


def _wish(node: Node, near: Sequence[Node], places: Places, down: bool) -> float:
    """The place amid a node's neighbours above it (`down`) or below it; amid all if it has none there."""
    before = [other for other in near if (other.floor < node.floor) == down] or near
    return _mean([places[other] for other in before or [node]])


def _straighten(floors: Floors, near: Mapping[Node, Sequence[Node]], before: Places) -> Places:
    """Keep the order on each floor; move boxes near to what they are linked with, and the lanes of a line below one another."""
    places = dict(before)
    lanes: Dict[Tuple[Box, Box], List[Node]] = {}
    for node in near:
        lanes.setdefault((node.box, node.target), []).append(node)
    for _round in range(STRAIGHTENING):
        for floor in floors:
            wishes = {}
            for node in floor:
                pull = _mean([places[other] for other in near[node] or [node]])
                column = _mean([places[other] for other in lanes[node.box, node.target]])
                wishes[node] = STIFF * column + (1 - STIFF) * pull if node.is_lane else pull
            places.update(_pack(sorted(floor, key=lambda node: (places[node], node)), wishes))
    return places


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _pack(ordered: Sequence[Node], wishes: Mapping[Node, float]) -> Places:
    """Place the nodes of a floor in this order, at least `GAP` apart, each as near to its wish as that allows.

    Neighbours that would overlap are joined to a block, which goes to the mean of its members' wishes (pool adjacent violators).
    """
    offsets, edge = {}, 0.0
    for node in ordered:
        offsets[node] = edge + node.width / 2
        edge += node.width + GAP
    blocks: List[Tuple[float, List[Node]]] = []
    for node in ordered:
        block = (wishes[node] - offsets[node], [node])
        while blocks and blocks[-1][0] > block[0]:
            left, members = blocks.pop()
            share = len(members) / (len(members) + len(block[1]))
            block = (left * share + block[0] * (1 - share), members + block[1])
        blocks.append(block)
    low, high = MARGIN, WIDTH - MARGIN - (edge - GAP)
    return {node: min(max(start, low), max(low, high)) + offsets[node] for start, members in blocks for node in members}


def _cost(links: Sequence[Link], places: Places) -> float:
    """How hard the picture is to read: how far lines go sideways, and how often two cross."""
    sideways = fsum(abs(places[one] - places[other]) for one, other in links)
    crossings = sum(
        (places[one] - places[two]) * (places[one_end] - places[two_end]) < 0
        for (one, one_end), (two, two_end) in combinations(links, 2)
        if one.floor == two.floor
    )
    return sideways + CROSSING * crossings
