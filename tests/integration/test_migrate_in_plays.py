# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `migrate` in plays: the transformer, the plan, the report, and what is refused."""

from __future__ import annotations

import json
import stat

import pytest

STORES = {
    "here": {"backend": "local", "path": "{{ playbook_dir }}/here"},
    "there": {"backend": "local", "path": "{{ playbook_dir }}/there", "key_sources": [{"source": "key_file", "path": "there.key"}]},
}
CREATE = """
- nebula.credential.credential:
    credentials:
      - {name: old/one, value: "canary-{{ '{{' }} 6 * 7 }}", tags: {team: a, note: "{{ '{{' }} lookup('pipe', 'touch evaluated') }}"}}
      - {name: old/two, value: canary-two, type: api_key}
"""


@pytest.fixture
def play(project):
    variables = json.dumps({"nebula_credential_stores": STORES, "nebula_credential_store": "here"})

    def run(tasks, *arguments):
        return project.play(tasks, *arguments, variables=variables)

    return run


def list_stored(project):
    """What is in the other store's directory, without its audit trail."""
    there = project.directory / "there"
    return [path.name for path in there.iterdir() if path.name != ".nebula"] if there.exists() else []


def test_the_transformer_renames_retags_and_changes_the_type_and_evaluates_no_text_of_a_credential(play, project):
    run = play(
        CREATE
        + """
- name: moved
  nebula.credential.migrate:
    prefix: old/
    to: there
    transform:
      name: credential.name | regex_replace('^old/', team ~ '/')
      tags: "credential.tags | combine({'moved': 'yes'})"
      type: "'api_key'"
    report: report.json
  vars:
    team: new
- ansible.builtin.assert:
    that:
      - lookup('nebula.credential.get', 'new/two', store='there') == 'canary-two'
      - "found.tags == {'team': 'a', 'moved': 'yes', 'note': note}"
      - found.type == 'api_key'
  vars:
    found: "{{ query('nebula.credential.find', prefix='new/one', store='there') | flatten | first }}"
    note: "{{ '{{' }} lookup('pipe', 'touch evaluated') }}"
""",
        "-vvv",
    ).succeeded()
    assert [(row["name"], row["to"]) for row in run.result("moved")["results"]] == [("old/one", "new/one"), ("old/two", "new/two")]
    assert not list(project.directory.rglob("evaluated"))
    report = project.directory / "report.json"
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert json.loads(report.read_text())["counts"]["created"] == 2
    assert "canary" not in report.read_text()
    assert "canary-two" not in run.output.split("TASK [moved]")[1].split("TASK [")[0]


def test_a_plan_writes_nothing_and_shows_what_would_be_there(play, project):
    run = play(
        CREATE + "- {name: planned, nebula.credential.migrate: {all: true, to: there, after: delete}, check_mode: true}",
        "--diff",
    ).succeeded()
    planned = run.result("planned")
    assert (planned["changed"], planned["check"], planned["counts"]["created"], planned["counts"]["deleted"]) == (True, True, 2, 2)
    assert "as 'old/one' in store 'here'" in run.output
    assert list_stored(project) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("names: [old/one], prefix: old/", "parameters are mutually exclusive: names|prefix"),
        ("after: keep", "it is not said which credentials are to be migrated"),
        ("all: true, prefix: old/", "option 'all': it selects every credential"),
        ("prefix: ''", "option 'prefix': it is empty"),
        ("all: true, transform: {names: credential.name}", "Did you mean 'transform.name' in place of 'transform.names'?"),
        ("all: true, transform: {name: credential.nothing}", "option 'transform.name', credential 'old/one': it cannot be evaluated"),
        ("all: true, transform: {name: 'credential.tags'}", "its result is a dict, not text"),
        ("all: true, transform: {name: credential.name}, run_on: target", "its expressions are evaluated on the controller"),
        ("all: true, report: nowhere/report.json", "no file can be written at"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_written(play, project, options, message):
    run = play(CREATE + "- nebula.credential.migrate: {{to: there, {0}}}".format(options))
    assert message in run.failed()
    assert list_stored(project) == []


def test_an_expression_that_comes_from_elsewhere_is_refused(play, project):
    project.write("expression", "credential.name")
    run = play(
        CREATE
        + """
- nebula.credential.migrate:
    all: true
    to: there
    transform:
      name: "{{ lookup('ansible.builtin.file', playbook_dir ~ '/expression') }}"
"""
    )
    assert "option 'transform.name': ansible-core does not trust it" in run.failed()


def test_a_failure_names_each_credential_and_the_others_are_there(play):
    run = play(
        CREATE
        + """
- {nebula.credential.credential: {name: old/one, value: mine, store: there}}
- name: moved
  nebula.credential.migrate: {all: true, to: there, after: delete}
  ignore_errors: true
- ansible.builtin.assert:
    that:
      - lookup('nebula.credential.get', 'old/one', store='there') == 'mine'
      - lookup('nebula.credential.get', 'old/two', store='there') == 'canary-two'
      - lookup('nebula.credential.get', 'old/two') == 'canary-two'
"""
    ).succeeded()
    moved = run.result("moved")
    assert "1 of 2 failed: 'old/one' (duplicate)" in moved["msg"]
    assert "No source was deleted." in moved["msg"]
    assert moved["code"] == "duplicate"
