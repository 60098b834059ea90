# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores that are only read, in plays: one login and one read a run, and a write that is refused."""

from __future__ import annotations

import json

from tests.integration.ansible_run import Project
from tests.servers import conjur_api, onepassword_connect

CANARY = "c4nary-Zq8-reader"
HOSTS = ["host{0}".format(number) for number in range(8)]
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.assert:
        that: lookup('nebula.credential.get', 'shop/db', store=item) | length == 17
        quiet: true
      loop: [ops, shop]
      no_log: true
    - ansible.builtin.debug:
        msg: "{{ (lookup('nebula.credential.get_many', 'shop/db', 'shop/web', store='shop') | length) }} of two"
    - nebula.credential.credential: {name: shop/db, value: another, store: ops}
      delegate_to: localhost
      run_once: true
      register: written
      ignore_errors: true
    - ansible.builtin.assert: {that: "written.code == 'read_only'", quiet: true}
"""


def test_all_hosts_share_one_login_and_one_read_and_a_write_is_refused(tmp_path):
    with onepassword_connect.running() as connect, conjur_api.running() as conjur:
        connect.put("shop/db", {"username": "app", "password": CANARY})
        conjur.put("shop/db", {"value": CANARY})
        conjur.put("shop/web", {"value": CANARY + "-2"})
        (tmp_path / "project").mkdir()
        project = Project(tmp_path / "project", tmp_path)
        stores = {"ops": {**connect.options, "backend": "onepassword"}, "shop": {**conjur.options, "backend": "conjur"}}
        project.write("ansible.cfg", "[defaults]\nforks = 4\n")
        project.write("nebula.yml", json.dumps({"default": "ops", "stores": stores}))
        project.write("hosts.yml", json.dumps({"all": {"hosts": dict.fromkeys(HOSTS), "vars": {"ansible_connection": "local"}}}))
        project.write("site.yml", PLAY)
        run = project.run("ansible-playbook", "-i", "hosts.yml", "site.yml", "-vvv")
        assert run.returncode == 0, run.output
        assert [secret for secret in (CANARY, connect.login, conjur.login) if secret in run.output] == []
        # The vault, its item by title, the item; then the item again, which the refused write reads first.
        assert connect.count_requests() <= 4
        assert (conjur.logins, conjur.count_requests() <= 4) == (1, True)
