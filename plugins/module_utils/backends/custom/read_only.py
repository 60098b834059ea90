# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the credential helpers of other programs have in common: one login for an address, which is only read.

They carry a user name and one line of a secret. What they would change silently is refused.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from dataclasses import replace
from datetime import datetime
from typing import Any, Dict, Iterator, List, Mapping, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Capabilities, Filter, Health
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.options import ADDRESS, OF_NEBULA, TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.protocol import read_only_error
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Located, WriteGate
from ansible_collections.nebula.credential.plugins.module_utils.backends.reader import UNKNOWN, Reader
from ansible_collections.nebula.credential.plugins.module_utils.context.program import Program
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Metadata, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

NAME = "{name}"
MOST_BYTES = 64 * 1024
"""The helpers' own limit for an answer (docker-credential-helpers reads lines of 64 KiB)."""


class CredentialHelper(Reader, Located, WriteGate):
    """A store that reads through a credential helper. A subclass knows its protocol."""

    capabilities = Capabilities(native=True, remote=True, read_only=True, server_side_encryption=True)
    options = TRAITS.spec
    default_retries = 1
    default_address = NAME
    environment: Mapping[str, str] = {}
    """Variables that the helper gets as well as the user's."""

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Take the store's options. Runs nothing.

        Raises:
            InvalidConfiguration: an option is wrong, or is one of another protocol.
        """
        super().__init__(options, context)
        for option in OF_NEBULA:
            if options.get(option) is not None:
                remedy = "Leave it out, or use a command that speaks 'protocol: nebula'."
                raise InvalidConfiguration("credential helpers do not take it", option=option, remedy=remedy)
        self.address = str(options.get(ADDRESS) or self.default_address)
        if self.address.count(NAME) != 1:
            remedy = "Write '{name}' in it, once: 'https://{name}/'."
            raise InvalidConfiguration("it has no single placeholder for the credential's name", option=ADDRESS, remedy=remedy)
        self.program = Program(options, context.warn, self.environment)

    def connect(self) -> None:
        """Find the program. Runs nothing."""
        self.program.prepare()

    @abstractmethod
    def read_login(self, address: str) -> Optional[Record]:
        """Return the login of an address, without its name and version; None if there is none."""

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        address = self.address.replace(NAME, check_name(name))
        found = self.read_login(address) if stage == CURRENT else None
        if found is None:
            raise absent(name, stage=stage)
        if version not in (None, VERSION):
            raise absent(name, version, kept=[VERSION])
        return replace(found, name=name, version=VERSION)

    def build_record(self, fields: Mapping[str, bytes], expires_at: Optional[datetime] = None) -> Record:
        """Return a login as a record of the type that other tools' values have."""
        metadata = Metadata(UNKNOWN, UNKNOWN, expires_at=expires_at, scope=Scope(tenant=self._tenant))
        return Record("", fields={key: Secret(value) for key, value in fields.items()}, metadata=metadata)

    @property
    def _tenant(self) -> str:
        return self.settings.get("tenant") or DEFAULT_TENANT

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Raise an error: the default is for helpers that list nothing."""
        what = "the command of this store lists nothing"
        raise StorageError(what, remedy="Read each credential by its name; helpers of Docker can list theirs.")

    def versions(self, name: str) -> List[VersionInfo]:
        return [VersionInfo(str(self.get(name).version), current=True)]

    def check_takes_writes(self) -> None:
        self.refuse_write(None)

    def refuse_write(self, name: Optional[str]) -> NoReturn:
        raise read_only_error().within(name=name)

    def location(self) -> str:
        return "command {0} {1}".format(" ".join(map(ascii, self.program.argv)), self.address)

    def locate(self, name: str) -> Dict[str, str]:
        return {"command": os.path.basename(self.program.argv[0]), "address": self.address.replace(NAME, check_name(name))}

    def health(self) -> Health:
        """Return `healthy`: a helper has no request that would show more than that it is installed."""
        return Health()


VERSION = "current"
"""The version of every value: a helper has one of each, and does not say which."""
