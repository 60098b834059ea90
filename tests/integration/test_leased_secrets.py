# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dynamic secrets on a real OpenBao, whose database engine makes logins of a real PostgreSQL."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Renewable, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.dynamic import LeasedSecrets
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache, CacheTerms
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.integration.leased_logins import Logins
from tests.servers import once, openbao, postgresql
from tests.servers.processes import wait_until


@pytest.fixture
def logins(request):
    """An engine of this test's own."""
    return Logins(once.openbao(), once.postgresql(), request.node.nodeid)


class Opened:
    """A store of dynamic secrets, and its warnings."""

    def __init__(self, logins, **options):
        self.warnings = []
        context = BackendContext("dynamic", self.warnings.append)
        given = dict({"url": logins.bao.url, "auth": {"token": options.pop("token", None) or logins.token()}}, **options)
        self.backend = LeasedSecrets(given, context, Connection(given, store="dynamic", warn=self.warnings.append), logins.mount)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.backend.close()

    def login(self, name="readonly"):
        """User and password of a role."""
        fields = self.backend.get(name).fields
        return fields["username"].expose().decode(), fields["password"].expose().decode()


def eventually(logins, condition):
    """The server revokes in the background."""
    wait_until(condition, process=logins.bao._process)


def test_the_login_works_while_the_store_is_open_and_is_gone_afterwards(logins):
    with Opened(logins) as store:
        user, password = store.login()
        assert user in logins.users()
        assert logins.database.accepts(user, password)
        assert store.login() == (user, password)
    eventually(logins, lambda: user not in logins.users())
    assert not logins.database.accepts(user, password)
    assert len(logins.asked()) == 1
    assert store.warnings == []


def test_threads_share_one_lease(logins):
    with Opened(logins) as store, ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _each: store.login(), range(64)))) == 1
    assert len(logins.asked()) == 1


def test_two_stores_never_share_one(logins):
    with Opened(logins) as one, Opened(logins) as another:
        assert one.login() != another.login()
    assert len(logins.asked()) == 2


def test_the_record_says_when_it_ends_and_nothing_secret(logins):
    with Opened(logins, tenant="web") as store:
        record = store.backend.get("readonly")
        known = record.full_metadata
        assert (record.type, sorted(record.fields), record.serial) == ("basic", ["password", "username"], None)
        assert 3590 < (known.expires_at - known.created_at).total_seconds() <= 3600
        assert known.attributes == {"lease": {"ttl": 3600, "renewable": True}}
        assert known.scope.tenant == "web"
        assert store.backend.versions("readonly")[0].version == record.version
        (lease,) = logins.leases()
        assert lease not in repr(record) + str(record.version)
        with pytest.raises(NotFound, match="can be read: " + record.version):
            store.backend.get("readonly", version="0")
        with pytest.raises(NotFound):
            store.backend.get("readonly", stage="previous")


def test_a_lease_is_renewed_on_the_server(logins):
    logins.role("readonly", "9s", "1h")
    with Opened(logins) as store:
        user, _password = store.login()
        eventually(logins, lambda: bool(store.login()) and renewals(logins) >= 2)
        assert user in logins.users()
        assert len(logins.asked()) == 1


def renewals(logins):
    """How often the server renewed a lease since this test began. Its log does not say which: ids are hashed there."""
    return len(logins.bao.requests("sys/leases/renew")) - logins.renewed_before


def test_a_ttl_is_what_is_asked_for_at_each_renewal(logins):
    logins.role("readonly", "9s", "1h")
    with Opened(logins, ttl=600) as store:
        user, _password = store.login()
        eventually(logins, lambda: bool(store.login()) and store.backend.leases.peek("readonly").span == 600)
        assert store.login()[0] == user


def test_when_the_longest_time_is_reached_there_is_another_login(logins):
    logins.role("readonly", "9s", "12s")
    with Opened(logins) as store:
        first, _password = store.login()
        eventually(logins, lambda: store.login()[0] != first)
        user, password = store.login()
        assert logins.database.accepts(user, password)


def test_what_was_revoked_at_the_server_is_replaced_when_its_renewal_comes(logins):
    logins.role("readonly", "9s", "1h")
    with Opened(logins) as store:
        first, _password = store.login()
        logins.bao.call("PUT", "sys/leases/revoke-prefix/{0}/creds/readonly".format(logins.mount))
        eventually(logins, lambda: store.login()[0] != first)
        assert store.login()[0] in logins.users()


def test_after_another_login_of_ours_there_is_another_lease(logins):
    """What was leased under a token ends with it."""
    bao = logins.bao
    bao.enable("approle", "approle", auth=True)
    bao.call("POST", "auth/approle/role/" + logins.mount, {"token_policies": [logins.policy()], "token_ttl": "9s", "token_max_ttl": "12s"})
    role_id = bao.call("GET", "auth/approle/role/{0}/role-id".format(logins.mount))["data"]["role_id"]
    secret_id = bao.call("POST", "auth/approle/role/{0}/secret-id".format(logins.mount))["data"]["secret_id"]
    with Opened(logins, auth={"method": "approle", "role_id": role_id, "secret_id": secret_id}) as store:
        first, _password = store.login()
        eventually(logins, lambda: store.login()[0] != first)
        user, password = store.login()
        assert logins.database.accepts(user, password)


def test_roles_are_listed_without_any_login(logins):
    logins.role("writer", "1h", "2h")
    with Opened(logins) as store:
        assert sorted(row.name for row in store.backend.list()) == ["readonly", "writer"]
        assert [row.name for row in store.backend.list(Filter(prefix="w", names_only=True))] == ["writer"]
        assert [row.name for row in store.backend.list(Filter(stage="pending"))] == []
        assert logins.asked() == []
        held = store.backend.get("writer")
        rows = {row.name: row for row in store.backend.list()}
        assert rows["writer"].full_metadata.expires_at == held.full_metadata.expires_at
        assert (dict(rows["writer"].fields), rows["readonly"].full_metadata.expires_at) == ({}, None)


def test_a_role_that_is_not_there_is_not_found(logins):
    with Opened(logins) as store:
        with pytest.raises(NotFound):
            store.backend.get("absent")
        assert store.backend.get_many(["absent", "readonly"]).keys() == {"readonly"}


def test_a_mount_that_is_not_there_is_told(logins):
    logins.mount = "nowhere"
    with Opened(logins, token=logins.bao.root_token) as store:
        for ask in (lambda: store.backend.get("readonly"), lambda: list(store.backend.list())):
            with pytest.raises(InvalidConfiguration, match="nothing is mounted there"):
                ask()


def test_denials_name_path_and_capability(logins):
    with Opened(logins, token=logins.bao.token("default")) as store:
        with pytest.raises(AccessDenied, match="may not read {0}/creds/readonly".format(logins.mount)):
            store.backend.get("readonly")
        with pytest.raises(AccessDenied, match="may not list {0}/roles".format(logins.mount)):
            list(store.backend.list())


def test_who_may_not_revoke_is_told_when_the_login_ends(logins):
    may_read = logins.bao.policy(logins.mount + "-read", 'path "{0}/creds/*" {{ capabilities = ["read"] }}'.format(logins.mount))
    with Opened(logins, token=logins.bao.token(may_read)) as store:
        store.login()
    (warning,) = store.warnings
    assert "may not update sys/leases/revoke" in warning
    assert "the server ends it at 20" in warning


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.put(Record("readonly")),
        lambda store: store.delete("readonly"),
        lambda store: store.patch_metadata(Record("readonly"), 0),
        lambda store: store.write_store_document(b"", None),
    ],
)
def test_nothing_can_be_written_and_that_is_told_with_what_to_do(logins, write):
    with Opened(logins) as store, pytest.raises(InvalidInput, match=r"nothing can be written.*engine: kv.*{0}/roles".format(logins.mount)):
        write(store.backend)
    assert logins.asked() == []


def test_other_engines_are_asked_with_parameters(logins):
    """A certificate of the PKI engine, which takes a POST."""
    mount = logins.bao.enable("pki", logins.mount + "pki")
    logins.bao.call("POST", mount + "/root/generate/internal", {"common_name": "nebula.test"})
    logins.bao.call("POST", mount + "/roles/web", {"allow_any_name": True})
    logins.mount = mount
    given = {"lease_path": "issue/{name}", "parameters": {"common_name": "a.nebula.test", "ttl": "10m"}, "token": logins.bao.root_token}
    with Opened(logins, **given) as store:
        record = store.backend.get("web")
        assert record.type == "opaque"
        assert record.fields["private_key"].expose().startswith(b"-----BEGIN")
        assert record.fields == store.backend.get("web").fields
        assert 500 < (record.full_metadata.expires_at - record.full_metadata.created_at).total_seconds() <= 600
    assert store.warnings == []


@pytest.mark.parametrize("options", [{"lease_path": "creds"}, {"lease_path": "{name}/{name}"}, {"ttl": 0}, {"max_ttl": -1}], ids=str)
def test_wrong_options_are_told_before_any_network_is_used(options):
    given = dict({"url": "https://vault.example.com", "auth": {"token": "t"}}, **options)
    connection = Connection(given, store="dynamic", warn=print)
    with pytest.raises(InvalidConfiguration) as refusal:
        LeasedSecrets(given, BackendContext("dynamic"), connection, "database")
    assert refusal.value.option in options


def test_a_process_that_stays_keeps_leases_and_no_cache_does(logins):
    """A cache would serve a login after its end, and would not renew it."""
    config = {"backend": "vault", "engine": "dynamic", "url": logins.bao.url, "mount": logins.mount, "auth": {"token": logins.token()}}
    logins.role("readonly", "9s", "1h")
    manager = open_store(config, name="dynamic", cache=lambda backend: Cache(backend, CacheTerms(), print))
    assert manager.cache is None
    renewable = find_protocol(manager.backend, Renewable)
    assert renewable.renew_due() is None
    user = manager.token("readonly", "username")
    eventually(logins, lambda: renewable.renew_due() is not None and renewals(logins) >= 2)
    assert manager.token("readonly", "username") == user
    manager.close()
    eventually(logins, lambda: not logins.leases())
    assert len(logins.asked()) == 1


def test_while_the_server_is_down_the_login_is_served_and_afterwards_renewed():
    with postgresql.running() as database, openbao.running(storage="raft") as bao:
        logins = Logins(bao, database, "down")
        logins.role("readonly", "1h", "24h")
        with Opened(logins) as store:
            now = store.backend.leases._clock()
            store.backend.leases._clock = lambda: now
            held = store.login()
            now += 3000
            bao.kill()
            assert store.login() == held
            assert "was not renewed (the server cannot be reached" in store.warnings[0]
            with pytest.raises(Unavailable):
                store.login("other")
            bao.start()
            now += 60
            assert store.login() == held
            assert [one["operation"] for one in bao.requests("sys/leases/renew") if not one["error"]] == ["update"]
            assert logins.database.accepts(*held)


def test_a_server_that_is_down_at_the_end_is_told():
    with postgresql.running() as database, openbao.running() as bao:
        logins = Logins(bao, database, "down at the end")
        with Opened(logins) as store:
            user, _password = store.login()
            bao.stop()
        assert user in logins.users()
        assert "the lease of 'readonly' was not revoked (the server cannot be reached" in store.warnings[0]


def test_neither_login_nor_lease_reaches_a_log(logins, caplog):
    caplog.set_level(logging.DEBUG)
    with Opened(logins) as store:
        user, password = store.login()
        (lease,) = logins.leases()
    assert [word for word in (user, password, lease) if word in caplog.text + str(store.warnings)] == []
    assert password not in logins.bao.audit.read_text()
