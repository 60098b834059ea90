# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as secrets of an Azure Key Vault (A6). The layout is in docs/integrations/backends/azure.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Mapping, Optional, Type

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.bundles import Secrets
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.object_store import VaultPlaces
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_names import check_prefix
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_tags import MAX_TAGS, MAX_VALUE
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_value import write_value
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.versions import VersionedPlaces
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import CONNECTIONS, Backend, BackendContext, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent, check_swap
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.source import answer
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectStore
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Limited, Located, Recoverable
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT

_CAPABILITIES = Capabilities(
    versions=True,
    stages=True,
    envelopes=True,
    native=True,
    json_fields=True,
    remote=True,
    server_side_encryption=True,
    max_bytes=MAX_VALUE,
    max_tags=MAX_TAGS - 2,
    parallel=CONNECTIONS,
)


class _Vault(ObjectBackend, Limited, Located):
    """What plain and encrypted stores have in common."""

    container = "a secret of Key Vault"
    options = TRAITS.spec
    places_class: Type[VaultPlaces] = VaultPlaces

    def make_places(self) -> ObjectStore:
        """Return the primitives, on a connection that opens nothing yet.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        store = self.context.store
        try:
            prefix = check_prefix(self.setting("prefix"))
            self._connection = Connection(self.settings, self.setting("api_version"), store=store, warn=self.context.warn)
        except CredentialError as problem:
            raise problem.within(store=store) from None
        tenant, encrypted = self.settings.get("tenant") or DEFAULT_TENANT, bool(self.settings.get("encrypt"))
        self._secrets = self.places_class(Secrets(self._connection), prefix, tenant, encrypted=encrypted)
        return self._secrets

    def connect(self) -> None:
        """Load the SDK. The first operation logs in."""
        self._connection.prepare()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def measure_value(self, record: Record) -> int:
        return len(write_value(record)[0].encode("utf-8"))

    def location(self) -> str:
        return "azure {0} {1}".format(self._connection.address.url, self.setting("prefix"))

    def locate(self, name: str) -> Dict[str, str]:
        return {"vault": self._connection.address.url, "secret": self._secrets.find_name(name)}


class EncryptedVault(_Vault):
    """Envelopes. A deleted one can be recovered in Key Vault, but not by the collection."""

    capabilities = _CAPABILITIES


class Azure(_Vault, Recoverable):
    """Plain secrets, whose older values are the versions of the secret. The registry's class for both kinds of stores."""

    capabilities = replace(_CAPABILITIES, soft_delete=True)
    places_class = VersionedPlaces
    _secrets: VersionedPlaces

    def __new__(cls, options: Mapping[str, Any], context: BackendContext) -> Backend:  # type: ignore[misc]  # another class, on purpose
        """Return the backend of the configured kind. Opens nothing."""
        return EncryptedVault(options, context) if options.get("encrypt") else super().__new__(cls)

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        """As the contract says. First it finishes a delete of this process whose response was lost."""
        self._secrets.finish_removal(check_name(name))
        return super().get(name, version, stage)

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        """As the contract says. What was deleted recoverably before can be purged."""
        try:
            super().delete(name, stage=stage, expected=expected, recoverable=recoverable)
        except NotFound:
            if recoverable or stage != CURRENT or self._find_deleted(name) is None:
                raise
            self._secrets.purge(name)

    def _find_deleted(self, name: str) -> Optional[Record]:
        found = self._secrets.read_deleted(check_name(name))
        return None if found is None else answer(found)

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        """Recover a deleted secret.

        Returns:
            The record; with `check` without its fields, which cannot be read until it is recovered.
        """
        found = self._find_deleted(name) if stage == CURRENT else None
        if found is None:
            raise absent(name, stage=stage)
        check_swap(name, found, None if version is None else Etag(version))
        if check:
            return found
        self._secrets.recover(name)
        return self.get(name)
