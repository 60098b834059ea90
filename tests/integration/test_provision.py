# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role and the playbook `provision`, in real runs."""

from __future__ import annotations

import os

CANARY = "canary-" + os.urandom(6).hex()

WANTED = """
provision_credentials:
  - {name: app/db, type: database, fields: {engine: postgresql, host: db.example.com, database: app, username: app}}
  - {name: app/login, type: basic, fields: {username: app}, generate: {length: 20}}
  - {name: app/api, type: api_key, tags: {team: payments}, ttl: 90d}
  - {name: app/given, value: CANARY}
  - {name: app/own, type: custom, declared_fields: [{name: issuer, secret: false}, {name: pin, primary: true}], fields: {issuer: me}}
  - {name: app/old, state: absent}
""".replace("CANARY", CANARY)


def provision(project, wanted=WANTED, *arguments, **environment):
    path = project.write("wanted.yml", wanted)
    return project.run("ansible-playbook", "nebula.credential.provision", "-e", "@" + str(path), *arguments, **environment)


def summary(run):
    lines = run.result("nebula.credential.provision : Show what was done")["msg"]
    assert lines[-1].startswith("Store 'local' of ")
    return {line.split()[0]: line.split(maxsplit=2)[-1] for line in lines[:-1]}


def test_a_list_of_several_types_is_provisioned_and_a_second_run_changes_nothing(project):
    would = summary(provision(project, WANTED, "--check").succeeded())
    assert (would["app/db"], would["app/given"], would["app/old"]) == ("would be generated", "would be changed", "unchanged")
    assert not list(project.home.rglob("*.enc"))
    first = provision(project).succeeded()
    assert summary(first) == {
        "CREDENTIAL": "RESULT",
        "app/db": "generated",
        "app/login": "generated",
        "app/api": "generated",
        "app/given": "changed",
        "app/own": "generated",
        "app/old": "unchanged",
    }
    second = provision(project, WANTED, "-vvv", "--diff").succeeded()
    assert set(summary(second).values()) == {"RESULT", "unchanged"}
    assert "changed=0" in second.output
    assert CANARY not in first.output + second.output


def test_a_failure_of_one_is_shown_and_does_not_keep_the_others_away(project):
    run = provision(project, "provision_credentials: [{name: a}, {name: b, type: nonsense}, {name: c}]")
    assert run.returncode != 0
    lines = run.result("nebula.credential.provision : Show what was done")["msg"]
    assert "generated" in lines[1]
    assert "failed: " in lines[2]
    assert "generated" in lines[3]


def test_without_a_list_the_role_says_what_it_needs(project):
    run = project.run("ansible-playbook", "nebula.credential.provision")
    assert "provision_credentials" in run.failed()


def test_the_role_takes_a_store_and_a_scope(project):
    wanted = "{{provision_credentials: [{{name: a}}], provision_scope: {{user: eve}}, provision_store: {{backend: local, path: {0}/s}}}}"
    run = provision(project, wanted.format(project.directory)).succeeded()
    assert run.results[-1]["result"]["msg"][-1] == "Store 'inline' of no configuration file"
    assert (project.directory / "s" / "a.enc").exists()


def test_a_long_name_moves_no_column_and_what_is_unchanged_is_counted(project):
    name = "team/" + "n" * 40
    provision(project, "provision_credentials: [{{name: {0}}}, {{name: b}}]".format(name)).succeeded()
    again = "provision_credentials: [{{name: {0}, description: new}}, {{name: b}}, {{name: c, type: nonsense}}]"
    run = provision(project, again.format(name))
    assert run.returncode != 0
    lines = run.result("nebula.credential.provision : Show what was done")["msg"]
    assert [line.split()[0] for line in lines] == ["CREDENTIAL", name, "c", "and", "Store"]
    assert lines[3].split() == ["and", "1", "more", "-", "unchanged"]
    assert {line.index(word) for line, word in zip(lines, ("RESULT", "changed", "failed", "unchanged"))} == {lines[0].index("RESULT")}


def test_the_summary_names_the_store_and_its_file_and_a_file_that_is_not_read_is_warned_of(project):
    """From cron there is no ansible.cfg in use: then the passwords go into `local`."""
    path = project.write("nebula.yml", "default: prod\nstores: {prod: {backend: local, path: prod}}")
    told = provision(project, "provision_credentials: [{name: a}]", NEBULA_CREDENTIAL_CONFIG=str(path)).succeeded()
    assert told.result("nebula.credential.provision : Show what was done")["msg"][-1] == "Store 'prod' of {0}".format(path)
    run = provision(project, "provision_credentials: [{name: a}]").succeeded()
    assert run.result("nebula.credential.provision : Show what was done")["msg"][-1] == "Store 'local' of no configuration file"
    warning = " ".join(run.output.split())
    assert "{0} is not read".format(path) in warning
    assert "NEBULA_CREDENTIAL_CONFIG={0}".format(path) in warning
