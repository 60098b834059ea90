# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`nebula-client`: the client script that gives Ansible the passwords of its vault ids (`vault_identity_list = prod@…/nebula-client`)."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.plugin_utils.command.exit_codes import OK
from ansible_collections.nebula.credential.plugins.plugin_utils.command.invocation import Invocation
from ansible_collections.nebula.credential.plugins.plugin_utils.command.terminal import note, write_value

NAMES = "ansible-vault/{0}"
"""The credential with the password of a vault id."""
DEFAULT = "default"
UNKNOWN_VAULT_ID = 2
"""What a client script returns for a vault id that it does not know: `ClientScriptVaultSecret` of ansible-core reads it."""
_BY_VAULT = "ansible_vault"
"""The key source that the run's vault password opens."""


class ClientInvocation(Invocation):
    """A call by Ansible, which waits for a vault password: whatever needs one itself would wait for this call."""

    def _read_vault_password(self, vault_id: str | None) -> Secret | None:
        raise _circle_error("the key of the store is opened by a vault password", "key_sources")

    def _open_vault(self) -> None:
        raise _circle_error("the configuration file holds what Ansible Vault has encrypted", "nebula.yml")


def write_vault_password(invocation: Invocation) -> int:
    """Write the password of a vault id to standard output, which Ansible reads."""
    vault_id = invocation.arguments.vault_id or DEFAULT
    sources = invocation.store.config.get("key_sources")
    for source in sources if isinstance(sources, list) else ():
        if isinstance(source, dict) and source.get("source") == _BY_VAULT:
            invocation._read_vault_password(source.get("vault_id"))
    name = NAMES.format(vault_id)
    try:
        value = invocation.perform("get", {"name": name}).result["value"]
    except NotFound as error:
        note(str(error))
        return UNKNOWN_VAULT_ID
    write_value(value.encode("utf-8"), is_raw=False)
    return OK


def _circle_error(what: str, option: str) -> InvalidConfiguration:
    remedy = "Ansible waits here for that password. Use a store with another key source, for example 'key_file', and a plain configuration."
    return InvalidConfiguration("a circle: {0}".format(what), option=option, remedy=remedy)
