# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Secret does not hold, and what is not encrypted in the cluster, is said before any request."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.backend import Kubernetes
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.limits import MAX_DATA
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.manifest import Manifests
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.errors import TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import a_record

NOWHERE = {"backend": "kubernetes", "host": "https://127.0.0.1:1", "api_key": "x", "namespace": "default", "audit": "off", "max_retries": 0}


@pytest.mark.parametrize(
    "record", [a_record(), a_record(state={}), a_record(envelope=b"e" * 300, fields={}, state={})], ids=["state", "fields", "envelope"]
)
def test_what_kubernetes_counts_is_what_it_is_sent(record):
    backend = Kubernetes({"host": "https://127.0.0.1:1"}, BackendContext("prod"))
    sent = Manifests("nebula-", "default", record.envelope is not None).write(
        ObjectKey("db_pass"), StoredObject(replace(record, serial=1)), None
    )
    assert backend.measure_value(record) == sum(len(base64.b64decode(value)) for value in sent["data"].values())


def test_kubernetes_is_not_asked_about_a_value_that_it_would_not_take():
    """1 MiB of values is what a Secret holds. Nothing answers at the address, and nothing is asked."""
    manager = open_store(dict(NOWHERE, encrypt=False), name="prod")
    with pytest.raises(TooLarge) as caught:
        manager.create(DesiredCredential("db", value=Secret(b"x" * (MAX_DATA + 1))))
    assert "the value has 1048577 bytes, and a Secret holds 1048576 at most" in str(caught.value)
    assert (caught.value.name, caught.value.store) == ("db", "prod")
    assert set(manager.metering.totals().operations) == {("put", "too_large")}


@pytest.mark.parametrize(("encrypt", "warnings"), [(None, 1), (False, 0), (True, 0)])
def test_a_store_that_has_not_decided_says_that_the_cluster_does_not_encrypt(encrypt, warnings):
    told = []
    open_store(dict(NOWHERE, encrypt=encrypt), name="prod", warn=told.append).close()
    assert len([each for each in told if "Kubernetes does not encrypt Secrets by default" in each]) == len(told) == warnings
