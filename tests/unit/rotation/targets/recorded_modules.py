# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target's modules and programs that only record their calls and return what they are given."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence


class Recorded:
    """Returns each given result in turn; the last one for every further call."""

    def __init__(self, *results: Any) -> None:
        self.results = list(results)
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.programs: list[tuple[Sequence[str], bytes]] = []
        self.notes: list[str] = []
        self.places: list[str] = []

    def _next(self) -> Any:
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]

    def run(self, name: str, arguments: Mapping[str, Any], place: str = "") -> Mapping[str, Any]:
        self.calls.append((name, arguments))
        self.places.append(place)
        return self._next()

    def run_program(self, argv: Sequence[str], stdin: bytes, place: str = "") -> Optional[int]:
        self.programs.append((argv, stdin))
        self.places.append(place)
        return self._next()

    def read_connection(self, place: str) -> Mapping[str, Any]:
        return {"host": place, "port": None}

    def time_left(self) -> float:
        return 60.0

    def note(self, text: str) -> None:
        self.notes.append(text)
