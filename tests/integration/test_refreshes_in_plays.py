# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of custom types that a recipe of `nebula.yml` renews, in plays: one call for all forks of a run."""

from __future__ import annotations

import json

import pytest

from tests.servers import scripted
from tests.servers.scripted import Answer

HOSTS = 10
STORE = "stores:\n  local: {{backend: local, path: '{0}', refreshes: {{door: {1}}}}}\n"
WRITE = """
- nebula.credential.credential:
    name: door
    type: custom
    fields: {user: jo}
    declared_fields: [{name: token, refreshed_by: door}, {name: user, secret: false}]
- ansible.builtin.add_host: {name: "h{{ item }}", groups: many}
  loop: "{{ range(10) | list }}"
"""
READ = """
- hosts: many
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'door') == 't1'"}
"""


@pytest.mark.parametrize("session", ["true", "false"])
def test_all_forks_of_a_run_share_one_call(project, session):
    calls = iter(range(1, 99))
    with scripted.running(lambda _request: Answer(content={"token": "t{0}".format(next(calls)), "expires_in": 3600})) as service:
        recipe = {"url": service.url + "/tokens/{user}", "fields": {"token": "/token"}, "expires_in": "/expires_in"}
        project.write("ansible.cfg", "[defaults]\nforks = {0}\n".format(HOSTS))
        project.write("nebula.yml", STORE.format(project.directory / "store", json.dumps(recipe)))
        head = "- hosts: localhost\n  gather_facts: false\n  tasks:\n" + "\n".join("    " + line for line in WRITE.splitlines())
        project.write("site.yml", head + "\n" + READ)
        project.run("ansible-playbook", "site.yml", NEBULA_CREDENTIAL_SESSION=session).succeeded()
        assert [request.path for request in service.asked] == ["/tokens/jo"]
