# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other names of the options, and the variables of other tools, of a store in Kubernetes."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.login import load
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.server import check_url
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from tests.unit.backends.variables import CANARY, check_filled, check_named, check_refused, fill

BARE = {"backend": "kubernetes"}
STORE = {**BARE, "namespace": "n", "audit": "off"}


def test_the_names_of_other_collections_are_known():
    expected = {
        "validate_certs": "verify",
        "verify_ssl": "verify",
        "ssl_ca_cert": "ca_cert",
        "cert_file": "client_cert",
        "token": "api_key",
    }
    assert expected.items() <= TRAITS.aliases.items()


@pytest.mark.parametrize(
    ("config", "environment", "expected"),
    [
        (BARE, {"K8S_AUTH_HOST": "h", "K8S_AUTH_API_KEY": "k"}, {"host": "h", "api_key": "k"}),
        (BARE, {"K8S_AUTH_KUBECONFIG": "f", "K8S_AUTH_CONTEXT": "c"}, {"kubeconfig": "f", "context": "c"}),
        (BARE, {"K8S_AUTH_HOST": "h", "K8S_AUTH_KUBECONFIG": "f"}, {"host": "h", "kubeconfig": None}),
        ({**BARE, "context": "c"}, {"K8S_AUTH_HOST": "h", "K8S_AUTH_KUBECONFIG": "f"}, {"host": None, "kubeconfig": "f"}),
        ({**BARE, "host": "h", "api_key_file": "f"}, {"K8S_AUTH_API_KEY": "k"}, {"api_key": None}),
    ],
)
def test_a_variable_stands_for_an_option_that_is_not_written(config, environment, expected):
    check_filled(config, environment, expected)


@pytest.mark.parametrize(
    ("variable", "value", "write"),
    [
        ("K8S_AUTH_VERIFY_SSL", "false", "verify: false"),
        ("K8S_AUTH_VERIFY_SSL", "no", "verify: false"),
        ("K8S_AUTH_IMPERSONATE_USER", "other", "kubeconfig"),
        ("K8S_AUTH_PASSWORD", CANARY, "K8S_AUTH_API_KEY"),
        ("K8S_AUTH_PROXY", "http://proxy", "HTTPS_PROXY"),
    ],
)
def test_a_variable_that_a_store_does_not_follow_is_refused_by_name(variable, value, write, monkeypatch):
    monkeypatch.setenv(variable, value)
    check_refused(STORE, variable, write)


@pytest.mark.parametrize(
    ("config", "variable", "value"),
    [
        ({**STORE, "verify": True}, "K8S_AUTH_VERIFY_SSL", "false"),
        (STORE, "K8S_AUTH_VERIFY_SSL", "true"),
        ({**STORE, "api_key": "k"}, "K8S_AUTH_PASSWORD", "x"),
    ],
)
def test_a_written_option_decides_and_harmless_values_pass(config, variable, value):
    assert fill(config, {variable: value}) == config


def test_a_mistake_in_a_variable_names_the_variable(monkeypatch):
    monkeypatch.setenv("K8S_AUTH_API_KEY", CANARY)
    check_named(STORE, "K8S_AUTH_API_KEY", "api_key")


def test_a_login_is_read_from_its_file_again(tmp_path):
    file = tmp_path / "token"
    found = load({"host": "https://127.0.0.1:1", "api_key_file": str(file)}, print)
    for content in ("{{ no template }}", "renewed"):
        file.write_text(content + "\n", encoding="utf-8")
        file.chmod(0o600)
        assert found.authorization() == "Bearer " + content


@pytest.mark.parametrize("url", ["https://user:443/canary@k.example.com", "https://user:443#canary@k.example.com"])
def test_an_address_that_a_login_has_cut_at_the_wrong_place_is_refused(url):
    with pytest.raises(InvalidConfiguration, match="it is not the address of a server") as caught:
        check_url(url, "host", insecure=False)
    assert "canary" not in str(caught.value)
