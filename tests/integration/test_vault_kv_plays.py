# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays against a store of the backend vault, defined in nebula.yml."""

from __future__ import annotations

import json

import pytest

from tests.integration.vault_store import VaultStore
from tests.servers import once

CANARY = "canary-3f77c2"


@pytest.fixture
def store():
    return VaultStore(once.openbao())


def configure(project, store, **options):
    """Write a nebula.yml whose default is the store; answers where it is."""
    described = dict({"backend": "vault"}, **store.configured(**options))
    return str(project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": described}})))


TASKS = """
- {name: made, nebula.credential.credential: {name: app/db, type: basic, fields: {username: app}, value: "{{ canary }}", tags: {team: a}}}
- {name: again, nebula.credential.credential: {name: app/db, type: basic, fields: {username: app}, value: "{{ canary }}", tags: {team: a}}}
- {name: read, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db') == canary"}}
- {name: retagged, nebula.credential.credential: {name: app/db, tags: {team: b}}}
- {name: rotated, nebula.credential.credential_rotate: {name: app/db, target: none}}
- {name: new value, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db') != canary"}}
- {name: restored, nebula.credential.credential: {name: app/db, state: restored, version: "1"}}
- {name: old value, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db') == canary"}}
- {name: found, ansible.builtin.assert: {that: "query('nebula.credential.find', tags={'team': 'b'}) | length == 1"}}
- {name: described, nebula.credential.credential_info: {name: app/db, versions: true, health: true}}
- {name: removed, nebula.credential.credential: {name: app/db, state: absent}}
- {name: gone, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db', on_missing='default', default='none') == 'none'"}}
"""


@pytest.mark.parametrize("encrypt", [False, True])
def test_a_credential_through_its_life(project, store, encrypt):
    """Made, read, changed, rotated, restored, found and removed; no value and no token in what a run prints."""
    place = configure(project, store, encrypt=encrypt)
    run = project.play(TASKS, "-vvv", variables="{canary: '" + CANARY + "'}", NEBULA_CREDENTIAL_CONFIG=place).succeeded()
    changed = {name: run.result(name)["changed"] for name in ("made", "again", "retagged", "rotated", "restored", "removed")}
    assert changed == {name: name != "again" for name in changed}
    assert run.result("described")["health"]["status"] == "healthy"
    assert len(run.result("described")["credentials"][0]["versions"]) == 3
    for secret in (CANARY, store.server.root_token):
        assert secret not in run.output


def test_what_the_command_line_wrote_a_lookup_reads(project, store):
    """And a field of it by its name."""
    store.bao("put", "app/db password=x port=5432")
    tasks = """
- {name: read, ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'app/db', field='port') == '5432'"}}
- name: taken over
  nebula.credential.credential: {name: app/db, type: custom, declared_fields: [{name: password}, {name: port, secret: false}]}
"""
    run = project.play(tasks, NEBULA_CREDENTIAL_CONFIG=configure(project, store)).succeeded()
    assert run.result("taken over")["changed"]
    assert store.custom("app/db")["nebula-type"] == "custom"


def test_a_denial_tells_the_line_of_policy_that_is_missing(project, store):
    tasks = "- {name: refused, nebula.credential.credential: {name: app/db, type: basic, fields: {username: app}}}"
    place = configure(project, store, auth=store.reads())
    message = project.play(tasks, NEBULA_CREDENTIAL_CONFIG=place).failed()
    assert 'path "secret/data/{0}/app/db" {{ capabilities = ["create"] }}'.format(store.prefix) in message
