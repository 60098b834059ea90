# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays that write to a store under a lock: through the session, and on the host."""

from __future__ import annotations

import re
import secrets

import pytest
import yaml

from tests.integration.vault_store import VaultStore
from tests.servers import once

TASKS = """
- name: write
  nebula.credential.credential: {{name: db_pass, type: basic, fields: {{username: app}}, run_on: {0}}}
- name: read
  ansible.builtin.assert:
    that: lookup('nebula.credential.get', 'db_pass') | length == 32
    quiet: true
- name: rotate
  nebula.credential.credential_rotate: {{name: db_pass, target: none, run_on: {0}}}
"""


@pytest.mark.parametrize("where", ["controller", "target"])
def test_a_play_writes_under_the_lock_and_shows_no_login_of_it(project, where):
    vault, valkey = once.openbao(), once.valkey()
    kv1 = VaultStore(vault, mount=vault.enable("kv", "kv1", options={"version": "1"}), kv_version=1)
    url = "redis://127.0.0.1:{0}/0".format(valkey.port)
    lock = {"kind": "redis", "url": url, "password": valkey.password, "prefix": "t" + secrets.token_hex(4)}
    store = {"backend": "vault", "lock": lock, **kv1.configured()}
    config = project.write("nebula.yml", yaml.safe_dump({"default": "old", "stores": {"old": store}}))
    before = count_releases(valkey)
    run = project.play(TASKS.format(where), "-vvv", NEBULA_CREDENTIAL_CONFIG=str(config)).succeeded()
    assert count_releases(valkey) > before
    assert valkey.password not in run.output
    assert vault.call("GET", "kv1/{0}/db_pass".format(kv1.prefix))["data"]["username"] == "app"


def test_a_play_without_a_lock_says_what_to_write(project):
    vault = once.openbao()
    kv1 = VaultStore(vault, mount=vault.enable("kv", "kv1", options={"version": "1"}), kv_version=1)
    config = project.write("nebula.yml", yaml.safe_dump({"default": "old", "stores": {"old": {"backend": "vault", **kv1.configured()}}}))
    run = project.play(TASKS.format("controller"), NEBULA_CREDENTIAL_CONFIG=str(config))
    assert run.returncode != 0
    assert "option 'lock', credential 'db_pass', store 'old': the backend cannot compare and swap" in re.sub(r"\s+", " ", run.output)


def count_releases(server):
    """How often the script that frees a lock has run."""
    found = re.search(r"cmdstat_evalsha:calls=(\d+)", server.ask("AUTH " + server.password, "INFO commandstats"))
    return int(found[1]) if found else 0
