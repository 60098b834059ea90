# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Functions that begin with a past participle: `told`, `_checked_prefix`, `opened_version`. A function is a verb: `check_prefix`."""

from __future__ import annotations

import ast
from typing import Iterator, NamedTuple

from tests.house.source import SourceTree

# Without those that are also what one does: `read`, `put`, `set`, `cut`, `run`.
IRREGULAR = frozenset(
    """
    begun bitten blown born bought bound broken brought built caught chosen dealt done drawn driven drunk dug eaten fallen felt
    flown forgotten forgiven fought found frozen given gone got gotten grown heard held hidden kept known laid lain led left lent
    lit lost made meant met overtaken paid proven ridden risen rung said sat seen sent shaken shown slept sold sought spent spoken
    stolen stood struck sunk sung swept sworn swum taken taught thought thrown told torn understood undone won woken worn woven
    written
    """.split()  # noqa: SIM905  # one a word is easier to read than one a line
)
NOT_PARTICIPLES = {"bleed", "breed", "embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed", "succeed"}
# Names that stay, each with its reason.
ALLOWED: dict[str, str] = {}


class Found(NamedTuple):
    """A function that begins with a participle: where, and its name with its class (`Keyring.opened`)."""

    place: str
    name: str

    @property
    def function(self) -> str:
        """The name without the class."""
        return self.name.rpartition(".")[2]


def begins_with_a_participle(name: str) -> bool:
    """Return whether the first word of a name is a past participle and nothing else."""
    word = name.strip("_").split("_")[0]
    return (word.endswith("ed") and word not in NOT_PARTICIPLES) or word in IRREGULAR


def participles(tree: SourceTree, *folders: str) -> Iterator[Found]:
    """Yield each function and method of these folders that begins with a participle."""
    for source in tree.python(*folders):
        classes = {part: node.name + "." for node in source.nodes if isinstance(node, ast.ClassDef) for part in node.body}
        for node in source.functions:
            if begins_with_a_participle(node.name):
                yield Found(source.at(node.lineno), classes.get(node, "") + node.name)


def find_participles(tree: SourceTree) -> Iterator[str]:
    """No function of the plugins begins with a past participle."""
    for found in participles(tree, "plugins"):
        if found.function not in ALLOWED:
            yield "{0} {1}".format(found.place, found.name)
