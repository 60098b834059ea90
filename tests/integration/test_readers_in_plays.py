# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores that are only read, in plays: one login and one read a run, and a write that is refused."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.integration.ansible_run import Project
from tests.servers import conjur_api, onepassword_connect, secret_server

CANARY = "c4nary-Zq8-reader"
HOSTS = ["host{0}".format(number) for number in range(8)]
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.assert:
        that: lookup('nebula.credential.get', 'shop/db', store=item) | length == 17
        quiet: true
      loop: [ops, shop, vault]
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
    with onepassword_connect.running() as connect, conjur_api.running() as conjur, secret_server.running() as delinea:
        connect.put("shop/db", {"username": "app", "password": CANARY})
        conjur.put("shop/db", {"value": CANARY})
        conjur.put("shop/web", {"value": CANARY + "-2"})
        delinea.put("shop/db", {"username": "app", "password": CANARY})
        (tmp_path / "project").mkdir()
        project = Project(tmp_path / "project", tmp_path)
        readers = {"ops": (connect, "onepassword"), "shop": (conjur, "conjur"), "vault": (delinea, "delinea")}
        stores = {name: {**service.options, "backend": backend} for name, (service, backend) in readers.items()}
        project.write("ansible.cfg", "[defaults]\nforks = 4\n")
        project.write("nebula.yml", json.dumps({"default": "ops", "stores": stores}))
        project.write("hosts.yml", json.dumps({"all": {"hosts": dict.fromkeys(HOSTS), "vars": {"ansible_connection": "local"}}}))
        project.write("site.yml", PLAY)
        run = project.run("ansible-playbook", "-i", "hosts.yml", "site.yml", "-vvv")
        assert run.returncode == 0, run.output
        assert [secret for secret in (CANARY, connect.login, conjur.login, delinea.login) if secret in run.output] == []
        # The vault, its item by title, the item; then the item again, which the refused write reads first.
        assert connect.count_requests() <= 4
        assert (conjur.logins, conjur.count_requests() <= 4) == (1, True)
        assert (delinea.logins, delinea.count_requests()) == (1, 2)


@pytest.mark.parametrize(
    ("backend", "start", "fields", "most"),
    [
        ("conjur", conjur_api.running, {"value": CANARY}, 1),
        ("delinea", secret_server.running, {"password": CANARY}, 20),
        ("onepassword", onepassword_connect.running, {"password": CANARY}, 21),
    ],
    ids=["conjur", "delinea", "onepassword"],
)
def test_twenty_names_at_once_take_as_few_requests_as_the_service_allows(backend, start, fields, most):
    names = ["app/n{0}".format(number) for number in range(20)]
    with start() as service:
        for name in ("first", *names):
            service.put(name, fields)
        with closing(open_store({"backend": backend, **service.options})) as store:
            store.get("first")
            before = service.count_requests()
            assert [result.error for result in store.batch_get(names)] == [None] * 20
            assert service.count_requests() - before <= most


def test_an_item_that_cannot_be_told_from_another_fails_alone():
    with onepassword_connect.running() as connect:
        for name in ("good", "twice", "odd"):
            connect.put(name, {"password": CANARY})
        connect.copy("twice")
        next(item for item in connect.items if item["title"] == "odd")["fields"].append({"id": "x", "label": "password", "value": "y"})
        with closing(open_store({"backend": "onepassword", **connect.options})) as store:
            results = {result.name: result.error and result.error.code for result in store.batch_get(["good", "twice", "odd"])}
    assert results == {"good": None, "twice": "storage", "odd": "storage"}
