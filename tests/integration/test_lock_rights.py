# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of a lock's server that may acquire a lock, and not free it."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import a_record, value_of
from tests.integration.test_locks import POLICY, Kubernetes, Redis, open_locked, wait_for_access
from tests.integration.vault_store import VaultStore
from tests.servers import once

pytestmark = pytest.mark.server


@pytest.fixture
def kv1():
    return VaultStore(once.openbao(), mount=once.openbao().enable("kv", "kv1", options={"version": "1"}), kv_version=1)


def test_a_role_that_may_not_free_a_lease_is_named_after_one_write(kv1, tmp_path):
    place = Kubernetes(tmp_path)
    place.options["api_key"] = place.server.service_account_token(place.namespace, "nebula-credential-lock")
    _account, role, binding = yaml.safe_load(POLICY.read_text().replace("apps", place.namespace))["items"]
    role["rules"][0]["verbs"].remove("delete")
    for kind, manifest in (("roles", role), ("rolebindings", binding)):
        where = "/apis/rbac.authorization.k8s.io/v1/namespaces/{0}/{1}".format(place.namespace, kind)
        place.server.call("POST", where, manifest)
    backend = open_locked(kv1, place, wait=0)
    written = {}

    def write():
        try:
            backend.put(a_record(), create=True)
        except AccessDenied as problem:
            if "nothing was written" in problem.what:
                raise
            written["problem"] = problem

    wait_for_access(write)
    assert "may not 'delete' leases" in str(written["problem"])
    assert "the value was written" in str(written["problem"])
    assert value_of(backend.get("db_pass")) == b"s3cret"


COMMANDS = "+set +get +del +evalsha +eval +script"


def allow(place, user, commands):
    """Log the lock in as a user who has these commands on the keys of its prefix alone."""
    assert "-ERR" not in place.ask("ACL SETUSER {0} on >pw ~{1}:* -@all {2}".format(user, place.prefix, commands))
    place.options.update(username=user, password="pw")


def test_the_commands_that_a_denial_names_are_enough(kv1, tmp_path):
    place = Redis(tmp_path)
    allow(place, place.prefix, COMMANDS)
    place.ask("SCRIPT FLUSH")
    backend = open_locked(kv1, place, wait=0)
    first = backend.put(a_record(), create=True)
    assert backend.put(a_record(value="two"), first.etag).version == "2"


@pytest.mark.parametrize("missing", ["+del", "+evalsha"])
def test_a_user_who_may_not_free_a_lock_is_told_so_after_one_write(kv1, tmp_path, missing):
    """Repeating the write would wait for its own lock, and say that nothing was written."""
    place = Redis(tmp_path)
    allow(place, place.prefix, COMMANDS.replace(missing, ""))
    manager = kv1.manager(lock={**place.options, "wait": 0})
    with pytest.raises(AccessDenied, match="the value was written, and its lock stays until the lease ends") as caught:
        manager.ensure(DesiredCredential("db_pass", value=Secret("s3cret")))
    assert caught.value.outcome_unknown
    assert "SET, GET, DEL, EVALSHA, EVAL and SCRIPT" in str(caught.value)
    assert manager.token("db_pass") == Secret("s3cret")
