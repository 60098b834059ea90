# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of a store's parameters: reversible, without collisions, and never outside the prefix.

A credential `app/db` is the parameter `/<prefix>/app/db`. All else that a store keeps is below `/<prefix>/.nebula/<kind>/`: no credential's
name begins with a dot. A name with more levels than AWS allows is one level, with `..` for each `/`.
"""

from __future__ import annotations

import re
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name, read_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT

HIDDEN = ".nebula"
LONGEST, MOST_LEVELS = 256, 15
"""The longest prefix, and the levels that AWS allows in a parameter's name."""
_LEVELS_OF_A_PREFIX = 10
_FLAT = ".."
_PREFIX = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*\Z")
_RESERVED = ("aws", "ssm")
"""What no name of a parameter may begin with, in any case."""


def _is_prefix(text: str) -> bool:
    is_short = len(text) <= LONGEST and text.count("/") < _LEVELS_OF_A_PREFIX
    return is_short and _PREFIX.match(text) is not None and not text.lower().startswith(_RESERVED)


class ParameterNames:
    """The names below one prefix."""

    def __init__(self, prefix: Optional[str]) -> None:
        """Take the prefix; empty or None for none.

        Raises:
            InvalidConfiguration: AWS does not accept it.
        """
        plain = (prefix or "").strip("/")
        if plain and not _is_prefix(plain):
            raise InvalidConfiguration(
                "{0} cannot begin the name of a parameter".format(ascii(prefix)[:80]),
                option="prefix",
                remedy="Write letters, digits, '.', '_', '-', in {0} parts at most divided by '/', and not 'aws' or 'ssm' first.".format(
                    _LEVELS_OF_A_PREFIX
                ),
            )
        self._root = "/{0}/".format(plain) if plain else "/"

    def find_parameter(self, place: ObjectKey) -> str:
        """Return the name of the parameter of a place.

        Raises:
            InvalidInput: AWS accepts no such name.
        """
        folder, name = self.find_folder(place.kind), check_name(place.name)
        # No credential's name has two dots in a row.
        name = folder + (name.replace("/", _FLAT) if (folder + name).count("/") > MOST_LEVELS else name)
        if name[1:].lower().startswith(_RESERVED):
            raise InvalidInput("AWS allows no parameter whose name begins with 'aws' or 'ssm'", name=place.name, remedy="Use a 'prefix'.")
        return name

    def find_folder(self, kind: str) -> str:
        """Return what the names of all places of a kind begin with."""
        return self._root if kind == CURRENT else "{0}{1}/{2}/".format(self._root, HIDDEN, kind)

    @property
    def document(self) -> str:
        """The name of the parameter with the store's document."""
        return "{0}{1}/store".format(self._root, HIDDEN)

    def read_name(self, parameter: str, kind: str) -> Optional[str]:
        """Return the credential of a parameter of this kind, or None: it belongs to another kind, or to another tool's naming."""
        folder = self.find_folder(kind)
        if not parameter.startswith(folder) or (kind == CURRENT and parameter.startswith(folder + HIDDEN + "/")):
            return None
        return read_name(parameter[len(folder) :].replace(_FLAT, "/"))
