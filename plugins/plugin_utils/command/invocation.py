# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of the command: where its store comes from, and how an operation reaches it, as in a run without a session."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping
from functools import cached_property
from os import environ
from typing import Any

from ansible import constants
from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.store import Specification
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.mirror import OPTION as MIRROR
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import traits_of
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import for_operation
from ansible_collections.nebula.credential.plugins.plugin_utils.client.access_context import access_context
from ansible_collections.nebula.credential.plugins.plugin_utils.client.direct_client import DirectClient
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import RunConfig, resolve_store

PROGRAM = "nebula-credential"
_VAULTED = b"$ANSIBLE_VAULT"


class Invocation:
    """One call of the command, with its options. Nothing is read before it is needed: most calls need no vault password."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Take the parsed command line."""
        self.arguments = arguments
        self._client = DirectClient(self._read_vault_password)
        self._has_passwords = False
        self._option = "--store"

    @cached_property
    def around(self) -> RunConfig:
        """All that may choose a store, as in a run that has no variables."""
        return RunConfig(
            variables={},
            environment=environ,
            template=lambda value: value,
            load=self._load,
            ansible_cfg=constants.CONFIG_FILE,
            load_piped=lambda path, _session: self._load(path),
            warn=Display().warning,
        )

    @cached_property
    def store(self) -> StoreReference:
        """The store of this call.

        Raises:
            InvalidConfiguration: as `resolve_store`.
            InvalidInput: `--store` is a whole configuration, which everybody could see in the list of processes.
        """
        named = self.arguments.store
        if named is not None and named.lstrip().startswith("{"):
            raise InvalidInput("a configuration is no argument", option="--store", remedy="Describe the store in nebula.yml, and name it.")
        return resolve_store(named, self.around, self._option)

    @property
    def scope(self) -> dict[str, Any]:
        """The scope that the command line asserts."""
        given = self.arguments
        return {"workflow": given.workflow, "user": given.user, "tags": read_pairs(given.scope_tag, "--scope-tag") or None}

    @property
    def context(self) -> AccessContext:
        """The caller: the store's tenant, the asserted scope, this user, this machine, and the command in place of a task."""
        task = "{0} {1}".format(PROGRAM, self.arguments.command)
        return access_context(tenant=self.store.config.get("tenant"), scope=self.scope, variables={}, task=task)

    def choose(self, store: str | None) -> Invocation:
        """Return this call on another store of the configuration; itself for None."""
        if store is None:
            return self
        other = copy.copy(self)
        other.__dict__.pop("store", None)
        other._option = "store"
        other.arguments = argparse.Namespace(**{**vars(self.arguments), "store": store})
        return other

    def perform(self, operation: str, parameters: Mapping[str, Any], check_mode: bool = False) -> Outcome:
        """Perform one operation on the store.

        Raises:
            CredentialError: the operation failed; the class is the reason.
        """
        outcome = self._client.perform(self.store, operation, parameters, self.context, check_mode)
        if not (self.store.config.get(MIRROR) and traits_of(operation).mirrored):
            return outcome
        from ansible_collections.nebula.credential.plugins.plugin_utils.client.mirroring import mirror_changes
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.mirrors import resolve_mirrors

        def sync(among: StoreReference, wanted: str, given: Mapping[str, Any]) -> Outcome:
            return self._client.perform(among, wanted, given, self.context, check_mode)

        return mirror_changes(sync, resolve_mirrors(self.store, self.around), parameters, outcome, check_mode)

    def perform_module(
        self, operation: str, specification: Specification, arguments: Mapping[str, Any], check_mode: bool = False
    ) -> Outcome:
        """Perform the operation of a module, after the check that a task of a play gets.

        Raises:
            UserMessage, CredentialError: an argument is invalid, or the operation failed.
        """
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.validation import validate

        given = {name: value for name, value in arguments.items() if value is not None}
        return self.perform(operation, for_operation(validate(given, specification, operation)), check_mode)

    def close(self) -> None:
        """Close the store, which ends its leases."""
        self._client.close()

    def _load(self, path: str) -> Any:
        """Return the content of a YAML file, decrypted if it holds anything that Ansible Vault has encrypted."""
        from ansible.parsing.dataloader import DataLoader

        with open(path, "rb") as file:
            content = file.read()
        if _VAULTED in content:
            self._open_vault()
        return DataLoader().load(content.decode("utf-8"), path, show_content=False)

    def _read_vault_password(self, vault_id: str | None) -> Secret | None:
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.vault_password import vault_password

        self._open_vault()
        return vault_password(vault_id)

    def _open_vault(self) -> None:
        """Read the vault passwords as every command of Ansible does: by its options and `ansible.cfg`. It loads much."""
        if self._has_passwords:
            return
        from ansible.cli import CLI
        from ansible.parsing.dataloader import DataLoader

        given = self.arguments
        ids, files = list(given.vault_id or constants.DEFAULT_VAULT_IDENTITY_LIST or ()), list(given.vault_password_file or ())
        CLI.setup_vault_secrets(DataLoader(), ids, files, given.ask_vault_pass, auto_prompt=False)
        self._has_passwords = True


def read_pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """Return the mapping that texts of the form `NAME=VALUE` stand for.

    Raises:
        InvalidInput: a text has no `=`.
    """
    pairs = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInput(
                "it is not of the form NAME=VALUE", option=option, remedy="Write for example '{0} team=shop'.".format(option)
            )
        pairs[name] = value
    return pairs
