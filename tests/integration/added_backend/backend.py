# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials on a shelf of this process: the backend that test_added_backend.py adds."""

from __future__ import annotations

from typing import Dict

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectStore
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Located
from ansible_collections.nebula.credential.plugins.module_utils.backends.shelf.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.shelf.places import MemoryPlaces
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration


class Shelf(ObjectBackend, Located):
    """A shelf in memory, of a material."""

    capabilities = Capabilities(versions=True, native_cas=True, stages=True, envelopes=True, native=True, persistent=False)
    options = TRAITS.spec

    def make_places(self) -> ObjectStore:
        """Check the material; build nothing else.

        Raises:
            InvalidConfiguration: a shelf of it would not hold.
        """
        if self.setting("material") == "paper":
            raise InvalidConfiguration("it does not hold", option="material", remedy="Use 'wood'.")
        return MemoryPlaces(encrypted=bool(self.settings.get("encrypt")))

    def location(self) -> str:
        return "shelf {0}".format(id(self))

    def locate(self, name: str) -> Dict[str, str]:
        return {"shelf": str(id(self)), "name": name}
