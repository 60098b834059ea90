# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What whole runs request of AWS, counted by the log of a server that enforces policies."""

from __future__ import annotations

import json

import pytest

from tests.integration.aws_store import AwsStore
from tests.integration.counted import ON
from tests.servers import once

NAMES = ["n{0}".format(number) for number in range(10)]
ROLE = "arn:aws:iam::000000000000:role/deploy"


@pytest.fixture
def store():
    found = AwsStore(once.server("ministack"), batch_get=True)
    client = found.server.client()
    for name in NAMES:
        client.create_secret(Name=found.secret(name), SecretString=json.dumps({"password": "of " + name}))
    return found


def run(project, store, tasks, stores=None, **options):
    """Run tasks on ten hosts, and return the actions that the server has counted."""
    config = {"backend": "aws", "audit": "off", **store.options, **options}
    project.write("nebula.yml", json.dumps({"default": "cloud", "stores": {"cloud": config, **(stores or {})}}))
    project.write("ansible.cfg", "[defaults]\n")
    project.write("hosts.ini", "".join("host{0} ansible_connection=local\n".format(number) for number in range(10)))
    project.write("site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n" + "".join("    - {0}\n".format(task) for task in tasks))
    since = store.server.count()
    project.run("ansible-playbook", "-i", "hosts.ini", "-f", "10", "site.yml", **ON).succeeded()
    return [each.action.split(".")[1] for each in store.server.requests(since=since)]


def sees(that):
    return '{{name: read, ansible.builtin.assert: {{that: "{0}", quiet: true}}}}'.format(that)


def test_ten_names_for_ten_hosts_are_one_request(project, store):
    many = "lookup('nebula.credential.get_many', {0}) == {1}".format(", ".join(map(repr, NAMES)), {name: "of " + name for name in NAMES})
    assert run(project, store, [sees(many)]) == ["BatchGetSecretValue"]


def test_ten_tasks_of_one_name_each_for_ten_hosts_are_ten_requests_and_a_login(project, store):
    """A role is assumed: that is the login."""
    store.server.client("iam").create_role(RoleName=store.prefix, AssumeRolePolicyDocument=json.dumps(TRUST))
    store.server.client("iam").put_role_policy(RoleName=store.prefix, PolicyName="all", PolicyDocument=json.dumps(ALL))
    login = {**store.allow("sts:AssumeRole"), "role_arn": ROLE.replace("deploy", store.prefix)}
    each = [sees("lookup('nebula.credential.get', '{0}') == 'of {0}'".format(name)) for name in NAMES]
    made = run(project, store, each, **login)
    assert sorted(made) == ["AssumeRole", *["GetSecretValue"] * 10]


def test_a_run_logs_in_with_the_code_of_a_credential_in_another_store(project, store):
    store.server.client("iam").create_role(RoleName=store.prefix, AssumeRolePolicyDocument=json.dumps(TRUST))
    store.server.client("iam").put_role_policy(RoleName=store.prefix, PolicyName="all", PolicyDocument=json.dumps(ALL))
    login = {**store.allow("sts:AssumeRole"), "role_arn": ROLE.replace("deploy", store.prefix)}
    local = "{{backend: local, path: {0}}}".format(project.directory / "keys")
    project.play(
        "- nebula.credential.credential: {{name: factor, type: totp, value: {0}, store: {1}}}".format(KEY, local),
        NEBULA_CREDENTIAL_SESSION="false",
    ).succeeded()
    stores = {"keys": {"backend": "local", "path": "keys"}}
    mfa = {"mfa_serial": "arn:aws:iam::000000000000:mfa/deploy", "mfa_credential": {"store": "keys", "name": "factor"}}
    read = sees("lookup('nebula.credential.get', 'n1') == 'of n1'")
    assert sorted(run(project, store, [read], stores=stores, **login, **mfa)) == ["AssumeRole", "GetSecretValue"]
    trail = [json.loads(line) for line in (project.directory / "keys/.nebula/audit.jsonl").read_text().splitlines()]
    assert ("get", "factor", "ok") in [(entry.get("operation"), entry.get("name"), entry.get("result")) for entry in trail]


KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}]}
