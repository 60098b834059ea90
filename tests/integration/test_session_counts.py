# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run costs a server, counted by the server's own log: OpenBao's, PostgreSQL's.

Times are not looked at here: `make bench` prints them, beside those of others.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.stores import wanted
from tests.conftest import PROFILE
from tests.integration import session_peak
from tests.integration.counted import ON, VALUE
from tests.integration.database_servers import configuration, store_on
from tests.servers import databases

TASKS_EACH = 20 if PROFILE == "long" else 1
"""Tasks a host has in the play of 100 hosts. Every task reads its part of the 20 secrets."""


def hosts(project, number):
    """Write an inventory of so many hosts, all of them this machine."""
    project.write("hosts.ini", "".join("host{0:03d} ansible_connection=local\n".format(each) for each in range(number)))


def play(project, tasks, forks=5, more=""):
    """Run these tasks on all hosts."""
    text = "- hosts: all\n  gather_facts: false\n{0}  tasks:\n{1}".format(more, "".join("    - {0}\n".format(task) for task in tasks))
    project.write("site.yml", text)
    return project.run("ansible-playbook", "-i", "hosts.ini", "-f", str(forks), "site.yml", **ON).succeeded()


def sees(name, value):
    """A task that reads one secret."""
    that = "lookup('nebula.credential.get', '{0}') == '{1}'".format(name, value)
    return '{{name: read, ansible.builtin.assert: {{that: "{0}", quiet: true}}}}'.format(that)


def sees_all(names):
    """A task that reads several, with a lookup for each."""
    each = ", ".join("\"lookup('nebula.credential.get', '{0}') == '{1}{0}'\"".format(name, VALUE) for name in names)
    return "{{name: read, ansible.builtin.assert: {{that: [{0}], quiet: true}}}}".format(each)


def test_one_secret_for_ten_hosts_and_ten_tasks(project, counted):
    """One login and one read serve a hundred tasks."""
    hosts(project, 10)
    run = play(project, [sees("a", VALUE + "a")] * 10)
    assert len([one for one in run.results if one["task"] == "read"]) == 100
    assert (counted.logins(), counted.reads()) == (1, {"a": 1})


ASKED = "{{name: ask, ansible.builtin.assert: {{that: \"lookup('nebula.credential.get', '{0}', default='none') == '{1}'\"}}}}"
MANY = "{{name: many, ansible.builtin.assert: {{that: \"lookup('nebula.credential.get_many', {0}, default='none') == {1}\"}}}}"
FOREVER = 3600
"""Seconds: no test takes as long."""


@pytest.mark.parametrize(("ttl", "reads"), [(0, 3), (FOREVER, 1)])
def test_what_is_missing_is_asked_for_once_in_its_time(project, counted, ttl, reads):
    """Where the session knows the way of asking, its answer that there is none is taken, and not asked for again."""
    counted.is_default_of(project, ttl_missing=ttl)
    hosts(project, 1)
    play(project, [ASKED.format("a", VALUE + "a"), *[ASKED.format("gone", "none")] * 3])
    assert (counted.logins(), counted.reads()) == (1, {"a": 1, "gone": reads})


def test_thirteen_names_of_many_hosts_with_defaults_take_thirteen_reads(project, counted):
    """A value that some hosts override: the lookups of all hosts have a default, singly and together."""
    counted.is_default_of(project, ttl_missing=FOREVER)
    names = ["n{0:02d}".format(each) for each in range(13)]
    counted.fill("n00")
    hosts(project, 8)
    values = {name: VALUE + name if name == "n00" else "none" for name in names}
    together = MANY.format(", ".join(map(repr, names)), values)
    play(project, [*[ASKED.format(name, values[name]) for name in names], together], forks=4)
    assert counted.reads() == dict.fromkeys(names, 1)


def test_a_read_without_an_answer_for_it_asks_the_store_each_time(project, counted):
    counted.is_default_of(project, ttl_missing=FOREVER)
    hosts(project, 1)
    bare = "{name: bare, ansible.builtin.debug: {msg: \"{{ lookup('nebula.credential.get', 'gone') }}\"}, ignore_errors: true}"
    play(project, [ASKED.format("gone", "none"), bare, bare])
    assert counted.reads() == {"gone": 3}


FAIL = "{name: fail, ignore_errors: true, ansible.builtin.debug: {msg: \"{{ lookup('nebula.credential.get', 'gone') }}\"}}"


def test_the_hosts_of_a_task_that_fails_for_all_of_them_ask_once(project, counted):
    """In the next task they ask again: it may have been created meanwhile."""
    counted.is_default_of(project, ttl_missing=FOREVER)
    hosts(project, 10)
    run = play(project, [FAIL, FAIL.replace("name: fail", "name: again")])
    assert len([one for one in run.results if one["status"] == "failed" and "gone" in one["result"]["msg"]]) == 20
    assert counted.reads() == {"gone": 2}


def test_a_login_that_is_refused_is_tried_once_for_the_hosts_of_a_task(project, counted):
    """A wrong password that each host tries would lock the account."""
    counted.auth["secret_id"] = "wrong"
    counted.is_default_of(project, ttl_missing=FOREVER)
    hosts(project, 10)
    run = play(project, [FAIL])
    assert len([one for one in run.results if one["status"] == "failed" and "refuses the login" in one["result"]["msg"]]) == 10
    assert counted.logins() == 1


def test_a_task_that_waits_for_a_credential_asks_the_store_each_time(project, counted):
    """By `until`, or by `retries` alone; the tasks around it do not."""
    counted.is_default_of(project, ttl_missing=FOREVER)
    hosts(project, 1)
    value = "lookup('nebula.credential.get', 'gone', default='none')"
    until = "until: \"{0} != 'none'\", retries: 2, delay: 0, ignore_errors: true".format(value)
    wait = '{{name: wait, ansible.builtin.debug: {{msg: "{{{{ {0} }}}}"}}, {1}}}'.format(value, until)
    play(project, [ASKED.format("gone", "none"), wait, ASKED.format("gone", "none")])
    assert counted.reads()["gone"] >= 1 + 3


def test_a_write_of_the_run_ends_a_miss(project, counted):
    counted.is_default_of(project, ttl_missing=FOREVER)
    hosts(project, 1)
    write = "{name: write, nebula.credential.credential: {name: new, value: v4lue}}"
    play(project, [ASKED.format("new", "none"), write, ASKED.format("new", "v4lue")])


def test_ten_secrets_for_ten_hosts(project, counted):
    """One login, and each of ten secrets is read once, whoever asks for it first."""
    names = ["s{0}".format(each) for each in range(10)]
    counted.fill(*names)
    hosts(project, 10)
    play(project, [sees(name, VALUE + name) for name in names], forks=10)
    assert (counted.logins(), counted.reads()) == (1, dict.fromkeys(names, 1))


def test_a_hundred_hosts_fifty_forks_and_twenty_secrets(project, counted):
    """One login, each of twenty secrets is read once, and the session stays small."""
    names = ["s{0}".format(each) for each in range(20)]
    counted.fill(*names)
    hosts(project, 100)
    part = max(1, 20 // TASKS_EACH)
    tasks = [sees_all([names[(task * part + each) % 20] for each in range(part)]) for task in range(TASKS_EACH)]
    peak = "{{name: peak, run_once: true, ansible.builtin.debug: {{msg: \"{{{{ lookup('pipe', '{0} {1}') }}}}\"}}}}"
    run = play(project, [*tasks, peak.format("python3", Path(session_peak.__file__))], forks=50)
    assert len([one for one in run.results if one["task"] == "read"]) == 100 * TASKS_EACH
    assert (counted.logins(), counted.reads()) == (1, dict.fromkeys(names, 1))
    assert float(run.result("peak")["msg"]) < 80


def test_ten_secrets_of_a_database_at_once(project, postgresql, tmp_path):
    """One statement reads what `get_many` asks for, however many hosts ask, beside the one that sees whether the schema is there."""
    prefix = databases.prefix(tmp_path)
    names = ["s{0}".format(each) for each in range(10)]
    store = store_on(postgresql, prefix, encrypt=False, allow_plaintext=True)
    for name in names:
        store.create(wanted(name, VALUE + name))
    store.close()
    config = configuration(postgresql, prefix, encrypt=False, allow_plaintext=True)
    project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": config}}))
    project.write("ansible.cfg", "[defaults]\n")
    hosts(project, 10)
    asked = "lookup('nebula.credential.get_many', *{0}) | length == 10".format(names)
    before = postgresql.log.stat().st_size
    run = play(project, ['{{name: read, ansible.builtin.assert: {{that: "{0}", quiet: true}}}}'.format(asked)] * 2, forks=10)
    said = postgresql.log.read_bytes()[before:].decode("utf-8", "replace")
    statements = [line for line in said.splitlines() if prefix in line]
    assert sum("connection authorized" in line for line in said.splitlines()) == 1, run.output
    assert [line.split("SELECT ")[-1].split(".")[0] for line in statements if "SELECT" in line][1:] == [prefix + "credentials"]
