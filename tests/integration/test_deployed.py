# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files of hosts hold a credential: recorded once a run, listed, and written anew after a rotation, on exactly those hosts."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.conftest import cannot_run
from tests.integration.counted import ON, Counted
from tests.integration.nights import Night
from tests.integration.test_deploy import ON_HOSTS, write_hosts
from tests.servers import once
from tests.servers.processes import ServerUnavailable

CLOSED_PORT = 1
SSH = {"ANSIBLE_HOST_KEY_CHECKING": "true", "ANSIBLE_TIMEOUT": "10"}


@pytest.mark.server
def test_twenty_hosts_of_one_task_are_one_write_of_the_record(project: Any, counted: Counted, tmp_path: Any) -> None:
    write_hosts(project, ["h{0:02} ansible_connection=local".format(number) for number in range(20)])
    playbook = project.write("many.yml", ON_HOSTS.format(place=tmp_path))
    project.run("ansible-playbook", "-i", "hosts.ini", str(playbook), **ON).succeeded()
    assert counted.writes_below(".nebula/deployed/") == {".nebula/deployed/a": 1}


LISTED = """
- {nebula.credential.credential: {name: db, value: f1rst}}
- nebula.credential.deploy:
    files:
      - {dest: "{{ playbook_dir }}/a", credential: db}
      - {dest: "{{ playbook_dir }}/b", values: {A: {credential: db}, B: text}, format: json}
- {name: quiet, nebula.credential.deploy: {dest: "{{ playbook_dir }}/c", credential: db, record: false}}
- {name: first, nebula.credential.credential_info: {name: db, deployed: true}}
- {nebula.credential.credential: {name: db, value: s3cond}}
- {nebula.credential.deploy: {dest: "{{ playbook_dir }}/a", credential: db}}
- {name: checked, check_mode: true, nebula.credential.deploy: {dest: "{{ playbook_dir }}/b", state: absent}}
- {name: second, nebula.credential.credential_info: {name: db, deployed: true}}
- {nebula.credential.deploy: {files: [{dest: "{{ playbook_dir }}/a", state: absent}, {dest: "{{ playbook_dir }}/b", state: absent}]}}
- {name: third, nebula.credential.credential_info: {name: db, deployed: true}}
"""


@pytest.mark.parametrize("session", ["true", "false"])
def test_a_play_lists_the_files_of_each_version_and_what_was_removed_is_gone(project: Any, session: str) -> None:
    run = project.play(LISTED, NEBULA_CREDENTIAL_SESSION=session).succeeded()

    def listed(task: str) -> dict[str, list[tuple[str, bool]]]:
        (row,) = run.result(task)["credentials"]
        return {version: [(each["dest"][-1], each["rewritable"]) for each in files] for version, files in row["deployed"].items()}

    assert listed("first") == {"1": [("a", True), ("b", False)]}
    assert listed("second") == {"1": [("b", False)], "2": [("a", True)]}
    assert listed("third") == {}


def test_a_login_that_may_not_write_deploys_and_says_that_nothing_was_recorded(project: Any) -> None:
    project.play("- {nebula.credential.credential: {name: db, value: f1rst}}").succeeded()
    place = os.path.join(str(project.home), ".nebula", "credentials")
    project.write("nebula.yml", json.dumps({"stores": {"local": {"backend": "local", "path": place, "read_only": True}}}))
    project.write("ansible.cfg", "[defaults]\n")
    run = project.play('- {nebula.credential.deploy: {dest: "{{ playbook_dir }}/a", credential: db}}').succeeded()
    assert (project.directory / "a").read_text() == "f1rst"
    assert "it was not recorded which files of hosts hold its credentials" in " ".join(run.output.split())


DEPLOYING = """
- hosts: web
  gather_facts: false
  tasks:
    - nebula.credential.deploy:
        files:
          - {{dest: "{place}/{{{{ inventory_hostname }}}}.env", credential: b, format: dotenv, mode: "0640", validate: "grep -q VALUE %s"}}
          - {{dest: "{place}/{{{{ inventory_hostname }}}}.other", credential: other}}
"""


@pytest.mark.server
def test_a_rotation_writes_exactly_those_files_anew_and_a_host_that_is_down_gets_them_from_the_next_run(
    project: Any, tmp_path: Any
) -> None:
    try:
        server = once.sshd()
    except ServerUnavailable as error:
        cannot_run(str(error))
    night, lines = Night(project), {name: server.inventory_line(name, server.port) for name in ("web1", "web2", "web3")}

    def write_inventory(down: str = "") -> None:
        down_line = server.inventory_line(down, CLOSED_PORT) if down else ""
        write_hosts(project, ["[web]", *({**lines, down: down_line} if down else lines).values()])

    night.add("b", "cookies", policy={"kind": "periodic", "every": 86400, "max_grace": "30d"})
    night.add("other", age=0)
    night.targets["cookies"] = {"kind": "none", "consumers": "deployed"}
    night.command()
    write_inventory()
    playbook = project.write("deploying.yml", DEPLOYING.format(place=tmp_path))
    project.run("ansible-playbook", "-i", "hosts.ini", str(playbook), **SSH).succeeded()
    (tmp_path / "web3.env").unlink()
    untouched = (tmp_path / "web1.other").stat().st_mtime_ns
    write_inventory(down="web2")
    ended = night.run("-i", "hosts.ini")
    first = ended.failed()
    assert "web2.env on web2: the host cannot be reached" in first
    assert "b: the previous value is kept, 1 hosts hold it: web2" in ended.output
    contents = {name: (tmp_path / (name + ".env")).read_text() for name in ("web1", "web2")}
    assert contents == {"web1": "VALUE={0}\n".format(night.value("b")), "web2": "VALUE='old b'\n"}
    assert not (tmp_path / "web3.env").exists()
    assert (tmp_path / "web1.env").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "web1.other").stat().st_mtime_ns == untouched
    written = (tmp_path / "web1.env").stat().st_mtime_ns
    write_inventory()
    second = night.run("-i", "hosts.ini").succeeded()
    assert "open (grace)" in second.output
    assert "hold it" not in second.output
    assert (tmp_path / "web2.env").read_text() == contents["web1"]
    assert (tmp_path / "web1.env").stat().st_mtime_ns == written
    third = night.run("-i", "hosts.ini").succeeded()
    assert "hold the previous value" not in third.output
    assert "nothing is due" in night.run("-i", "hosts.ini").succeeded().output
    assert night.value("b") not in first + second.output + third.output


def test_a_store_that_no_key_authenticates_rotates_nothing_for_recorded_files(project: Any) -> None:
    night = Night(project)
    night.targets["cookies"] = {"kind": "none", "consumers": [{"kind": "deployed"}]}
    plain = {"backend": "local", "path": str(project.directory / "plain"), "format": "json", "allow_plaintext": True}
    night.command()
    project.write("nebula.yml", json.dumps({"default": "plain", "stores": {"plain": plain}, "targets": night.targets}))
    task = "nebula.credential.credential: {name: b, value: x-x-x-x, policy: {kind: periodic, every: 1s}, rotation: {target: cookies}}"
    project.play("- {0}\n- ansible.builtin.pause: {{seconds: 2}}".format(task)).succeeded()
    failed = project.run("ansible-playbook", "nebula.credential.rotate").failed()
    assert "no key authenticates what store 'plain' records" in failed
    assert "encrypt: true" in failed
