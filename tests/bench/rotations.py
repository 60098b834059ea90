# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotations a minute of PostgreSQL roles whose passwords are in OpenBao, beside a playbook that is written by hand.

`python -m tests.bench.rotations`, part of `make bench`. Prints figures and asserts nothing. NEBULA_BENCH_SCALE=0.1 makes it quick.

The playbook by hand does with community.postgresql and community.hashi_vault what such playbooks do: it makes a password, sets it, logs
in with it, and writes it to OpenBao. It tries neither the old nor a wrong password, keeps no journal, and rolls nothing back.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.bench.measuring import figure, print_memory, run_measured, title
from tests.integration.ansible_run import PROGRAMS
from tests.integration.counted import Counted
from tests.integration.nights import DAILY
from tests.servers import once
from tests.servers.processes import ServerUnavailable

SCALE = float(os.environ.get("NEBULA_BENCH_SCALE", "1"))
FORKS = (1, 10, 50)
MOST, FEWEST = max(4, int(100 * SCALE)), max(4, int(20 * SCALE))
"""How many roles are rotated; the latter with one fork."""
PLAY = """
- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - name: Make a password
      ansible.builtin.set_fact: {new: "{{ lookup('ansible.builtin.password', '/dev/null', length=32) }}"}
      no_log: true
    - name: Set it
      community.postgresql.postgresql_user:
        login_host: "{{ pg.host }}"
        login_port: "{{ pg.port }}"
        login_user: "{{ pg.user }}"
        login_password: "{{ lookup('community.hashi_vault.vault_kv2_get', prefix ~ '/admin').secret.password }}"
        login_db: postgres
        name: "{{ inventory_hostname }}"
        password: "{{ new }}"
      environment: {PGOPTIONS: "-c password_encryption=scram-sha-256"}
      no_log: true
    - name: Log in with it
      community.postgresql.postgresql_ping:
        login_host: "{{ pg.host }}"
        login_port: "{{ pg.port }}"
        login_user: "{{ inventory_hostname }}"
        login_password: "{{ new }}"
        login_db: postgres
      register: tried
      failed_when: not tried.is_available
      no_log: true
    - name: Store it
      community.hashi_vault.vault_kv2_write:
        engine_mount_point: "{{ ansible_hashi_vault_engine_mount_point }}"
        url: "{{ ansible_hashi_vault_url }}"
        auth_method: approle
        mount_point: "{{ ansible_hashi_vault_mount_point }}"
        role_id: "{{ ansible_hashi_vault_role_id }}"
        secret_id: "{{ ansible_hashi_vault_secret_id }}"
        path: "{{ prefix }}/{{ inventory_hostname }}"
        data: {username: "{{ inventory_hostname }}", password: "{{ new }}"}
      no_log: true
"""


def main() -> None:
    """Run both ways with each number of forks."""
    title("rotations a minute: {0} roles, {1} with one fork".format(MOST, FEWEST))
    try:
        database, counted = once.postgresql(), Counted()
    except ServerUnavailable as missing:
        figure("on servers", str(missing))
        return
    bench = _Bench(database, counted)
    for forks in FORKS:
        bench.measure("ours, {0} at once".format(forks), FEWEST if forks == 1 else MOST, forks, bench.run_ours)
        bench.measure("by hand, {0} forks".format(forks), FEWEST if forks == 1 else MOST, forks, bench.run_by_hand)
    once.stop_all()


class _Bench:
    """A PostgreSQL, and a store on an OpenBao that counts its requests."""

    def __init__(self, database: Any, counted: Counted) -> None:
        self._database, self._counted = database, counted
        self._configured = counted.configured()
        store = open_store(self._configured)
        fields = {"username": Secret(database.user), "password": Secret(database.password)}
        store.create(DesiredCredential("admin", type="basic", fields=fields))
        store.close()

    def measure(self, what: str, number: int, forks: int, run: Any) -> None:
        """Print the figures of one way: for so many roles, which it rotates."""
        roles = self._make_roles(number)
        with tempfile.TemporaryDirectory() as place:
            before = len(self._counted.server.requests())
            used = run(roles, forks, Path(place))
            requests = len(self._counted.server.requests()) - before
        figure(what + ": rotations a minute", "{0:.0f}".format(60 * number / used.seconds))
        figure(what + ": requests of OpenBao for each", "{0:.1f}".format(requests / number))
        print_memory(what, used)
        for role in roles:
            self._database.run("DROP ROLE {0}".format(role))

    def _make_roles(self, number: int) -> list[str]:
        """Make so many roles with a credential each, which has been due for a day."""
        store = open_store(self._configured)
        manager = CredentialManager(store.backend, clock=lambda: datetime.now(timezone.utc) - timedelta(days=2))
        prefix = "r" + secrets.token_hex(4)
        roles = ["{0}_{1:03}".format(prefix, each) for each in range(number)]
        for role in roles:
            password = secrets.token_hex(16)
            self._database.run("CREATE ROLE {0} LOGIN PASSWORD '{1}'".format(role, password))
            fields = {"username": Secret(role), "password": Secret(password)}
            manager.create(DesiredCredential(role, type="basic", fields=fields, policy=DAILY, rotation={"target": "db"}))
        store.close()
        return roles

    def run_ours(self, roles: list[str], forks: int, place: Path) -> Any:
        """Rotate what is due by the collection's own playbook."""
        target = {"kind": "postgresql", "host": self._database.host, "port": self._database.port, "admin_credential": "admin"}
        site = {"default": "prod", "stores": {"prod": self._configured}, "targets": {"db": target}}
        (place / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
        (place / "nebula.yml").write_text(json.dumps(site), encoding="utf-8")
        chosen = ["-e", "rotate_parallel={0}".format(forks), "-e", "rotate_prefix={0}".format(roles[0].partition("_")[0])]
        return run_measured([str(PROGRAMS / "ansible-playbook"), "nebula.credential.rotate", *chosen], place)

    def run_by_hand(self, roles: list[str], forks: int, place: Path) -> Any:
        """Rotate the roles as the hosts of an inventory, by the playbook above."""
        counted = self._counted
        variables = {
            "pg": {"host": self._database.host, "port": self._database.port, "user": self._database.user},
            "prefix": counted.store.prefix,
            **counted.describe_for_hashi_vault(),
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        }
        for name, text in (("play.yml", PLAY), ("variables.json", json.dumps(variables)), ("ansible.cfg", "[defaults]\n")):
            (place / name).write_text(text, encoding="utf-8")
        command = ["ansible-playbook", "-i", ",".join(roles) + ",", "-f", str(forks), "-e", "@variables.json", "play.yml"]
        return run_measured([str(PROGRAMS / command[0]), *command[1:]], place)


if __name__ == "__main__":
    main()
