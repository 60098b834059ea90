# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a login may, how many requests an operation takes, and what reaches a log (A7)."""

from __future__ import annotations

import base64
import json
import logging
import os
from dataclasses import replace

import pytest
import requests
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import DEGRADED, HEALTHY, UNHEALTHY, Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    LoginFailed,
    NotFound,
    StorageError,
    StorageFull,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from tests.conformance.records import METADATA, a_record, value_of
from tests.integration.kubernetes_store import ROLES, KubeStore
from tests.servers import once
from tests.unit.store.refresh.refreshing import refuse_a_reader

pytestmark = pytest.mark.server
IN_A_NAMESPACE = {
    "get": lambda backend: backend.get("db_pass"),
    "put": lambda backend: backend.put(a_record()),
    "delete": lambda backend: backend.delete("db_pass"),
    "versions": lambda backend: backend.versions("db_pass"),
    "list": lambda backend: list(backend.list()),
    "read_store_document": lambda backend: backend.read_store_document(),
}
FOR_ALL = replace(METADATA, scope=Scope())
READS = {
    "get": lambda backend: backend.get("db_pass"),
    "an older version": lambda backend: backend.get("db_pass", "1"),
    "versions": lambda backend: backend.versions("db_pass"),
    "list": lambda backend: list(backend.list()),
    "names": lambda backend: list(backend.list(Filter(prefix="db", names_only=True))),
    "last_serial": lambda backend: backend.last_serial("db_pass"),
    "document": lambda backend: backend.read_store_document(),
}
WRITES = {
    "put": (lambda backend: backend.put(a_record(), Etag("2")), "create"),
    "patch": (lambda backend: backend.patch_metadata(backend.get("db_pass"), 0), "update"),
    "stage": (lambda backend: backend.put(a_record(stage="pending"), create=True), "create"),
    "delete": (lambda backend: backend.delete("db_pass"), "create"),
    "document": (lambda backend: backend.write_store_document(b"1", None), "create"),
}


def verbs_of(role):
    documents = yaml.safe_load(ROLES.read_text())["items"]
    (found,) = [each for each in documents if each["kind"] == "Role" and each["metadata"]["name"] == "nebula-credential-" + role]
    (rule,) = found["rules"]
    assert (rule["apiGroups"], rule["resources"]) == ([""], ["secrets"])
    return rule["verbs"]


@pytest.fixture
def store():
    return KubeStore(once.kubernetes())


def two_versions(store):
    backend = store.backend()
    backend.put(a_record())
    backend.put(a_record(value="2"))
    return backend


@pytest.mark.parametrize("operation", READS)
def test_the_role_for_reading_is_enough_for_reading(store, operation):
    two_versions(store)
    READS[operation](store.backend(api_key=store.account(*verbs_of("read-only"))))


@pytest.mark.parametrize("operation", WRITES)
def test_the_role_for_reading_is_not_enough_for_writing(store, operation):
    two_versions(store)
    work, verb = WRITES[operation]
    with pytest.raises(AccessDenied) as caught:
        work(store.backend(api_key=store.account(*verbs_of("read-only"))))
    assert "may not '{0}' secrets in the namespace '{1}'".format(verb, store.namespace) in str(caught.value)
    assert "docs/policies/kubernetes-role.yaml" in str(caught.value)
    assert not caught.value.outcome_unknown


def whole_life(backend):
    for value in ("1", "2", "3"):
        backend.put(a_record(value=value, metadata=FOR_ALL))
    backend.put(a_record(stage="pending", metadata=FOR_ALL), create=True)
    backend.patch_metadata(backend.get("db_pass"), 0)
    assert len(backend.versions("db_pass")) == 2
    assert [record.name for record in backend.list()] == ["db_pass"]
    backend.delete("db_pass", stage="pending")
    backend.delete("db_pass")


@pytest.mark.parametrize("encrypt", [False, True])
def test_the_role_for_writing_is_enough_for_everything(store, encrypt):
    manager = store.manager(api_key=store.account(*verbs_of("read-write")), encrypt=encrypt, keep_versions=1)
    with manager.acting():
        whole_life(manager.backend)


@pytest.mark.parametrize("verb", [verb for verb in verbs_of("read-write") if verb != "watch"])
def test_the_role_for_writing_has_no_verb_too_much(store, verb):
    """Without any one of its verbs something is denied, and the denial names verb, resource, namespace and Role. `watch` is for others."""
    rest = [each for each in verbs_of("read-write") if each != verb]
    with pytest.raises(AccessDenied) as caught:
        whole_life(store.backend(api_key=store.account(*rest), keep_versions=1))
    assert "may not '{0}' secrets in the namespace '{1}'".format(verb, store.namespace) in str(caught.value)
    assert "--verb={0} --resource=secrets".format(verb) in str(caught.value)


@pytest.mark.parametrize("role", ["read-only", "read-write"])
def test_an_account_with_a_role_can_watch(store, role):
    two_versions(store)
    token = store.account(*verbs_of(role))
    path = store.server.secrets_path(store.namespace) + "?watch=true&timeoutSeconds=1"
    headers = {"Authorization": "Bearer " + token}
    answer = requests.get(store.server.url + path, headers=headers, verify=str(store.server.ca_cert), timeout=60)
    assert answer.status_code == 200


@pytest.mark.parametrize("written", ["{0}", "{1}/{0}"])
def test_a_service_account_lends_its_rights_and_takes_the_others_away(store, written):
    """The administrator may impersonate; an account needs no right for its own name, and has none for another one."""
    two_versions(store)
    own, other = store.account("get", "list"), store.account("get", "list", "create", "update", "delete")
    name, another = (subject_of(token).rpartition(":")[2] for token in (own, other))
    account = written.format(name, store.namespace)
    for backend in (store.backend(service_account=account), store.backend(service_account=account, api_key=own)):
        assert value_of(backend.get("db_pass")) == b"2"
        with pytest.raises(AccessDenied):
            backend.put(a_record(value="3"))
    with pytest.raises(AccessDenied, match="may not impersonate"):
        store.backend(service_account=another, api_key=own).get("db_pass")


@pytest.mark.parametrize("account", ["", "A", "a/b/c", "x:y", "../a"])
def test_what_is_no_service_account_is_refused(store, account):
    with pytest.raises(InvalidConfiguration) as caught:
        store.backend(service_account=account)
    assert caught.value.option == "service_account"


def subject_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]


def test_health_says_what_a_login_may_not(store):
    assert store.backend().health().status == HEALTHY
    some = store.backend(api_key=store.account("get", "list")).health()
    assert (some.status, some.code) == (DEGRADED, "access_denied")
    assert "may not create, update, delete secrets in the namespace" in some.reasons[0]
    none = store.backend(api_key="garbage").health()
    assert (none.status, none.code) == (UNHEALTHY, "login_failed")


def test_a_token_that_does_not_count_is_no_denial(store):
    """A wrong one, and one of an account that was deleted."""
    token = store.account("get")
    account = json.loads(_payload(token))["kubernetes.io"]["serviceaccount"]["name"]
    store.server.call("DELETE", "/api/v1/namespaces/{0}/serviceaccounts/{1}".format(store.namespace, account))
    for wrong in ("garbage", token):
        with pytest.raises(LoginFailed) as caught:
            store.backend(api_key=wrong).get("db_pass")
        assert wrong not in str(caught.value)


def _payload(token):
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("call", IN_A_NAMESPACE.values(), ids=IN_A_NAMESPACE)
def test_a_namespace_that_is_not_there_is_named(store, call, encrypted):
    with pytest.raises(StorageError) as caught:
        call(store.backend(namespace="absent-one", encrypt=encrypted))
    assert "the namespace 'absent-one' does not exist" in str(caught.value)
    assert "kubectl create namespace absent-one" in str(caught.value)
    assert caught.value.option == "namespace"


def test_a_login_that_may_not_read_its_namespace_finds_nothing_in_it(store):
    with pytest.raises(NotFound):
        store.backend(api_key=store.account("get")).get("absent")


def test_a_quota_that_is_used_up_is_no_denial(store):
    place = "/api/v1/namespaces/{0}/resourcequotas".format(store.namespace)
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"count/secrets": "0"}}}
    store.server.call("POST", place, quota)
    store.server.call("PUT", place + "/few/status", dict(quota, status={"hard": {"count/secrets": "0"}, "used": {"count/secrets": "0"}}))
    with pytest.raises(StorageFull) as caught:
        store.backend().put(a_record())
    assert "the quota of the namespace '{0}' is used up".format(store.namespace) in str(caught.value)


def test_an_admission_rule_that_refuses_is_no_lack_of_a_role(store):
    """A namespace that is being deleted is told as such; so is any other rule."""
    store.backend().put(a_record())
    path = store.server.secrets_path(store.namespace, "nebula-db.1pass")
    store.server.call("PUT", path, dict(store.secret("nebula-db.1pass"), metadata={"name": "nebula-db.1pass", "finalizers": ["a.test/b"]}))
    store.server.call("DELETE", "/api/v1/namespaces/" + store.namespace)
    with pytest.raises(StorageError) as caught:
        store.backend().put(a_record("other"))
    assert "is being deleted" in str(caught.value)


def test_a_client_certificate_can_be_given_by_itself(store, tmp_path):
    issued = store.server.authority.issue("someone-else", client=True)
    key = tmp_path / "client.key"
    key.write_bytes(issued.key.read_bytes())
    key.chmod(0o600)
    with pytest.raises(AccessDenied):
        store.backend(api_key=None, client_cert=str(issued.certificate), client_key=str(key)).get("db_pass")
    with pytest.raises(LoginFailed):  # nobody in particular
        store.backend(api_key=None).get("db_pass")
    key.write_bytes(store.server.ca_cert.read_bytes())
    with pytest.raises(InvalidConfiguration) as caught:
        store.backend(api_key=None, client_cert=str(issued.certificate), client_key=str(key)).get("db_pass")
    assert caught.value.option == "client_cert"


def test_a_pod_logs_in_by_its_service_account(store, tmp_path, monkeypatch):
    """With the namespace that is beside the token; a token that was changed in the meantime is read again."""
    store.backend().put(a_record())
    for name, content in (("token", store.account("get")), ("namespace", store.namespace), ("ca.crt", store.server.ca_cert.read_text())):
        (tmp_path / name).write_text(content)
    monkeypatch.setattr("kubernetes.config.incluster_config.SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr("kubernetes.config.incluster_config.SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(store.server.port))
    without = {"host": None, "api_key": None, "ca_cert": None, "namespace": None}
    assert value_of(store.backend(**without).get("db_pass")) == b"s3cret"
    os.unlink(tmp_path / "token")
    with pytest.raises(InvalidConfiguration) as caught:
        store.backend(**without).get("db_pass")
    assert "this pod has no service account" in str(caught.value)


def test_a_server_that_nobody_vouches_for_is_not_trusted(store, tmp_path):
    """Neither by an unknown CA, nor under another name; `verify: false` takes it, and is warned of."""
    other = type(store.server.authority)(tmp_path)
    for options in ({"ca_cert": str(other.certificate)}, {"ca_cert": None}, {"tls_server_name": "other.test"}):
        with pytest.raises(StorageError) as caught:
            store.backend(**options).get("db_pass")
        assert "certificate cannot be verified" in str(caught.value)
        assert caught.value.code == "storage"
    warnings = []
    manager = store.manager(warn=warnings.append, verify=False, ca_cert=None)
    with manager.acting():
        assert manager.backend.get_many(["absent"]) == {}
    assert len(warnings) == 1
    assert "verify: false" in warnings[0]


REQUESTS = {
    "a read": (lambda backend: backend.get("db_pass"), ["get nebula-db.1pass"]),
    "an older version": (lambda backend: backend.get("db_pass", "1"), ["get nebula-db.1pass", "get nebula-db.1pass.9v1"]),
    "a write": (
        lambda backend: backend.put(a_record(), Etag("2")),
        ["get nebula-db.1pass", "create nebula-db.1pass.9v2", "update nebula-db.1pass"],
    ),
    "metadata": (
        lambda backend: backend.patch_metadata(a_record(version="2", serial=2), 0),
        ["get nebula-db.1pass", "update nebula-db.1pass"],
    ),
    "a listing": (lambda backend: list(backend.list()), ["list"]),
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_an_operation_takes_no_request_too_many(store, operation):
    two_versions(store)
    work, expected = REQUESTS[operation]
    backend = store.backend()
    backend.get("db_pass")
    made = store.asked(lambda: work(backend))
    assert [each.split("?")[0] for each in made] == [each if each != "create nebula-db.1pass.9v2" else made[1] for each in expected]
    assert operation != "a write" or made[1].startswith("create")


def test_no_value_and_no_token_reaches_a_log(store, caplog, capfd):
    """With everything at DEBUG, also the official client's own logger, and when it fails."""
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "kubernetes", "kubernetes.client.rest", "client"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    backend = store.backend()
    backend.put(a_record(value="canary-4711-value"))
    backend.get("db_pass")
    list(backend.list())
    with pytest.raises(LoginFailed):
        store.backend(api_key="canary-token").get("db_pass")
    printed = "".join(capfd.readouterr()) + caplog.text
    assert printed
    for canary in ("canary-4711", store.server.token, "canary-token", "Y2FuYXJ5LTQ3MT"):
        assert canary not in printed
    assert "canary-4711" not in store.server.audit.read_text() + store.server.log.read_text()


def test_a_listing_asks_for_no_value(store):
    """Nothing that comes over the wire holds one."""
    two_versions(store)
    seen = []
    backend = store.backend()
    backend.get("db_pass")
    connection = backend._connection._client.get()
    sent = connection.send
    connection.send = lambda *arguments, **named: seen.append(sent(*arguments, **named)) or seen[-1]
    assert [record.type for record in backend.list()] == ["basic"]
    assert [record.name for record in backend.list(Filter(names_only=True))] == ["db_pass"]
    assert len(seen) == 2
    assert "czNjcmV0" not in json.dumps([answer.body for answer in seen])
    assert "czNjcmV0" in json.dumps(store.secret("nebula-db.1pass.9v1"))


def test_a_login_that_may_only_read_is_told_which_right_a_refresh_needs(store, monkeypatch):
    said = refuse_a_reader(store.backend(), store.backend(api_key=store.account("get", "list")), monkeypatch)
    assert "this login may not 'update' secrets in the namespace '{0}'".format(store.namespace) in said
