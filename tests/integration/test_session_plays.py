# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One login and one fetch, whatever a play does: counted by the server that is asked."""

from __future__ import annotations

import sys

import pytest

from tests.integration.counted import ON, VALUE, read


def hosts(project, number):
    """Write an inventory of local hosts."""
    project.write(
        "hosts.ini",
        "".join("host{0} ansible_connection=local ansible_python_interpreter={1}\n".format(each, sys.executable) for each in range(number)),
    )


def run_play(project, text, *arguments, **environment):
    """Run a playbook on the hosts of the inventory."""
    project.write("site.yml", text)
    return project.run("ansible-playbook", "-i", "hosts.ini", "site.yml", *arguments, **ON, **environment)


@pytest.mark.parametrize(
    ("strategy", "forks"),
    [
        ("linear", 1),
        ("free", 100),
        *(pytest.param(*each, marks=pytest.mark.long) for each in (("linear", 100), ("free", 5), ("host_pinned", 100))),
    ],
)
def test_strategies_and_forks(project, counted, strategy, forks):
    """A start race of all workers makes one session, and their reads are one flight."""
    hosts(project, 10)
    text = "- hosts: all\n  gather_facts: false\n  strategy: {0}\n  tasks:\n    {1}\n    {1}\n".format(strategy, read("a"))
    run = run_play(project, text, "-f", str(forks)).succeeded()
    assert len([one for one in run.results if one["task"] == "read"]) == 20
    assert (counted.logins(), counted.reads()) == (1, {"a": 1})


EVERYWHERE = """
- hosts: all
  gather_facts: false
  serial: 2
  vars_files: [secrets.yml]
  vars: {from_play: "{{ lookup('nebula.credential.get', 'a') }}"}
  handlers:
    - {name: told, ansible.builtin.assert: {that: from_play == from_group}}
  tasks:
    - {name: vars, ansible.builtin.assert: {that: [from_play == from_file, from_play == from_group, from_play == from_inventory]}}
    - {name: loop, ansible.builtin.assert: {that: "lookup('nebula.credential.get', item) == 'VALUE' + item"}, loop: [a, b, a]}
    - {name: until, ansible.builtin.command: "true", register: tried, changed_when: tried.attempts == 2, retries: 3, delay: 0,
       until: "tried.attempts == 2 and lookup('nebula.credential.get', 'a') == from_file"}
    - {name: notifying, ansible.builtin.debug: {msg: x}, changed_when: true, notify: told}
    - {name: throttled, throttle: 1, ansible.builtin.assert: {that: from_play == from_file}}
    - {name: once, run_once: true, ansible.builtin.assert: {that: from_play == from_file}}
    - {name: template, ansible.builtin.template: {src: t.j2, dest: "{{ playbook_dir }}/out.{{ inventory_hostname }}", mode: "0600"}}
    - {name: role, ansible.builtin.include_role: {name: reader}}
    - name: block
      block:
        - {name: fails, ansible.builtin.command: "false", changed_when: false}
      rescue:
        - {name: rescue, ansible.builtin.assert: {that: from_play == from_file}}
- {name: another, ansible.builtin.import_playbook: another.yml}
""".replace("VALUE", VALUE)


def test_everywhere_in_a_play(project, counted):
    """In serial batches: variables of every kind, loops, until, handlers, templates, roles, rescue, another playbook."""
    got = "{{ lookup('nebula.credential.get', 'a') }}"
    hosts(project, 4)
    project.write("secrets.yml", 'from_file: "{0}"\n'.format(got))
    project.write("group_vars/all.yml", 'from_group: "{0}"\nansible_become_password: "{1}"\n'.format(got, got.replace("'a'", "'b'")))
    with (project.directory / "hosts.ini").open("a") as file:
        file.write('[all:vars]\nfrom_inventory="{0}"\n'.format(got))
    project.write("t.j2", got + " {% for name in ['a', 'b'] %}{{ lookup('nebula.credential.get', name) }}{% endfor %}")
    project.write("roles/reader/tasks/main.yml", read("a") + "\n" + read("b") + "\n")
    project.write("another.yml", "- hosts: all\n  gather_facts: false\n  strategy: free\n  tasks:\n    {0}\n".format(read("b")))
    run_play(project, EVERYWHERE, "-f", "10").succeeded()
    assert (project.directory / "out.host3").read_text() == "{0}a {0}a{0}b".format(VALUE)
    assert (counted.logins(), counted.reads()) == (1, {"a": 1, "b": 1})


def test_a_become_password_that_is_a_lookup_is_fetched_once(project, counted):
    """It is evaluated for every task of every host, also where nobody becomes anybody."""
    hosts(project, 6)
    project.write("group_vars/all.yml", "ansible_become_password: \"{{ lookup('nebula.credential.get', 'a') }}\"\n")
    tasks = "    - {name: plain, ansible.builtin.command: 'true', changed_when: false}\n" * 3
    run_play(project, "- hosts: all\n  gather_facts: false\n  tasks:\n" + tasks, "-f", "6").succeeded()
    assert (counted.logins(), counted.reads()) == (1, {"a": 1})


HOWEVER = """
- hosts: all
  gather_facts: false
  become: true
  become_user: nobody-of-that-name
  vars: {ansible_python_interpreter: /nonexistent/python}
  tasks:
    - {name: written, nebula.credential.credential: {name: made, type: basic, fields: {username: app}}, run_once: true}
    - {name: described, nebula.credential.credential_info: {name: made}, delegate_to: 192.0.2.2}
    - {name: read, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'made') | length == 32"}}
"""


def test_become_delegation_and_interpreters_change_nothing(project, counted):
    """An action reaches the session as the user of the run, from the controller."""
    hosts(project, 3)
    run_play(project, HOWEVER).succeeded()
    assert counted.logins() == 1


def test_a_task_with_async_is_refused(project, counted):
    """Before any session is started."""
    hosts(project, 1)
    text = "- hosts: all\n  gather_facts: false\n  tasks:\n    - {nebula.credential.credential: {name: a}, async: 10, poll: 0}\n"
    assert "does not support async" in run_play(project, text).failed()
    assert counted.logins() == 0
