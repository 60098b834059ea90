# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the entries of `key_sources`, for every kind of source. Loads no source."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import (
    CONNECTION,
    CONNECTION_PATHS,
    CONNECTION_SECRETS,
)

OPTION = "key_sources"
PASSPHRASES = ("passphrase", "passphrase_file", "passphrase_env")
VAULT_TRANSIT = {
    **CONNECTION,
    "mount": {"type": "str", "default": "transit"},
    "key": {"type": "str", "no_log": False},
    "label": {"type": "str"},
    "read_timeout": {"type": "float", "default": 5.0},
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
    *CONNECTION_PATHS,
)
"""The options of an entry, nested ones included, that are paths."""
SECRETS = ("passphrase", *CONNECTION_SECRETS)
"""The options with secret values."""
