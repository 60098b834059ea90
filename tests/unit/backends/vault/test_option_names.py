# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other names of the options, and the variables of other tools, of a store in Vault."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.auth_options import auth_of
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import TRAITS
from tests.unit.backends.variables import CANARY, check_filled, check_named, check_refused, fill

BARE = {"backend": "vault"}
STORE = {**BARE, "url": "https://vault.example.com", "audit": "off", "token": CANARY}


def test_the_names_of_other_collections_are_known():
    expected = {
        "validate_certs": "verify",
        "auth_method": "auth.method",
        "mount_point": "auth.mount",
        "engine_mount_point": "mount",
        "cacert": "ca_cert",
        "role_id": "auth.role_id",
        "secret_id": "auth.secret_id",
        "token": "auth.token",
    }
    assert expected.items() <= TRAITS.aliases.items()


@pytest.mark.parametrize(
    ("config", "environment", "expected"),
    [
        (BARE, {"VAULT_ADDR": "v", "BAO_ADDR": "b", "ANSIBLE_HASHI_VAULT_ADDR": "a"}, {"url": "a"}),
        (BARE, {"VAULT_ADDR": "v", "BAO_ADDR": "b"}, {"url": "b"}),
        (BARE, {"VAULT_ADDR": "v", "VAULT_AGENT_ADDR": "agent"}, {"url": "agent"}),
        ({**BARE, "url": "written"}, {"VAULT_ADDR": "v"}, {"url": "written"}),
        (BARE, {"VAULT_ADDR": ""}, {"url": None}),
        (BARE, {"VAULT_CACERT": "f", "VAULT_CAPATH": "d"}, {"ca_cert": "f", "ca_path": None}),
        ({**BARE, "ca_path": "d"}, {"VAULT_CACERT": "f"}, {"ca_cert": None, "ca_path": "d"}),
        (BARE, {"VAULT_CLIENT_CERT": "c", "VAULT_CLIENT_KEY": "k"}, {"client_cert": "c", "client_key": "k"}),
        ({**BARE, "client_cert": "both"}, {"VAULT_CLIENT_KEY": "k"}, {"client_cert": "both", "client_key": None}),
        (BARE, {"VAULT_CLIENT_TIMEOUT": "7"}, {"read_timeout": "7", "write_timeout": "7"}),
        ({**BARE, "read_timeout": 2}, {"ANSIBLE_HASHI_VAULT_TIMEOUT": "7"}, {"read_timeout": 2, "write_timeout": "7"}),
        (BARE, {"VAULT_MAX_RETRIES": "3", "ANSIBLE_HASHI_VAULT_RETRIES": "4"}, {"max_retries": "4"}),
        (BARE, {"BAO_TLS_SERVER_NAME": "n", "BAO_NAMESPACE": "team"}, {"tls_server_name": "n", "namespace": "team"}),
    ],
)
def test_a_variable_stands_for_an_option_that_is_not_written(config, environment, expected):
    check_filled(config, environment, expected)


@pytest.mark.parametrize(
    ("variable", "value", "write"),
    [
        ("VAULT_SKIP_VERIFY", "true", "verify: false"),
        ("BAO_SKIP_VERIFY", "1", "verify: false"),
        ("VAULT_PROXY_ADDR", "http://proxy", "HTTPS_PROXY"),
        ("ANSIBLE_HASHI_VAULT_TOKEN_PATH", "/x", "token_file"),
        ("ANSIBLE_HASHI_VAULT_RETRY_ACTION", "warn", "Metrics"),
        ("ANSIBLE_HASHI_VAULT_TOKEN_VALIDATE", "true", "first request"),
        ("VAULT_SRV_LOOKUP", "true", "'url'"),
    ],
)
def test_a_variable_that_a_store_does_not_follow_is_refused_by_name(variable, value, write, monkeypatch):
    monkeypatch.setenv(variable, value)
    check_refused(STORE, variable, write)


@pytest.mark.parametrize(
    ("config", "variable", "value"),
    [
        ({**STORE, "verify": True}, "VAULT_SKIP_VERIFY", "true"),
        ({**STORE, "verify": False}, "VAULT_SKIP_VERIFY", "true"),
        (STORE, "VAULT_SKIP_VERIFY", "false"),
    ],
)
def test_a_written_option_decides_and_harmless_values_pass(config, variable, value):
    assert fill(config, {variable: value}) == config


@pytest.mark.parametrize(
    ("method", "variable", "option"),
    [
        ("aws", "ANSIBLE_HASHI_VAULT_AWS_IAM_SERVER_ID", "header_value"),
        ("azure", "ANSIBLE_HASHI_VAULT_AZURE_RESOURCE", "resource"),
        ("azure", "ANSIBLE_HASHI_VAULT_AZURE_CLIENT_ID", "client_id"),
    ],
)
def test_a_variable_of_a_cloud_is_a_part_of_its_login(monkeypatch, method, variable, option):
    monkeypatch.setenv(variable, "from-there")
    assert auth_of({"method": method, "role": "r"}).text(option) == "from-there"


@pytest.mark.parametrize(
    ("variable", "value", "option"),
    [("VAULT_CLIENT_TIMEOUT", "60s", "read_timeout"), ("ANSIBLE_HASHI_VAULT_RETRIES", "many", "max_retries")],
)
def test_a_variable_that_is_no_number_is_named(monkeypatch, variable, value, option):
    monkeypatch.setenv(variable, value)
    check_named(STORE, variable, option)


def test_a_mistake_in_a_variable_names_the_variable(monkeypatch):
    monkeypatch.setenv("VAULT_ADDR", "http://vault.example.com")
    check_named({**BARE, "token": CANARY}, "VAULT_ADDR", "url")
