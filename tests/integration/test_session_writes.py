# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lookup after a write of the same run sees the write, by whatever way that went; and what nobody wrote is not fetched again."""

from __future__ import annotations

import json

import pytest

from tests.integration.counted import ON

KEY = "{source: key_file, path: '{{ playbook_dir }}/there.key'}"
STORE = "{name: there, backend: local, path: '{{ playbook_dir }}/there', key_sources: [" + KEY + "]}"


def reads(name, value, *, store=""):
    """A task that sees that a lookup answers this."""
    that = "lookup('nebula.credential.get', '{0}'{1}) == '{2}'".format(name, store, value)
    return '- {{name: read {0}, ansible.builtin.assert: {{quiet: true, that: "{1}"}}}}'.format(name, that)


def writes(name, value, more=""):
    """A task that stores a value."""
    return "- {{name: write {0}, nebula.credential.credential: {{name: {0}, type: basic, value: {1}}}{2}}}".format(name, value, more)


def play(project, *tasks, **environment):
    """Run these tasks with a session."""
    return project.play("\n".join(tasks), variables="{there: " + STORE + "}", **{**ON, **environment})


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_every_change_is_seen_at_once(project, enabled):
    """Stored, changed, restored, rotated in both ways, revoked, removed; with a session and without one."""
    described = """
- {name: many, ansible.builtin.assert: {that: "lookup('nebula.credential.get_many', ['a', 'b']) == {'a': 'value-2', 'b': 'value-b'}"}}
- {name: restored, nebula.credential.credential: {name: a, state: restored, version: "1"}}
READ-1
- {name: rotated, nebula.credential.credential_rotate: {name: a, target: none}}
- {name: another, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') not in ['value-1', 'value-2']"}}
- {name: before, ansible.builtin.set_fact: {before: "{{ lookup('nebula.credential.get', 'a') | hash('sha256') }}"}}
- {name: prepared, nebula.credential.credential_rotate: {name: a, phase: prepare}}
- {name: the old one still, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') | hash('sha256') == before"}}
- {name: rolled back, nebula.credential.credential_rotate: {name: a, phase: rollback}}
- {name: the old one again, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') | hash('sha256') == before"}}
- {name: prepared again, nebula.credential.credential_rotate: {name: a, phase: prepare}}
- {name: tested, nebula.credential.credential_rotate: {name: a, phase: test, accepted: true, wrong_refused: true}}
- {name: committed, nebula.credential.credential_rotate: {name: a, phase: commit}}
- {name: the new one, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'a') | hash('sha256') != before"}}
- {name: revoked, nebula.credential.credential: {name: a, state: revoked}}
- {name: refused, register: refused, ignore_errors: true, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'a') }}"}}
- {name: it was, ansible.builtin.assert: {that: refused is failed}}
- {name: removed, nebula.credential.credential: {name: b, state: absent}}
- {name: gone, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'b', default='none') == 'none'"}}
"""
    tasks = [writes("a", "value-1"), reads("a", "value-1"), writes("a", "value-2"), reads("a", "value-2"), writes("b", "value-b")]
    run = play(project, *tasks, described.replace("READ-1", reads("a", "value-1")), NEBULA_CREDENTIAL_SESSION=enabled).succeeded()
    assert "revoked" in run.result("refused")["msg"]


def test_other_names_stay_known(project, counted):
    """A write drops the names it writes, and no more; what it wrote is fetched once again."""
    tasks = "{0}\n{1}\n- {{name: w, nebula.credential.credential: {{name: a, type: basic, value: new}}}}\n{2}\n{1}\n{2}"
    read_b = reads("b", "v4lue of b")
    play(project, tasks.format(reads("a", "v4lue of a"), read_b, reads("a", "new"))).succeeded()
    assert counted.logins() == 1
    assert counted.reads()["b"] == 1


def test_check_mode_changes_nothing_that_is_known(project):
    """It tells what it would do; afterwards lookups say what they said, and diff mode shows no value."""
    tasks = [
        writes("a", "value-1"),
        reads("a", "value-1"),
        writes("a", "canary-2", ", check_mode: true, diff: true, register: would"),
        "- {name: told, ansible.builtin.assert: {that: would is changed}}",
        reads("a", "value-1"),
        writes("a", "canary-3", ", diff: true"),
        reads("a", "canary-3"),
        "- {name: c, nebula.credential.credential_rotate: {name: a, target: none}, check_mode: true}",
        reads("a", "canary-3"),
    ]
    run = play(project, *tasks).succeeded()
    for value in ("canary-2", "canary-3"):
        assert value not in json.dumps([one["result"] for one in run.results if "write" in one["task"]])


def test_a_write_on_a_target_is_seen(project):
    """The real module writes there; the session hears of the name."""
    more = ", store: '{{ there }}', run_on: target}"
    on_target = writes("a", "value-2").replace("}}", more + "}", 1)
    in_store = ", store=there"
    here = writes("a", "value-1").replace("}}", ", store: '{{ there }}'}}", 1)
    play(project, here, reads("a", "value-1", store=in_store), on_target, reads("a", "value-2", store=in_store)).succeeded()


def test_a_write_by_another_configuration_of_the_same_store_is_seen(project):
    """One login to read and one to write is usual; here, two key sources."""
    other = "{name: again, backend: local, path: '{{ playbook_dir }}/there', key_sources: [{source: key_file, path: './there.key'}]}"
    here = writes("a", "value-1").replace("}}", ", store: '{{ there }}'}}", 1)
    there = writes("a", "value-2").replace("}}", ", store: " + other + "}}", 1)
    play(project, here, reads("a", "value-1", store=", store=there"), there, reads("a", "value-2", store=", store=there")).succeeded()


@pytest.mark.parametrize("how", ["vars: {nebula_credential_session: false}", "environment: {NEBULA_CREDENTIAL_SESSION: 'false'}"])
def test_a_write_of_a_task_that_goes_without_the_session_is_seen(project, how):
    """Some hosts or tasks may be told to do without."""
    play(project, writes("a", "value-1"), reads("a", "value-1"), writes("a", "value-2", ", " + how), reads("a", "value-2")).succeeded()


def test_writes_of_many_hosts_at_once(project):
    """Each host reads what it has just written, while all the others write."""
    project.write("hosts.ini", "".join("host{0} ansible_connection=local\n".format(each) for each in range(8)))
    name = "'host/' + inventory_hostname"
    told = "lookup('nebula.credential.get', {0}) == 'value-' + number | string".format(name)
    text = """
- hosts: all
  gather_facts: false
  strategy: free
  tasks:
"""
    for number in range(3):
        text += "    - {{nebula.credential.credential: {{name: '{{{{ {0} }}}}', type: basic, value: 'value-{1}'}}}}\n".format(
            name.replace("'", "''"), number
        )
        text += '    - {{ansible.builtin.assert: {{that: "{0}"}}, vars: {{number: {1}}}}}\n'.format(told, number)
    project.write("site.yml", text)
    project.run("ansible-playbook", "-i", "hosts.ini", "-f", "8", "site.yml", **ON).succeeded()
