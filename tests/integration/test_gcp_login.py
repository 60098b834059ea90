# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of Google: each kind, one that ends, one that is refused; and what IAM denies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    LoginFailed,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.logins.google import Requests
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls
from tests.conformance.records import a_record, value_of
from tests.integration.gcp_store import GoogleStore
from tests.servers import once, secret_manager
from tests.servers.secret_manager import AUDIENCE, WRITER
from tests.unit.store.managing import ask


@pytest.fixture
def server():
    return once.server("secret_manager")


@pytest.fixture
def store(server):
    return GoogleStore(server)


@pytest.fixture
def own():
    """A server of the test alone: what it orders meets no other test."""
    with secret_manager.running() as server:
        yield GoogleStore(server)


def private(path, content):
    """A file that its owner alone may read."""
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def works(store, **options):
    """Whether a store can be written and read with this login."""
    backend = store.backend(**options)
    backend.put(a_record("n" + uuid.uuid4().hex))
    return True


def tokens(server):
    """The kinds of requests for tokens so far."""
    return [each["resource"] for each in server.requests() if each["method"] == "token"]


def test_the_key_of_a_service_account_signs_a_token_of_its_own(store):
    assert works(store)


def test_a_key_that_another_account_signed_is_refused_and_told_as_a_login(store):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    other = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = {**store.server.service_account, "private_key": other.decode()}
    with pytest.raises(LoginFailed) as caught:
        store.backend(credentials=json.dumps(key)).get("db")
    assert "does not accept the login" in str(caught.value)
    assert store.requests() == []


def test_credentials_and_tokens_come_from_files(store, tmp_path):
    key = private(tmp_path / "key.json", json.dumps(store.server.service_account))
    assert works(store, credentials_file=key)
    assert works(store, access_token_file=private(tmp_path / "token", store.server.order({"issue": WRITER})[0]))


def test_a_workload_identity_federation_exchanges_the_token_in_its_file(store, tmp_path):
    """Without a request that looks up a project."""
    server, principal = store.server, "principal://workload/" + uuid.uuid4().hex
    subject = "a workload's token " + uuid.uuid4().hex
    server.order(
        {"subject_token": {"token": subject, "principal": principal}},
        {"grant": {"principal": principal, "permissions": ["*"], "resource": store.parent}},
    )
    config = {
        "type": "external_account",
        "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": server.token_url + "/v1/token",
        "credential_source": {"file": private(tmp_path / "subject", subject)},
    }
    before = len(tokens(server))
    assert works(store, credentials=json.dumps(config))
    assert tokens(server)[before:] == ["/v1/token"]


def test_the_rights_of_another_service_account_are_used_where_the_login_may(store):
    server = store.server
    target, other = "target-{0}@tests.iam.gserviceaccount.com".format(uuid.uuid4().hex[:8]), "other@tests.iam.gserviceaccount.com"
    server.order({"grant": {"principal": target, "permissions": ["*"], "resource": store.parent}})
    assert works(store, impersonate=target, iam_endpoint=server.token_url)
    assert {each["principal"] for each in server.requests(store.parent)} == {target}
    token = store.token("secrets.get")
    with pytest.raises(LoginFailed):
        store.backend(access_token=token, impersonate=other, iam_endpoint=server.token_url).get("db")


@pytest.mark.parametrize("kind", ["service_account", "authorized_user"])
def test_application_default_credentials_are_read_where_google_names_them(store, tmp_path, monkeypatch, kind):
    """By the variable, and without it where gcloud keeps them; no project is looked up."""
    server = store.server
    user = {
        "type": "authorized_user",
        "client_id": "1",
        "client_secret": "x",
        "refresh_token": server.refresh_token,
        "token_uri": server.token_url + "/token",
    }
    server.order({"grant": {"principal": "user@example.com", "permissions": ["*"], "resource": store.parent}})
    content = json.dumps(user if kind == "authorized_user" else server.service_account)
    if kind == "service_account":
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", private(tmp_path / "adc.json", content))
    else:
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        private(tmp_path / "application_default_credentials.json", content)
    before = len(tokens(server))
    if kind == "authorized_user":
        monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", server.token_url + "/token")
    assert works(store, application_default=True)
    assert tokens(server)[before:] == ["/token"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "it is not JSON with one of these types: authorized_user, external_account, impersonated_service_account, service_account"),
        ('{"type": "gdch_service_account"}', "it is not JSON with one of these types"),
        ('{"type": "service_account", "private_key": "s3cret"}', "the credentials of the type 'service_account' cannot be used"),
    ],
)
def test_credentials_that_are_none_are_named_before_anything_is_sent(store, content, message):
    with pytest.raises(InvalidConfiguration) as caught:
        store.backend(credentials=content).get("db")
    assert (caught.value.option, message in str(caught.value), "s3cret" in str(caught.value)) == ("credentials", True, False)
    assert store.requests() == []


def test_a_token_that_ended_in_mid_run_is_made_again_and_the_request_repeated_once(own):
    backend = own.backend()
    backend.put(a_record())
    own.server.order({"end_tokens": True})
    before = len(tokens(own.server))
    assert value_of(backend.get("db_pass")) == b"s3cret"
    assert len(tokens(own.server)) == before + 1


def test_a_token_that_ended_is_made_again_by_one_login_for_all_threads(own):
    backend = own.backend()
    backend.put(a_record())
    own.server.order({"end_tokens": True})
    before, found = len(tokens(own.server)), []
    threads = [threading.Thread(target=lambda: found.append(value_of(backend.get("db_pass")))) for _each in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (found, len(tokens(own.server)) - before) == ([b"s3cret"] * 32, 1)


def test_an_access_token_that_ended_is_a_failed_login(store):
    backend = store.backend(access_token="ya29.ended")  # it is none
    with pytest.raises(LoginFailed) as caught:
        backend.get("db")
    assert "wrong, or has ended" in str(caught.value)


def test_a_login_server_that_fails_is_unavailable_and_one_that_refuses_is_a_failed_login(own):
    """A request of the store's own layers is repeated; google-auth repeats nothing."""
    own.server.order({"fail": {"methods": ["token"], "code": 503, "times": 1}})
    backend = own.backend()
    before = len(tokens(own.server))
    with pytest.raises(Unavailable):
        backend.get("db")
    assert len(tokens(own.server)) == before + 1
    backend.put(a_record())
    own.server.order({"end_tokens": True}, {"fail": {"methods": ["token"], "code": 400, "times": 100}})
    with pytest.raises(LoginFailed):
        backend.get("db_pass")


@pytest.mark.parametrize(
    ("permission", "role", "work"),
    [
        ("versions.access", "roles/secretmanager.secretAccessor", lambda backend: backend.get("db_pass")),
        ("versions.add", "roles/secretmanager.secretVersionAdder", lambda backend: backend.put(a_record())),
        ("secrets.update", "roles/secretmanager.admin", lambda backend: backend.put(a_record())),
        ("secrets.get", "roles/secretmanager.viewer", lambda backend: backend.put(a_record())),
        ("secrets.create", "roles/secretmanager.admin", lambda backend: backend.put(a_record("new"))),
        ("secrets.list", "roles/secretmanager.viewer", lambda backend: list(backend.list())),
        ("secrets.delete", "roles/secretmanager.admin", lambda backend: backend.delete("db_pass")),
    ],
)
def test_a_denial_names_the_permission_a_role_and_the_resource(store, permission, role, work):
    store.backend().put(a_record())
    every = ["versions.access", "versions.add", "versions.list", "versions.destroy"]
    every += ["secrets.get", "secrets.create", "secrets.update", "secrets.list", "secrets.delete"]
    backend = store.backend(access_token=store.token(*(each for each in every if each != permission)))
    with pytest.raises(AccessDenied) as caught:
        work(backend)
    said = str(caught.value)
    assert "'secretmanager.{0}'".format(permission) in said
    assert role in said
    assert store.parent in said


def test_an_older_version_that_may_not_be_destroyed_fails_no_write(store):
    said = []
    ask(store.manager(keep_versions=0), "credential", name="db", state="present", value="old")
    token = store.token("versions.access", "versions.add", "versions.list", "secrets.get", "secrets.update")
    ask(store.manager(warn=said.append, access_token=token, keep_versions=0), "credential", name="db", state="present", value="new")
    assert store.backend().get("db").fields["value"].expose() == b"new"
    assert any("'secretmanager.versions.destroy'" in each for each in said)


def test_a_certificate_that_is_not_trusted_is_named_with_its_option(store, tmp_path):
    from tests.servers.certificates import Authority

    other = Authority(tmp_path).certificate
    token = store.server.order({"issue": WRITER})[0]
    with pytest.raises(StorageError) as caught:
        store.backend(access_token=token, ca_cert=str(other)).get("db")
    assert (caught.value.option, caught.value.__class__) == ("ca_cert", StorageError)


def test_a_checksum_that_differs_is_a_failure_that_may_pass(own):
    backend = own.backend()
    backend.put(a_record())
    own.server.order({"fail": {"methods": ["access_secret_version"], "damage": True, "times": 1}})
    with pytest.raises(Unavailable) as caught:
        backend.get("db_pass")
    assert "its checksum differs" in str(caught.value)
    assert value_of(backend.get("db_pass")) == b"s3cret"


def test_a_forked_child_has_a_connection_of_its_own_and_its_parent_keeps_its_own(store):
    """In a process of its own: a fork of the tests' process says nothing about one that was not loaded for tests."""
    program = """
import json, os, subprocess, sys
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
backend = backend_class("gcp")(json.load(sys.stdin), BackendContext("prod"))
def value():
    return backend.get("db_pass").fields["password"].expose() == b"s3cret"
backend.connect()
assert value()
for _each in range(3):
    assert subprocess.run([sys.executable, "-c", "pass"], start_new_session=True).returncode == 0
    child = os.fork()
    if child == 0:
        os._exit(0 if value() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert value()
backend.close()
print("done")
"""
    store.backend().put(a_record())
    root = next(path for path in sys.path if os.path.isdir(os.path.join(path, "ansible_collections", "nebula")))
    environment = {**os.environ, "PYTHONPATH": root}
    given = json.dumps(store.configured()).encode()
    ended = subprocess.run([sys.executable, "-c", program], input=given, env=environment, timeout=120, check=False, capture_output=True)
    assert ended.stdout == b"done\n", ended.stderr.decode()[-2000:]


def test_without_a_login_and_a_metadata_server_the_error_says_how_to_log_in():
    """It is asked only if no login is given: most of these machines are not Google's, and the address is none that a user wrote."""
    with pytest.raises(Unavailable) as caught:
        Requests(Tls())("http://127.0.0.1:1/computeMetadata/v1/instance/service-accounts/default/token")
    assert "Give 'credentials_file'" in caught.value.remedy
