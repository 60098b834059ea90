# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `ssh_key` on real SSH servers, as ansible-playbook runs it for hosts that are not the task's."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any, Iterator

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conftest import cannot_run
from tests.servers import proxy, sshd
from tests.servers.processes import ServerUnavailable

NAMES = ("web1", "web2")
CREATE = """
- nebula.credential.credential: {name: deploy, type: ssh_key, fields: {comment: deploy}}
"""
ROTATE = """
- nebula.credential.credential_rotate: {name: deploy, phase: PHASE, target: ssh_key, ssh_key: OPTIONS}
  name: Rotate
"""
INVENTORY = """
localhost ansible_connection=local
[web]
{0}
[all:vars]
ansible_python_interpreter={1}
ansible_ssh_args='-o ControlMaster=no'
"""


class Fleet:
    """Two hosts that accept one key, and a store on the controller that has it. A proxy in front of each makes it unreachable."""

    def __init__(self, project: Any, servers: dict[str, sshd.Server], ways: dict[str, proxy.Proxy]) -> None:
        self.project, self.servers, self.ways = project, servers, ways
        lines = [server.inventory_line(name, ways[name].port) for name, server in servers.items()]
        project.write("hosts.ini", INVENTORY.format("\n".join(lines), sys.executable))
        project.play(CREATE).succeeded()
        for server in servers.values():
            server.authorized_keys.write_text(self.read("public_key"))

    def rotate(self, *arguments: str, phase: str = "auto", **options: Any) -> Any:
        path = "${0}/authorized_keys".format(sshd.DIRECTORY_VARIABLE)
        given = {"hosts": ["web"], "user": self.servers["web1"].user, "path": path, **options}
        tasks = ROTATE.replace("PHASE", phase).replace("OPTIONS", json.dumps(given))
        return self.project.play(tasks, "-i", "hosts.ini", *arguments)

    def read(self, field: str = "private_key", stage: str = "current") -> str:
        manager = open_store({"backend": "local"})
        try:
            found = manager.get("deploy", stage=stage)
            return found.kind.read(found.fields, {}, field).expose().decode()
        finally:
            manager.close()

    def opens(self, stage: str = "current") -> list[str]:
        """The hosts that a fresh login with a stored key opens."""
        key = self.project.write("key", self.read(stage=stage))
        key.chmod(0o600)
        return [name for name, server in self.servers.items() if server.accepts(key)]


@pytest.fixture
def fleet(project: Any) -> Iterator[Fleet]:
    with contextlib.ExitStack() as running:
        try:
            servers = {name: running.enter_context(sshd.running()) for name in NAMES}
        except ServerUnavailable as error:
            cannot_run(str(error))
        yield Fleet(project, servers, {name: running.enter_context(proxy.running(each.host, each.port)) for name, each in servers.items()})


@pytest.mark.server
def test_a_host_that_is_down_is_named_and_gets_the_key_in_the_next_run_while_the_others_accept_both(fleet: Fleet) -> None:
    assert "the pattern 'db' matches no host" in fleet.rotate(hosts=["web", "db"]).failed()
    fleet.ways["web2"].mode = proxy.REFUSE
    run = fleet.rotate("-vvvvv").succeeded()
    assert run.result("Rotate")["outcome"] == "promoted"
    assert run.result("Rotate")["rotation"]["behind"] == ["web2"]
    assert fleet.opens() == ["web1"]
    assert fleet.opens("previous") == ["web1", "web2"]
    assert fleet.read().splitlines()[3] not in run.output  # the first lines of two keys are alike
    assert "DEPRECATION" not in run.output
    fleet.ways["web2"].mode = proxy.PASS
    settled = fleet.rotate("--limit", "localhost", phase="settle").succeeded()
    assert settled.result("Rotate")["rotation"]["behind"] == []
    assert fleet.opens() == fleet.opens("previous") == ["web1", "web2"]
