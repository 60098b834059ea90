# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of docs/architecture.md: the rooms in their order, and the imports between them, read from the files.

`python -m tests.house.draw_architecture` writes docs/architecture.svg anew. Of the imports, those are left out that also lead through other
rooms (the transitive reduction): `store` imports `errors`, but also `layers`, which imports it too.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Set, Tuple

from tests.house.layered_layout import BOX, MARGIN, WIDTH, Link, Node, Places, arrange, lay_lanes
from tests.house.rooms import CHECKOUT, ORDERS, Room, read_floors, read_room_imports

PICTURE = CHECKOUT / "docs" / "architecture.svg"
CAPTIONS: Mapping[Room, str] = {
    ("lookup", ""): "get, get_many, file, find",
    ("filter", ""): "jwt_claims",
    ("test", ""): "valid_jwt",
    ("vars", ""): "names of credentials",
    ("action", ""): "one for each module",
    ("callback", ""): "starts the session early",
    ("modules", ""): "what runs on a target",
    ("plugin_utils", "lookup"): "base of the lookups",
    ("plugin_utils", "action"): "base of the actions",
    ("plugin_utils", "client"): "session, or this process",
    ("plugin_utils", "preflight"): "what a run mentions",
    ("plugin_utils", "command"): "what people call by hand",
    ("plugin_utils", "session"): "one login, one fetch per run",
    ("plugin_utils", "config"): "which store is meant",
    ("plugin_utils", "output"): "Ansible's errors, masking",
    ("module_utils", "operations"): "one file an operation",
    ("module_utils", "store"): "open, read, write, ensure",
    ("module_utils", "migration"): "from store to store",
    ("module_utils", "mirror"): "copies elsewhere",
    ("module_utils", "adoption"): "takes over what is there",
    ("module_utils", "drift"): "what differs",
    ("module_utils", "scanning"): "finds plain secrets",
    ("module_utils", "reports"): "what is where",
    ("module_utils", "audit"): "who did what",
    ("module_utils", "metrics"): "how often, how long",
    ("module_utils", "hosts"): "files, commands of a host",
    ("module_utils", "layers"): "retry, cache, encryption…",
    ("module_utils", "argument_specs"): "one a module",
    ("module_utils", "crypto"): "key ring, key sources",
    ("module_utils", "rotation"): "engine, journal, targets",
    ("module_utils", "locks"): "one file a kind of lock",
    ("module_utils", "types"): "one file a credential type",
    ("module_utils", "backends"): "one folder a backend",
    ("module_utils", "logins"): "to clouds and servers",
    ("module_utils", "network"): "HTTP, URLs",
    ("module_utils", "context"): "caller, deadline",
    ("module_utils", "encoding"): "envelope bytes, JSON",
    ("module_utils", "model"): "record, secret, scope…",
    ("module_utils", "filesystem"): "atomic writes, locks",
    ("module_utils", "sent_code"): "a module's library",
    ("module_utils", "errors"): "every error and its code",
}
PROVIDER_LAYER = {("module_utils", "backends"), ("module_utils", "layers")}
PANELS = (
    ("plugins", "what users call: documentation and a call"),
    ("plugins/plugin_utils", "on the controller alone"),
    ("plugins/module_utils", "the library: on the controller and on a target"),
)
HEIGHT, PITCH, HEADER, FOOTER = 42, 76, 26, 62
INK, FAINT, LINE, TINT, PROVIDER = "#24292f", "#57606a", "#6e7781", "#f6f8fa", "#d7efe3"
LEGEND = "An arrow leads from a room to one that it imports. Imports that also lead through other rooms are left out."


def reduce_imports(imports: Mapping[Room, Set[Room]]) -> Dict[Room, List[Room]]:
    """Return the imports without those that also lead through another room."""

    def reach(start: Room) -> Set[Room]:
        return set().union(*({other, *reach(other)} for other in imports.get(start, ()))) if imports.get(start) else set()

    reached = {room: reach(room) for room in imports}
    return {
        room: sorted(other for other in others if not any(other in reached.get(between, ()) for between in others))
        for room, others in imports.items()
    }


def place_rooms(rooms: Sequence[Room]) -> Tuple[Dict[Room, int], List[int]]:
    """Return the floor of each room, from 0 at the top down, and how many floors each panel has."""
    floors: Dict[Room, int] = {}
    counts = []
    for tree in ("", "plugin_utils", "module_utils"):
        order = read_floors(ORDERS[tree]) if tree else {}
        mine = [room for room in rooms if (room[0] if room[0] in ORDERS else "") == tree]
        used = sorted({order.get(name, 0) for _tree, name in mine}, reverse=True)
        floors.update({room: sum(counts) + used.index(order.get(room[1], 0)) for room in mine})
        counts.append(len(used))
    return floors, counts


def draw(plugins: Path) -> str:
    """Return the picture as SVG: the same bytes for the same rooms and imports.

    Raises:
        KeyError: a room has no caption.
    """
    imports = reduce_imports({room: others for room, others in read_room_imports(plugins).items() if room != ("doc_fragments", "")})
    floors, counts = place_rooms(sorted(imports))
    nodes, lines = lay_lanes(floors, imports)
    places = arrange(nodes, lines)
    firsts = [sum(counts[:number]) for number in range(len(counts))]
    tops = [MARGIN // 2 + PITCH * floor + HEADER * sum(first <= floor for first in firsts) for floor in range(len(nodes))]
    ends = [tops[first + count - 1] + HEIGHT + 14 for first, count in zip(firsts, counts)]
    starts = [tops[first] - HEADER for first in firsts]
    body = [
        *(_rectangle(MARGIN // 2, start, WIDTH - MARGIN, end - start, TINT, "#d0d7de") for start, end in zip(starts, ends)),
        *_draw_lines(lines, places, tops),
        *(part for panel, start in zip(PANELS, starts) for part in _draw_title(*panel, start + 17)),
        *(part for room, floor in floors.items() for part in _draw_room(room, places[Node(room, floor)], tops[floor])),
        *_draw_legend(ends[-1]),
    ]
    return "\n".join([*_open_picture(ends[-1] + FOOTER), *body, "</svg>"]) + "\n"


def _open_picture(height: int) -> List[str]:
    return [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" '
        'font-family="Helvetica, Arial, sans-serif">'.format(WIDTH, height),
        "<title>The rooms of the collection and their imports</title>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="{0}"/></marker></defs>'.format(LINE),
        '<rect width="{0}" height="{1}" fill="white"/>'.format(WIDTH, height),
    ]


def _rectangle(x: float, y: float, width: float, height: float, fill: str, stroke: str) -> str:
    shape = '<rect x="{0:.0f}" y="{1:.0f}" width="{2:.0f}" height="{3:.0f}" rx="6" fill="{4}" stroke="{5}"/>'
    return shape.format(x, y, width, height, fill, stroke)


def _text(x: float, y: float, words: str, size: int = 12, fill: str = FAINT, more: str = "") -> str:
    return '<text x="{0:.0f}" y="{1:.0f}" font-size="{2}" fill="{3}"{4}>{5}</text>'.format(x, y, size, fill, more, words)


def _draw_title(name: str, caption: str, y: float) -> List[str]:
    """A panel's name. Lines that it lies on are interrupted."""
    ground = _rectangle(MARGIN - 4, y - 13, 8 + 5.3 * len(name + caption), 18, TINT, TINT)
    return [ground, _text(MARGIN, y, '<tspan font-weight="bold">{0}</tspan>: {1}'.format(name, caption))]


def _draw_legend(y: float) -> List[str]:
    key = _rectangle(MARGIN, y + 34, 22, 14, PROVIDER, LINE)
    return [_text(MARGIN, y + 22, LEGEND), key, _text(MARGIN + 30, y + 46, "The provider layer: backends, and the layers around them.")]


def _draw_lines(lines: Sequence[Sequence[Node]], places: Places, tops: Sequence[int]) -> List[str]:
    links = [(one, other) for line in lines for one, other in zip(line, line[1:])]
    leaves, arrives = _spread(links, places, 0), _spread(links, places, 1)
    drawn = []
    for line in lines:
        path = ""
        for link in zip(line, line[1:]):
            x, y, to_x, to_y = leaves[link], tops[link[0].floor] + HEIGHT, arrives[link], tops[link[1].floor]
            bend = (to_y - y) / 2
            path += "{0} {1:.0f} {2} C {1:.0f} {3:.0f} {4:.0f} {3:.0f} {4:.0f} {5} ".format(
                "L" if path else "M", x, y, y + bend, to_x, to_y
            )
        drawn.append('<path d="{0}" fill="none" stroke="{1}" stroke-width="1.3" marker-end="url(#arrow)"/>'.format(path.strip(), LINE))
    return drawn


def _spread(links: Sequence[Link], places: Places, end: int) -> Dict[Link, float]:
    """Where each link touches the node at its `end` (0 above, 1 below): side by side in the order of what is at the other end."""
    found = {}
    for node in {link[end] for link in links}:
        mine = sorted({link for link in links if link[end] == node}, key=lambda link: places[link[1 - end]])
        for number, link in enumerate(mine):
            found[link] = places[node] + (number - (len(mine) - 1) / 2) * min(26, node.width / (len(mine) + 1))
    return found


def _draw_room(room: Room, middle: float, top: float) -> List[str]:
    fill = PROVIDER if room in PROVIDER_LAYER else "white"
    amid = ' text-anchor="middle"'
    return [
        _rectangle(middle - BOX / 2, top, BOX, HEIGHT, fill, LINE),
        _text(middle, top + 18, room[1] or room[0], 13, INK, amid + ' font-weight="bold"'),
        _text(middle, top + 34, CAPTIONS[room], 11, FAINT, amid),
    ]


def main() -> int:
    """Write the picture."""
    PICTURE.write_text(draw(CHECKOUT / "plugins"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
