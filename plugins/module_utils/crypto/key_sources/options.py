# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of an entry of `key_sources`, of whichever source. Nothing here loads one."""

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
"""What the source `vault_transit` takes besides `source`, as an argument spec. Times are seconds."""
ALLOWED = {
    "key_file": ("path",),
    "passphrase": (*PASSPHRASES, "label"),
    "ansible_vault": ("vault_id",),
    "vault_transit": tuple(VAULT_TRANSIT),
}
"""What each source takes."""
PATHS = (
    "path",
    "passphrase_file",
    *(option for option, spec in VAULT_TRANSIT.items() if spec["type"] == "path"),
    *CONNECTION_PATHS,
)
"""The keys of an entry, and parts of one, that are paths."""
SECRETS = ("passphrase", *CONNECTION_SECRETS)
"""Those whose value is secret."""
