# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables that name credentials: read when they are used, once a run, and by nothing that only looks at a play."""

from __future__ import annotations

import json

import pytest

from tests.integration.counted import ON, VALUE

ENABLED = {"ANSIBLE_VARS_ENABLED": "host_group_vars,nebula.credential.credentials"}
FIRST = "# Needs vars_plugins_enabled = host_group_vars, nebula.credential.credentials\n"
TASK = "  tasks:\n    - name: see\n      ansible.builtin.assert: {{that: [{0}], quiet: true}}\n"


def test_a_hundred_hosts_with_ten_variables_log_in_once_and_read_each_credential_once(project, counted):
    """One login, 20 reads of 20 names."""
    names = ["n{0:02d}".format(number) for number in range(20)]
    counted.fill(*names)
    counted.is_default_of(project)
    project.write("hosts.ini", "".join("host{0:03d} ansible_connection=local odd={1}\n".format(each, each % 2) for each in range(100)))
    lines = ["v{0}: n{{{{ '%02d' % ({0} * 2 + odd | int) }}}}".format(number) for number in range(10)]
    project.write("group_vars/all.credentials", FIRST + "\n".join(lines) + "\n")
    that = ", ".join("\"v{0} == '{1}n%02d' % ({0} * 2 + odd | int)\"".format(number, VALUE) for number in range(10))
    project.write("site.yml", "- hosts: all\n  gather_facts: false\n" + TASK.format(that))
    run = project.run("ansible-playbook", "-i", "hosts.ini", "-f", "20", "site.yml", **ON, **ENABLED).succeeded()
    assert len([one for one in run.results if one["task"] == "see"]) == 100
    assert (counted.logins(), counted.reads()) == (1, dict.fromkeys(names, 1))


@pytest.fixture
def site(project):
    """A play that uses variables of each form, and the credentials that they name."""
    project.play(
        "- nebula.credential.credential:\n"
        "    credentials:\n"
        "      - {name: shop/db, type: basic, fields: {username: app, password: word-of-the-shop}}\n"
        "      - {name: hosts/one/root, value: root-of-one}\n"
        "      - {name: hosts/two/root, value: root-of-two}\n"
        "      - {name: special, value: of-host-two}\n"
    ).succeeded()
    project.write("hosts.ini", "[web]\none ansible_connection=local\ntwo ansible_connection=local\n")
    project.write("group_vars/web.credentials", FIRST + "password: shop/db\nroot: hosts/{{ inventory_hostname }}/root\nspecial: shop/db\n")
    project.write("group_vars/web/login.credentials", FIRST + "user: {name: shop/db, field: username}\n")
    project.write("group_vars/web/both.credentials", FIRST + "login: {name: shop/db, fields: [username, password]}\nnever: not/there\n")
    project.write("host_vars/two.credentials", FIRST + "special: special\n")
    special = "special == (inventory_hostname == 'two') | ternary('of-host-two', 'word-of-the-shop')"
    that = ["password == 'word-of-the-shop'", "root == 'root-of-' ~ inventory_hostname", "user == 'app'", special]
    that += ["login == dict(username='app', password='word-of-the-shop')"]
    text = "- hosts: web\n  gather_facts: false\n  strategy: \"{{ how | default('linear') }}\"\n" + TASK.format(
        ", ".join(map(json.dumps, that))
    )
    project.write("site.yml", text)
    return project


@pytest.mark.parametrize(("strategy", "forks"), [("linear", "20"), ("free", "1")])
def test_variables_have_their_values(site, strategy, forks):
    run = site.run("ansible-playbook", "-i", "hosts.ini", "-f", forks, "-e", "how=" + strategy, "site.yml", **ON, **ENABLED).succeeded()
    assert "WARNING" not in run.output


@pytest.mark.parametrize(
    "command",
    [
        ("ansible-playbook", "-i", "hosts.ini", "--list-tasks", "site.yml"),
        ("ansible-playbook", "-i", "hosts.ini", "--syntax-check", "site.yml"),
        ("ansible-inventory", "-i", "hosts.ini", "--list"),
    ],
    ids=["list-tasks", "syntax-check", "inventory"],
)
def test_looking_at_a_play_reads_nothing(site, command):
    trail = site.home / ".nebula" / "credentials" / ".nebula" / "audit.jsonl"
    before = trail.read_bytes()
    run = site.run(*command, **ON, **ENABLED).succeeded()
    assert trail.read_bytes() == before
    assert "word-of-the-shop" not in run.output
    if command[0] == "ansible-inventory":
        assert "lookup('nebula.credential.get'" in run.output


def test_a_mistake_in_a_file_ends_the_run_with_its_place(site):
    site.write("group_vars/web/wrong.credentials", FIRST + "x: {nam: y}\n")
    run = site.run("ansible-playbook", "-i", "hosts.ini", "site.yml", **ENABLED)
    assert run.returncode != 0
    assert "wrong.credentials, line 2, column 5: there is no option 'nam'. Did you mean 'name'?" in " ".join(run.output.split())
