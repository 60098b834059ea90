# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of a store's secrets: reversible, without collisions, and never outside the prefix.

A credential `app/db` is the secret `<prefix>/app/db`. All else that a store keeps is below `<prefix>/+<kind>/`: no credential's name
has a `+`.
"""

from __future__ import annotations

import re
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED, ObjectKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name, read_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT

OWN = "+"
_PREFIX = re.compile(r"[A-Za-z0-9_.=@-]+(?:/[A-Za-z0-9_.=@-]+)*\Z")
LONGEST = 256
"""The longest prefix. With the longest name it stays below the 512 characters of a secret's name."""


class SecretNames:
    """The names below one prefix."""

    def __init__(self, prefix: Optional[str]) -> None:
        """Take the prefix; empty or None for none.

        Raises:
            InvalidConfiguration: AWS does not accept it, or it could be one of our own kinds.
        """
        prefix = prefix or ""
        if prefix and (len(prefix) > LONGEST or not _PREFIX.match(prefix)):
            raise InvalidConfiguration(
                "{0} cannot begin the name of a secret".format(ascii(prefix)[:80]),
                option="prefix",
                remedy="Write letters, digits, '.', '_', '-', '=' and '@', divided by single '/'.",
            )
        self._root = prefix + "/" if prefix else ""

    def find_secret(self, place: ObjectKey) -> str:
        """Return the name of the secret of a place. All that was deleted under one name shares one secret."""
        return self.find_folder(DELETED if place.kind.startswith(DELETED) else place.kind) + check_name(place.name)

    def find_folder(self, kind: str) -> str:
        """Return what the names of all places of a kind begin with."""
        return self._root if kind == CURRENT else "{0}{1}{2}/".format(self._root, OWN, kind)

    @property
    def document(self) -> str:
        """The name of the secret with the store's document."""
        return self._root + OWN + "store"

    def read_name(self, secret: str, kind: str) -> Optional[str]:
        """Return the credential of a secret of this kind, or None: it belongs to another kind, or to another tool's naming."""
        folder = self.find_folder(kind)
        if not secret.startswith(folder):
            return None
        name = secret[len(folder) :]
        return None if "/" + OWN in "/" + name else read_name(name)
