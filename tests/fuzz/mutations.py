# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spoils what this collection writes: bytes bit by bit and piece by piece, JSON-like data part by part. All of it follows from a seed."""

from __future__ import annotations

import json
from copy import deepcopy
from random import Random
from typing import Any, Iterator, List, Sequence, Tuple

DEEP: Any = None
for _each in range(200):
    DEEP = [DEEP]

EVIL: Tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63 - 1,
    2**63,
    2**70,
    10**400,
    0.5,
    float("inf"),
    float("nan"),
    "",
    "x",
    "é",
    "²",
    "-1",
    "0x10",
    "1e999",
    "9" * 30,
    "9" * 5000,
    "\x00",
    "\ud800",
    "2026-11-29",
    "2026-11-29T12:00:00",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "AAAA",
    "{{ x }}",
    [],
    {},
    [[]],
    {"": ""},
    {"base64": "é"},
    {"base64": 1},
    [1, 2],
    DEEP,
)
"""What may be in the place of any part."""

_PIECES = (
    b"",
    b"\x00",
    b"\xff" * 4,
    b"\xff" * 8,
    b"\x7f\xff\xff\xff",
    b"\n",
    b"[" * 3000,
    b'{"a":' * 1500,
    b"9" * 5000,
    b"Infinity",
    b"\t",
)


def spoil_bytes(seeds: Sequence[bytes], random: Random) -> bytes:
    """Return one of the seeds after one to three changes."""
    data = random.choice(seeds)
    for _each in range(random.randint(1, 3)):
        data = _spoil_once(data, seeds, random)
    return data


def _spoil_once(data: bytes, seeds: Sequence[bytes], random: Random) -> bytes:
    place, kind = random.randrange(len(data) + 1), random.randrange(5)
    if kind == 0 and place < len(data):
        return data[:place] + bytes((data[place] ^ 1 << random.randrange(8),)) + data[place + 1 :]
    if kind == 1:
        return data[:place]
    if kind == 2:
        return data[:place] + random.choice(_PIECES) + data[place + random.choice((0, 1, 4, 8)) :]
    other = random.choice(seeds)
    if kind == 3:
        start = random.randrange(len(other) + 1)
        return data[:place] + other[start : start + random.randrange(40)] + data[place:]
    return data[:place] + other[random.randrange(len(other) + 1) :]


def spoil_data(seeds: Sequence[Any], random: Random) -> Any:
    """Return a copy of one of the seeds in which one to three parts are gone, doubled or something else."""
    data = deepcopy(random.choice(seeds))
    for _each in range(random.randint(1, 3)):
        places = list(_places(data))
        if not places:
            return random.choice(EVIL)
        _spoil_part(*random.choice(places), random)
    return data


def _spoil_part(parent: Any, key: Any, random: Random) -> None:
    kind = random.randrange(8)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[str(random.choice(EVIL))[:100]] = parent[key]
    elif kind == 1:
        parent.append(parent[key])
    else:
        parent[key] = deepcopy(random.choice(EVIL))


def _places(data: Any) -> Iterator[Tuple[Any, Any]]:
    """Yield each part as its parent and key. What was spoiled before may be deep, so this walks without calling itself."""
    left: List[Any] = [data]
    while left:
        part = left.pop()
        for key in list(part) if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ():
            yield part, key
            left.append(part[key])


def spoil_json(seeds: Sequence[Any], random: Random) -> bytes:
    """Return data of `spoil_data` as JSON, one time in four with its bytes spoiled too."""
    text = json.dumps(spoil_data(seeds, random)).encode("ascii")
    return spoil_bytes([text], random) if random.randrange(4) == 0 else text
