# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which store a session answers from: told by all of a store's configuration, however that is written, and never by its name alone."""

from __future__ import annotations

import json
import sys

import pytest

from tests.integration.counted import ON

READ_TWICE = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: made, nebula.credential.credential: {name: a, type: basic, value: "value-of-{{ inventory_hostname }}"}}
    - {name: read, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') == 'value-of-' + inventory_hostname"}}
    - {name: again, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') == 'value-of-' + inventory_hostname"}}
    - {name: many, ansible.builtin.assert: {that: "lookup('nebula.credential.get_many', 'a') == {'a': 'value-of-' + inventory_hostname}"}}
"""
HOSTS = "".join(
    "{0} ansible_connection=local ansible_python_interpreter={1}\n".format(name, sys.executable) for name in ("one", "two", "three")
)


def run_on_hosts(project, text, *arguments, **environment):
    """Run a playbook on three hosts, all at once."""
    project.write("hosts.ini", HOSTS)
    project.write("site.yml", text)
    return project.run("ansible-playbook", "-i", "hosts.ini", "-f", "6", "site.yml", *arguments, **ON, **environment)


def test_stores_of_one_name_that_differ_by_host(project):
    """Hosts that ask the same question at the same time get each their own answer."""
    for host in ("one", "two", "three"):
        store = {"backend": "local", "path": "{{ playbook_dir }}/store-" + host}
        project.write("host_vars/{0}.yml".format(host), json.dumps({"nebula_credential_stores": {"team": store}}))
    project.write("group_vars/all.yml", "nebula_credential_store: team\n")
    for strategy in ("linear", "free"):
        run_on_hosts(project, READ_TWICE, ANSIBLE_STRATEGY=strategy).succeeded()


@pytest.mark.parametrize(
    "variables",
    [
        {"nebula_credential_store": "store-{{ inventory_hostname }}"},
        {"nebula_credential_store": {"backend": "local", "path": "{{ playbook_dir }}/{{ inventory_hostname }}"}},
        {"nebula_credential_store": "team", "nebula_credential_stores": "{{ {'team': {'backend': 'local', 'path': inventory_hostname}} }}"},
    ],
)
def test_stores_that_templates_make_differ_by_host(project, variables):
    """What a template comes to is known only where it is resolved, so it is no part of a question that is asked again unresolved."""
    named = {"store-" + host: {"backend": "local", "path": "{{ playbook_dir }}/named-" + host} for host in ("one", "two", "three")}
    project.write("group_vars/all.yml", json.dumps({"nebula_credential_stores": named, **variables}))
    run_on_hosts(project, READ_TWICE).succeeded()


def test_a_store_in_the_lookups_own_arguments(project):
    """With a template around it: lookups get their arguments resolved."""
    text = READ_TWICE.replace("value: ", "store: '{{ mine }}', value: ").replace("get', 'a'", "get', 'a', store=mine")
    text = text.replace("many', 'a'", "many', 'a', store=mine").replace(
        "gather_facts", 'vars: {mine: {backend: local, path: "{{ playbook_dir }}/{{ inventory_hostname }}"}}\n  gather_facts'
    )
    run_on_hosts(project, text).succeeded()


def test_configurations_that_change_in_the_run(project):
    """`set_fact`, `include_vars` and a nebula.yml that a task rewrites: the next lookup means the new store."""
    project.write("ansible.cfg", "[defaults]\n")
    project.write("nebula.yml", "stores: {local: {backend: local, path: first}}\n")
    project.play(
        """
- {name: first, nebula.credential.credential: {name: a, type: basic, value: value-1}}
- {name: read 1, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') == 'value-1'"}}
- {name: second, nebula.credential.credential: {name: a, type: basic, value: value-2,
    store: {backend: local, path: "{{ playbook_dir }}/second"}}}
- {name: still 1, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') == 'value-1'"}}
- name: rewritten
  ansible.builtin.copy: {dest: "{{ playbook_dir }}/nebula.yml", mode: "0600", content: "stores: {local: {backend: local, path: second}}\\n"}
- {name: read 2, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') == 'value-2'"}}
- {name: fact, ansible.builtin.set_fact: {nebula_credential_store: {backend: local, path: "{{ playbook_dir }}/first"}}}
- {name: read 1 again, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') == 'value-1'"}}
""",
        **ON,
    ).succeeded()


def vaulted(project, text, name="prod"):
    """A value encrypted with the vault password of that id, as YAML has it."""
    done = project.run("ansible-vault", "encrypt_string", "--vault-id", name + "@pw." + name, "--encrypt-vault-id", name, text).succeeded()
    return done.output[done.output.index("!vault") :].partition("\nEncryption")[0]


def indented(vault, by):
    """Its lines, at least that deep."""
    first, *rest = vault.splitlines()
    return "\n".join([first, *(" " * by + line.strip() for line in rest)])


VAULTED_STORE = """
team:
    backend: local
    path: {path}
    key_sources:
      - source: passphrase
        passphrase: {passphrase}
"""


@pytest.mark.parametrize("place", ["group_vars", "nebula.yml"])
def test_a_vaulted_login_in_the_configuration(project, place):
    """It enters a question as ciphertext, is decrypted for the session, and is in nothing that the run prints."""
    project.write("pw.prod", "of-prod\n")
    passphrase = indented(vaulted(project, "the-passphrase-canary"), 12)
    where = "'{{ inventory_dir }}/store-{{ inventory_hostname }}'" if place == "group_vars" else "here"
    stores = "\n".join("  " + line for line in VAULTED_STORE.format(path=where, passphrase=passphrase).strip("\n").splitlines())
    if place == "group_vars":
        project.write("group_vars/all.yml", "nebula_credential_store: team\nnebula_credential_stores:\n" + stores + "\n")
    else:
        project.write("ansible.cfg", "[defaults]\n")
        project.write("nebula.yml", "default: team\nstores:\n" + stores + "\n")
    only = ["--limit", "one"] if place == "nebula.yml" else []
    run = run_on_hosts(project, READ_TWICE, "--vault-id", "prod@pw.prod", "-vvv", *only).succeeded()
    assert "the-passphrase-canary" not in run.output
    assert "vault" in run_on_hosts(project, READ_TWICE, *only).failed()


def test_the_runs_vault_password_opens_a_store(project):
    """The session asks the run for it. Another run without it is refused, and one with the wrong one, too."""
    project.write("pw.prod", "of-prod\n")
    project.write("pw.wrong", "of-nobody\n")
    store = {
        "backend": "local",
        "path": "{{ inventory_dir }}/{{ inventory_hostname }}",
        "key_sources": [{"source": "ansible_vault", "vault_id": "prod"}],
    }
    project.write("group_vars/all.yml", json.dumps({"nebula_credential_store": "team", "nebula_credential_stores": {"team": store}}))
    run_on_hosts(project, READ_TWICE, "--vault-id", "prod@pw.prod").succeeded()
    assert "vault" in run_on_hosts(project, READ_TWICE).failed()
    assert "v4lue" not in run_on_hosts(project, READ_TWICE, "--vault-id", "prod@pw.wrong").failed()


def test_the_environment_of_a_task_names_the_store(project):
    """And its HOME means another nebula.yml; what was asked without it means what it meant before."""
    project.write("elsewhere/.nebula/nebula.yml", "stores: {local: {backend: local, path: other}}\n")
    run = project.play(
        """
- {name: here, nebula.credential.credential: {name: a, type: basic, value: value-1}}
- {name: there, nebula.credential.credential: {name: a, type: basic, value: value-2}, environment: {HOME: "{{ playbook_dir }}/elsewhere"}}
- {name: named, nebula.credential.credential: {name: b, type: basic}, environment: {NEBULA_CREDENTIAL_STORE: other}}
- {name: read, environment: {HOME: /nonexistent}, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') == 'value-1'"}}
- {name: known there, nebula.credential.credential_info: {}, environment: {HOME: "{{ playbook_dir }}/elsewhere"}}
- {name: known other, nebula.credential.credential_info: {store: other}}
""",
        variables="{nebula_credential_stores: {other: {backend: local, path: '{{ playbook_dir }}/other'}}}",
        **ON,
    ).succeeded()
    assert run.result("there")["changed"]
    assert [one["name"] for one in run.result("known there")["credentials"]] == ["a"]
    assert [one["name"] for one in run.result("known other")["credentials"]] == ["b"]
