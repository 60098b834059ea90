# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a store in Key Vault: what is wrong is found before any network is used."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import fill_from_environment
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

BY_SECRET = {"auth_method": "client_secret", "tenant_id": "t", "client_id": "c", "client_secret": "s"}
VAULT = "https://shop.vault.azure.net"
MISTAKES = {
    "no vault": ({"vault_url": None}, "vault_url"),
    "no https": ({"vault_url": "http://shop.vault.azure.net"}, "vault_url"),
    "a path": ({"vault_url": VAULT + "/secrets/db"}, "vault_url"),
    "a login in the address": ({"vault_url": "https://me:pw@shop.vault.azure.net"}, "vault_url"),
    "no method": ({"auth_method": None}, "auth_method"),
    "a part is missing": ({"client_secret": None}, "client_secret"),
    "a part of another method": ({"federated_token_file": "/x"}, "federated_token_file"),
    "a part that no method uses here": ({"auth_method": "managed_identity", "client_id": None, "client_secret": None}, "tenant_id"),
    "no certificate": ({"auth_method": "certificate", "client_secret": None, "client_certificate": "/nowhere.pem"}, "client_certificate"),
    "an authority of another cloud": ({"authority": "login.chinacloudapi.cn"}, "authority"),
    "an authority with a path": ({"authority": "https://login.microsoftonline.com/tenant"}, "authority"),
    "no cloud that is known": ({"vault_url": "https://vault.example.com"}, "authority"),
    "a version that is none": ({"api_version": "newest!"}, "api_version"),
    "a prefix that is none": ({"prefix": "Team"}, "prefix"),
}


def build(**options):
    return backend_class("azure")({"vault_url": VAULT, **BY_SECRET, **options}, BackendContext("prod"))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_option(mistake):
    options, option = MISTAKES[mistake]
    with pytest.raises(InvalidConfiguration) as caught:
        build(**options)
    assert (caught.value.option, caught.value.store) == (option, "prod")
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("vault", "authority"),
    [
        (VAULT, "login.microsoftonline.com"),
        ("https://shop.vault.azure.cn/", "login.chinacloudapi.cn"),
        ("https://shop.vault.usgovcloudapi.net", "login.microsoftonline.us"),
    ],
)
def test_each_cloud_has_its_own_authority(vault, authority):
    assert build(vault_url=vault)._connection.address.authority == authority


VARIABLES = {
    "AZURE_TENANT_ID": "t",
    "AZURE_CLIENT_ID": "c",
    "AZURE_CLIENT_SECRET": "s",
    "AZURE_FEDERATED_TOKEN_FILE": "/f",
    "AZURE_CLIENT_CERTIFICATE_PATH": "/p",
    "AZURE_KEYVAULT_URL": VAULT,
}


@pytest.mark.parametrize(
    ("method", "parts"),
    [
        ("client_secret", {"tenant_id", "client_id", "client_secret"}),
        ("certificate", {"tenant_id", "client_id", "client_certificate"}),
        ("workload_identity", {"tenant_id", "client_id", "federated_token_file"}),
        ("managed_identity", set()),
        ("cli", {"tenant_id"}),
    ],
)
def test_variables_stand_for_the_parts_of_the_method_alone(method, parts):
    """A variable for another login neither chooses it nor gets in its way."""
    filled = fill_from_environment(read_traits("azure"), {"backend": "azure", "auth_method": method}, VARIABLES)
    assert set(filled.config) - {"backend", "auth_method", "vault_url"} == parts
