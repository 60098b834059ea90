# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The passwords with which this run opens Ansible Vault content, by vault id (E2).

Only this file knows where ansible-core keeps them: `VaultSecretsContext` in 2.19 to 2.22.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

try:
    from ansible.parsing.vault import VaultSecretsContext
except ImportError:
    VaultSecretsContext = None

_DEFAULT = "default"


def vault_password(vault_id: str | None) -> Secret | None:
    """Return the run's password for `vault_id`, or None if it has none.

    Without a vault id: the one labelled `default`, else the only one.

    Raises:
        InvalidConfiguration: no vault id was given, and the run has several.
    """
    known = _read_known()
    if vault_id is not None:
        return _secret(known.get(vault_id))
    if _DEFAULT in known or len(known) < 2:
        return _secret(known.get(_DEFAULT) or next(iter(known.values()), None))
    raise InvalidConfiguration(
        "the run has several vault ids ({0}) and the key source names none".format(", ".join(sorted(known))),
        option="key_sources.vault_id",
        remedy="Name one of them as 'vault_id'.",
    )


def _read_known() -> dict[str, Any]:
    context = VaultSecretsContext.current(optional=True) if VaultSecretsContext is not None else None
    known: dict[str, Any] = {}
    for vault_id, secret in getattr(context, "secrets", None) or ():
        # Several passwords may share an id; the first is the one that Ansible encrypts with.
        known.setdefault(str(vault_id), secret)
    return known


def _secret(found: Any) -> Secret | None:
    password = getattr(found, "bytes", None)
    return Secret(password) if password else None
