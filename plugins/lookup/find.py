# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup `find`. Its documentation is in find.yml."""

from __future__ import annotations

from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import FIND
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.base import CredentialLookup, LookupCall


class LookupModule(CredentialLookup):
    """Find credentials by their metadata."""

    operation = "find"
    specification = FIND

    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Return the list of descriptions, as one element: so `lookup` returns a list even for one result."""
        if terms:
            raise InvalidInput("this lookup takes no names", option="_terms", remedy="Use 'prefix', 'type', 'tags' or 'query'.")
        return [call.ask().result["credentials"]]
