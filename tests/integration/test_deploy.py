# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules `deploy` and `run` in plays: over SSH, on many hosts, and as tasks that notify, are checked and are delegated."""

from __future__ import annotations

import stat
import sys

import pytest

from tests.conftest import cannot_run
from tests.integration.counted import ON, VALUE
from tests.servers import once
from tests.servers.processes import ServerUnavailable

PIPELINING = {"ANSIBLE_PIPELINING": "true", "ANSIBLE_HOST_KEY_CHECKING": "true"}
ON_HOSTS = """
- hosts: all
  gather_facts: false
  tasks:
    - {{name: deployed, nebula.credential.deploy: {{dest: "{place}/{{{{ inventory_hostname }}}}", credential: a}}}}
"""
ON_ONE = """
- hosts: all[0]
  gather_facts: false
  tasks:
    - {{name: again, nebula.credential.deploy: {{dest: "{place}/{{{{ inventory_hostname }}}}", credential: a}}}}
    - name: ran
      nebula.credential.run:
        argv: [sh, -c, 'printf %s "$A" | cmp - {place}/{{{{ inventory_hostname }}}} && echo "$A"']
        env: {{A: {{credential: a}}}}
"""


def write_hosts(project, lines):
    project.write("hosts.ini", "\n".join([*lines, "[all:vars]", "ansible_python_interpreter={0}".format(sys.executable), ""]))


@pytest.mark.server
def test_ten_hosts_over_ssh_get_a_value_that_was_read_once(project, counted, tmp_path):
    try:
        server = once.sshd()
    except ServerUnavailable as error:
        cannot_run(str(error))
    names = ["web{0}".format(number) for number in range(10)]
    write_hosts(project, [server.inventory_line(name, server.port) for name in names])
    place = tmp_path / "files"
    place.mkdir()
    playbook = project.write("ssh.yml", (ON_HOSTS + ON_ONE).format(place=place))
    run = project.run("ansible-playbook", "-i", "hosts.ini", str(playbook), **ON, **PIPELINING).succeeded()
    assert (counted.logins(), counted.reads()["a"]) == (1, 1)
    assert {path.name: path.read_text(encoding="ascii") for path in place.iterdir()} == dict.fromkeys(names, VALUE + "a")
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}
    assert all(entry["result"]["changed"] for entry in run.results if entry["task"] == "deployed")
    assert (run.result("again")["changed"], run.result("again")["files"][0]["credentials_before"]) == (False, {"a": "1"})
    assert run.result("ran")["stdout"] == "********"
    assert VALUE + "a" not in run.output


@pytest.mark.server
@pytest.mark.long
def test_a_hundred_hosts_get_a_value_that_was_read_once(project, counted, tmp_path):
    write_hosts(project, ["h{0} ansible_connection=local".format(number) for number in range(100)])
    place = tmp_path / "files"
    place.mkdir()
    playbook = project.write("many.yml", ON_HOSTS.format(place=place))
    project.run("ansible-playbook", "-i", "hosts.ini", "-f", "20", str(playbook), **ON).succeeded()
    assert (counted.logins(), counted.reads()["a"], len(list(place.iterdir()))) == (1, 1, 100)


CHANGES = """
- {nebula.credential.credential: {name: db, type: basic, fields: {username: app, password: f1rst}}}
- {name: checked, check_mode: true, nebula.credential.deploy: {dest: "{{ playbook_dir }}/app", template: app.j2}}
- {name: nothing, ansible.builtin.assert: {that: "not (playbook_dir + '/app') is exists"}}
- {name: unchanged, notify: told, nebula.credential.deploy: {dest: "{{ playbook_dir }}/none", state: absent}}
- {meta: flush_handlers}
- {name: none yet, ansible.builtin.assert: {that: told is not defined}}
- name: first
  notify: told
  nebula.credential.deploy:
    files:
      - {dest: "{{ playbook_dir }}/app", template: app.j2, mode: '0640'}
      - {dest: "{{ playbook_dir }}/app.env", credential: db, format: dotenv}
- {meta: flush_handlers}
- {name: told now, ansible.builtin.assert: {that: told is defined}}
- {nebula.credential.credential: {name: db, fields: {password: s3cond}}}
- {name: second, diff: true, nebula.credential.deploy: {dest: "{{ playbook_dir }}/app", template: app.j2}}
- {name: old, nebula.credential.deploy: {dest: "{{ playbook_dir }}/old", credential: db, version: "1"}}
- {name: missing, ignore_errors: true, nebula.credential.deploy: {dest: "{{ playbook_dir }}/x", template: missing.j2}}
- {name: denied, ignore_errors: true, nebula.credential.deploy: {dest: "{{ playbook_dir }}/x", template: denied.j2}}
- {name: lost, ignore_errors: true, nebula.credential.deploy: {dest: "{{ playbook_dir }}/no/such/x", template: app.j2}}
- name: delegated
  delegate_to: elsewhere
  nebula.credential.run: {argv: [sh, -c, 'wc -c'], stdin: {credential: db, field: username}}
  vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
- {name: unreached, ignore_unreachable: true, delegate_to: nowhere, nebula.credential.run: {argv: ["true"]}, vars: {ansible_port: 1}}
"""


def test_a_change_notifies_check_mode_changes_nothing_and_a_difference_names_versions(project):
    project.write("templates/app.j2", "{{ greeting }} {{ lookup('nebula.credential.get', 'db') }}\n")
    project.write("templates/missing.j2", "{{ nothing_of_that_name }}\n")
    project.write("templates/denied.j2", "{{ lookup('nebula.credential.get', 'nothing') }}\n")
    run = project.play(
        CHANGES,
        header="  handlers:\n    - {name: told, ansible.builtin.set_fact: {told: true}}",
        variables="{greeting: hello, ansible_ssh_common_args: '-F none'}",
        ANSIBLE_TIMEOUT="5",
    ).succeeded()
    directory = project.directory
    assert run.result("checked")["changed"]
    assert not run.result("unchanged")["changed"]
    assert (directory / "app").read_text() == "hello s3cond\n"
    assert (directory / "app.env").read_text() == "PASSWORD=f1rst\nUSERNAME=app\n"
    assert (directory / "old").read_text() == "f1rst"
    (diff,) = run.result("second")["diff"]
    assert (diff["before"], diff["after"]) == ("db: version 1\nmode: 0640\n", "db: version 2\nmode: 0600\n")
    assert "'nothing_of_that_name' is undefined" in run.result("missing")["msg"]
    assert "credential 'nothing'" in run.result("denied")["msg"]
    assert "'no' in the path" in run.result("lost")["msg"]
    assert run.result("lost")["code"] == "not_found"
    assert run.result("delegated")["stdout"].strip() == "3"
    assert [entry["status"] for entry in run.results if entry["task"] == "unreached"] == ["unreachable"]
    assert "s3cond" not in run.output
