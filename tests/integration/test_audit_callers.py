# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit trail of a lookup says who read, on which controller, for which task and host; of a hit in the session too."""

from __future__ import annotations

import json
import os
import pwd

import pytest

PLAY = """
- hosts: web1, web2
  gather_facts: false
  tasks:
    - name: Write it
      nebula.credential.credential: {name: db, value: one-two-three}
      run_once: true
    - name: Read it for a template
      ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'db') | length }}"}
    - name: Read it again
      ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get_many', 'db') | length }}"}
    - name: Find it
      ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.find') | length }}"}
"""


def entries(project):
    trail = project.home / ".nebula" / "credentials" / ".nebula" / "audit.jsonl"
    return [json.loads(line) for line in trail.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("session", ["true", "false"])
def test_a_lookup_is_recorded_with_its_task_host_user_and_controller(project, session):
    path = project.write("play.yml", PLAY)
    hosts = "web1,web2,"
    run = project.run(
        "ansible-playbook",
        "-i",
        hosts,
        "-c",
        "local",
        str(path),
        NEBULA_CREDENTIAL_SESSION=session,
        ANSIBLE_PYTHON_INTERPRETER="auto_silent",
    )
    run.succeeded()
    found = [entry for entry in entries(project) if entry.get("operation") in ("get", "get_many", "find")]
    seen = {(entry["operation"], entry.get("task"), entry.get("host")) for entry in found}
    assert seen == {
        (operation, task, host)
        for operation, task in (("get", "Read it for a template"), ("get_many", "Read it again"), ("find", "Find it"))
        for host in ("web1", "web2")
    }
    user = pwd.getpwuid(os.getuid()).pw_name
    assert {(entry["username"], entry["controller"]) for entry in entries(project)} == {(user, os.uname().nodename)}
