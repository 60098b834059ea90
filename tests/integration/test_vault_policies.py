# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies of docs/policies, each on a real OpenBao under a token that has it and nothing else."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied
from tests.conftest import CHECKOUT
from tests.integration.vault_ways import connected
from tests.servers import once

pytestmark = pytest.mark.server
NAME = "nebula/policies/one"
DATA, PENDING = {"data": {"a": "b"}}, "nebula/.nebula/pending/policies/one"
REQUESTS = {
    # what is asked: the method, the path, the body, the capability that it takes
    "read": ("GET", "secret/data/" + NAME, None, "read"),
    "read versions": ("GET", "secret/metadata/" + NAME, None, "read"),
    "list": ("LIST", "secret/metadata/nebula/policies", None, "list"),
    "list details": ("LIST", "secret/detailed-metadata/nebula/policies", None, "list"),
    "create": ("POST", "secret/data/nebula/policies/new", DATA, "create"),
    "update": ("POST", "secret/data/" + NAME, DATA, "update"),
    "tag": ("PATCH", "secret/metadata/" + NAME, {"custom_metadata": {"a": "b"}}, "patch"),
    "delete": ("POST", "secret/delete/" + NAME, {"versions": [1]}, "update"),
    "undelete": ("POST", "secret/undelete/" + NAME, {"versions": [1]}, "update"),
    "destroy": ("PUT", "secret/destroy/" + NAME, {"versions": [1]}, "update"),
    "purge": ("DELETE", "secret/metadata/" + NAME, None, "delete"),
    "keep a stage": ("POST", "secret/data/" + PENDING, DATA, "create"),
    "drop a stage": ("DELETE", "secret/metadata/" + PENDING, None, "delete"),
    "look itself up": ("GET", "auth/token/lookup-self", None, "read"),
    "renew itself": ("POST", "auth/token/renew-self", {}, "update"),
    "read elsewhere": ("GET", "secret/data/elsewhere", None, "read"),
    "list elsewhere": ("LIST", "secret/metadata", None, "list"),
    "read a policy": ("GET", "sys/policies/acl/root", None, "read"),
    "make a token": ("POST", "auth/token/create", {}, "update"),
}
READS = {"read", "read versions", "list", "list details", "look itself up", "renew itself"}
ROTATES = READS | {"create", "update", "tag", "keep a stage", "drop a stage"}
POLICIES = {
    "vault-read-only": READS,
    "vault-read-write": ROTATES | {"delete", "undelete", "destroy", "purge"},
    "vault-rotation": ROTATES,
}


@pytest.mark.parametrize("asked", REQUESTS)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_lets_do_what_it_says_and_what_is_missing_is_named(policy, asked):
    server = once.openbao()
    for place in (NAME, PENDING):
        server.call("POST", "secret/data/" + place, DATA)
    server.policy(policy, (CHECKOUT / "docs" / "policies" / (policy + ".hcl")).read_text())
    connection = connected(server, {"token": server.token(policy, no_default_policy=True)})
    method, path, body, capability = REQUESTS[asked]
    if asked in POLICIES[policy]:
        assert 200 <= connection.request(method, path, body, writing=True, capability=capability).status < 300
        return
    with pytest.raises(AccessDenied) as caught:
        connection.request(method, path, body, writing=True, capability=capability)
    assert 'path "{0}" {{ capabilities = ["{1}"] }}'.format(path, capability) in caught.value.remedy


@pytest.mark.parametrize("policy", POLICIES)
def test_a_token_of_each_policy_may_end_itself(policy):
    server = once.openbao()
    server.policy(policy, (CHECKOUT / "docs" / "policies" / (policy + ".hcl")).read_text())
    token = server.token(policy, no_default_policy=True)
    assert connected(server, {"token": token}).request("POST", "auth/token/revoke-self", {}, writing=True).status == 204
