# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules through a session, in every place of a play that a task may have: one login, and what a module would do."""

from __future__ import annotations

import sys

import pytest

from tests.integration.counted import ON

HOSTS = "".join("host{0} ansible_connection=local ansible_python_interpreter={1}\n".format(each, sys.executable) for each in range(4))
SERIAL = """
- hosts: all
  gather_facts: false
  serial: 2
  become: true
  become_user: nobody-of-that-name
  environment: {VAULT_TOKEN: of-the-play, HTTP_PROXY: "http://192.0.2.9:1"}
  module_defaults:
    group/nebula.credential.credential: {scope: {user: eve}}
  vars: {mine: "{{ 'of/' + inventory_hostname }}", nebula_credential_scope: {user: eve}}
  handlers:
    - {name: handled, nebula.credential.credential: {name: "{{ mine }}", type: basic, value: of-the-handler}}
  tasks:
    - name: looped
      nebula.credential.credential: {name: "{{ mine }}/{{ item }}", type: basic, value: "v{{ item }}"}
      loop: [1, 2]
      throttle: 1
      notify: handled
    - name: until
      nebula.credential.credential_info: {name: "{{ mine }}/1"}
      register: found
      until: found.attempts > 1 and found.credentials | length == 1
      retries: 3
      delay: 0
    - name: once
      nebula.credential.credential: {name: shared, type: basic, value: "from {{ inventory_hostname }}"}
      run_once: true
      delegate_to: 192.0.2.2
      vars: {ansible_connection: ssh}
    - {name: would, nebula.credential.credential: {name: "{{ mine }}/2", type: basic, value: never}, check_mode: true, diff: true}
    - {name: flushed, ansible.builtin.meta: flush_handlers}
    - name: seen
      ansible.builtin.assert:
        that:
          - lookup('nebula.credential.get', mine) == 'of-the-handler'
          - lookup('nebula.credential.get_many', mine + '/1', mine + '/2') | dictsort | map('last') == ['v1', 'v2']
          - lookup('nebula.credential.get', 'shared') in ['from host0', 'from host2']
"""
FREE = """
- hosts: all
  gather_facts: false
  strategy: free
  module_defaults:
    group/nebula.credential.credential: {scope: {user: eve}}
  vars: {nebula_credential_scope: {user: eve}}
  tasks:
    - {name: rotated, nebula.credential.credential_rotate: {name: "of/{{ inventory_hostname }}", target: none}}
    - name: always
      block:
        - {name: wrong, nebula.credential.credential: {name: shared, nmae: x}}
      rescue:
        - {name: rescued, nebula.credential.credential: {name: shared, state: revoked}, run_once: true}
      always:
        - name: another value
          ansible.builtin.assert:
            that: lookup('nebula.credential.get', 'of/' + inventory_hostname) != 'of-the-handler'
    - {name: stores, nebula.credential.store_info: {}, check_mode: true}
"""


def test_modules_wherever_a_task_may_be(project, counted):
    """Play-level become and environment, serial, throttle, loops, until, handlers, run_once, delegation, check mode, free, rescue."""
    project.write("hosts.ini", HOSTS)
    project.write("site.yml", SERIAL + FREE)
    run = project.run("ansible-playbook", "-i", "hosts.ini", "-f", "4", "site.yml", **ON).succeeded()
    by_task = {}
    for entry in run.results:
        by_task.setdefault(entry["task"], []).append(entry)
    assert [len(by_task[task]) for task in ("looped", "until", "once", "would", "handled", "seen", "rotated")] == [4, 4, 2, 4, 4, 4, 4]
    assert all(one["result"]["changed"] for task in ("looped", "would", "handled", "rotated") for one in by_task[task])
    assert [one["status"] for one in by_task["wrong"]] == ["failed"] * 4
    assert all("nmae" in one["result"]["msg"] for one in by_task["wrong"])
    assert counted.logins() == 1
    assert "never" not in str([one["result"] for one in by_task["would"]])


MODULES = [
    "cache",
    "credential",
    "credential_flow",
    "credential_info",
    "credential_refresh",
    "credential_rotate",
    "credential_rotate_due",
    "audit_info",
    "store_info",
    "store_key",
    "store_purge",
    "store_schema",
]


@pytest.mark.parametrize("how", ["async: 10, poll: 0", "async: 10, poll: 1"])
def test_every_module_refuses_async(project, how):
    """Before it looks for a store or a session."""
    tasks = "".join("- {{name: {0}, nebula.credential.{0}: {{}}, {1}, ignore_errors: true}}\n".format(each, how) for each in MODULES)
    run = project.play(tasks, NEBULA_CREDENTIAL_SESSION="not to be read").succeeded()
    assert [one["task"] for one in run.results if "does not support async" in str(one["result"].get("msg"))] == MODULES
