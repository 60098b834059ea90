# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key source `ansible_vault`: the run's own vault password, by vault id (ENVELOPE rule 10). Works on the controller only.

The way to get a vault password differs between versions of ansible-core, so the controller passes in a callable.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings, VaultPassword, check_texts
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.passphrase import RememberedSource

DEFAULT_VAULT_ID = "default"


class VaultPasswordSource(RememberedSource):
    """The slot's label is the vault id."""

    kind = "ansible_vault"


def from_options(given: Mapping[str, Any], surroundings: Surroundings) -> VaultPasswordSource:
    """Build the source of an entry of `key_sources`."""
    check_texts(VaultPasswordSource.kind, given)
    return from_vault(given.get("vault_id"), surroundings.vault_password)


def from_vault(vault_id: Optional[str], vault_password: Optional[VaultPassword]) -> VaultPasswordSource:
    """Return the source for the password of a vault id (None: Ansible's `default`), which the controller provides."""
    label = vault_id or DEFAULT_VAULT_ID
    absent = "this run has no vault password for the vault id '{0}' (see --vault-id), or this is not the controller".format(label)
    return VaultPasswordSource(label, lambda: vault_password(vault_id) if vault_password else None, absent)
