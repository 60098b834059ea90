# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declaration of every key source: its options, as data. Loads no source and no library.

A new source is its file, its declaration here, and its row in `registry.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Spec
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import CONNECTION_TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import TRAITS as VAULT

OPTION = "key_sources"
PASSPHRASES = ("passphrase", "passphrase_file", "passphrase_env")
LABEL: Spec = {"label": {"description": "Tells several sources of one kind apart.", "type": "str"}}
READ_TIMEOUT: Spec = {"read_timeout": {"description": "Seconds for each use.", "type": "float", "default": 5.0}}
VAULT_TRANSIT: Spec = {
    **CONNECTION_TRAITS.spec,
    "mount": {"description": "Where the Transit engine is mounted.", "type": "str", "default": "transit"},
    "key": {"description": "The name of the key.", "type": "str", "no_log": False},
    **LABEL,
    **READ_TIMEOUT,
}
"""The options of `vault_transit` as well as `source`, as an argument spec. Times are seconds."""
_PASSPHRASE: Spec = {
    "passphrase": {"description": "The passphrase itself, from Ansible Vault.", "type": "str", "no_log": True},
    "passphrase_file": {"description": "The file with the passphrase.", "type": "path", "no_log": False},
    "passphrase_env": {"description": "The environment variable with the passphrase.", "type": "str", "no_log": False},
    **LABEL,
}

SOURCES: Mapping[str, BackendTraits] = {
    "key_file": BackendTraits(spec={"path": {"description": "The key file, if it is not the store's default one.", "type": "path"}}),
    "passphrase": BackendTraits(spec=_PASSPHRASE),
    "ansible_vault": BackendTraits(
        spec={"vault_id": {"description": "The vault id whose password opens the store, if it is not `default`.", "type": "str"}}
    ),
    "vault_transit": replace(CONNECTION_TRAITS, spec=VAULT_TRANSIT, environment_prefixes=VAULT.environment_prefixes),
}
"""Every kind by its name. `credentials`, `directory` and `play_variables` of a declaration mean nothing here."""
LIKE_BACKEND: Mapping[str, str] = {"vault_transit": "vault"}
"""The sources that log in as a backend does, and its name: the reference describes those options once."""
ON_CONTROLLER: Mapping[str, str] = {"ansible_vault": "the run's Ansible vault password"}
"""The sources that a host cannot use, and what they have that stays on the controller."""
ALLOWED: Mapping[str, Tuple[str, ...]] = {kind: tuple(traits.spec) for kind, traits in SOURCES.items()}
"""The options of each source."""
PATHS = tuple(dict.fromkeys(option for traits in SOURCES.values() for option in (*traits.paths, *traits.parts_with_paths)))
"""The options of an entry, nested ones included, that are paths. An option that several sources have is one in all of them."""
SECRETS = tuple(dict.fromkeys(option for traits in SOURCES.values() for option in traits.secrets))
"""The options with secret values, of every source."""
ALIASES: Mapping[str, Mapping[str, str]] = {kind: traits.aliases for kind, traits in SOURCES.items() if traits.aliases}
"""Other names of the options of each source."""
