# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup `vault`. Its documentation is in vault.yml."""

from __future__ import annotations

from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.vault_request import VAULT
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.lookup.base import CredentialLookup, LookupCall


class LookupModule(CredentialLookup):
    """Read or list paths of the server of a store."""

    operation = "vault"
    specification = VAULT

    def answer(self, terms: list[Any], call: LookupCall) -> list[Any]:
        """Return the data of each path, without those that an `on_…` option leaves out."""
        paths = [path for term in terms for path in (term if isinstance(term, list) else [term])]
        if not paths or not all(isinstance(path, str) for path in paths):
            remedy = "Write them as text: lookup('nebula.credential.vault', 'sys/mounts')."
            raise InvalidInput("it takes paths", option="_terms", remedy=remedy)
        return [value for path in paths for value in _read(path, call)]


def _read(path: str, call: LookupCall) -> list[Any]:
    try:
        return [call.ask(path=path).result["value"]]
    except CredentialError as error:
        return call.reactions.apply(error)
