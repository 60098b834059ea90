# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every refusal of a vault as an error that says what to do, and a vault that throttles or fails for a while."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidConfiguration,
    InvalidInput,
    TooLarge,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import a_record
from tests.integration.azure_store import AzureStore
from tests.servers import once
from tests.unit.store.managing import ask

pytestmark = pytest.mark.server


@pytest.fixture
def store():
    made = AzureStore(once.server("azure_vault"))
    yield made
    made.recover()


@pytest.fixture
def backend(store):
    made = store.backend()
    made.connect()
    yield made
    made.close()


def refused(error, work):
    with pytest.raises(error):
        work()


@pytest.mark.parametrize(
    ("guard", "says"),
    [
        ("rbac", "role 'Key Vault Secrets Officer'"),
        ("policy", "access policies: add the secret permission 'set'"),
        ("other", "If the vault uses Azure RBAC"),
        ("firewall", "firewall"),
    ],
)
def test_a_denial_names_what_the_vault_needs(store, backend, guard, says):
    """It tells a role from an access policy and from the firewall."""
    store.server.order(guard=guard, grants={store.server.client: ["get", "list"]})
    with pytest.raises(AccessDenied, match=says) as caught:
        backend.put(a_record("db"), create=True)
    if guard != "firewall":
        assert "may not 'set' the secret '{0}db'".format(store.prefix) in str(caught.value)


def test_a_denied_read_names_the_role_for_reading(store, backend):
    store.set("db", "x")
    store.server.order(grants={store.server.client: ["list"]})
    with pytest.raises(AccessDenied, match="role 'Key Vault Secrets User'"):
        backend.get("db")


def test_a_purge_that_the_vault_forbids_says_so_and_what_to_leave_out(store):
    store.server.order(purge_protection=True)
    manager = store.manager()
    manager.ensure(DesiredCredential("db", value=Secret("x")))
    with pytest.raises(AccessDenied, match="Leave out 'permanent'"):
        ask(manager, "credential", name="db", state="absent", permanent=True)


def test_a_value_that_is_too_large_is_refused_before_anything_is_sent(store):
    manager = store.manager()
    made = store.asked(lambda: refused(TooLarge, lambda: manager.ensure(DesiredCredential("db", value=Secret("x" * 25601)))))
    assert [each for each in made if not each.startswith("GET")] == []


def test_as_many_tags_as_fit_are_taken_and_one_more_is_refused_with_the_number(store, backend):
    """Thirteen of the user's, one of ours, and one that names the metadata."""
    tags = {"t{0}".format(number): "v" * 256 for number in range(13)}
    backend.put(a_record("db").with_metadata(tags=tags), create=True)
    assert backend.get("db").metadata.tags == tags
    assert len(store.secret("db")["tags"]) == 15
    more = a_record("e").with_metadata(tags={**tags, "one": "more"})
    made = store.asked(lambda: refused(TooLarge, lambda: backend.put(more, create=True)))
    assert [each for each in made if not each.startswith("GET")] == []


def test_metadata_that_does_not_fit_is_in_a_secret_of_its_own_which_is_written_first(store, backend):
    """Its version is named, so an older value has its own; no user can give a credential that name."""
    for text in ("a", "b"):
        made = store.asked(lambda text=text: backend.put(a_record("db", text).with_metadata(description=text * 4000)))
        writes = [each.split()[1] for each in made if each.startswith("PUT")]
        assert writes == ["/secrets/{0}db--9more".format(store.prefix), "/secrets/{0}db".format(store.prefix)]
    assert backend.get("db").metadata.description == "b" * 4000
    assert backend.get("db", "1").metadata.description == "a" * 4000
    assert [(each.name, each.metadata.description[:1]) for each in backend.list()] == [("db", "b")]


def test_metadata_that_no_secret_holds_is_refused_with_its_size(backend):
    with pytest.raises(TooLarge, match="a secret holds 25600"):
        backend.put(a_record("db").with_metadata(description="x" * 26000), create=True)


def test_a_version_of_the_interface_that_the_vault_does_not_have_is_named(store):
    backend = store.backend(api_version="1999-01-01")
    with pytest.raises((InvalidConfiguration, InvalidInput)) as caught:
        backend.get("db")
    assert caught.value.option == "api_version"


@pytest.mark.parametrize("version", ["7.3", "2025-07-01", "2026-04-01"])
def test_these_versions_of_the_interface_work(store, version):
    backend = store.backend(api_version=version)
    backend.connect()
    first = backend.put(a_record("db"), create=True)
    backend.put(a_record("db", "2"), first.etag)
    assert [each.version for each in backend.versions("db")] == ["2", "1"]
    assert {each.split("api-version=")[1].split(" ")[0].split("&")[0] for each in store.server.requests() if store.prefix in each} == {
        version
    }


def test_an_error_page_of_a_proxy_is_no_vault(store, backend):
    store.server.order(fail=[{"status": 404, "body": {}, "path": "/secrets"}])
    with pytest.raises(CredentialError, match="is not a Key Vault"):
        backend.get("db")


@pytest.mark.parametrize(("status", "headers"), [(429, {"Retry-After": "1"}), (503, {})])
def test_a_storm_is_survived_by_all(store, status, headers):
    """32 clients, one request each, while the vault answers the first 64 so: each repeats within its budget."""
    store.set("db", "x")
    managers = [store.manager(read_timeout=120, max_retries=8, breaker_failures=0) for _each in range(32)]
    for manager in managers[:1]:
        assert manager.get("db")
    store.fail(status, 64, headers)
    start, failures = len(store.server.requests()), []

    def work(manager):
        try:
            manager.get("db")
        except CredentialError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(manager,)) for manager in managers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert failures == []
    made = [each.split()[2] for each in store.server.requests()[start:] if "/secrets/{0}db".format(store.prefix) in each]
    assert made.count("200") == 32
    assert made.count(str(status)) == 64
    assert len(made) <= 32 * (8 + 1)


@pytest.mark.parametrize("status", [429, 503, pytest.param(500, marks=pytest.mark.long)])
def test_a_caller_makes_no_more_requests_than_its_repeats_and_one(store, status):
    manager = store.manager(max_retries=3, read_timeout=10, base_delay=0, breaker_failures=0)
    store.set("db", "x")
    assert manager.get("db")
    store.fail(status)
    made = store.asked(lambda: refused(Unavailable, lambda: manager.get("db")))
    assert len(made) == 4


def test_the_time_that_a_vault_names_is_waited(store, backend):
    store.set("db", "x")
    backend.get("db")
    store.fail(429, 1, {"Retry-After": "7"})
    with pytest.raises(Unavailable) as caught:
        backend.get("db")
    assert (caught.value.retry_after, caught.value.throttled) == (7.0, True)
