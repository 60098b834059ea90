# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation in get.yml beside this file."""

from __future__ import annotations

from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import GET
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup_base import CredentialLookup, LookupCall, names_in


class LookupModule(CredentialLookup):
    """Reads one credential."""

    operation = "get"
    specification = GET

    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Answer the value, the default, or nothing."""
        names = names_in(terms)
        if len(names) != 1 or isinstance(terms[0], list):
            remedy = "Ask for one name, or use nebula.credential.get_many, which answers a mapping."
            raise InvalidInput("exactly one credential is read at a time, not {0}".format(len(names)), option="_terms", remedy=remedy)
        try:
            return [call.ask(name=names[0]).result["value"]]
        except CredentialError as error:
            return call.reactions.settle(error)
