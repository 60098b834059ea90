# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`preflight` in a play: what the run mentions is checked before its first task, each secret with one read."""

from __future__ import annotations

from typing import Any

from tests.integration.counted import ON, Counted

PREFLIGHT = "- {name: check, nebula.credential.preflight: }\n"
USE = "- {{name: use, ansible.builtin.debug: {{msg: \"{{{{ lookup('nebula.credential.get', '{0}') | length }}}}\"}}}}\n"


def test_what_is_there_is_read_once_and_what_is_missing_ends_the_run_before_its_first_task(project: Any, counted: Counted) -> None:
    project.write("group_vars/all.yml", "x: \"{{ lookup('nebula.credential.get', 'b') }}\"\n")
    run = project.play(PREFLIGHT + USE.format("a"), **ON).succeeded()
    checked = run.result("check")
    assert (checked["checked"], checked["problems"], checked["untold"]) == (2, [], [])
    assert counted.logins() == 1
    assert counted.reads()["a"] <= 2
    assert counted.reads()["b"] == 1
    counted.start_over()
    failed = project.play(PREFLIGHT + USE.format("missing/one"), **ON)
    message = failed.failed()
    assert "1 of 2 credentials cannot be used: 'missing/one' (missing)" in message
    assert "play2.yml:8" in message or "play2.yml:7" in message
    assert [entry["task"] for entry in failed.results] == ["check"]
    assert failed.result("check")["code"] == "not_found"


def test_the_variables_beside_the_inventory_of_the_run_are_searched(project: Any) -> None:
    project.write("production/hosts.ini", "one ansible_connection=local\n")
    project.write("production/group_vars/all.yml", "x: \"{{ lookup('nebula.credential.get', 'missing/two') }}\"\n")
    project.write("site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - nebula.credential.preflight:\n")
    run = project.run("ansible-playbook", "-i", "production/hosts.ini", "site.yml")
    assert run.returncode != 0
    assert "'missing/two' (missing)" in " ".join(run.output.split())
