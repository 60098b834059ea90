# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as SecureStrings of SSM Parameter Store (A5). The layout is in docs/integrations/backends/aws.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.creation import check_tags
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.options import ADVANCED, PARAMETER_STORE, STANDARD, TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.parameter_names import ParameterNames
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.parameter_places import ParameterPlaces
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.parameter_requests import (
    KEPT_BY_AWS,
    ParameterKind,
    ParameterRequests,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_text import write_text
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import CONNECTIONS, BackendContext, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent, is_serial
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.source import answer
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import build_login_reader
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Limited, Located
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, CredentialError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws import AwsConnection
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_options import CREDENTIALS
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT

MOST_BYTES: Mapping[str, int] = {STANDARD: 4096, ADVANCED: 8192}
MOST_TAGS = 50
"""The most tags of a parameter, those of the store included."""
_TIERS = {STANDARD: "Standard", ADVANCED: "Advanced"}


class ParameterStore(ObjectBackend, Limited, Located):
    """One parameter per credential, in one region, with names that begin with `prefix`."""

    capabilities = Capabilities(
        versions=True,
        stages=True,
        batch_get=True,
        envelopes=True,
        native=True,
        json_fields=True,
        remote=True,
        server_side_encryption=True,
        max_bytes=MOST_BYTES[STANDARD],
        max_tags=MOST_TAGS,
        parallel=CONNECTIONS,
    )
    options = TRAITS.spec

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Check the options. Opens nothing.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        super().__init__(options, context)
        tier = self.setting("tier")
        if self.setting("keep_versions") >= KEPT_BY_AWS:
            what = "AWS keeps {0} versions, the current one included".format(KEPT_BY_AWS)
            raise InvalidConfiguration(what, option="keep_versions", remedy="Give {0} at most.".format(KEPT_BY_AWS - 1))
        self.container = "a parameter of the {0} tier".format(tier)
        self.capabilities = replace(self.capabilities, max_bytes=MOST_BYTES[tier], max_tags=MOST_TAGS - len(self._kind.tags))

    def make_places(self) -> ObjectStore:
        """Return the primitives, on a connection that opens nothing yet."""
        read_secret, tier = build_login_reader(self.settings, self.context, CREDENTIALS), self.setting("tier")
        try:
            self._connection = AwsConnection(self.settings, PARAMETER_STORE, read_secret=read_secret, warn=self.context.warn)
            names, tags = ParameterNames(self.setting("prefix")), check_tags(self.settings.get("tags") or {})
        except CredentialError as problem:
            raise problem.within(store=self.context.store) from None
        self._kind = ParameterKind(_TIERS[tier], self.settings.get("kms_key_id"), tags)
        self._parameters = ParameterPlaces(
            ParameterRequests(self._connection, self._kind),
            names,
            encrypted=bool(self.settings.get("encrypt")),
            tenant=self.settings.get("tenant") or DEFAULT_TENANT,
            most=MOST_BYTES[tier],
        )
        return self._parameters

    def connect(self) -> None:
        """Load botocore. The first operation logs in."""
        self._connection.prepare()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        """As the contract says. `version` may also be a label of the parameter."""
        if version is None or stage != CURRENT or is_serial(version) or not version.isidentifier():
            return super().get(name, version, stage)
        found = self._parameters.read_version(check_name(name), version)
        if found is None:
            raise absent(name, version)
        return self._build_read(found)

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        """As the contract says, ten with one request. If one of them is denied, one request each, whose error names it."""
        wanted = [check_name(name) for name in names]
        try:
            found = list(self._parameters.read_many(wanted))
        except AccessDenied:
            return super().get_many(wanted)
        return {each.record.name: self._build_read(each) for each in found}

    def _build_read(self, found: StoredObject) -> Record:
        if found.problem is not None:
            raise found.problem.within(name=found.record.name, store=self.context.store)
        return replace(answer(found), source=found)

    def measure_value(self, record: Record) -> int:
        return len(write_text(StoredObject(record), "1").encode("utf-8"))

    def location(self) -> str:
        return "aws {0} {1}".format(self._connection.location, self.setting("prefix"))

    def locate(self, name: str) -> Dict[str, str]:
        return {**self._connection.address, "parameter": self._parameters.find_parameter(ObjectKey(check_name(name)))}
