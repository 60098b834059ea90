# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubeconfigs on a real server: their contexts, certificates, login programs and impersonation (A7)."""

from __future__ import annotations

import base64
import json
import stat
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import DEGRADED
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidConfiguration, LoginFailed, Timeout
from tests.conformance.records import a_record, value_of
from tests.integration.kubernetes_store import KubeStore
from tests.servers import once

pytestmark = pytest.mark.server


@pytest.fixture
def store():
    return KubeStore(once.kubernetes())


def test_a_kubeconfig_with_its_context_and_namespace(store, tmp_path, monkeypatch):
    """By name, by KUBECONFIG, and as the default in the home directory."""
    store.backend().put(a_record())
    path = store.server.kubeconfig(tmp_path / "config", namespace=store.namespace)
    without = {"host": None, "api_key": None, "ca_cert": None, "namespace": None}
    assert value_of(store.backend(**without, kubeconfig=str(path)).get("db_pass")) == b"s3cret"
    assert value_of(store.backend(**without, kubeconfig=str(path), context="test").get("db_pass")) == b"s3cret"
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert value_of(store.backend(**without).get("db_pass")) == b"s3cret"
    with pytest.raises(InvalidConfiguration) as caught:
        store.backend(**without, context="absent").get("db_pass")
    assert (caught.value.option, "It has: test" in str(caught.value)) == ("context", True)


def test_a_kubeconfig_that_impersonates_has_the_rights_of_that_identity_alone(store, tmp_path):
    """A user, a service account, and a group; the administrator's own rights do not count."""
    backend = store.backend()
    backend.put(a_record())
    store.account("get")
    (account,) = store.server.call("GET", "/api/v1/namespaces/{0}/serviceaccounts".format(store.namespace))["items"]
    reader = "system:serviceaccount:{0}:{1}".format(store.namespace, account["metadata"]["name"])
    group = {"as": "jane", "as-groups": ["nobody-in-particular", "system:masters"], "as-uid": "7", "as-user-extra": {"a.test/b": ["c"]}}

    def impersonating(user):
        config = json.loads(store.server.kubeconfig(tmp_path / "config", namespace=store.namespace).read_text())
        config["users"][0]["user"].update(user)
        (tmp_path / "config").write_text(json.dumps(config))
        return store.backend(host=None, api_key=None, ca_cert=None, kubeconfig=str(tmp_path / "config"))

    with pytest.raises(AccessDenied):
        impersonating({"as": "jane"}).get("db_pass")
    assert value_of(impersonating({"as": reader}).get("db_pass")) == b"s3cret"
    with pytest.raises(AccessDenied):
        impersonating({"as": reader}).put(a_record(value="new"))
    assert impersonating({"as": reader}).health().status == DEGRADED
    impersonating(group).put(a_record(value="new"))
    assert value_of(backend.get("db_pass")) == b"new"


def test_a_kubeconfig_with_a_client_certificate_leaves_no_key_behind(store, tmp_path, monkeypatch):
    """The official client writes the key to a temporary file; it is gone before the first request."""
    issued = store.server.authority.issue("someone", client=True)
    config = json.loads(store.server.kubeconfig(tmp_path / "config", namespace=store.namespace).read_text())
    certificate, key, authority = (base64.b64encode(path.read_bytes()).decode() for path in (*issued, store.server.ca_cert))
    config["users"][0]["user"] = {"client-certificate-data": certificate, "client-key-data": key}
    config["clusters"][0]["cluster"] = {"server": store.server.url, "certificate-authority-data": authority}
    (tmp_path / "config").write_text(json.dumps(config))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with pytest.raises(AccessDenied):  # as the user "someone", who may nothing
        store.backend(host=None, api_key=None, ca_cert=None, kubeconfig=str(tmp_path / "config")).get("db_pass")
    assert list(temporary.iterdir()) == []


def login_program(path, token, runs):
    """A program that a kubeconfig names, which gives a token that has expired already, so that each use asks it again."""
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token, "expirationTimestamp": "2020-01-01T00:00:00Z"},
    }
    path.write_text("#!{0}\nopen({1!r}, 'a').write('.')\nprint({2!r})\n".format(sys.executable, str(runs), json.dumps(credential)))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "interactiveMode": "Never"}


def with_login_program(store, tmp_path, program):
    config = json.loads(store.server.kubeconfig(tmp_path / "config", namespace=store.namespace).read_text())
    config["users"][0]["user"] = {"exec": program}
    (tmp_path / "config").write_text(json.dumps(config))
    return store.backend(host=None, api_key=None, ca_cert=None, kubeconfig=str(tmp_path / "config"))


def test_a_login_program_is_run_again_when_its_token_has_expired(store, tmp_path):
    store.backend().put(a_record())
    backend = with_login_program(store, tmp_path, login_program(tmp_path / "login", store.server.token, tmp_path / "runs"))
    for _each in range(2):
        assert value_of(backend.get("db_pass")) == b"s3cret"
    assert len((tmp_path / "runs").read_text()) >= 2


def test_a_login_program_that_fails_is_a_failed_login(store, tmp_path):
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
    with pytest.raises(LoginFailed) as caught:
        with_login_program(store, tmp_path, program).get("db_pass")
    assert "has no login" in str(caught.value)


def a_program(path, text):
    """A login program in shell."""
    path.write_text("#!/bin/sh\n{0}\n".format(text))
    path.chmod(0o700)
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "interactiveMode": "Never"}


def is_running(pid):
    """Whether a process is there that is no zombie."""
    try:
        return Path("/proc/{0}/stat".format(pid)).read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_login_program_that_hangs_ends_with_the_time_of_the_operation_and_its_children_with_it(store, tmp_path):
    hanging = a_program(tmp_path / "login", "sleep 600 & echo $! >{0}\nwait".format(tmp_path / "child"))
    backend = with_login_program(store, tmp_path, hanging)
    with pytest.raises(Timeout) as caught, deadline.within(3.0, "get"):
        backend.get("db_pass")
    assert "get did not end within 3 s (waiting for the kubeconfig's login program)" in str(caught.value)
    child = int((tmp_path / "child").read_text())
    end = time.monotonic() + 60
    while is_running(child):
        assert time.monotonic() < end, "the child of the program is still running"
        time.sleep(0.05)


def test_a_login_program_that_writes_without_end_is_a_failed_login(store, tmp_path):
    with pytest.raises(LoginFailed) as caught:
        with_login_program(store, tmp_path, a_program(tmp_path / "login", "exec yes")).get("db_pass")
    assert "has no login" in str(caught.value)


def test_a_login_program_gets_its_arguments_and_its_environment(store, tmp_path):
    store.backend().put(a_record())
    answer = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}'
    program = a_program(
        tmp_path / "login", 'test "$1 $2" = \'-a b c\' && test -n "$KUBERNETES_EXEC_INFO" && printf \'{0}\' "$TOKEN"'.format(answer)
    )
    program.update(args=["-a", "b c"], env=[{"name": "TOKEN", "value": store.server.token}])
    assert value_of(with_login_program(store, tmp_path, program).get("db_pass")) == b"s3cret"
