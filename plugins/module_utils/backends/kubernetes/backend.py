# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as Secrets of a Kubernetes namespace, as pods mount them (A7). The layout is in docs/integrations/backends/kubernetes.md."""

from __future__ import annotations

from typing import Dict

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import CONNECTIONS, DEGRADED, Capabilities, Health, unhealthy
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.errors import ROLE
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.limits import MAX_DATA
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.manifest import secret_data
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.object_store import KubePlaces
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.pagination import check_selector
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.secret_names import check_prefix
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Limited, Located, WriteChecker
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT

_VERBS = ("get", "list", "create", "update", "delete")
_UNENCRYPTED = (
    "Kubernetes does not encrypt Secrets by default, so anyone with access to its etcd or a backup reads them. Write 'encrypt: true' to "
    "have this collection encrypt them (pods cannot read them then), or 'encrypt: false' if the cluster encrypts at rest."
)


class Kubernetes(ObjectBackend, Limited, Located, WriteChecker):
    """One Secret per credential, in one namespace, with names that begin with `prefix`."""

    capabilities = Capabilities(
        versions=True,
        native_cas=True,
        stages=True,
        envelopes=True,
        native=True,
        remote=True,
        max_bytes=MAX_DATA,
        parallel=CONNECTIONS,
    )
    default_retries = 3
    plaintext_warning = _UNENCRYPTED
    container = "a Secret"
    options = TRAITS.spec

    def make_places(self) -> ObjectStore:
        """Return the primitives, on a connection that opens nothing yet.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        try:
            prefix, selector = check_prefix(self.setting("prefix")), check_selector(self.setting("label_selector") or "")
        except CredentialError as problem:
            raise problem.within(store=self.context.store) from None
        self._connection = Connection(self.settings, store=self.context.store, warn=self.context.warn)
        tenant = self.settings.get("tenant") or DEFAULT_TENANT
        encrypted = bool(self.settings.get("encrypt"))
        self._secrets = KubePlaces(self._connection, prefix, tenant, encrypted=encrypted, label_selector=selector)
        return self._secrets

    def connect(self) -> None:
        """Load the official client. The first operation logs in."""
        self._connection.prepare()

    def measure_value(self, record: Record) -> int:
        return sum(map(len, secret_data(record).values()))

    def check_writable(self, name: str) -> None:
        try:
            self._secrets.check_writable(ObjectKey(check_name(name)))
        except CredentialError as problem:
            raise problem.within(name=name, store=self.context.store) from None

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def location(self) -> str:
        return "kubernetes {0} {1}".format(self._connection.location, self.setting("prefix"))

    def locate(self, name: str) -> Dict[str, str]:
        server, _space, namespace = self._connection.location.rpartition(" ")
        return {"server": server, "namespace": namespace, "secret": self._secrets.find_name(name)}

    def health(self) -> Health:
        """Return whether the server responds, accepts the login, and allows it every operation; degraded if it does not allow all."""
        try:
            missing = [verb for verb in _VERBS if not self._connection.may(verb)]
            if not missing:
                return Health()
            what = "this login may not {0} secrets in the namespace '{1}' (unless by name). {2} has a Role."
            return Health(DEGRADED, (what.format(", ".join(missing), self._connection.namespace, ROLE),), "access_denied")
        except CredentialError as problem:
            return unhealthy(problem)
