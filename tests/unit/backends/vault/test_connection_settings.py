# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import fill_from_environment
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import auth_options as auth
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import CONNECTION_TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.servers.certificates import Authority

LOCAL = "http://127.0.0.1:8200"
WITH_TOKEN = {"method": "token", "token": "s.one"}
VARIABLES = ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE", "VAULT_CACERT")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def connected(warn=lambda _message: None, **settings):
    settings.setdefault("url", LOCAL)
    settings.setdefault("auth", WITH_TOKEN)
    return Connection(settings, store="prod", warn=warn)


def refusal(**settings):
    with pytest.raises(InvalidConfiguration) as caught:
        connected(**settings)
    assert caught.value.store == "prod"
    return caught.value


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (None, "missing"),
        ("vault.example.com", "not the address"),
        ("ftp://vault.example.com", "not the address"),
        ("https://", "not the address"),
        ("https://vault:port", "not the address"),
        ("https://vault example", "not the address"),
        ("https://vault.example.com/?x=1", "not the address"),
        ("https://me:secret-of-mine@vault.example.com", "holds a login"),
        ("https://me:8200/secret-of-mine@vault.example.com", "not the address"),
        ("https://me:8200#secret-of-mine@vault.example.com", "not the address"),
        ("http://vault.example.com:8200", "plain HTTP"),
        ("http://192.0.2.1:8200", "plain HTTP"),
        ("http://127.0.0.1.example.com:8200", "plain HTTP"),
        ("https://vault.example.com:8200/v1", "ends with a path in the server"),
        ("https://vault.example.com/proxied/v1/", "ends with a path in the server"),
        ("https://vault.example.com:8200/ui", "ends with a path in the server"),
        ("https://vault.example.com:8200/ui/vault/secrets", "ends with a path in the server"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_before_any_network(url, says):
    error = refusal(url=url)
    assert error.option == "url"
    assert says in error.what
    assert "secret-of-mine" not in str(error)


@pytest.mark.parametrize("url", ["https://vault.example.com:8200/", "http://localhost:8200", "http://[::1]:8200", "http://127.8.9.1"])
def test_https_and_loopback_need_nothing_more(url):
    assert connected(url=url)._address.url == url.rstrip("/")


def test_the_part_of_an_address_that_is_too_much_is_named():
    assert refusal(url="https://vault.example.com:8200/v1").remedy == "Write it without '/v1'."
    assert refusal(url="https://vault.example.com:8200/ui/vault/secrets").remedy == "Write it without '/ui/vault/secrets'."


@pytest.mark.parametrize("path", ["/vault", "/v1/vault", "/uis", "/my-ui"])
def test_a_path_of_a_proxy_is_part_of_an_address(path):
    url = "https://proxy.example.com" + path
    assert connected(url=url)._address.url == url


def test_plain_http_is_allowed_when_it_is_written_out():
    assert connected(url="http://vault.example.com", allow_insecure_transport=True)._address.insecure


def test_the_environment_says_what_the_options_do_not(monkeypatch, tmp_path):
    ca = Authority(tmp_path).certificate
    for variable, value in zip(VARIABLES, ("https://vault.example.com", "s.two", "team", str(ca))):
        monkeypatch.setenv(variable, value)
    connection = Connection(fill_from_environment(CONNECTION_TRAITS, {}, os.environ).config, store="prod", warn=print)
    assert connection._address[:3] == ("https://vault.example.com", "team", str(ca))
    assert connection._login._auth.text("token") == "s.two"
    other = connected(url="https://other.example.com", namespace="mine", auth={"token": "s.three"})
    assert other._address[:2] == ("https://other.example.com", "mine")
    assert other._login._auth.text("token") == "s.three"


def test_certificates_that_are_not_there_are_named(tmp_path):
    absent = str(tmp_path / "absent.pem")
    for option in ("ca_cert", "ca_path", "client_cert"):
        error = refusal(**{option: absent})
        assert error.option == option
        assert absent in error.what
    issued = Authority(tmp_path).issue("client", client=True)
    assert refusal(client_cert=str(issued.certificate), client_key=absent).option == "client_key"
    assert refusal(client_key=str(issued.key)).option == "client_key"
    assert refusal(ca_cert=str(issued.certificate), ca_path=str(tmp_path)).option == "ca_path"


def test_an_unchecked_certificate_is_warned_of_once():
    warnings = []
    assert connected(warn=warnings.append, verify=False)._address.verify is False
    assert len(warnings) == 1
    assert "store 'prod': 'verify: false': the certificate of http://127.0.0.1:8200 is not checked" in warnings[0]


@pytest.mark.parametrize(
    ("configured", "part", "says"),
    [
        ("token", "", "not a mapping"),
        ({"method": "okta", "username": "x"}, "method", "no method 'okta'"),
        ({"role_id": "x"}, "role_id", "names no 'method'"),
        ({"method": ["token"]}, "method", "no method"),
        ({"tokn": "x"}, "tokn", "no such option"),
        ({"method": "approle"}, "", "lacks 'role_id'"),
        ({"method": "approle", "role_id": "x", "secretid": "y"}, "secretid", "no such option"),
        ({"method": "approle", "role_id": "x", "secret_id": "y", "secret_id_file": "/z"}, "secret_id_file", "both given"),
        ({"method": "approle", "role_id": "x", "secret_id_wrapped": "yes"}, "secret_id_wrapped", "neither true nor false"),
        ({"method": "approle", "role_id": "x", "secret_id_wrapped": True}, "", "lacks 'secret_id' or 'secret_id_file' or 'secret_id_env'"),
        ({"method": "approle", "role_id": ["x"]}, "role_id", "not text"),
        ({"method": "approle", "role_id": True}, "role_id", "not text"),
        ({"method": "approle", "role_id": ""}, "role_id", "empty"),
        ({"method": "kubernetes"}, "", "lacks 'role'"),
        ({"method": "jwt", "role": "x"}, "", "lacks 'jwt' or 'jwt_file'"),
        ({"method": "userpass", "username": "x"}, "", "lacks 'password' or 'password_file'"),
        ({"method": "token", "token": "x", "mount": "y"}, "mount", "no option 'mount'"),
        ({"method": "cert", "name": "x"}, "name", "no such option"),
        ({"method": "aws", "role": "x", "access_key": "y"}, "", "lacks 'secret_key'"),
    ],
)
def test_a_login_that_is_described_wrongly_is_refused_with_what_is_allowed(configured, part, says):
    error = refusal(auth=configured)
    assert error.option == ("auth." + part if part else "auth")
    assert says in error.what
    assert error.remedy


@pytest.mark.parametrize(
    ("mistyped", "meant"), [("tokn", "token"), ("methud", "method"), ("role_di", "role_id"), ("secret_id_fil", "secret_id_file")]
)
def test_a_mistyped_part_of_a_login_is_named_with_what_was_meant(mistyped, meant):
    assert "Did you mean '{0}'?".format(meant) in refusal(auth={mistyped: "x"}).remedy


def test_a_login_that_is_written_outside_auth_is_named_as_it_was_written():
    """`auth` itself is not in that configuration."""
    with pytest.raises(InvalidConfiguration, match=r"option 'auth.role_id', .*\(also called 'role_id'\)"):
        open_store({"backend": "vault", "url": "https://vault.example.com", "role_id": "x"})


@pytest.mark.parametrize("method", sorted(auth.METHODS))
@given(extra=st.text(min_size=1, max_size=20))
def test_no_method_takes_an_option_that_it_does_not_know(method, extra):
    known = auth.METHODS[method].options()
    if extra in {*known, "method"}:
        return
    with pytest.raises(InvalidConfiguration):
        auth.auth_of({"method": method, extra: "x"})


def test_secrets_of_a_login_are_shown_nowhere():
    for configured in ({"token": "canary-1"}, {"method": "userpass", "username": "me", "password": "canary-1"}):
        assert "canary-1" not in repr(auth.auth_of(configured))
    with pytest.raises(InvalidConfiguration) as caught:
        auth.auth_of({"method": "userpass", "username": "me", "password": "canary-1", "passwort": "canary-1"})
    assert "canary-1" not in str(caught.value)


def test_a_token_is_looked_for_in_the_option_the_environment_and_the_file_of_the_command_line(home, monkeypatch):
    assert "there is no token" in refusal(auth=None).what
    (home / ".vault-token").touch(mode=0o600)
    (home / ".vault-token").write_text("s.file\n")
    assert connected(auth={"method": "token"})._login._auth.text("token") == "s.file"
    monkeypatch.setenv("VAULT_TOKEN", "s.environment")
    assert connected(auth={})._login._auth.text("token") == "s.environment"
    assert connected(auth={"token": "s.option"})._login._auth.text("token") == "s.option"


def test_the_token_of_the_environment_is_not_looked_at_by_other_methods(monkeypatch):
    monkeypatch.setenv("VAULT_TOKEN", "s.environment")
    login = connected(auth={"method": "userpass", "username": "me", "password": "x"})._login
    assert login._auth.text("token") is None


def test_files_are_read_when_they_are_needed_and_named_when_they_cannot_be(tmp_path):
    file = tmp_path / "secret_id"
    chosen = auth.auth_of({"method": "approle", "role_id": "x", "secret_id_file": str(file)})
    for content, says in ((None, "cannot be read"), (b"", "is empty"), (b"\xff", "cannot be read")):
        if content is not None:
            file.touch(mode=0o600)
            file.write_bytes(content)
        with pytest.raises(InvalidConfiguration, match=says) as caught:
            chosen.text("secret_id")
        assert caught.value.option == "auth"
    file.write_text("one\n")
    assert chosen.text("secret_id") == "one"


def test_a_mount_may_be_written_with_slashes():
    assert auth.auth_of({"method": "cert", "mount": "/corporate/cert/"}).mount == "corporate/cert"


@pytest.mark.parametrize(
    ("here", "location", "follows"),
    [
        ("https://one.example.com", "https://two.example.com:8200/v1/x", True),
        ("https://one.example.com", "http://two.example.com/v1/x", False),
        ("https://one.example.com", "http://127.0.0.1/v1/x", False),
        ("https://one.example.com", "https://me:x@two.example.com/v1/x", False),
        ("https://one.example.com", "file:///etc/passwd", False),
        ("http://127.0.0.1:8200", "http://127.0.0.1:8300/v1/x", True),
        ("http://127.0.0.1:8200", "http://two.example.com/v1/x", False),
        ("http://127.0.0.1:8200", "https://two.example.com/v1/x", True),
    ],
)
def test_a_token_follows_a_redirect_only_where_it_could_have_gone_at_first(here, location, follows):
    assert connected(url=here)._address.leads_to(location) is follows
