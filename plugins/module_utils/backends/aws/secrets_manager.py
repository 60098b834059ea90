# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as secrets of AWS Secrets Manager, as its own users expect them (A5). The layout is in docs/integrations/backends/aws.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.creation import read_creation
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.options import SECRETS_MANAGER, TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_names import SecretNames
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_places import SecretPlaces
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_requests import SecretRequests, find_version
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_rows import read_row
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_text import write_text
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_writer import SecretWriter
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import CONNECTIONS, BackendContext, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import check_swap
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.source import answer
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import build_login_reader
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Limited, Located, Recoverable
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws import AwsConnection
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_options import CREDENTIALS
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT

MOST_BYTES = 65536
"""The most bytes of a secret's value."""
_ID_SIZE = 64


class SecretsManager(ObjectBackend, Limited, Located, Recoverable):
    """One secret per credential, in one region, with names that begin with `prefix`."""

    capabilities = Capabilities(
        versions=True,
        native_cas=True,
        stages=True,
        soft_delete=True,
        batch_get=True,
        envelopes=True,
        native=True,
        json_fields=True,
        remote=True,
        server_side_encryption=True,
        max_bytes=MOST_BYTES,
        parallel=CONNECTIONS,
    )
    container = "a secret of AWS"
    options = TRAITS.spec

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Check the options. Opens nothing.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        super().__init__(options, context)
        encrypted = bool(options.get("encrypt"))
        # What was deleted cannot be read, so the key of an envelope that is to be deleted could not be replaced.
        self.capabilities = replace(self.capabilities, soft_delete=not encrypted, batch_get=bool(self.setting("batch_get")))
        self._reads_batches = bool(self.setting("batch_get"))

    def make_places(self) -> ObjectStore:
        """Return the primitives, on a connection that opens nothing yet."""
        read_secret = build_login_reader(self.settings, self.context, CREDENTIALS)
        try:
            self._connection = AwsConnection(self.settings, SECRETS_MANAGER, read_secret=read_secret, warn=self.context.warn)
            names, creation = SecretNames(self.setting("prefix")), read_creation(self.settings)
            window = _check_window(self.setting("recovery_window"))
        except CredentialError as problem:
            raise problem.within(store=self.context.store) from None
        requests = SecretRequests(self._connection)
        self._secrets = SecretPlaces(
            requests,
            names,
            SecretWriter(requests, creation, self.context.warn),
            encrypted=bool(self.settings.get("encrypt")),
            tenant=self.settings.get("tenant") or DEFAULT_TENANT,
            window=window,
        )
        return self._secrets

    def connect(self) -> None:
        """Load botocore. The first operation logs in."""
        self._connection.prepare()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        """As the contract says, 20 with one request. Without the permission for that, one request each."""
        wanted = [check_name(name) for name in names]
        if not self._reads_batches or len(wanted) < 2:
            return super().get_many(wanted)
        try:
            found = list(self._secrets.read_many(wanted))
        except AccessDenied as problem:
            if "BatchGetSecretValue" not in problem.what:
                raise problem.within(store=self.context.store) from None
            self._reads_batches = False
            self.context.warn(
                "{0}. Each credential is read by itself. 'batch_get: false' in the store makes that the rule.".format(problem.what)
            )
            return super().get_many(wanted)
        return {each.record.name: self._build_read(each) for each in found}

    def _build_read(self, found: StoredObject) -> Record:
        if found.problem is not None:
            raise found.problem.within(name=found.record.name, store=self.context.store)
        return replace(answer(found), source=found)

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        """Take back a delete within its recovery window."""
        info = self._secrets.find_deleted(check_name(name), stage)
        if info is None or find_version(info) is None:
            found = self.get(name, stage=stage)
            check_swap(name, found, None if version is None else Etag(version))
            return found
        row = read_row(name, stage, info, self.settings.get("tenant") or DEFAULT_TENANT)
        if row.problem is not None:
            raise row.problem.within(name=name, store=self.context.store)
        check_swap(name, answer(row), None if version is None else Etag(version))
        if check:
            return answer(row)
        self._secrets.restore(name, stage, info)
        return self.get(name, stage=stage)

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        """Take a version off the list of those that can be read. AWS deletes it by itself, at some later time."""
        super().remove_version(name, version, recoverable=recoverable, check=check)
        if not check and self._secrets.keeps_replaced:
            what = "Version {0} of '{1}' cannot be read here any more. AWS deletes no single version: it keeps that one for a while."
            self.context.warn(what.format(version, name))

    def measure_value(self, record: Record) -> int:
        return len(write_text(StoredObject(record), "x" * _ID_SIZE).encode("utf-8"))

    def location(self) -> str:
        return "aws {0} {1}".format(self._connection.location, self.setting("prefix"))

    def locate(self, name: str) -> Dict[str, str]:
        return {**self._connection.address, "secret": self._secrets.find_secret(ObjectKey(check_name(name)))}


def _check_window(days: int) -> int:
    if not 7 <= days <= 30:
        raise InvalidConfiguration("{0} is not allowed".format(days), option="recovery_window", remedy="AWS allows 7 to 30 days.")
    return days
