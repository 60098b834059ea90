# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary of a run: what it used, where, what ends soon, what was spared; never a value."""

from __future__ import annotations

import json

from tests.integration.counted import ON

WITH = {**ON, "ANSIBLE_CALLBACKS_ENABLED": "recorder,nebula.credential.session"}
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - nebula.credential.credential:
        credentials:
          - {name: app/db_pass, value: canary-one}
          - {name: app/api, value: canary-two, ttl: 3d}
          - {name: app/unused, value: canary-three, ttl: 3d}
      run_once: true
    - ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'app/db_pass') | length }}"}
    - ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get_many', 'app/db_pass', 'app/api') | length }}"}
      when: inventory_hostname == 'web2'
"""


def run(project, **environment):
    project.write("inventory", "web1 ansible_connection=local\nweb2 ansible_connection=local\n")
    play = project.write("play.yml", PLAY)
    return project.run("ansible-playbook", "-i", "inventory", str(play), **{**WITH, **environment}).succeeded()


def test_a_run_says_what_it_used_and_writes_it_for_ci(project):
    output = run(project, NEBULA_CREDENTIAL_SUMMARY="true", NEBULA_CREDENTIAL_SUMMARY_FILE="summary.json").output
    said = output[output.index("CREDENTIALS *") :]
    assert "local: app/api version 1 on web2  EXPIRES in 2 days" in said
    assert "local: app/db_pass version 1 on web1, web2" in said
    assert "2 credentials were read 4 times" in said
    assert "app/unused" not in said
    assert "canary" not in said
    file = project.directory / "summary.json"
    assert file.stat().st_mode & 0o777 == 0o600
    written = json.loads(file.read_text())
    rows = {row["name"]: row for row in written["used"]["credentials"]}
    assert (rows["app/db_pass"]["hosts"], rows["app/db_pass"]["reads"]) == (["web1", "web2"], 3)
    assert (rows["app/db_pass"]["expires_soon"], rows["app/api"]["expires_soon"]) == (False, True)
    assert written["requests"]["requests_saved"] == 2
    assert "canary" not in file.read_text()


def test_without_the_option_nothing_is_said_and_without_a_session_that_is_said(project):
    assert "CREDENTIALS" not in run(project).output
    said = run(project, NEBULA_CREDENTIAL_SUMMARY="true", NEBULA_CREDENTIAL_SESSION="false").output
    assert "This run had no session, so nothing was counted." in said


def test_a_file_that_cannot_be_written_fails_no_play(project):
    said = run(project, NEBULA_CREDENTIAL_SUMMARY_FILE="nowhere/summary.json").output
    assert "there is no summary" in said
