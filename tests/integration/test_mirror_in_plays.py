# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`mirror` in plays: copies are written after a write and after a rotation, and by the module `sync`."""

from __future__ import annotations

import json

import pytest

SESSIONS = pytest.mark.parametrize("session", ["true", "false"], ids=["session", "no-session"])
STORES = {
    "main": {"backend": "local", "path": "{{ playbook_dir }}/main", "mirror": ["spare", {"to": "far", "names": {"db": "main/db"}}]},
    "spare": {"backend": "local", "path": "{{ playbook_dir }}/spare"},
    "far": {"backend": "local", "path": "{{ playbook_dir }}/far"},
    "down": {"backend": "vault", "url": "http://127.0.0.1:1", "auth": {"method": "token", "token": "canary-token"}, "max_retries": 0},
    "with_down": {"backend": "local", "path": "{{ playbook_dir }}/main", "mirror": ["down", "spare"]},
    "lost": {"backend": "local", "path": "{{ playbook_dir }}/main", "mirror": ["nowhere"]},
    "itself": {"backend": "local", "path": "{{ playbook_dir }}/main", "mirror": ["itself"]},
    "wrong": {"backend": "local", "path": "{{ playbook_dir }}/main", "mirror": [{"to": "spare", "on_deletion": "keep"}]},
}


@pytest.fixture
def play(project):
    """Runs tasks with the stores above."""

    def run(tasks, *arguments, store="main", session="true"):
        variables = json.dumps({"nebula_credential_stores": STORES, "nebula_credential_store": store})
        return project.play(tasks, *arguments, variables=variables, NEBULA_CREDENTIAL_SESSION=session)

    return run


@SESSIONS
def test_what_is_written_is_read_from_the_other_stores_at_once(play, session):
    run = play(
        """
- {name: written, nebula.credential.credential: {name: db, value: one}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'db', store='spare') == 'one'"}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'main/db', store='far') == 'one'"}}
- {name: rotated, nebula.credential.credential_rotate: {name: db, target: none, grace: 1h}}
- ansible.builtin.assert:
    that: "lookup('nebula.credential.get', 'db', store='spare') == lookup('nebula.credential.get', 'db')"
- {name: again, nebula.credential.credential: {name: db, description: ''}, check_mode: true}
""",
        session=session,
    ).succeeded()
    assert [(row["store"], row["to"], row["action"]) for row in run.result("written")["mirrors"]] == [
        ("spare", "db", "create"),
        ("far", "main/db", "create"),
    ]
    assert [row["action"] for row in run.result("rotated")["mirrors"]] == ["update", "update"]


def test_a_store_that_is_down_undoes_nothing_and_is_brought_up_to_date_by_the_next_run(play):
    run = play("- {name: written, nebula.credential.credential: {name: db, value: one}}", store="with_down").succeeded()
    rows = run.result("written")["mirrors"]
    assert [(row["store"], row["failed"]) for row in rows] == [("down", True), ("spare", False)]
    assert "the copy of 'db' in store 'down' was not written" in run.output
    run = play("- {name: again, nebula.credential.credential: {name: db, value: one}}").succeeded()
    assert [(row["store"], row["action"]) for row in run.result("again")["mirrors"]] == [("spare", "nothing"), ("far", "create")]
    assert run.result("again")["changed"]


def test_a_copy_is_read_only_and_the_message_names_its_source(play):
    play("- {nebula.credential.credential: {name: db, value: one}}").succeeded()
    message = play("- {nebula.credential.credential: {name: db, value: two, store: spare}}").failed()
    assert "it is a copy of credential 'db' of store 'main', and read only" in message


@SESSIONS
def test_sync_brings_all_up_to_date_and_reports_drift_of_each_copy(play, session):
    setup = """
- nebula.credential.credential:
    credentials: [{name: db, value: one}, {name: api, value: two}]
"""
    play(setup, session=session).succeeded()
    run = play(
        """
- {name: planned, nebula.credential.sync: {}, check_mode: true}
- {nebula.credential.credential: {name: api, state: absent}}
- {name: kept, nebula.credential.sync: {to: [spare]}}
- {name: removed, nebula.credential.sync: {to: [spare], on_delete: remove}}
- {ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'api', store='spare', on_missing='skip') == []"}}
""",
        "--diff",
        session=session,
    ).succeeded()
    assert (run.result("planned")["changed"], run.result("planned")["counts"]) == (False, {"nothing": 3})
    assert run.result("kept")["counts"] == {"nothing": 1, "keep": 1}
    assert run.result("removed")["counts"] == {"nothing": 1, "remove": 1}
    assert "api in store 'spare'" in run.output


@pytest.mark.parametrize(
    ("store", "options", "message"),
    [
        ("main", "to: [spar]", "'mirror' of this store does not name 'spar'. Did you mean 'spare'"),
        ("spare", "", "its configuration names no store that gets copies"),
        ("main", "run_on: target", "the copies of its 'mirror' are written from the controller"),
        ("main", "on_delete: forget", "on_delete"),
        ("main", "names: [api], to: [far]", "'mirror' of this store does not select 'api' for 'far'"),
        ("lost", "", "there is no store 'nowhere'"),
        ("itself", "", "it names the store itself"),
        ("wrong", "", "there is no part 'on_deletion'. Did you mean 'on_delete'"),
    ],
)
def test_a_mistake_is_named(play, store, options, message):
    assert message in play("- nebula.credential.sync: {" + options + "}", store=store).failed()


def test_a_name_that_no_store_has_is_a_warning(play):
    output = play("- nebula.credential.sync: {names: [dbb]}").succeeded().output
    assert "store 'main' has no credential of these names, and there is no copy of them: dbb" in " ".join(output.split())


def test_a_name_is_copied_only_to_the_stores_that_are_to_have_it(play):
    play("- {nebula.credential.credential: {name: api, value: one, store: {backend: local, path: '{{ playbook_dir }}/main'}}}").succeeded()
    run = play("- {name: synced, nebula.credential.sync: {names: [api]}}").succeeded()
    assert [(row["store"], row["action"]) for row in run.result("synced")["results"]] == [("spare", "create")]
