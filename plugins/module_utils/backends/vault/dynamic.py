# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dynamic secrets as a backend: a credential is a role, and reading it leases a login that the server creates (J8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Capabilities, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent
from ansible_collections.nebula.credential.plugins.module_utils.backends.reader import Reader
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connected_backend import Connected
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection, Reply
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.errors import NO_ROUTE, Answer
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.lease_manager import Leases, Server
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import DYNAMIC
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Metadata, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT, Scope

RENEW_TIMEOUT = 10.0
"""The time limit of `renew_due`, in seconds."""
MOUNT = "database"
"""The default mount of the engine."""
_NAME = "{name}"
_RENEW, _REVOKE = "sys/leases/renew", "sys/leases/revoke"
_UNKNOWN_ROLE = ("unknown role", "role not found", "could not find role", "does not exist", "could not be found")


class LeasedSecrets(Reader, Connected):
    """The backend of `engine: dynamic`. Read-only: no value is stored anywhere, so none can be written."""

    capabilities = Capabilities(native=True, remote=True, leased=True, server_side_encryption=True)
    options = DYNAMIC

    def __init__(self, options: Mapping[str, Any], context: BackendContext, connection: Connection, mount: str) -> None:
        """Take the store's options, and the connection, which this backend closes. Sends nothing.

        Raises:
            InvalidConfiguration: `lease_path` has no placeholder for the name, or a time is below 1.
        """
        super().__init__(options, context)
        self._connection = connection
        self._mount = mount.strip("/")
        self._check()
        server = Server(obtain=self._obtain, renew=self._renew, revoke=self._revoke, attend=connection.attend)
        self.leases = Leases(server, self._warn, longest=float(self.setting("max_ttl") or 0))

    def _check(self) -> None:
        if self.setting("lease_path").count(_NAME) != 1:
            raise InvalidConfiguration(
                "it has no placeholder for the credential's name", option="lease_path", remedy="Write '{name}' in it, once: 'creds/{name}'."
            )
        for option in ("ttl", "max_ttl"):
            if self.settings.get(option) is not None and self.settings[option] < 1:
                raise InvalidConfiguration("it is below 1", option=option, remedy="Write seconds, or leave it out.")

    def close(self) -> None:
        """Revoke every lease, as far as possible in a few seconds, and close the connection."""
        try:
            self.leases.close()
        finally:
            super().close()

    def renew_due(self) -> Optional[float]:
        with deadline.within(RENEW_TIMEOUT, "renewing leases"):
            return self.leases.renew_due()

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        """Return a login of that role: the held one, else a new one."""
        check_name(name)
        if stage != CURRENT:
            raise absent(name, stage=stage)
        record = self.leases.get(name).record(self._tenant)
        if version not in (None, record.version):
            raise absent(name, version, kept=[str(record.version)])
        return record

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        """Yield the roles. Leases no login; a held lease's metadata is included."""
        if wanted.stage != CURRENT:
            return
        reply = self._connection.request("LIST", self._path(self.setting("roles_path")), capability="list")
        for name in _keys(reply):
            if name.startswith(wanted.prefix) and _is_name(name):
                yield self._row(name, wanted.names_only)

    def _row(self, name: str, names_only: bool) -> Record:
        if names_only:
            return Record(name)
        lease = self.leases.peek(name)
        if lease is not None:
            return replace(lease.record(self._tenant), fields={})
        # The login does not exist yet; a read creates it.
        now = datetime.now(timezone.utc)
        return Record(name, metadata=Metadata(created_at=now, updated_at=now, scope=Scope(tenant=self._tenant)))

    def versions(self, name: str) -> List[VersionInfo]:
        record = self.get(name)
        return [VersionInfo(str(record.version), record.full_metadata.created_at, current=True)]

    def refuse_write(self, name: Optional[str]) -> NoReturn:
        raise InvalidInput(
            "the store leases its credentials from the server, and nothing can be written to it",
            name=name,
            remedy="Write to a store with 'engine: kv'; the server defines the values of a role, in {0}.".format(
                self._path(self.setting("roles_path"))
            ),
        )

    def _obtain(self, name: str) -> Mapping[str, Any]:
        path, parameters = self._path(self.setting("lease_path").replace(_NAME, name)), self.settings.get("parameters")
        if parameters is None:
            reply = self._connection.request("GET", path, capability="read", refused=lambda reply: _refusal_error(name, reply))
        else:
            reply = self._connection.request(
                "POST", path, parameters, capability="update", refused=lambda reply: _refusal_error(name, reply)
            )
        if reply.status == 404:
            raise _refusal_error(name, reply) or absent(name)
        return reply.body

    def locate(self, name: str) -> Dict[str, str]:
        return self.describe_path(self._path(self.setting("lease_path").replace(_NAME, check_name(name))))

    def _renew(self, lease_id: str) -> Mapping[str, Any]:
        wanted = {} if self.settings.get("ttl") is None else {"increment": self.settings["ttl"]}
        return self._connection.request("POST", _RENEW, dict(wanted, lease_id=lease_id), capability="update").body

    def _revoke(self, lease_id: str) -> None:
        self._connection.request("POST", _REVOKE, {"lease_id": lease_id}, writing=True, capability="update")

    def _path(self, rest: str) -> str:
        return "{0}/{1}".format(self._mount, rest.strip("/"))

    def _warn(self, message: str) -> None:
        self.context.warn("store '{0}': {1}".format(self.context.store, message))

    @property
    def _tenant(self) -> str:
        return self.settings.get("tenant") or DEFAULT_TENANT


def _refusal_error(name: str, reply: Reply) -> Optional[CredentialError]:
    """Return the error of a refusal that is about the role or the mount; None for any other refusal."""
    answer = Answer(reply.status, reply.body)
    if answer.says(NO_ROUTE):
        remedy = "Enable an engine there, or correct 'mount' and 'namespace'."
        return InvalidConfiguration("nothing is mounted there", option="mount", remedy=remedy)
    if any(answer.says(words) for words in _UNKNOWN_ROLE):
        return absent(name)
    return None


def _keys(reply: Reply) -> List[str]:
    """Return the keys of a LIST response; 404 means an empty list, or no engine."""
    if reply.status == 404:
        problem = _refusal_error("", reply)
        if problem is not None:
            raise problem
        return []
    return list((reply.body.get("data") or {}).get("keys") or ())


def _is_name(text: str) -> bool:
    """Return True if a credential may have this name; the names of some engines allow more."""
    try:
        return bool(check_name(text))
    except InvalidInput:
        return False
