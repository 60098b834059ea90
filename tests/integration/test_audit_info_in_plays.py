# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays search the trail, and export it to a file beside them, with and without a session, on the controller and on a host."""

from __future__ import annotations

import csv

import pytest

USE = """
- nebula.credential.credential: {name: app/db, value: c4n4ry-v4lu3}
- ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.get', 'app/db') | length }}"}
"""
EXPORT = """
- name: found
  nebula.credential.audit_info: {names: [app/*], operations: [get], last: 1d, dest: out.csv}
"""


@pytest.mark.parametrize("session", ["true", "false"])
def test_a_play_exports_its_own_reads_to_a_file_in_its_directory(project, session):
    project.play(USE, NEBULA_CREDENTIAL_SESSION=session).succeeded()
    found = project.play(EXPORT, NEBULA_CREDENTIAL_SESSION=session).result("found")
    path = project.directory / "out.csv"
    assert found["export"]["path"] == str(path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["operation"], row["result"]) for row in rows] == [("app/db", "get", "ok")]
    assert (found["total"], found["truncated"], found["changed"]) == (1, False, True)
    assert found["verification"]["status"] == "verified"
    assert path.stat().st_mode & 0o777 == 0o600
    again = project.play(EXPORT, NEBULA_CREDENTIAL_SESSION=session).result("found")
    assert again["changed"] is False


def test_a_host_searches_the_trail_of_its_own_store(project):
    tasks = """
- nebula.credential.credential: {name: app/db, value: c4n4ry-v4lu3, run_on: target, store: &there {
    backend: local, path: "{{ playbook_dir }}/there", key_sources: [{source: key_file, path: "{{ playbook_dir }}/there.key"}]}}
- name: found
  nebula.credential.audit_info: {actions: [write], run_on: target, dest: "{{ playbook_dir }}/host.pdf", store: *there}
"""
    found = project.play(tasks).result("found")
    assert found["verification"]["status"] == "verified"
    assert [entry["name"] for entry in found["entries"]] == ["app/db"]
    assert (project.directory / "host.pdf").read_bytes().startswith(b"%PDF")


def test_a_wrong_option_fails_the_task_with_what_to_write(project):
    project.play(USE).succeeded()
    run = project.play("- nebula.credential.audit_info: {last: 30}\n")
    assert run.returncode != 0
    assert "Write '30d' for days." in run.output
