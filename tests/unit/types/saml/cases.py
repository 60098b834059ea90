# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cases of the corpus are, and how they are made."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from tests.unit.types.saml.forge import (
    NAMES,
    REAL,
    assertion,
    response,
    sign,
)


@dataclass(frozen=True)
class Case:
    """A response.

    Attributes:
        name: what is special in it.
        text: the parameter `SAMLResponse`.
        claims: the name that an attack wants to have accepted; None if all that is wrong is something else than the name.
        fools: whether the naive reader accepts it, with this name. Those that it refuses, too, are what any verifier has to refuse.
        seen: the ids of the assertions that were accepted before.
        has_key: whether the service has a key.
    """

    name: str
    text: str
    claims: str | None = None
    fools: bool = True
    seen: frozenset = frozenset()
    has_key: bool = True


def signed(name=REAL, **parts):
    """A response with an assertion that is signed."""
    return response(sign(assertion(name, **parts)))


def signed_whole(*assertions, **parts):
    """A response that is signed, with one unsigned assertion by default."""
    return sign(response(*(assertions or (assertion(),)), **parts), "_r1")


def edit(text, change):
    """A document after a change of its root."""
    root = etree.fromstring(text)
    change(root)
    return etree.tostring(root).decode()


def find(root, path):
    """The first element at a path."""
    return root.find(path, NAMES)
