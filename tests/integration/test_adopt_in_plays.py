# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`adopt` in plays: files of other tools, the environment, and what Ansible Vault encrypts, by the passwords of the run."""

from __future__ import annotations

import json

import pytest

from tests.integration.vaulted import encrypt, inline, write_passwords

STORES = {name: {"backend": "local", "path": "{{ playbook_dir }}/" + name} for name in ("main", "spare")}
SESSIONS = pytest.mark.parametrize("session", ["true", "false"], ids=["session", "no-session"])


@pytest.fixture
def play(project):
    """Runs tasks with the stores above, and with both vault passwords."""

    def run(tasks, *arguments, session="true", **environment):
        variables = json.dumps({"nebula_credential_stores": STORES, "nebula_credential_store": "main"})
        words = write_passwords(project)
        return project.play(tasks, *words, *arguments, variables=variables, NEBULA_CREDENTIAL_SESSION=session, **environment)

    return run


def rows_of(run, task="adopted"):
    return {row["name"]: row for row in run.result(task)["results"]}


@SESSIONS
def test_a_dotenv_file_is_planned_adopted_and_then_left_alone(play, project, session):
    project.write("app.env", "DB='pa$${X}ss'\nURL=\"a${UNSET}b\"\nDSN=postgresql://app:canary-one@db/shop\n")
    run = play(
        """
- {name: planned, nebula.credential.adopt: {from: dotenv, path: app.env, prefix: app/}, check_mode: true}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/DB', on_missing='skip') == []"}}
- {name: adopted, nebula.credential.adopt: {from: dotenv, path: app.env, prefix: app/, report: report.json}}
- {name: again, nebula.credential.adopt: {from: dotenv, path: app.env, prefix: app/}}
- ansible.builtin.assert:
    that:
      - lookup('nebula.credential.get', 'app/DB') == 'pa$$' ~ '{X}ss'
      - lookup('nebula.credential.get', 'app/URL') == 'a$' ~ '{UNSET}b'
      - lookup('nebula.credential.get', 'app/DSN', field='connection_string') is search('^postgresql://app:.*@db/shop$')
""",
        "--diff",
        session=session,
    ).succeeded()
    assert (run.result("planned")["changed"], run.result("planned")["counts"]["created"]) == (True, 3)
    assert {name: row["type"] for name, row in rows_of(run).items()} == {"app/DB": "opaque", "app/URL": "opaque", "app/DSN": "database"}
    assert all(row["verified"] for row in rows_of(run).values())
    assert (run.result("again")["changed"], run.result("again")["counts"]["unchanged"]) == (False, 3)
    assert "lookup_fields" not in run.result("adopted")
    assert "canary-one" not in run.output + (project.directory / "report.json").read_text()


def test_variables_of_the_environment_are_named_or_matched(play):
    run = play(
        """
- {name: adopted, nebula.credential.adopt: {from: environment, only: [APP_*], names: {APP_ONE: one}}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'one') == 'first'"}}
""",
        APP_ONE="first",
        APP_TWO="second",
    ).succeeded()
    assert set(rows_of(run)) == {"one", "APP_TWO"}


def test_a_collision_is_listed_and_the_others_are_adopted(play, project):
    project.write("a.json", '{"db": {"pass": "canary-file"}, "api": "x1"}')
    run = play(
        """
- {nebula.credential.credential: {name: db/pass, value: theirs}}
- {name: adopted, nebula.credential.adopt: {from: json, path: a.json}}
"""
    )
    assert "1 of 2 failed: 'db/pass' (duplicate)" in run.failed()
    assert rows_of(run)["api"]["action"] == "create"
    assert "canary-file" not in run.output


MISTAKES = {
    "from: dotenv, path: missing": "there is nothing at",
    "from: dotenvs, path: x": "value of from must be one of",
    "from: dotenv": "option 'path': it is missing",
    "from: environment": "it is not said which variables are secrets",
    "from: environment, path: x, only: [A]": "the environment has none",
    "from: environment, only: [NO_SUCH_VARIABLE]": "there is nothing of this name: 'NO_SUCH_VARIABLE'",
    "from: json, path: x, run_on: target": "the files are read on the controller",
    "from: json, path: x, after: replace": "only what Ansible encrypts has that",
    "from: json, path: x, options: {nest: fields}": "has no option 'nest'. It takes: nested, separator",
    "from: ansible_vault, path: x, options: {nested: both}": "value of nested must be one of",
    "from: ansible_vault, path: x, pathh: y": "Unsupported parameters",
    "from: ansible_vault, path: x, state: restored": "the store keeps no originals under this name",
}


def test_each_mistake_is_named(play):
    task = "- {{name: '{0}', ignore_errors: true, nebula.credential.adopt: {{{1}}}}}"
    run = play("\n".join(task.format(number, options) for number, options in enumerate(MISTAKES))).succeeded()
    for number, message in enumerate(MISTAKES.values()):
        assert message in run.result(str(number))["msg"]


TREE = {
    "group_vars/all.yml": "# of all hosts\nplain: 1\ndb_pass: " + inline("canary-one", 10) + "other: x\n",
    "group_vars/prod/vault.yml": encrypt("api: canary-two\nport: 0123\ndb: {user: app, pass: canary-three}\nnone:\n", "prod"),
    "host_vars/web1": "db_pass: " + inline("canary-host", 10, "prod"),
    "roles/shop/defaults/main.yml": "---\nshop:\n  keys:\n    - name: x\n      key: " + inline("canary-four", 12),
    "files/key.pem": encrypt(b"\x00binary\xff"),
    "README.md": "Use `!vault`.\n",
}


def write_tree(project):
    for name, text in TREE.items():
        project.write("site/" + name, text)


def test_a_tree_with_several_vault_ids_is_adopted_by_place(play, project):
    write_tree(project)
    run = play(
        """
- {name: adopted, nebula.credential.adopt: {from: ansible_vault, path: site, name_from: place}}
- {name: again, nebula.credential.adopt: {from: ansible_vault, path: site, name_from: place}}
- ansible.builtin.assert:
    that:
      - lookup('nebula.credential.get', 'all/db_pass') == 'canary-' ~ 'one'
      - lookup('nebula.credential.get', 'prod/port') == '0123'
      - lookup('nebula.credential.get', 'web1/db_pass') == 'canary-' ~ 'host'
      - lookup('nebula.credential.get', 'key/key.pem', encoding='base64') == 'AGJpbmFyef8='
"""
    ).succeeded()
    assert sorted(rows_of(run)) == [
        "all/db_pass",
        "key/key.pem",
        "prod/api",
        "prod/db/pass",
        "prod/db/user",
        "prod/port",
        "shop/shop/keys/0/key",
        "web1/db_pass",
    ]
    assert rows_of(run)["all/db_pass"]["origins"][0].endswith("group_vars/all.yml, line 3")
    assert not run.result("again")["changed"]
    assert "canary" not in run.output.replace("'canary-' ~", "")
    assert {name: (project.directory / "site" / name).read_text() for name in TREE} == TREE


def test_one_key_with_several_values_is_refused_by_key(play, project):
    write_tree(project)
    run = play("- {name: adopted, nebula.credential.adopt: {from: ansible_vault, path: site}}")
    assert "'db_pass' (duplicate)" in run.failed()
    assert "name_from: place" in rows_of(run)["db_pass"]["msg"]


def test_a_file_that_no_password_opens_is_named_and_nothing_is_adopted(project):
    write_tree(project)
    project.write("word", "another word\n")
    store = "{backend: local, path: '{{ playbook_dir }}/x'}"
    task = "- {name: adopted, nebula.credential.adopt: {from: ansible_vault, path: site/group_vars, store: " + store + "}}"
    run = project.play(task, "--vault-password-file", str(project.directory / "word"))
    assert "no vault password of the run decrypts it" in run.failed()
    assert "group_vars/all.yml', line 3" in run.failed()


def test_the_values_below_a_key_can_be_its_fields(play, project):
    project.write("v.yml", encrypt("db: {username: app, password: canary}\n"))
    run = play(
        """
- {name: adopted, nebula.credential.adopt: {from: ansible_vault, path: v.yml, options: {nested: fields}}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'db', field='username') == 'app'"}}
"""
    ).succeeded()
    assert rows_of(run)["db"]["type"] == "basic"
