# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A namespace that the server does not have is never read as credentials that are missing."""

from __future__ import annotations

import uuid

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import HEALTHY, Filter
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import vault_transit
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.entry import Surroundings
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from tests.conformance.records import a_record
from tests.integration.vault_store import VaultStore
from tests.integration.vault_ways import Ways, connected
from tests.servers import once, scripted
from tests.servers.scripted import Answer

ENGINES = {
    "KV version 2": {},
    "KV version 1": {"kv_version": 1, "single_writer": True},
    "envelopes": {"encrypt": True},
    "leased": {"engine": "dynamic"},
}
CALLS = {
    "get": lambda backend: backend.get("db"),
    "list": lambda backend: list(backend.list(Filter())),
    "put": lambda backend: backend.put(a_record("db"), create=True),
    "delete": lambda backend: backend.delete("db"),
    "versions": lambda backend: backend.versions("db"),
    "read_store_document": lambda backend: backend.read_store_document(),
}
NOT_OF_LEASES = ("put", "delete", "read_store_document")


@pytest.fixture
def server():
    return once.openbao()


def refusal(call, *arguments):
    with pytest.raises(InvalidConfiguration) as caught:
        call(*arguments)
    assert caught.value.option == "namespace"
    assert "the server has no namespace 'absent'" in caught.value.what
    return caught.value


@pytest.mark.parametrize(
    ("engine", "call"), [(engine, call) for engine in ENGINES for call in CALLS if engine != "leased" or call not in NOT_OF_LEASES]
)
def test_a_namespace_that_is_not_there_is_refused_by_name(server, engine, call):
    refusal(CALLS[call], VaultStore(server).backend(namespace="absent", **ENGINES[engine]))


@pytest.mark.parametrize("variable", ["VAULT_NAMESPACE", "ANSIBLE_HASHI_VAULT_NAMESPACE"])
def test_the_variable_that_a_namespace_comes_from_is_named(server, monkeypatch, variable):
    monkeypatch.setenv(variable, "absent")
    manager = VaultStore(server).manager()
    with manager.acting():
        assert "comes from the environment variable " + variable in str(refusal(manager.backend.get, "db"))


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_login_in_a_namespace_that_is_not_there_is_not_a_wrong_login(server, wrapped):
    connection = connected(server, Ways(server).approle(wrapped=wrapped), namespace="absent")
    refusal(connection.request, "GET", "secret/data/db")


def test_the_health_of_a_store_in_a_namespace_is_that_of_its_server(server):
    name = "n" + uuid.uuid4().hex[:8]
    server.call("POST", "sys/namespaces/" + name, {})
    assert VaultStore(server).backend(namespace=name).health().status == HEALTHY
    wrong = VaultStore(server).backend(namespace="absent").health()
    assert wrong.code == "invalid_configuration"
    assert "option 'namespace', store 'prod': the server has no namespace 'absent'" in wrong.reasons[0]


def test_a_key_source_names_its_own_namespace(server):
    options = {"url": server.url, "auth": {"token": server.root_token}, "key": "k", "namespace": "absent"}
    source = vault_transit.from_options(options, Surroundings(warn=print))
    with pytest.raises(InvalidConfiguration) as caught:
        source.check(b"store")
    assert caught.value.option == "key_sources"
    assert "'namespace' of the key source 'vault_transit': the server has no namespace 'absent'" in caught.value.what


@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_without_any_route_in_a_namespace_does_not_have_it(engine):
    """HashiCorp Vault has no other words for it."""

    def no_route(request):
        return Answer(404, {"errors": ['no handler for route "{0}". route entry not found.'.format(request.path)]})

    with scripted.running(no_route) as there:
        there.root_token = "s.any-token"
        refusal(VaultStore(there).backend(namespace="absent", **ENGINES[engine]).get, "db")


def test_a_mount_that_is_not_in_a_namespace_is_named_with_it(server):
    name = "n" + uuid.uuid4().hex[:8]
    server.call("POST", "sys/namespaces/" + name, {})
    with pytest.raises(InvalidConfiguration) as caught:
        VaultStore(server).backend(namespace=name).get("db")
    assert caught.value.option == "mount"
    assert "nothing is mounted at 'secret' ({0}, namespace {1})".format(server.url, name) in caught.value.what
