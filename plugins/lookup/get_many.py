# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation in get_many.yml beside this file."""

from __future__ import annotations

from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import GET_MANY
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup_base import CredentialLookup, LookupCall, names_in
from ansible_collections.nebula.credential.plugins.plugin_utils.reactions import error_from


class LookupModule(CredentialLookup):
    """Reads several credentials."""

    operation = "get_many"
    specification = GET_MANY

    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Answer one mapping of name to value. What is left out by an `on_…` option has no key in it."""
        names = names_in(terms)
        try:
            result = call.ask(names=names).result
        except CredentialError as error:
            return [{name: default for name in names for default in call.reactions.settle(error)}]
        values = dict(result["values"])
        for name, failure in result["failures"].items():
            for default in call.reactions.settle(error_from(failure)):
                values[name] = default
        return [values]
