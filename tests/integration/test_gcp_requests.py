# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store in Secret Manager costs in requests, counted by the server's log."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import WriteChecker, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, NotFound
from tests.conformance.records import a_record, value_of
from tests.integration.gcp_store import GoogleStore
from tests.integration.overtaken_writes import CHANGES, OUTCOMES, WRITES, overtake
from tests.integration.write_requests import check_counts
from tests.servers import once
from tests.unit.store.managing import ask

HOSTS = "".join("host{0} ansible_connection=local\n".format(each) for each in range(10))
ACCESS, ADD, GET, UPDATE = "access_secret_version", "add_secret_version", "get_secret", "update_secret"


@pytest.fixture
def server():
    return once.server("secret_manager")


@pytest.fixture
def store(server):
    return GoogleStore(server)


def logins(server, work):
    """How many tokens something makes."""
    before = sum(each["method"] == "token" for each in server.requests())
    work()
    return sum(each["method"] == "token" for each in server.requests()) - before


def write_project(project, store, tasks):
    """Write a play for ten hosts."""
    config = {"default": "prod", "stores": {"prod": {"backend": "gcp", "audit": "off", **store.configured()}}}
    project.write("ansible.cfg", "[defaults]\n")
    project.write("nebula.yml", json.dumps(config))
    project.write("hosts.ini", HOSTS)
    project.write("site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n" + "".join("    - {0}\n".format(task) for task in tasks))


def test_ten_names_for_ten_hosts_are_ten_reads_and_one_login(server, store, project):
    names = ["n{0}".format(each) for each in range(10)]
    manager = store.manager()
    for name in names:
        ask(manager, "credential", name=name, state="present", value="of " + name)
    wanted = {name: "of " + name for name in names}
    task = "{{ansible.builtin.assert: {{that: \"lookup('nebula.credential.get_many', {0}) == {1}\", quiet: true}}}}".format(names, wanted)
    write_project(project, store, [task])

    def run():
        project.run("ansible-playbook", "-i", "hosts.ini", "-f", "5", "site.yml", NEBULA_CREDENTIAL_SESSION="true").succeeded()

    made = []
    assert logins(server, lambda: made.extend(store.asked(run))) == 1
    assert made == [ACCESS] * 10


def test_ten_tasks_of_ten_hosts_are_one_read_for_each_name_and_one_login(server, store, project):
    manager = store.manager()
    for each in range(10):
        ask(manager, "credential", name="n{0}".format(each), state="present", value="v{0}".format(each))
    task = "{{ansible.builtin.assert: {{that: \"lookup('nebula.credential.get', 'n{0}') == 'v{0}'\", quiet: true}}}}"
    write_project(project, store, [task.format(each) for each in range(10)])

    def run():
        project.run("ansible-playbook", "-i", "hosts.ini", "-f", "5", "site.yml", NEBULA_CREDENTIAL_SESSION="true").succeeded()

    made = []
    assert logins(server, lambda: made.extend(store.asked(run))) == 1
    assert made == [ACCESS] * 10


def test_a_read_is_one_access_and_nothing_of_the_quota_of_reads(store):
    backend = store.backend()
    backend.put(a_record(), create=True)
    assert store.asked(lambda: backend.get("db_pass")) == [ACCESS]
    assert store.asked(lambda: store.backend().get("db_pass")) == [ACCESS]


def test_a_write_over_a_value_is_two_requests_and_one_more_where_the_secret_is_not_known(store):
    """The etag comes from the process's last write or listing; a process that has neither reads the secret once."""
    backend = store.backend()
    backend.put(a_record(value="1"), create=True)
    found = backend.get("db_pass")
    assert store.asked(lambda: backend.put(a_record(value="2"), found.etag)) == [ADD, UPDATE]
    other = store.backend()
    found = other.get("db_pass")
    assert store.asked(lambda: other.put(a_record(value="3"), found.etag)) == [GET, ADD, UPDATE]
    listed = store.backend()
    assert [record.name for record in listed.list()] == ["db_pass"]
    found = listed.get("db_pass")
    assert store.asked(lambda: listed.put(a_record(value="4"), found.etag)) == [ADD, UPDATE]
    assert value_of(listed.get("db_pass")) == b"4"


def test_a_write_whose_history_is_full_destroys_one_version_more(store):
    backend = store.backend(keep_versions=2)
    for each in range(3):
        backend.put(a_record(value=str(each)))
    found = backend.get("db_pass")
    assert store.asked(lambda: backend.put(a_record(value="new"), found.etag)) == [ADD, UPDATE, "destroy_secret_version"]
    assert store.theirs().states("nebula-db_pass") == {4: "ENABLED", 3: "ENABLED", 2: "ENABLED", 1: "DESTROYED"}


def test_the_requests_of_each_step_of_the_module(store):
    check_counts(store, 6, 1, 3, 3, 4, 3, 4, 8, 2, 6, 9, 6, 8)


def test_the_requests_of_each_step_of_the_module_on_an_encrypted_store(server):
    check_counts(GoogleStore(server, encrypt=True), 7, 1, 4, 4, 5, 4, 5, 8, 2, 7, 9, 7, 8)


@pytest.mark.parametrize("encrypt", [pytest.param(False, marks=pytest.mark.long), True])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_write_that_was_overtaken_after_its_read_undoes_nothing(server, monkeypatch, change, write, encrypt):
    assert overtake(GoogleStore(server, encrypt=encrypt), monkeypatch, change, write) == OUTCOMES[change][write]


@pytest.mark.parametrize("missing", ["secrets.update", "versions.add"])
def test_a_rotation_is_refused_before_anything_is_begun_where_the_value_may_not_be_replaced(store, missing):
    """One request, which needs no permission of its own."""
    ask(store.manager(), "credential", name="db", state="present", value="one")
    everything = ("secrets.create", "secrets.get", "secrets.update", "versions.access", "versions.add", "versions.list")
    manager = store.manager(access_token=store.token(*(each for each in everything if each != missing)))

    def refused():
        with pytest.raises(AccessDenied, match=missing):
            ask(manager, "credential_rotate", name="db", phase="prepare")

    made = store.asked(refused)
    assert made[-1] == "test_iam_permissions"
    assert not [each for each in made if each.split()[0] in (ADD, UPDATE, "create_secret")]


def test_a_login_that_may_replace_a_value_rotates_it(store):
    manager = store.manager()
    ask(manager, "credential", name="db", state="present", value="one")
    assert "test_iam_permissions" in store.asked(lambda: ask(manager, "credential_rotate", name="db", phase="prepare"))
    with pytest.raises(NotFound):
        manager.backend.get("missing")
    find_protocol(manager.backend, WriteChecker).check_writable("missing")
