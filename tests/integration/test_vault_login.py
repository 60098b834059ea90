# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidConfiguration, LoginFailed
from tests.integration.vault_ways import PLACE, Ways, connected, signed
from tests.servers import once

pytestmark = pytest.mark.server


@pytest.fixture
def server():
    return once.openbao()


@pytest.fixture
def ways(server):
    return Ways(server)


def reads(connection):
    return connection.request("GET", PLACE).body["data"]["data"] == {"it": "works"}


@pytest.mark.parametrize("method", ["token", "approle", "userpass", "jwt"])
def test_each_method_logs_in(server, ways, method):
    assert reads(connected(server, getattr(ways, method)()))


def test_a_token_is_taken_from_the_environment_and_from_files(server, ways, home, monkeypatch):
    token = ways.token()["token"]
    for name in (".vault-token", "elsewhere"):
        (home / name).touch(mode=0o600)
    (home / ".vault-token").write_text(token)
    assert reads(connected(server))
    (home / "elsewhere").write_text(token + "\n")
    (home / ".vault-token").unlink()
    assert reads(connected(server, {"token_file": "~/elsewhere"}))
    monkeypatch.setenv("VAULT_TOKEN", token)
    monkeypatch.setenv("VAULT_ADDR", server.url)
    assert reads(connected(server, url=None))


def test_secrets_of_a_login_are_read_from_files_at_each_login(server, ways, tmp_path):
    """What rotates them (an agent, the kubelet) writes another one while the run lasts."""
    auth = ways.approle()
    file = tmp_path / "secret_id"
    file.touch(mode=0o600)
    file.write_text("not yet\n")
    auth["secret_id_file"] = str(file)
    secret_id = auth.pop("secret_id")
    connection = connected(server, auth)
    with pytest.raises(LoginFailed):
        reads(connection)
    file.write_text(secret_id + "\n")
    assert reads(connection)


def test_a_wrapped_secret_id_is_unwrapped_once(server, ways):
    auth = ways.approle(wrapped=True)
    assert reads(connected(server, auth))
    with pytest.raises(LoginFailed) as caught:
        reads(connected(server, auth))
    assert "unwrapped" in caught.value.what
    assert auth["secret_id"] not in str(caught.value)


def test_an_approle_may_do_without_a_secret_id(server, ways):
    assert reads(connected(server, ways.approle(bind_secret_id=False, secret_id_bound_cidrs=["127.0.0.0/8"])))


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ("approle", {"secret_id": "canary"}),
        ("approle", {"role_id": "nobody"}),
        ("userpass", {"password": "canary"}),
        ("userpass", {"username": "nobody"}),
        ("jwt", {"jwt": "canary.canary.canary"}),
        ("jwt", {"role": "nobody"}),
        ("userpass", {"mount": "nowhere"}),
        ("approle", {"mount": "token"}),
    ],
)
def test_a_wrong_login_fails_as_one_and_names_its_method_and_mount(server, ways, method, wrong):
    auth = dict(getattr(ways, method)(), **wrong)
    with pytest.raises(LoginFailed) as caught:
        reads(connected(server, auth))
    assert caught.value.option == "auth"
    assert "'{0}' at auth/{1}/login".format(method, auth["mount"]) in caught.value.what
    assert "canary" not in str(caught.value)


def test_an_expired_jwt_fails_as_a_login(server, ways):
    key = ec.generate_private_key(ec.SECP256R1())
    auth = {"method": "jwt", "mount": ways.trusting(key, "vault"), "role": "test"}
    assert reads(connected(server, dict(auth, jwt=signed(key, "vault", 300))))
    with pytest.raises(LoginFailed):
        reads(connected(server, dict(auth, jwt=signed(key, "vault", -600))))


def test_a_wrong_token_is_a_login_that_failed_and_no_denial(server):
    with pytest.raises(LoginFailed) as caught:
        reads(connected(server, {"token": "s.wrong"}))
    assert "wrong, expired or revoked" in caught.value.what
    assert "s.wrong" not in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"no_default_policy": True}, {"type": "batch"}, {"no_default_policy": True, "type": "batch"}])
def test_a_denial_is_no_failed_login_whatever_the_token_may_ask_about_itself(server, ways, options):
    connection = connected(server, ways.token(**options))
    assert reads(connection)
    with pytest.raises(AccessDenied) as caught:
        connection.request("GET", "secret/data/elsewhere", capability="read")
    assert 'path "secret/data/elsewhere" { capabilities = ["read"] }' in caught.value.remedy


def test_a_denial_costs_no_new_login(server, ways):
    connection = connected(server, ways.userpass())
    for _time in range(3):
        with pytest.raises(AccessDenied):
            connection.request("POST", PLACE, {"data": {}}, writing=True, capability="update")
    assert ways.logins() == 1


def test_the_root_token_is_fine(server):
    connection = connected(server, {"token": server.root_token})
    assert connection.request("LIST", "sys/policies/acl").status == 200
    assert connection.health().status == "healthy"


def test_fifty_threads_make_one_login(server, ways):
    connection = connected(server, ways.userpass())
    gate = threading.Barrier(50)
    outcomes = []

    def ask():
        gate.wait()
        outcomes.append(reads(connection))

    threads = [threading.Thread(target=ask) for _number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 50
    assert ways.logins() == 1


def test_a_token_of_ours_is_revoked_at_the_end_and_a_given_one_is_not(server, ways):
    given = ways.token()
    auth = ways.userpass()
    for connection in (connected(server, auth), connected(server, auth, revoke_on_close=False), connected(server, given)):
        assert reads(connection)
        made = connection._login.token().secret.expose().decode()
        connection.close()
        connection.close()
        ours = connection._login._auth.method != "token" and connection._login._revoke
        if ours:
            with pytest.raises(AssertionError, match="403"):
                server.call("GET", "auth/token/lookup-self", token=made)
        else:
            assert server.call("GET", "auth/token/lookup-self", token=made)


def test_a_connection_that_was_never_used_ends_without_a_request(server, ways):
    auth = ways.userpass()
    before = len(server.requests())
    connected(server, auth).close()
    assert len(server.requests()) == before


def test_a_second_factor_is_told(server, ways):
    """OpenBao and Vault answer such a login with 200 and no token."""
    auth = ways.userpass()
    accessor = server.call("GET", "sys/auth")["data"][auth["mount"] + "/"]["accessor"]
    method = server.call("POST", "identity/mfa/method/totp", {"issuer": "test", "period": 30})["data"]["method_id"]
    enforced = {"mfa_method_ids": [method], "auth_method_accessors": [accessor]}
    server.call("POST", "identity/mfa/login-enforcement/" + ways.own, enforced)
    try:
        with pytest.raises(LoginFailed, match="second factor"):
            reads(connected(server, auth))
    finally:
        server.call("DELETE", "identity/mfa/login-enforcement/" + ways.own)


@pytest.mark.parametrize("variable", ["VAULT_TOKEN", "ANSIBLE_HASHI_VAULT_TOKEN"])
def test_a_wrong_token_is_named_by_its_server_and_its_variable(server, monkeypatch, variable):
    monkeypatch.setenv(variable, "s.canary-token")
    assert where_from(connected(server)) == "{0}; 'token' of the environment variable {1}".format(server.url, variable)


def test_a_wrong_token_is_named_by_its_file_or_by_its_option(server, tmp_path):
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text("s.canary-token")
    assert where_from(connected(server, {"token_file": str(file)})) == "{0}; 'token_file' {1}".format(server.url, file)
    assert where_from(connected(server, {"token": "s.canary-token"})) == "{0}; 'token' of 'auth'".format(server.url)
    assert where_from(connected(server, {"token": "s.canary token"})) == "{0}; 'token' of 'auth'".format(server.url)


def test_a_refused_role_is_named_by_its_server_and_the_places_of_its_values(server, monkeypatch):
    monkeypatch.setenv("ANSIBLE_HASHI_VAULT_SECRET_ID", "canary-secret-id")
    auth = {key: value for key, value in Ways(server).approle().items() if key != "secret_id"}
    expected = "{0}; 'role_id' of 'auth', 'secret_id' of the environment variable ANSIBLE_HASHI_VAULT_SECRET_ID"
    assert where_from(connected(server, auth)) == expected.format(server.url)


def where_from(connection):
    """What an error of the login says in brackets."""
    with pytest.raises(LoginFailed) as caught:
        reads(connection)
    assert "canary" not in str(caught.value)
    return caught.value.what.partition("(")[2].rpartition(")")[0]


def test_a_namespace_is_a_place_of_its_own(server):
    name = "n" + Ways(server).own
    server.call("POST", "sys/namespaces/" + name, {})
    root = connected(server, {"token": server.root_token})
    within = connected(server, {"token": server.root_token}, namespace=name)
    within.request("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}, writing=True)
    within.request("POST", "secret/data/logins/" + name, {"data": {"a": "b"}}, writing=True)
    assert within.request("GET", "secret/data/logins/" + name).status == 200
    assert root.request("GET", "secret/data/logins/" + name).status == 404
    assert root.request("GET", "{0}/secret/data/logins/{0}".format(name)).status == 200


def test_a_file_that_is_not_there_is_a_matter_of_configuration(server, tmp_path):
    auth = {"method": "kubernetes", "role": "x", "jwt_path": str(tmp_path / "absent")}
    with pytest.raises(InvalidConfiguration, match="jwt_path"):
        reads(connected(server, auth))
