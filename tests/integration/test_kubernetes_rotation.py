# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation of a Secret whose data may not change is refused before anything is begun (A7)."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import WriteChecker, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, ReadOnly, RotationFailed
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Slots
from tests.conformance.records import METADATA, a_record
from tests.integration.kubernetes_store import KubeStore
from tests.servers import once

pytestmark = pytest.mark.server
FOR_ALL = replace(METADATA, scope=Scope(), policy={})
SECRET = "nebula-db.1pass"


@pytest.fixture
def store():
    return KubeStore(once.kubernetes())


def deny_changes_of_data(store):
    """A rule of the cluster for this namespace; it holds once the API server has read it."""
    rule, api = "keep-" + store.namespace, "/apis/admissionregistration.k8s.io/v1/"
    changed = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["secrets"]}
    here = {"matchLabels": {"kubernetes.io/metadata.name": store.namespace}}
    current = {"matchLabels": {"watched": "yes"}}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [changed], "namespaceSelector": here, "objectSelector": current},
        "validations": [{"expression": "object.data == oldObject.data", "message": "canary"}],
    }
    binding = {"policyName": rule, "validationActions": ["Deny"]}
    for kind, spec in (("ValidatingAdmissionPolicy", policy), ("ValidatingAdmissionPolicyBinding", binding)):
        path = api + ("validatingadmissionpolicies" if spec is policy else "validatingadmissionpolicybindings")
        body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": rule}, "spec": spec}
        store.server.call("POST", path, body)
    return rule


def prepare_rotation(manager):
    return perform(manager, "credential_rotate", {"name": "db_pass", "phase": "prepare"}, AccessContext()).result


def test_a_rotation_is_refused_before_anything_is_begun_where_a_rule_of_the_cluster_keeps_the_value(store):
    manager = store.manager()
    with manager.acting():
        manager.backend.put(a_record(metadata=FOR_ALL))
    secret = store.secret(SECRET)
    secret["metadata"]["labels"]["watched"] = "yes"
    store.server.call("PUT", store.server.secrets_path(store.namespace, SECRET), secret)
    rule = deny_changes_of_data(store)
    end, refused = time.monotonic() + 60, None
    while refused is None and time.monotonic() < end:
        try:
            store.backend().check_writable("db_pass")
        except AccessDenied as problem:
            refused = problem
        time.sleep(0.2)
    assert "the ValidatingAdmissionPolicy '{0}' of the cluster refuses".format(rule) in str(refused)
    assert "canary" not in str(refused)
    with pytest.raises(AccessDenied):
        prepare_rotation(manager)
    assert store.names() == [SECRET]


def test_a_rotation_of_an_immutable_secret_is_refused_before_anything_is_begun(store):
    manager = store.manager()
    with manager.acting():
        manager.backend.put(a_record(metadata=FOR_ALL))
    path = store.server.secrets_path(store.namespace, SECRET)
    store.server.call("PUT", path, dict(store.secret(SECRET), immutable=True))
    with pytest.raises(ReadOnly) as caught:
        prepare_rotation(manager)
    assert "Delete" not in str(caught.value)
    assert store.names() == [SECRET]


def test_a_secret_that_becomes_immutable_before_the_promotion_keeps_its_value_and_nothing_is_left(store, monkeypatch):
    """An immutable Secret lets its annotations change, so the rotation can end."""
    manager = store.manager()
    with manager.acting():
        manager.backend.put(a_record(metadata=FOR_ALL))
    promote, path = Slots.promote, store.server.secrets_path(store.namespace, SECRET)
    before = store.secret(SECRET)["data"]

    def lock_first(*arguments):
        store.server.call("PUT", path, dict(store.secret(SECRET), immutable=True))
        return promote(*arguments)

    monkeypatch.setattr(Slots, "promote", lock_first)
    with pytest.raises(RotationFailed, match="the store refused the new value: the Secret is immutable"):
        perform(manager, "credential_rotate", {"name": "db_pass", "target": "none"}, AccessContext())
    standing = perform(manager, "credential_rotate", {"name": "db_pass", "phase": "status"}, AccessContext()).result["rotation"]
    assert standing == {"phase": None}
    assert store.secret(SECRET)["data"] == before
    assert manager.get("db_pass").state == "active"


@pytest.mark.parametrize("encrypt", [False, True])
def test_the_check_before_a_rotation_changes_nothing(store, encrypt):
    backend = store.manager(encrypt=encrypt).backend
    backend.put(a_record(metadata=FOR_ALL))
    before = store.secret(SECRET)
    find_protocol(backend, WriteChecker).check_writable("db_pass")
    assert store.secret(SECRET) == before
