# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store of a play in the words of community.hashi_vault, and with its variables, on a real server; the summary of `rotate`."""

from __future__ import annotations

import json

import pytest

from tests.integration.vault_ways import Ways
from tests.servers import once

READING = """
- name: read
  ansible.builtin.assert:
    that: lookup('nebula.credential.get', 'one', field='it') == 'works'
    quiet: true
- name: fail
  nebula.credential.credential_info: {name: one, store: "{{ nebula_credential_stores.prod | combine({'mount': 'nowhere'}) }}"}
  ignore_errors: true
"""


@pytest.fixture
def server():
    return once.openbao()


def place(server):
    found = {"backend": "vault", "url": server.url, "prefix": "logins", "engine_mount_point": "secret", "encrypt": False}
    return {**found, "cacert": str(server.ca_cert)} if server.tls else found


def play(project, config, **environment):
    variables = json.dumps({"nebula_credential_store": "prod", "nebula_credential_stores": {"prod": config}})
    return project.play(READING, "-vvv", variables=variables, **environment)


@pytest.mark.server
@pytest.mark.parametrize("session", ["true", "false"])
def test_a_store_in_the_words_of_community_hashi_vault(project, server, session):
    auth = Ways(server).approle()
    config = {**place(server), "auth_method": "approle", "mount_point": auth["mount"]}
    config.update(role_id=auth["role_id"], secret_id=auth["secret_id"], validate_certs=True)
    run = play(project, config, NEBULA_CREDENTIAL_SESSION=session).succeeded()
    assert auth["secret_id"] not in run.output


@pytest.mark.server
@pytest.mark.parametrize("session", ["true", "false"])
def test_a_store_whose_login_is_in_the_variables_of_community_hashi_vault(project, server, session):
    auth = Ways(server).approle()
    environment = {"AUTH_METHOD": "approle", "MOUNT_POINT": auth["mount"], "ROLE_ID": auth["role_id"], "SECRET_ID": auth["secret_id"]}
    named = {"ANSIBLE_HASHI_VAULT_" + name: value for name, value in environment.items()}
    run = play(project, place(server), NEBULA_CREDENTIAL_SESSION=session, **named).succeeded()
    assert auth["secret_id"] not in run.output


@pytest.mark.server
def test_a_login_from_a_variable_of_ones_own(project, server):
    auth = Ways(server).approle()
    config = {**place(server), "auth": {**{name: auth[name] for name in ("method", "mount", "role_id")}, "secret_id_env": "MY_SECRET"}}
    assert auth["secret_id"] not in play(project, config, MY_SECRET=auth["secret_id"]).succeeded().output


def test_the_summary_of_rotate_names_the_store_of_what_succeeded_and_of_what_failed(project):
    project.run("ansible", "localhost", "-m", "nebula.credential.credential", "-a", "name=a").succeeded()
    path = project.write("rotate.yml", "rotate_credentials: [{name: a, target: none}, {name: gone, target: none}]")
    run = project.run("ansible-playbook", "nebula.credential.rotate", "-e", "@" + str(path))
    assert run.returncode != 0
    lines = run.result("nebula.credential.rotate : Show what was done")["msg"]
    assert [line.split()[0] for line in lines] == ["CREDENTIAL", "a", "gone", "Store"]
    assert lines[-1] == "Store 'local' of no configuration file"
