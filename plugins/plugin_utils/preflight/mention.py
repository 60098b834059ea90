# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was found in the files of a run: credentials that are named, and places where a name cannot be told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """A line of a file."""

    path: str
    line: int

    def __str__(self) -> str:
        return "{0}:{1}".format(self.path, self.line)


class Mention(NamedTuple):
    """A credential that a run reads: its name, its store (None for the default one), and whether the run has an answer if it is missing."""

    name: str
    store: str | None
    place: Place
    is_optional: bool = False


@dataclass
class Mentions:
    """All that was found.

    Attributes:
        read: what is read.
        made: names that a task creates or deletes, so that they may be missing before the run.
        untold: places, and why no name can be told there.
        files: the files that were searched, by their real paths.
        vars_files: those of them that the vars plugin reads.
    """

    read: list[Mention] = field(default_factory=list)
    made: set[tuple[str, str | None]] = field(default_factory=set)
    untold: list[tuple[Place, str]] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    vars_files: list[str] = field(default_factory=list)

    def add(self, names: Iterable[str], store: str | None, place: Place, *, is_optional: bool = False) -> None:
        """Add names that are read."""
        self.read += [Mention(name, store, place, is_optional) for name in names]

    def list_stores(self) -> list[str | None]:
        """Return the stores that are read, the default one first."""
        return sorted({each.store for each in self.read}, key=lambda store: store or "")

    def find_places(self, store: str | None) -> dict[str, list[Mention]]:
        """Return what is read from a store, by name."""
        found: dict[str, list[Mention]] = {}
        for each in self.read:
            if each.store == store:
                found.setdefault(each.name, []).append(each)
        return found
