# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock as a Lease (coordination.k8s.io) in a namespace of Kubernetes.

The holder is who created the Lease, or replaced it: the API server compares its `resourceVersion`. No two clocks are compared. A Lease has
ended if it did not change for its duration while this process watched it, as in Kubernetes' own leader election.
"""

from __future__ import annotations

import math
import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.errors import LEASES, Answer
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.options import CLIENT
from ansible_collections.nebula.credential.plugins.module_utils.locks.base import Lock, LockService, build_holder

_LONGEST_DURATION = 3600


class KubernetesLeases(LockService):
    """One namespace, by the login of a store of the backend for Kubernetes."""

    packages = (CLIENT,)

    def __init__(self, settings: Mapping[str, Any], store: str, warn: Callable[[str], object]) -> None:
        super().__init__(settings, store, warn)
        self._connection = Connection(settings, store=store, warn=warn)

    def build_lock(self, key: str) -> Lock:
        return _Lock(self._connection, "{0}-{1}".format(self.settings["prefix"], key), self.lease)

    def close(self) -> None:
        self._connection.close()


class _Lock(Lock):
    def __init__(self, connection: Connection, name: str, lease: float) -> None:
        self._connection = connection
        self._name = name
        self._lease = lease
        self._watched: Mapping[str, Any] = {}
        """The Lease of another holder, as it was first seen."""
        self._watched_since = 0.0
        self._held: Optional[Mapping[str, Any]] = None

    def try_acquire(self) -> bool:
        if not self._watched and self._take("create", ""):
            return True
        found = self._connection.request("get", self._name, resource=LEASES)
        if found.status == 404:
            self._watched = {}
            return self._take("create", "")
        if _version_of(found.body) != _version_of(self._watched):
            self._watched, self._watched_since = found.body, time.monotonic()
            return False
        has_ended = time.monotonic() - self._watched_since >= _duration_of(found.body)
        return has_ended and self._take("update", _version_of(found.body))

    def _take(self, verb: str, version: str) -> bool:
        answer = self._connection.request(verb, self._name if version else "", self._build_manifest(version), resource=LEASES)
        self._held = answer.body if answer.status < 300 else None
        return self._held is not None

    def _build_manifest(self, version: str) -> Dict[str, Any]:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, **({"resourceVersion": version} if version else {})},
            "spec": {
                "holderIdentity": build_holder(),
                "leaseDurationSeconds": math.ceil(self._lease),
                "acquireTime": now,
                "renewTime": now,
            },
        }

    def release(self) -> bool:
        held, self._held = self._held, None
        if held is None:
            return False
        metadata = held["metadata"]
        conditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": conditions}
        answer: Answer = self._connection.request("delete", self._name, body, resource=LEASES)
        return answer.status < 300

    def find_holder(self) -> str:
        return str((self._watched.get("spec") or {}).get("holderIdentity") or "")


def _version_of(lease: Mapping[str, Any]) -> str:
    return str((lease.get("metadata") or {}).get("resourceVersion") or "")


def _duration_of(lease: Mapping[str, Any]) -> float:
    """Return the duration that the holder has written; a Lease that another program wrote may have none, or any."""
    found = (lease.get("spec") or {}).get("leaseDurationSeconds")
    return float(found) if isinstance(found, int) and 0 < found <= _LONGEST_DURATION else float(_LONGEST_DURATION)
