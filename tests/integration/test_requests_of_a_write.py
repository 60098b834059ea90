# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of each state of the module `credential`, as the servers count them, on an open store."""

from __future__ import annotations

import pytest

from tests.integration.kubernetes_store import KubeStore
from tests.integration.vault_store import VaultStore
from tests.servers import once
from tests.unit.store.managing import ask

STORES = {
    "vault": lambda: VaultStore(once.openbao()),
    "vault, encrypted": lambda: VaultStore(once.openbao(), encrypt=True),
    "kubernetes": lambda: KubeStore(once.server("kubernetes")),
    "kubernetes, encrypted": lambda: KubeStore(once.server("kubernetes"), encrypt=True),
    "kubernetes, no versions": lambda: KubeStore(once.server("kubernetes"), keep_versions=0),
}

STEPS = {
    "new": {"value": "one"},
    "unchanged": {"value": "one"},
    "first update": {"value": "two"},
    "update": {"value": "three"},
    "tags": {"tags": {"a": "b"}},
    "value and tags": {"value": "four", "tags": {"a": "c"}},
    "revoked": {"state": "revoked"},
    "absent, with three older values": {"state": "absent"},
    "absent again": {"state": "absent"},
    "new again": {"value": "one"},
    "absent, of a name that was deleted before": {"state": "absent"},
    "another": {"value": "one", "name": "another"},
    "absent": {"state": "absent", "name": "another"},
}

COUNTS = {
    "vault": (3, 1, 4, 4, 4, 4, 4, 5, 2, 6, 6, 3, 5),
    # The first update tells the server to keep one version. Each older value is an object of its own, which a delete removes.
    "vault, encrypted": (4, 1, 5, 4, 3, 4, 3, 9, 1, 6, 7, 4, 7),
    "kubernetes": (3, 1, 3, 3, 2, 3, 2, 11, 1, 3, 9, 3, 8),
    "kubernetes, encrypted": (4, 1, 4, 4, 3, 4, 3, 11, 1, 4, 9, 4, 8),
    "kubernetes, no versions": (3, 1, 2, 2, 2, 2, 2, 9, 1, 3, 9, 3, 8),
}


@pytest.mark.parametrize("kind", STORES)
def test_a_write_reads_once_and_writes_in_as_few_requests_as_its_guarantees_allow(kind):
    store = STORES[kind]()
    manager = store.manager()
    always = {"permanent": True} if manager.backend.capabilities.soft_delete else {}
    ask(manager, "credential", name="opened", state="present", value="the store")
    made = {}
    for step, wanted in STEPS.items():
        task = {"name": "db", "state": "present", **wanted}
        task.update(always if task["state"] == "absent" else {})
        made[step] = store.asked(lambda task=task: ask(manager, "credential", **task))
    assert {step: len(requests) for step, requests in made.items()} == dict(zip(STEPS, COUNTS[kind])), made
