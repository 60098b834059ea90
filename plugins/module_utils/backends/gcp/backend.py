# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as secrets of Google Secret Manager (FC-003). The layout is in docs/integrations/backends/gcp.md."""

from __future__ import annotations

from typing import Dict

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import CONNECTIONS, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.object_store import GooglePlaces
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.payload import MAX_PAYLOAD, Reading, measure_payload
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.secret_names import build_secret_id
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Limited, Located, WriteChecker
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT


class Gcp(ObjectBackend, Limited, Located, WriteChecker):
    """One secret per credential, in one project, with names that begin with `prefix`."""

    capabilities = Capabilities(
        versions=True,
        native_cas=True,
        stages=True,
        envelopes=True,
        native=True,
        json_fields=True,
        remote=True,
        server_side_encryption=True,
        max_bytes=MAX_PAYLOAD,
        parallel=CONNECTIONS,
    )
    default_retries = 3
    container = "a version of a secret"
    options = TRAITS.spec

    def make_places(self) -> ObjectStore:
        """Return the primitives, on a connection that opens nothing yet.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        try:
            self._connection = Connection(self.settings, store=self.context.store, warn=self.context.warn)
        except CredentialError as problem:
            raise problem.within(store=self.context.store) from None
        reading = Reading(self.settings.get("tenant") or DEFAULT_TENANT, bool(self.settings.get("encrypt")))
        self._places = GooglePlaces(self._connection, reading, self.context.warn)
        return self._places

    def connect(self) -> None:
        """Load the official client. The first operation logs in."""
        self._connection.prepare()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def check_writable(self, name: str) -> None:
        try:
            self._places.check_writable(ObjectKey(check_name(name)))
        except CredentialError as problem:
            raise problem.within(name=name, store=self.context.store) from None

    def measure_value(self, record: Record) -> int:
        return measure_payload(record)

    def location(self) -> str:
        settings = self._connection.settings
        return "gcp {0} {1} {2}".format(settings.endpoint, settings.place.parent, settings.prefix)

    def locate(self, name: str) -> Dict[str, str]:
        settings = self._connection.settings
        secret = build_secret_id(settings.prefix, ObjectKey(check_name(name)))
        where = {"project": settings.place.project, "secret": secret}
        return where if settings.place.location is None else {**where, "location": settings.place.location}
