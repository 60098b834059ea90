# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets among the arguments of a task are not in what a run prints, logs and reports."""

from __future__ import annotations

import json
import os

CANARY = "canary-" + os.urandom(6).hex()
WITH_DEFAULTS = """
- name: secret
  ignore_errors: true
  nebula.credential.credential:
    {name: door, type: custom, declared_fields: [{name: pin, primary: true, default: "{{ default }}"}]}
- name: element
  ignore_errors: true
  nebula.credential.credential:
    credentials: [{name: door, type: custom, declared_fields: [{name: pin}, {name: other, default: "{{ default }}"}]}]
- {name: untouched, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'door', default='none') == 'none'", quiet: true}}
- name: public
  nebula.credential.credential:
    {name: gate, type: custom, declared_fields: [{name: pin}, {name: port, secret: false, default: 5432}]}
- {name: stored, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'gate', field='port') == '5432'", quiet: true}}
"""
WRITTEN_OUT = """
- {{name: value, nebula.credential.credential: {{name: a, value: {0}}}}}
- {{name: field, nebula.credential.credential: {{name: b, type: basic, fields: {{password: {0}}}}}}}
- {{name: store, nebula.credential.credential: {{name: c, store: '{1}'}}}}
"""


def play(project, tmp_path, tasks, **variables):
    """The run, and the log and the report that it wrote."""
    log, reports = tmp_path / "log", tmp_path / "junit"
    run = project.play(
        tasks,
        "-vvv",
        variables=json.dumps(variables),
        ANSIBLE_LOG_PATH=str(log),
        ANSIBLE_CALLBACKS_ENABLED="recorder,ansible.builtin.junit",
        JUNIT_OUTPUT_DIR=str(reports),
        JUNIT_HIDE_TASK_ARGUMENTS="true",
    ).succeeded()
    (report,) = reports.iterdir()
    return run, log.read_text(), report.read_text()


def test_the_default_of_a_secret_field_is_refused_before_anything_shows_it(project, tmp_path):
    run, log, report = play(project, tmp_path, WITH_DEFAULTS, default=CANARY)
    for name, field in (("secret", "pin"), ("element", "other")):
        result = run.result(name)
        assert (result["failed"], result["code"]) == (True, "invalid_input")
        assert "'default' is set for the secret field '{0}'".format(field) in result["msg"]
    assert CANARY not in run.output + str(run.results) + log + report


def test_a_report_of_junit_that_hides_arguments_holds_no_secret_of_a_task(project, tmp_path):
    store = {"backend": "local", "path": str(tmp_path / "s"), "key_sources": [{"source": "passphrase", "passphrase": CANARY}]}
    run, log, report = play(project, tmp_path, WRITTEN_OUT.format(CANARY, json.dumps(store)))
    assert "value" in report
    assert run.result("store")["changed"]
    assert CANARY not in run.output + str(run.results) + log + report
