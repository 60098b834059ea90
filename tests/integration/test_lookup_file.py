# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup `file`: one private file for all forks, gone with the run, also after it was killed."""

from __future__ import annotations

import os
import signal
import sys
import time

from tests.integration.counted import ON
from tests.integration.sessions import directories
from tests.servers import sshd

STORE = "- nebula.credential.credential: {{name: key, value: {0!r}}}\n"
PATH = "{{ lookup('nebula.credential.file', 'key') }}"
HOSTS = "".join("host{0} ansible_connection=local ansible_python_interpreter={1}\n".format(number, sys.executable) for number in range(4))


def write_play(project, tasks):
    project.write("hosts.ini", HOSTS)
    project.write("site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n" + tasks)


def test_all_forks_get_one_private_file_that_is_gone_with_the_run(project):
    project.play(
        STORE.format("text of a key") + "- nebula.credential.credential: {name: binary, value: gP8=, encoding: base64}\n"
    ).succeeded()
    write_play(
        project,
        '    - {name: path, ansible.builtin.debug: {msg: "' + PATH + '"}}\n'
        '    - {name: again, ansible.builtin.stat: {path: "' + PATH + '", checksum_algorithm: sha256}}\n'
        "    - {name: binary, ansible.builtin.stat: {path: \"{{ lookup('nebula.credential.file', 'binary') }}\"}}\n",
    )
    run = project.run("ansible-playbook", "-i", "hosts.ini", "-f", "20", "site.yml", **ON).succeeded()
    paths = {one["result"]["msg"] for one in run.results if one["task"] == "path"}
    states = [one["result"]["stat"] for one in run.results if one["task"] == "again"]
    assert {state["path"] for state in states} == paths
    assert {(state["mode"], state["size"], state["uid"]) for state in states} == {("0600", 13, os.geteuid())}
    assert run.result("binary")["stat"]["size"] == 2
    (path,) = paths
    assert "text of a key" not in path
    assert not os.path.exists(os.path.dirname(os.path.dirname(path)))


def test_a_new_value_has_another_path(project):
    run = project.play(
        STORE.format("one")
        + '- {name: first, ansible.builtin.debug: {msg: "'
        + PATH
        + '"}}\n'
        + STORE.format("two")
        + '- {name: second, ansible.builtin.debug: {msg: "'
        + PATH
        + '"}}\n'
        + '- {name: old, ansible.builtin.slurp: {src: "'
        + "{{ path }}"
        + '"}, vars: {path: "{{ first.msg }}"}, when: false}\n',
        **ON,
    ).succeeded()
    assert run.result("first")["msg"] != run.result("second")["msg"]


def test_a_run_without_a_session_is_refused_with_the_reason(project):
    run = project.play(
        STORE.format("one") + '- {name: path, ansible.builtin.debug: {msg: "' + PATH + '"}}\n', NEBULA_CREDENTIAL_SESSION="false"
    )
    assert "a file needs the run's session, which removes it when the run ends, and this run has none" in " ".join(run.failed().split())


def test_after_kill_the_next_run_removes_the_file(project):
    project.play(STORE.format("one")).succeeded()
    write_play(project, "    - ansible.builtin.command: \"sh -c 'touch $1.seen; sleep 600' sh " + PATH + '"\n')
    started = project.start("ansible-playbook", "-i", "hosts.ini", "-l", "host0", "site.yml", **ON)
    deadline = time.monotonic() + 120
    while not [seen for place in directories(started.pid) for seen in place.glob("files/*.seen")]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (place,) = [place for place in directories(started.pid) if (place / "files").is_dir()]
    session = _find_session(place)
    os.kill(session, signal.SIGKILL)
    started.kill()
    started.communicate()
    assert list(place.glob("files/*.seen"))
    project.play("- nebula.credential.credential_info: {name: key}\n", **ON).succeeded()
    assert not place.exists()


def _find_session(place):
    """The process that holds the lock of a session's directory."""
    held = os.stat(place / "begun").st_ino
    with open("/proc/locks", encoding="ascii") as locks:
        (process,) = {int(line.split()[4]) for line in locks if line.split()[5].endswith(":{0}".format(held))}
    return process


def test_ssh_logs_in_with_a_key_from_a_file(project):
    with sshd.running() as server:
        key = project.directory / "key"
        # The lookup of the play takes the last line break away, without which OpenSSH reads no key.
        server.authorized_keys.write_text(sshd.make_key(key) + "\n", encoding="ascii")
        project.play("- nebula.credential.credential: {name: ssh, value: \"{{ lookup('file', '" + str(key) + "') }}\"}\n").succeeded()
        key.unlink()
        line = server.inventory_line("server", server.port).replace(
            str(server.admin_key), "\"{{ lookup('nebula.credential.file', 'ssh') }}\""
        )
        project.write("hosts.ini", line + "\n")
        project.write("site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: there, ansible.builtin.raw: echo there}\n")
        run = project.run("ansible-playbook", "-i", "hosts.ini", "site.yml", **ON).succeeded()
    assert "there" in run.result("there")["stdout"]
