# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dynamic secrets in real plays: one login for a task, and none left on the server when the run is over."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.integration.ansible_run import PROGRAMS
from tests.integration.leased_logins import Logins
from tests.servers import once
from tests.servers.processes import ServerUnavailable, wait_until


@pytest.fixture
def logins(request):
    """An engine of this test's own."""
    return Logins(once.openbao(), once.postgresql(), request.node.nodeid)


def store(logins, **options):
    """Variables with a dynamic store."""
    given = dict({"backend": "vault", "engine": "dynamic", "url": logins.bao.url, "mount": logins.mount}, **options)
    given["auth"] = {"token": logins.token()}
    return str({"nebula_credential_store": "dynamic", "nebula_credential_stores": {"dynamic": given}})


def nothing_is_left(logins):
    """The server revokes in the background. What it logged is shown where it did not."""
    try:
        wait_until(lambda: not logins.leases(), process=logins.bao._process)
    except ServerUnavailable:
        told = [line for line in logins.bao.log.read_text(encoding="utf-8").splitlines() if "expiration" in line]
        revoked = len(logins.bao.requests("sys/leases/revoke"))
        raise AssertionError(
            "{0} of {1} left, {2} to be revoked\n{3}".format(logins.leases(), len(logins.asked()), revoked, told)
        ) from None
    return True


CONNECTED = """
- name: both
  ansible.builtin.debug:
    msg: "{{ lookup('nebula.credential.get', 'readonly', field='username') }}/{{ lookup('nebula.credential.get', 'readonly') }}"
  register: both
"""


def test_both_fields_of_a_task_are_of_one_login_which_is_gone_after_the_run(project, logins):
    run = project.play(CONNECTED, variables=store(logins)).succeeded()
    user, password = run.result("both")["msg"].split("/")
    if "$REDACTED$" not in password:  # ansible-core 2.22 masks it
        assert (user[:2], len(password)) == ("v-", 20)
    assert len(logins.asked()) == 1
    assert nothing_is_left(logins)
    assert user not in logins.users()


@pytest.mark.parametrize(("session", "leased"), [("false", 8), ("true", 1)])
def test_the_last_task_gives_back_what_it_held_however_short_it_is(project, logins, session, leased):
    """ansible-core ends the workers that are still there when it has the last result; a session has one login for all."""
    hosts = "\n".join("host{0} ansible_connection=local".format(number) for number in range(8))
    project.write("inventory", hosts)
    text = """
- hosts: all
  gather_facts: false
  vars: {0}
  tasks:
    - ansible.builtin.debug: msg={{{{ lookup('nebula.credential.get', 'readonly') | length }}}}
"""
    play = project.write("play.yml", text.format(store(logins)))
    for _each in range(3):
        project.run("ansible-playbook", "-i", "inventory", "-f", "8", str(play), NEBULA_CREDENTIAL_SESSION=session).succeeded()
        assert nothing_is_left(logins)
    assert len(logins.asked()) == 3 * leased


def test_a_task_that_fails_gives_back_too(project, logins):
    run = project.play("- ansible.builtin.fail: msg={{ lookup('nebula.credential.get', 'readonly') | length }}", variables=store(logins))
    assert run.failed() == "20"
    assert len(logins.asked()) == 1
    assert nothing_is_left(logins)


def test_a_run_that_is_interrupted_gives_back(project, logins):
    held = "- ansible.builtin.shell: \"test {{ lookup('nebula.credential.get', 'readonly') | length }} = 20 && sleep 600\""
    text = "- hosts: localhost\n  gather_facts: false\n  vars: {0}\n  tasks:\n    {1}\n".format(store(logins), held)
    play = project.write("play.yml", text)
    running = subprocess.Popen(
        [str(PROGRAMS / "ansible-playbook"), str(play)],
        cwd=project.directory,
        env=dict(os.environ, ANSIBLE_LOCAL_TEMP=str(project.home / "tmp")),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(lambda: bool(logins.leases()), process=running)
    os.killpg(running.pid, signal.SIGINT)
    running.wait(120)
    assert nothing_is_left(logins)


def test_what_lists_and_describes_shows_no_value(project, logins):
    run = project.play(
        """
- {name: found, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.find') }}"}}
- {name: listed, nebula.credential.credential_info: {}}
- {name: nothing asked, ansible.builtin.debug: {msg: "{{ lookup('nebula.credential.find', query='[].name') }}"}}
- {name: described, nebula.credential.credential_info: {names: [readonly, absent], versions: true, health: true}}
""",
        variables=store(logins),
    ).succeeded()
    assert [row["name"] for row in run.result("found")["msg"]] == ["readonly"]
    (row,) = run.result("listed")["credentials"]
    assert (row["name"], row["state"], row["expires_at"]) == ("readonly", "active", None)
    described = run.result("described")
    (row,) = described["credentials"]
    assert described["missing"] == ["absent"]
    assert (row["type"], row["field_names"], row["usable"]) == ("basic", ["password", "username"], True)
    assert row["expires_at"] is not None
    assert [one["version"] for one in row["versions"]] == [row["version"]]
    assert len(logins.asked("creds/readonly")) == 1
    assert nothing_is_left(logins)


def test_writing_is_refused_with_what_to_do(project, logins):
    for task in (
        "nebula.credential.credential: {name: readonly, value: x}",
        "nebula.credential.credential: {name: another, value: x}",
        "nebula.credential.credential: {name: readonly, state: absent}",
    ):
        message = project.play("- " + task, variables=store(logins)).failed()
        assert "nothing can be written" in message, message
        assert "engine: kv" in message
    message = project.play("- nebula.credential.credential_rotate: {name: readonly, value: x}", variables=store(logins)).failed()
    assert "Keep credentials that are rotated in a store of another backend" in message
    assert nothing_is_left(logins)


def test_a_scope_that_is_asserted_keeps_nobody_out(project, logins):
    project.play(CONNECTED, variables=store(logins)[:-1] + ", 'nebula_credential_scope': {'user': 'alice'}}").succeeded()


def test_envelopes_make_no_sense_and_are_refused(project, logins):
    message = project.play(CONNECTED, variables=store(logins, encrypt=True)).failed()
    assert "option 'encrypt'" in message
