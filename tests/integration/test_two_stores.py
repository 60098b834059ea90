# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operation that names two stores, as plays reach it: through a session, without one, and as a module on a host."""

from __future__ import annotations

import json
import os

import pytest

SESSIONS = pytest.mark.parametrize("session", ["true", "false"], ids=["session", "no-session"])
STORES = {
    "here": {"backend": "local", "path": "{{ playbook_dir }}/here"},
    "there": {
        "backend": "local",
        "path": "{{ playbook_dir }}/there",
        "key_sources": [{"source": "passphrase", "passphrase": "canary-passphrase"}],
    },
    "alias": {"backend": "local", "path": "{{ playbook_dir }}/alias"},
    "vaulted": {"backend": "local", "path": "{{ playbook_dir }}/vaulted", "key_sources": [{"source": "ansible_vault"}]},
}


@pytest.fixture
def play(project):
    """Runs tasks with the stores above."""
    variables = json.dumps({"nebula_credential_stores": STORES, "nebula_credential_store": "here"})

    def run(tasks, *arguments, session="true"):
        return project.play(tasks, *arguments, variables=variables, NEBULA_CREDENTIAL_SESSION=session)

    return run


@SESSIONS
def test_a_copy_is_read_from_the_other_store(play, session):
    run = play(
        """
- {nebula.credential.credential: {name: db, value: one}}
- {nebula.credential.credential: {name: db, value: two}}
- {name: first, nebula.credential.migrate: {names: [db], to: there}}
- {name: second, nebula.credential.migrate: {names: [db], to: there}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'db', store='there') == 'two'"}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'db', store='there', version='1') == 'one'"}}
""",
        "-vvv",
        session=session,
    ).succeeded()
    assert (run.result("first")["changed"], run.result("second")["changed"]) == (True, False)
    assert run.result("first")["results"] == [{"name": "db", "to": "db", "failed": False, "action": "create", "deleted": False}]


@SESSIONS
def test_after_a_move_by_prefix_nothing_is_served_from_before(play, session):
    """What the session had read of the names that the result tells is forgotten: the parameters name none of them."""
    play(
        """
- {nebula.credential.credential: {name: app/one, value: one}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/one') == 'one'"}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/one', store='there', default='nothing') == 'nothing'"}}
- {nebula.credential.migrate: {prefix: app/, to: there, after: delete}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/one', default='gone') == 'gone'"}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/one', store='there') == 'one'"}}
""",
        session=session,
    ).succeeded()


@SESSIONS
def test_one_place_under_two_names_is_refused(play, project, session):
    os.symlink(project.directory / "here", project.directory / "alias")
    run = play(
        """
- {nebula.credential.credential: {name: db, value: one}}
- {nebula.credential.migrate: {names: [db], to: alias, after: delete}}
""",
        session=session,
    )
    assert "the stores 'here' and 'alias' are one place under two names" in run.failed()


@SESSIONS
def test_the_other_store_may_be_opened_by_the_runs_vault_password(play, project, session):
    """Only the run has it: a session asks for it."""
    password = str(project.write("vault-password", "a password of the run"))
    run = play(
        """
- {nebula.credential.credential: {name: db, value: one}}
- {nebula.credential.migrate: {names: [db], to: vaulted}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'db', store='vaulted') == 'one'"}}
""",
        "--vault-password-file",
        password,
        session=session,
    )
    run.succeeded()


@SESSIONS
def test_a_store_that_is_not_known_is_named(play, session):
    run = play("- {nebula.credential.migrate: {names: [db], to: nowhere}}", session=session)
    assert "there is no store 'nowhere'" in run.failed()


@SESSIONS
def test_an_inline_store_shows_its_logins_nowhere(play, session):
    run = play(
        """
- {nebula.credential.credential: {name: db, value: one}}
- name: copied
  nebula.credential.migrate:
    names: [db]
    to: {backend: local, path: inline, key_sources: [{source: passphrase, passphrase: canary-passphrase}]}
""",
        "-vvv",
        session=session,
    ).succeeded()
    assert run.result("copied")["changed"]
    assert "canary-passphrase" not in run.output


def test_on_a_target_the_module_opens_both_stores(play):
    run = play(
        """
- {nebula.credential.credential: {name: db, value: one, store: there}}
- name: copied
  nebula.credential.migrate:
    names: [db]
    store: there
    to: {backend: local, path: "{{ playbook_dir }}/target", key_sources: [{source: key_file, path: "{{ playbook_dir }}/target.key"}]}
    run_on: target
- name: again
  nebula.credential.migrate:
    names: [db]
    store: there
    to: {backend: local, path: "{{ playbook_dir }}/target", key_sources: [{source: key_file, path: "{{ playbook_dir }}/target.key"}]}
    run_on: target
"""
    ).succeeded()
    assert (run.result("copied")["changed"], run.result("again")["changed"]) == (True, False)


def test_a_store_that_stays_on_the_controller_is_refused_for_a_target_also_as_the_second_one(play):
    run = play("- {nebula.credential.migrate: {names: [db], store: there, to: here, run_on: target}}")
    assert "store 'here': a local store with its default key is on the controller" in run.failed()
