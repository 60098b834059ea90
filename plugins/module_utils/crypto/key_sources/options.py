# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the entries of `key_sources`, for every kind of source. Loads no source."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import CONNECTION_TRAITS

OPTION = "key_sources"
PASSPHRASES = ("passphrase", "passphrase_file", "passphrase_env")
VAULT_TRANSIT = {
    **CONNECTION_TRAITS.spec,
    "mount": {"description": "Where the Transit engine is mounted.", "type": "str", "default": "transit"},
    "key": {"description": "The name of the key.", "type": "str", "no_log": False},
    "label": {"description": "Tells several sources of one kind apart.", "type": "str"},
    "read_timeout": {"description": "Seconds for each use.", "type": "float", "default": 5.0},
}
"""The options of `vault_transit` as well as `source`, as an argument spec. Times are seconds."""
ALLOWED = {
    "key_file": ("path",),
    "passphrase": (*PASSPHRASES, "label"),
    "ansible_vault": ("vault_id",),
    "vault_transit": tuple(VAULT_TRANSIT),
}
"""The options of each source."""
PATHS = (
    "path",
    "passphrase_file",
    *(option for option, spec in VAULT_TRANSIT.items() if spec["type"] == "path"),
    *CONNECTION_TRAITS.parts_with_paths,
)
"""The options of an entry, nested ones included, that are paths."""
SECRETS = ("passphrase", *CONNECTION_TRAITS.secrets)
"""The options with secret values."""
ALIASES: Mapping[str, Mapping[str, str]] = {"vault_transit": CONNECTION_TRAITS.aliases}
"""Other names of the options of each source."""
