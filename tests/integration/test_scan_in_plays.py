# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`scan` in plays: in the process that holds the store, on the controller only."""

from __future__ import annotations

import pytest

SESSIONS = pytest.mark.parametrize(
    "session", [pytest.param("true", id="session"), pytest.param("false", id="no-session", marks=pytest.mark.long)]
)
PREPARE = """
- {nebula.credential.credential: {name: db, value: canary-value-of-db}}
- {ansible.builtin.copy: {content: "\\n{{ lookup('nebula.credential.get', 'db') }}", dest: "{{ playbook_dir }}/left", mode: "0600"}}
"""


@SESSIONS
def test_a_value_is_found_below_the_directory_of_the_playbook_whoever_holds_the_store(project, session):
    run = project.play(PREPARE + "- {name: found, nebula.credential.scan: {paths: [left]}}", NEBULA_CREDENTIAL_SESSION=session).succeeded()
    found = run.result("found")
    assert [(row["name"], row["line"], row["path"].endswith("/left")) for row in found["findings"]] == [("db", 2, True)]
    assert not found["changed"]


@pytest.mark.long  # the play scan.yml of the canaries fails in the same way
def test_the_task_fails_if_that_is_wanted_and_still_has_all_rows(project):
    run = project.play(
        PREPARE + "- {name: found, nebula.credential.scan: {paths: [left], fail_on: values}, ignore_errors: true}"
    ).succeeded()
    found = run.result("found")
    assert (found["failed"], found["code"], found["total"], len(found["findings"])) == (True, "exposed", 1, 1)
    assert "canary-value-of-db" not in str(found)


def test_a_target_gets_no_values_to_search_for(project):
    """Not of a store that a host may open, either."""
    for store in ("{backend: local}", "{backend: memory}"):
        task = "- {name: refused, nebula.credential.scan: {paths: [left], run_on: target, store: " + store + "}, ignore_errors: true}"
        refused = project.play(task).succeeded().result("refused")
        assert (refused["code"], "every value of the store" in refused["msg"]) == ("invalid_input", True)
