# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation in find.yml beside this file."""

from __future__ import annotations

from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import FIND
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.base import CredentialLookup, LookupCall


class LookupModule(CredentialLookup):
    """Finds credentials by their metadata."""

    operation = "find"
    specification = FIND

    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Answer the list of what was found (as one element, so that `lookup` and one result give a list too)."""
        if terms:
            raise InvalidInput("this lookup takes no names", option="_terms", remedy="Use 'prefix', 'type', 'tags' or 'query'.")
        return [call.ask().result["credentials"]]
