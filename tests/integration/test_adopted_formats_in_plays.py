# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`adopt` brings the files of other tools into a store in one play: planned, written, verified, and left alone by a second run."""

from __future__ import annotations

import json

import pytest

from tests.unit.adoption.formats.corpus import PLACE, pack_1pux

FILES = {
    "kubernetes": "list.manifest",
    "netrc": "two-users.netrc",
    "pgpass": "usual.pgpass",
    "aws_credentials": "usual",
    "docker_config": "usual.json",
    "terraform_state": "resources.tfstate",
    "bitwarden": "personal.json",
    "lastpass": "usual.csv",
    "onepassword": "export.json",
}
TASK = """
- name: {task} {name}
  nebula.credential.adopt:
    {{from: {name}, path: {path}, prefix: {name}/, options: {options}}}
  check_mode: {check}
"""
CHECKS = """
- ansible.builtin.assert:
    that:
      - lookup('nebula.credential.get', 'kubernetes/two/first') == 'two'
      - lookup('nebula.credential.get', 'netrc/github.com/bob', field='username') == 'bob'
      - lookup('nebula.credential.get', 'pgpass/db.example.com/5432/shop/shop') == 's3cret'
      - lookup('nebula.credential.get', 'aws_credentials/staging', field='access_key_id') == 'AKIAI44QH8DHBEXAMPLE'
      - lookup('nebula.credential.get', 'docker_config/ghcr.io', field='password') == 'ghp_token:with:colons'
      - lookup('nebula.credential.get', 'terraform_state/module.database.aws_db_instance.main/replica') == 'second'
      - lookup('nebula.credential.get', 'bitwarden/Work/Servers/gateway', field='totp') is search('JBSWY3DPEHPK3PXP')
      - lookup('nebula.credential.get', 'lastpass/Work/Web/example.com/alice', field='password') == 'p,w' ~ '"d'
      - lookup('nebula.credential.get', 'onepassword/Personal/Dropbox', field='PIN') == '12345'
"""
VALUES = ("s3cret", "wJalrXUtnFEMI", "ghp_token", "hunter2", "n3w", "most-secure-password-ever", "12345password", "ghp_alice")


@pytest.fixture
def files(project):
    """The directory of a play with a file of each format."""
    for name, file in FILES.items():
        content = (PLACE / name / file).read_bytes()
        if name == "onepassword":
            pack_1pux(content, project.directory / name)
        else:
            (project.directory / name).write_bytes(content)
    return project


def write_tasks(task, check="false"):
    options = {name: "{characters: replace}" if name != "kubernetes" else "{}" for name in FILES}
    return "".join(TASK.format(task=task, name=name, path=name, options=options[name], check=check) for name in FILES)


def test_every_format_is_adopted_and_a_second_run_changes_nothing(files):
    variables = json.dumps(
        {"nebula_credential_stores": {"main": {"backend": "local", "path": "{{ playbook_dir }}/main"}}, "nebula_credential_store": "main"}
    )
    run = files.play(
        write_tasks("plan", "true") + write_tasks("adopt") + CHECKS + write_tasks("repeat"), "--diff", variables=variables
    ).succeeded()
    for name in FILES:
        planned, adopted, again = (run.result("{0} {1}".format(task, name)) for task in ("plan", "adopt", "repeat"))
        assert (planned["changed"], adopted["changed"], again["changed"]) == (True, True, False), name
        assert adopted["results"], name
        assert all(row["verified"] for row in adopted["results"]), name
        assert planned["counts"]["created"] == adopted["counts"]["created"] == again["counts"]["unchanged"] == adopted["total"], name
    assert [value for value in VALUES if value in run.output] == []
