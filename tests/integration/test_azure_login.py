# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a store logs in to a vault: by one method, the configured one, with one token for all."""

from __future__ import annotations

import socket
import sys
import threading

import pytest
from azure.keyvault.secrets._shared import http_challenge_cache
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidConfiguration,
    LoginFailed,
    StorageError,
    Timeout,
    Unavailable,
)
from tests.integration.azure_store import AzureStore
from tests.servers import once, scripted
from tests.servers.certificates import _begun, _named

pytestmark = pytest.mark.server
TENANT = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def store():
    made = AzureStore(once.server("azure_vault"))
    made.set("db", "found")
    yield made
    made.recover()


def read(store, **options):
    """The value of a secret, read with this login."""
    login = dict.fromkeys(("tenant_id", "client_id", "client_secret")) if "auth_method" in options else {}
    backend = store.backend(**{**login, **options})
    backend.connect()
    try:
        return backend.get("db").fields["value"].expose().decode()
    finally:
        backend.close()


def write_certificate(store, path):
    """Register a certificate with the service principal, and write it with its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = _named("ansible")
    made = _begun(name, name, key.public_key()).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    path.touch(mode=0o600)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made)
    assert x509.load_pem_x509_certificate(made)
    store.server.order(certificate=made.decode())
    return str(path)


def test_a_certificate_of_an_unknown_authority_is_said_as_that_and_not_repeated(store):
    with pytest.raises(StorageError) as caught:
        read(store, ca_cert=None)
    assert (type(caught.value), caught.value.option) == (StorageError, "ca_cert")


def test_a_vault_whose_name_cannot_be_resolved_is_said_as_that(store):
    with pytest.raises(Unavailable, match="its name cannot be resolved"):
        read(store, vault_url="https://no-such-vault.invalid")


def test_a_client_secret_logs_in(store):
    assert read(store) == "found"


def test_a_certificate_logs_in(store, tmp_path):
    path = write_certificate(store, tmp_path / "login.pem")
    server = store.server
    assert read(store, auth_method="certificate", tenant_id=server.tenant, client_id=server.client, client_certificate=path) == "found"


def test_a_certificate_that_is_not_registered_is_refused(store, tmp_path):
    path = write_certificate(store, tmp_path / "old.pem")
    write_certificate(store, tmp_path / "new.pem")
    server = store.server
    with pytest.raises(LoginFailed, match="this certificate is registered"):
        read(store, auth_method="certificate", tenant_id=server.tenant, client_id=server.client, client_certificate=path)


def test_a_token_of_a_cluster_logs_in(store, tmp_path):
    server, path = store.server, tmp_path / "token"
    path.write_text(server.order(describe=True)["cluster_token"], encoding="utf-8")
    login = {"auth_method": "workload_identity", "tenant_id": server.tenant, "client_id": server.client}
    assert read(store, **login, federated_token_file=str(path)) == "found"
    path.write_text("x.y.z", encoding="utf-8")
    with pytest.raises(LoginFailed, match="federated credential"):
        read(store, **login, federated_token_file=str(path))


@pytest.mark.parametrize("assigned", [False, True])
def test_the_identity_of_the_machine_logs_in(store, monkeypatch, assigned):
    """The system's, or the one that is named; what a variable names is not read."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", store.server.machine_url)
    monkeypatch.setenv("AZURE_CLIENT_ID", "another")
    named = {"client_id": store.server.assigned} if assigned else {}
    client = store.server.assigned if assigned else store.server.machine
    store.server.order(grants={client: ["get"]}, guard="rbac")
    assert read(store, auth_method="managed_identity", **named) == "found"


def test_an_identity_that_the_machine_does_not_have_is_refused(store, monkeypatch):
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", store.server.machine_url)
    with pytest.raises(LoginFailed, match="Run on a machine of Azure that has this identity"):
        read(store, auth_method="managed_identity", client_id="44444444-0000-4000-8000-000000000000")


def test_a_machine_outside_azure_gives_up_after_one_request(store, monkeypatch):
    """An endpoint that answers anything else is asked once; one that says nothing is waited for as long as a constant says."""
    with scripted.running(lambda _request: scripted.Answer(404)) as other:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", other.url)
        with pytest.raises((LoginFailed, Unavailable)):
            read(store, auth_method="managed_identity")
        assert len(other.asked) == 1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:{0}".format(silent.getsockname()[1]))
        with deadline.within(60, "get"), pytest.raises((Timeout, LoginFailed), match="identity"):
            read(store, auth_method="managed_identity")
        assert not deadline.is_over()


def test_the_metadata_endpoint_is_not_asked_for_another_login(store, monkeypatch):
    with scripted.running(lambda _request: scripted.Answer(404)) as other:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", other.url)
        with pytest.raises(LoginFailed):
            read(store, client_secret="wrong")
        assert other.asked == []


def test_the_command_line_logs_in(store, monkeypatch, tmp_path):
    """`az account get-access-token`, with the resource of the vault."""
    token = store.server.order(describe=True)["token"]
    answer = {"accessToken": token, "expires_on": 4102444800, "expiresOn": "2100-01-01 00:00:00.000000", "tokenType": "Bearer"}
    program = tmp_path / "az"
    check = "assert sys.argv[1:3] == ['account', 'get-access-token'] and '{0}' in sys.argv".format(
        "https://0.0.1:" + str(store.server.port)
    )
    program.write_text("#!{0}\nimport json, sys\n{1}\nprint(json.dumps({2!r}))\n".format(sys.executable, check, answer), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read(store, auth_method="cli") == "found"
    program.write_text("#!/bin/sh\necho 'Please run az login' >&2; exit 1\n", encoding="utf-8")
    with pytest.raises(LoginFailed, match="az login"):
        read(store, auth_method="cli")


@pytest.mark.parametrize(("option", "value"), [("client_secret", "wrong-secret-91"), ("client_id", "nobody"), ("tenant_id", TENANT)])
def test_a_wrong_login_is_one_and_says_what_to_check(store, option, value):
    with pytest.raises(LoginFailed, match="'tenant_id', 'client_id' and 'client_secret'") as caught:
        read(store, **{option: value})
    assert "wrong-secret-91" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_token_endpoint_that_is_down_is_unavailable(store):
    store.fail(503, path="/" + store.server.tenant)
    with pytest.raises((Unavailable, LoginFailed)):
        read(store)
    store.recover()
    assert read(store) == "found"


def test_the_login_is_read_again_when_it_has_ended(store, tmp_path):
    """A secret in a file that is renewed while the store is open; the vault no longer takes the token."""
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_text(store.server.secret, encoding="utf-8")
    backend = store.backend(client_secret=None, client_secret_file=str(path))
    backend.connect()
    assert backend.get("db").version
    store.server.order(revoke=True)
    assert len(store.logins(lambda: backend.get("db"))) == 1
    path.write_text("wrong", encoding="utf-8")
    store.server.order(revoke=True)
    with pytest.raises(LoginFailed):
        backend.get("db")
    path.write_text(store.server.secret, encoding="utf-8")
    assert backend.get("db").version


def test_a_token_is_replaced_before_it_ends(store):
    """Five minutes before, by one request however many threads read."""
    store.server.order(lifetime=200)
    backend = store.backend()
    backend.connect()
    backend.get("db")
    store.server.order(lifetime=3599)
    assert len(store.logins(lambda: at_once(backend, 16))) == 1
    assert store.logins(lambda: at_once(backend, 4)) == []


def test_threads_that_begin_together_log_in_once(store):
    backend = store.backend()
    backend.connect()
    http_challenge_cache.clear()
    start = len(store.server.requests())
    at_once(backend, 32)
    made = [each.split()[1:3] for each in store.server.requests()[start:]]
    assert sum("/oauth2/" in path for path, _status in made) == 1
    assert sum(status == "401" for _path, status in made) == 1


def at_once(backend, number):
    """Read in so many threads."""
    failures = []

    def work():
        try:
            backend.get("db")
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what the test is about
            failures.append(error)

    threads = [threading.Thread(target=work) for _each in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_a_vault_that_demands_a_login_for_another_domain_gets_none(store):
    """The SDK's check of the challenge: no token is requested, and nothing is repeated."""
    store.server.order(resource="https://vault.azure.cn")
    start = len(store.server.requests())
    with pytest.raises(StorageError, match="the vaults of another domain"):
        read_fresh(store)
    assert [each for each in store.server.requests()[start:] if "/oauth2/" in each] == []


def read_fresh(store):
    """Read through a layer of repeats, by a client that has not seen the vault's challenge."""
    http_challenge_cache.clear()
    return store.manager().get("db")


def test_an_authority_of_another_cloud_is_refused_before_any_network(store):
    with pytest.raises(InvalidConfiguration, match="another cloud") as caught:
        store.backend(vault_url="https://shop.vault.azure.cn", authority="login.microsoftonline.com", ca_cert=None)
    assert caught.value.option == "authority"
