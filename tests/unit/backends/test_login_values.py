# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of a login comes from a file or a variable as well, read again for each login."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import check_login, read_login
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import auth_options as auth
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import AUTH_LOGIN
from ansible_collections.nebula.credential.plugins.module_utils.errors import InsecurePermissions, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache import options as shared_cache

BRACES = "{{ not a template }}"
MINIMAL = {
    "approle": {"role_id": "r", "secret_id": "s"},
    "aws": {"role": "r", "access_key": "a", "secret_key": "s", "session_token": "t"},
    "azure": {"role": "r", "jwt": "j"},
    "jwt": {"role": "r", "jwt": "j"},
    "token": {"token": "t"},
    "userpass": {"username": "u", "password": "p"},
}


def warn(message):
    raise AssertionError(message)


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "value"
    path.write_text(BRACES + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def read(settings, option="password"):
    found = read_login(settings, option, warn)
    return found and found.expose().decode()


def test_a_value_comes_from_where_it_is_given_as_it_is_now(secret_file, monkeypatch):
    monkeypatch.setenv("MINE", BRACES)
    assert read({}) is None
    assert read({"password": "written"}) == "written"
    assert read({"password_env": "MINE"}) == BRACES
    assert read({"password_file": str(secret_file)}) == BRACES
    secret_file.write_text("renewed", encoding="utf-8")
    assert read({"password_file": str(secret_file)}) == "renewed"


def test_what_cannot_be_read_is_named(secret_file):
    with pytest.raises(InvalidConfiguration, match="no variable 'ABSENT'") as caught:
        read({"password_env": "ABSENT"})
    assert caught.value.option == "password_env"
    secret_file.write_text("", encoding="utf-8")
    with pytest.raises(InvalidConfiguration, match="is empty"):
        read({"password_file": str(secret_file)})
    secret_file.chmod(0o644)
    with pytest.raises(InsecurePermissions):
        read({"password_file": str(secret_file)})


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_every_option_of_a_login_has_a_file_and_a_variable(backend):
    traits = read_traits(backend)
    for option in traits.login:
        known = (*traits.spec, *traits.parts_with_paths) if "." in option else tuple(traits.spec)
        assert option + "_file" in known
        assert option + "_file" in (*traits.paths, *traits.parts_with_paths)
    assert {option for option in traits.secrets if "." not in option} <= set(traits.login), "a secret that only the store can hold"


@pytest.mark.parametrize("ending", ["_file", "_env"])
def test_an_option_in_two_places_is_refused(ending):
    with pytest.raises(InvalidConfiguration, match="are both given"):
        check_login({"password": "x", "password" + ending: "y"}, ("password",))


@pytest.mark.parametrize(("method", "part"), [(method, part) for method, parts in MINIMAL.items() for part in parts if part in AUTH_LOGIN])
def test_each_part_of_a_login_of_vault_can_be_a_file_or_a_variable(method, part, secret_file, monkeypatch):
    monkeypatch.setenv("MINE", BRACES)
    others = {name: value for name, value in MINIMAL[method].items() if name != part}
    for given in ({part + "_file": str(secret_file)}, {part + "_env": "MINE"}):
        assert auth.auth_of({"method": method, **others, **given}).text(part) == BRACES
    with pytest.raises(InvalidConfiguration, match="are both given"):
        auth.auth_of({"method": method, **others, part: "x", part + "_env": "MINE"})


@pytest.mark.parametrize(
    ("configured", "environment", "expected"),
    [
        (None, {"VAULT_TOKEN": "v", "BAO_TOKEN": "b"}, ("token", {"token": "b"})),
        (None, {"VAULT_TOKEN": "v", "ANSIBLE_HASHI_VAULT_TOKEN": "a"}, ("token", {"token": "a"})),
        ({"token_file": "/x"}, {"VAULT_TOKEN": "v"}, ("token", {"token": None})),
        (
            None,
            {f"ANSIBLE_HASHI_VAULT_{name}": name for name in ("ROLE_ID", "SECRET_ID")} | {"ANSIBLE_HASHI_VAULT_AUTH_METHOD": "approle"},
            ("approle", {"role_id": "ROLE_ID", "secret_id": "SECRET_ID"}),
        ),
        (
            {"method": "approle", "role_id": "mine"},
            {"ANSIBLE_HASHI_VAULT_ROLE_ID": "x", "ANSIBLE_HASHI_VAULT_SECRET_ID": "s", "VAULT_TOKEN": "v"},
            ("approle", {"role_id": "mine", "secret_id": "s", "token": None}),
        ),
        (
            {"method": "jwt"},
            {"ANSIBLE_HASHI_VAULT_ROLE_ID": "r", "ANSIBLE_HASHI_VAULT_JWT": "j", "ANSIBLE_HASHI_VAULT_MOUNT_POINT": "m"},
            ("jwt", {"role": "r", "jwt": "j"}),
        ),
    ],
)
def test_the_variables_of_other_tools_complete_a_login_of_vault(configured, environment, expected, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = auth.auth_of(configured)
    method, parts = expected
    assert (found.method, {part: found.text(part) for part in parts if part + "_file" not in (configured or {})}) == (
        method,
        {part: value for part, value in parts.items() if part + "_file" not in (configured or {})},
    )
    assert found.mount == (environment.get("ANSIBLE_HASHI_VAULT_MOUNT_POINT") or auth.METHODS[method].mount or "")


@pytest.mark.parametrize("url", ["postgresql://written@h/d", "mariadb://written@h/d"])
def test_the_user_name_of_a_database_comes_from_a_variable(url, monkeypatch):
    monkeypatch.setenv("MINE", BRACES)
    kind = Database({"url": url, "username_env": "MINE"}, BackendContext("prod"))._connections.kind
    assert kind._arguments()["user"] == BRACES


def test_a_shared_cache_reads_its_login(secret_file, monkeypatch):
    monkeypatch.setenv("MINE", "me")
    given = {"url": "rediss://h", "ttl": 300.0, "allow_insecure_transport": False, "username_env": "MINE"}
    found = shared_cache.address_of({**given, "password_file": str(secret_file)}, warn)
    assert (found.username, found.password) == ("me", BRACES)
    with pytest.raises(InvalidConfiguration, match="are both given") as caught:
        shared_cache.address_of({**given, "password": "x", "password_file": str(secret_file)}, warn)
    assert caught.value.option == "shared_cache.password_file"


@pytest.mark.parametrize(
    ("url", "given", "shown"),
    [
        ("postgresql://", {"host": "h", "database": "d", "port": 1}, "postgresql://h:1/d"),
        ("postgresql://h", {"database": "d"}, "postgresql://h:5432/d"),
        ("postgresql:///d", {"host": "/run/postgresql"}, "postgresql:///run/postgresql/d"),
        ("mariadb://", {"unix_socket": "/run/s", "database": "d"}, "mariadb:///run/s/d"),
    ],
)
def test_options_complete_the_url_of_a_database(url, given, shown):
    assert Database({"url": url, **given}, BackendContext("prod"))._connections.kind.address.redact == shown


@pytest.mark.parametrize(
    ("url", "option", "value"),
    [
        ("postgresql://h/d", "host", "x"),
        ("postgresql://h/d", "database", "x"),
        ("mysql://h:1/d", "port", 2),
        ("sqlite:////x.db", "host", "x"),
    ],
)
def test_a_part_in_the_url_and_in_an_option_is_refused(url, option, value):
    with pytest.raises(InvalidConfiguration) as caught:
        Database({"url": url, option: value}, BackendContext("prod"))
    assert caught.value.option == option
