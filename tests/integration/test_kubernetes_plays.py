# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays against a store of the backend kubernetes, defined in nebula.yml."""

from __future__ import annotations

import json

import pytest

from tests.integration.counted import ON
from tests.integration.kubernetes_store import KubeStore, encoded
from tests.servers import once

CANARY = "canary-91b0d4"
pytestmark = pytest.mark.server


@pytest.fixture
def store():
    return KubeStore(once.kubernetes())


def configure(project, store, **options):
    """Write a nebula.yml whose default is the store; answers where it is."""
    described = {key: value for key, value in store.configured(backend="kubernetes", **options).items() if value is not None}
    return str(project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": described}})))


BECOMING = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: plain, ansible.builtin.raw: 'true', changed_when: false}
    - {name: plain again, ansible.builtin.raw: 'true', changed_when: false}
    - name: read
      ansible.builtin.assert:
        that: lookup('nebula.credential.get', 'become') == 'written by kubectl'
        quiet: true
"""
TASKS = """
- {name: made, nebula.credential.credential: {name: app/db, type: basic, fields: {username: app}, value: "{{ canary }}", tags: {team: a}}}
- {name: again, nebula.credential.credential: {name: app/db, type: basic, fields: {username: app}, value: "{{ canary }}", tags: {team: a}}}
- {name: read, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db') == canary"}}
- {name: retagged, nebula.credential.credential: {name: app/db, tags: {team: b}}}
- {name: rotated, nebula.credential.credential_rotate: {name: app/db, target: none}}
- {name: new value, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db') != canary"}}
- {name: restored, nebula.credential.credential: {name: app/db, state: restored, version: "1"}}
- {name: old value, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db') == canary"}}
- {name: found, ansible.builtin.assert: {that: "query('nebula.credential.find', tags={'team': 'b'}) | length == 1"}}
- {name: described, nebula.credential.credential_info: {name: app/db, versions: true, health: true}}
- {name: removed, nebula.credential.credential: {name: app/db, state: absent}}
- {name: gone, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db', on_missing='default', default='none') == 'none'"}}
"""


@pytest.mark.parametrize("encrypt", [False, True])
def test_a_credential_through_its_life(project, store, encrypt):
    """Made, read, changed, rotated, restored, found and removed; no value and no token in what a run prints."""
    place = configure(project, store, encrypt=encrypt)
    run = project.play(TASKS, "-vvv", variables="{canary: '" + CANARY + "'}", NEBULA_CREDENTIAL_CONFIG=place).succeeded()
    changed = {name: run.result(name)["changed"] for name in ("made", "again", "retagged", "rotated", "restored", "removed")}
    assert changed == {name: name != "again" for name in changed}
    assert run.result("described")["health"]["status"] == "healthy"
    assert len(run.result("described")["credentials"][0]["versions"]) == 3
    for secret in (CANARY, store.server.token):
        assert secret not in run.output
    assert [name for name in store.names() if not name.endswith("deleted") and ".9deleted" not in name] == (
        ["nebula-0.9store"] if encrypt else []
    )


def test_what_kubectl_created_a_lookup_reads(project, store, tmp_path):
    """By a kubeconfig, and a field by its name; then the play takes it over, and kubectl reads the new value."""
    store.kubectl(tmp_path, "create", "secret", "generic", "nebula-app", "--from-literal=password=x", "--from-literal=port=5432")
    tasks = """
- {name: read, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app', field='port') == '5432'"}}
- name: taken over
  nebula.credential.credential: {name: app, type: custom, declared_fields: [{name: password}, {name: port, secret: false}]}
- name: changed
  nebula.credential.credential: {name: app, type: custom, fields: {password: new}}
"""
    config = str(store.server.kubeconfig(tmp_path / "of-the-play", namespace=store.namespace))
    place = configure(project, store, host=None, api_key=None, ca_cert=None, namespace=None, kubeconfig=config)
    run = project.play(tasks, NEBULA_CREDENTIAL_CONFIG=place).succeeded()
    assert run.result("taken over")["changed"]
    assert store.kubectl(tmp_path, "get", "secret", "nebula-app", "-o", "jsonpath={.data.password}") == "bmV3"


def test_a_credential_that_is_being_deleted_is_neither_written_nor_rotated(project, store):
    """`kubectl delete` of a Secret with a finalizer. The play's tasks fail and name it, and nothing is made."""
    place = configure(project, store)
    project.play("- nebula.credential.credential: {name: app, type: basic, value: first}", NEBULA_CREDENTIAL_CONFIG=place).succeeded()
    path = store.server.secrets_path(store.namespace, "nebula-app")
    secret = store.secret("nebula-app")
    secret["metadata"]["finalizers"] = ["a.test/cleanup"]
    store.server.call("PUT", path, secret)
    store.server.call("DELETE", path)
    tasks = """
- {name: written, nebula.credential.credential: {name: app, value: second}, ignore_errors: true}
- {name: rotated, nebula.credential.credential_rotate: {name: app, target: none}, ignore_errors: true}
- {name: removed, nebula.credential.credential: {name: app, state: absent}, ignore_errors: true}
- {name: read, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app') == 'first'"}}
"""
    run = project.play(tasks, NEBULA_CREDENTIAL_CONFIG=place).succeeded()
    for name in ("written", "rotated", "removed"):
        assert (run.result(name)["failed"], run.result(name)["code"]) == (True, "read_only")
        assert "a.test/cleanup" in run.result(name)["msg"]
    assert store.names() == ["nebula-app"]


def test_a_default_does_not_hide_a_wrong_address(project, store):
    """The API server itself has no such path: its 404 says nothing about the credential."""
    place = configure(project, store, host=store.server.url + "/no/such/path")
    tasks = "- ansible.builtin.assert: {that: \"lookup('nebula.credential.get', 'app', default='unsafe') == 'unsafe'\"}"
    message = project.play(tasks, NEBULA_CREDENTIAL_CONFIG=place).failed()
    assert "is not a Kubernetes API server" in message
    assert store.server.url in message


def test_a_denial_tells_the_role_that_is_missing(project, store):
    tasks = "- {name: refused, nebula.credential.credential: {name: app, type: basic, fields: {username: app}}}"
    place = configure(project, store, api_key=store.account("get", "list"))
    message = project.play(tasks, NEBULA_CREDENTIAL_CONFIG=place).failed()
    assert "may not 'create' secrets in the namespace '{0}'".format(store.namespace) in message
    assert "docs/policies/kubernetes-role.yaml" in message


def test_a_play_is_warned_that_kubernetes_does_not_encrypt(project, store):
    tasks = "- {name: made, nebula.credential.credential: {name: app, type: basic, fields: {username: app}}}"
    run = project.play(tasks, NEBULA_CREDENTIAL_CONFIG=configure(project, store, encrypt=None)).succeeded()
    assert "does not encrypt Secrets by default" in " ".join(run.output.split())


def test_a_become_password_for_every_task(project, store):
    """A lookup that every task of every host evaluates, though none becomes anybody, asks the API server once."""
    path = store.server.secrets_path(store.namespace)
    body = {"metadata": {"name": "nebula-become"}, "data": {"value": encoded("written by kubectl")}}
    store.server.call("POST", path, body)
    configure(project, store, audit="off")
    project.write("ansible.cfg", "[defaults]\n")
    project.write("hosts.ini", "".join("host{0} ansible_connection=local\n".format(each) for each in range(6)))
    project.write("group_vars/all.yml", "ansible_become_password: \"{{ lookup('nebula.credential.get', 'become') }}\"\n")
    project.write("site.yml", BECOMING)
    asked = store.asked(lambda: project.run("ansible-playbook", "-i", "hosts.ini", "-f", "5", "site.yml", **ON).succeeded())
    assert asked == ["get nebula-become"]
