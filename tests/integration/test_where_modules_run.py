# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the modules work: the controller, a target, many hosts at once; and who is recorded to have asked."""

from __future__ import annotations

import json
import os

CANARY = "canary-" + os.urandom(6).hex()


def test_the_store_is_on_the_controller_whatever_the_task_says(project):
    """No connection is opened: this host does not exist, and the become user neither."""
    project.write("hosts.ini", "nowhere ansible_host=192.0.2.1 ansible_connection=ssh ansible_timeout=1\n")
    project.write(
        "remote.yml",
        """
- hosts: nowhere
  gather_facts: false
  become: true
  become_user: nobody-of-that-name
  tasks:
    - {name: made, nebula.credential.credential: {name: a}}
    - {name: delegated, delegate_to: 192.0.2.2, nebula.credential.credential_info: {}}
    - {name: read, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') | length == 32"}}
""",
    )
    run = project.run("ansible-playbook", "-i", "hosts.ini", "remote.yml").succeeded()
    assert [known["name"] for known in run.result("delegated")["credentials"]] == ["a"]


def test_async_is_refused(project):
    run = project.play("- {nebula.credential.credential: {name: a}, async: 10, poll: 1}")
    assert "does not support async" in run.failed()


def test_the_tasks_environment_chooses_the_store(project):
    run = project.play(
        """
- {name: other, nebula.credential.credential: {name: a}, environment: {NEBULA_CREDENTIAL_STORE: other}}
- {name: here, nebula.credential.credential_info: {}}
- {name: there, nebula.credential.credential_info: {store: other}}
""",
        variables="{nebula_credential_stores: {other: {backend: local, path: '{{ playbook_dir }}/other'}}}",
    ).succeeded()
    assert run.result("here")["credentials"] == []
    assert len(run.result("there")["credentials"]) == 1


def test_on_a_target_the_real_module_does_the_same(project):
    """With a store whose key does not lie on the controller. The logins of the store are in no result."""
    store = "{backend: local, path: '{{ playbook_dir }}/there', key_sources: [{source: key_file, path: '{{ playbook_dir }}/there.key'}]}"
    run = project.play(
        """
- {name: made, nebula.credential.credential: {name: a, type: basic, value: "{{ canary }}", store: there, run_on: target}}
- {name: again, nebula.credential.credential: {name: a, type: basic, value: "{{ canary }}", store: there, run_on: target}}
- {name: fields, nebula.credential.credential: {name: a_localhost, type: database, store: there, run_on: target,
    fields: {host: localhost, password: "{{ canary }}"}}}
- {name: info, nebula.credential.credential_info: {name: a, store: there, run_on: target}}
- {name: read, no_log: true, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a', store='there') == canary"}}
- {name: bad, ignore_errors: true, nebula.credential.credential: {name: "../a", store: there, run_on: target}}
- {name: asked, register: asked, nebula.credential.credential: {name: a, return_value: true, store: there, run_on: target}}
- {name: it is there, ansible.builtin.assert: {that: asked.value == canary}}
""",
        "-vvvvv",
        variables="{canary: '" + CANARY + "', nebula_credential_stores: {there: " + store + "}}",
        ANSIBLE_DEBUG="1",
    ).succeeded()
    assert CANARY not in run.output.partition("TASK [asked]")[0]
    assert (run.result("made")["changed"], run.result("again")["changed"]) == (True, False)
    assert run.result("fields")["name"] == "a_localhost"
    assert run.result("info")["credentials"][0]["type"] == "basic"
    assert run.result("bad")["code"] == "invalid_input"
    assert "store 'there'" in run.result("bad")["msg"]
    assert CANARY not in str([run.result(name) for name in ("made", "again", "fields", "info", "bad")])


def test_hosts_that_ask_at_once_get_the_same_generated_value(project):
    """One of them makes it (ansible#27277)."""
    project.write("hosts.ini", "".join("host{0} ansible_connection=local\n".format(number) for number in range(12)))
    project.write(
        "parallel.yml",
        """
- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - {name: made, nebula.credential.credential: {name: shared}}
    - {name: read, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'shared') | hash('sha256') }}"}}
""",
    )
    run = project.run("ansible-playbook", "-i", "hosts.ini", "-f", "12", "parallel.yml").succeeded()
    assert sum(entry["result"]["changed"] for entry in run.results if entry["task"] == "made") == 1
    assert len({entry["result"]["msg"] for entry in run.results if entry["task"] == "read"}) == 1


def test_every_access_is_in_the_audit_trail_with_who_asked(project):
    project.play(
        """
- {name: store it, nebula.credential.credential: {name: a, scope: {user: eve}}}
- {name: read it, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'a', scope={'user': 'eve'}) | length }}"}}
- {name: be refused, nebula.credential.credential_info: {name: a, scope: {user: adam}}, ignore_errors: true}
""",
        AWX_JOB_ID="4711",
    ).succeeded()
    trail = project.home / ".nebula" / "credentials" / ".nebula" / "audit.jsonl"
    entries = [json.loads(line) for line in trail.read_text(encoding="utf-8").splitlines()]
    shown = json.dumps(entries)
    for word in ("store it", "be refused", "localhost", "eve", "adam", "4711", '"get"', "access_denied"):
        assert word in shown, word
    assert len({entry.get("run") for entry in entries if entry.get("run")}) == 1


def test_what_is_ansibles_own_to_report_stays_so(project):
    """A host that cannot be reached, and a variable that is not defined."""
    project.write("hosts.ini", "nowhere ansible_host=127.0.0.1 ansible_port=1 ansible_connection=ssh ansible_timeout=2\n")
    project.write(
        "remote.yml",
        """
- hosts: nowhere
  gather_facts: false
  tasks:
    - {name: undefined, nebula.credential.credential: {name: a}, environment: {X: "{{ nothing }}"}, ignore_errors: true}
    - {name: sent, nebula.credential.credential: {name: a, run_on: target, store: {backend: memory}}}
""",
    )
    run = project.run("ansible-playbook", "-i", "hosts.ini", "remote.yml")
    assert [entry["status"] for entry in run.results] == ["failed", "unreachable"]
    assert "'nothing' is undefined" in run.result("undefined")["msg"]
