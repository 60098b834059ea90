# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other names of options: one meaning each, for every backend."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_part, set_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.store.aliases import resolve_store_aliases
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.config.config_secrets import secrets_of
from ansible_collections.nebula.credential.plugins.plugin_utils.config.relative_paths import beside_file
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import RunConfig, resolve_store

CANARY = "canary-5d1e"
ALIASES = [(backend, alias, option) for backend in sorted(BACKENDS) for alias, option in read_traits(backend).aliases.items()]


@pytest.mark.parametrize(("backend", "alias", "option"), ALIASES)
def test_an_option_has_one_value_whatever_it_is_called(backend, alias, option):
    found = resolve_store_aliases({"backend": backend, alias: "x"})
    assert (read_part(found, option), alias in found) == ("x", False)


@pytest.mark.parametrize(("backend", "alias", "option"), ALIASES)
def test_an_option_under_two_names_is_refused(backend, alias, option):
    config = set_part({"backend": backend, alias: CANARY}, option, CANARY)
    with pytest.raises(InvalidConfiguration, match="which is given too") as caught:
        open_store(config, name="prod")
    assert (caught.value.option, caught.value.store) == (alias, "prod")
    assert CANARY not in str(caught.value)


NOT_TEXT = [entry for entry in ALIASES if "." not in entry[2]]


@pytest.mark.parametrize(("backend", "alias", "option"), NOT_TEXT)
def test_a_fault_of_another_name_names_both(backend, alias, option):
    """What is written is read under the option's own name, so a message that had only that would name what the user has not written."""
    with pytest.raises(InvalidConfiguration) as caught:
        open_store({"backend": backend, alias: [["x"]]})
    assert caught.value.option == option
    assert "also called" in str(caught.value)
    assert "'{0}'".format(alias) in str(caught.value)


def test_two_other_names_of_one_option_are_refused_too():
    with pytest.raises(InvalidConfiguration, match="another name of 'tls_ca'"):
        resolve_store_aliases({"backend": "database", "cacert": "a.pem", "ca_cert": "b.pem"})


def test_an_option_that_should_have_parts_and_is_a_text_is_refused():
    with pytest.raises(InvalidConfiguration, match="option 'auth': it is not a mapping"):
        resolve_store_aliases({"backend": "vault", "auth": "text", "token": CANARY})


@pytest.mark.parametrize(("backend", "alias", "option"), ALIASES)
def test_another_name_is_masked_and_placed_as_its_option(backend, alias, option):
    traits = read_traits(backend)
    around = RunConfig({}, {}, lambda value: value, lambda _path: {})
    config = resolve_store({"backend": backend, alias: CANARY}, around).config
    assert (CANARY in [secret.expose().decode() for secret in secrets_of(config)]) == (option in traits.secrets)
    is_path = option in (*traits.paths, *traits.parts_with_paths)
    assert read_part(beside_file(config, "/etc/nebula.yml"), option) == ("/etc/" + CANARY if is_path else CANARY)


def test_a_key_source_and_a_shared_cache_have_the_same_names():
    source = {"source": "vault_transit", "key": "k", "token": CANARY, "cacert": "ca.pem"}
    config = {"backend": "local", "key_sources": [source], "shared_cache": {"cacert": "ca.pem", "key_sources": [source]}}
    found = resolve_store_aliases(config)
    expected = {"source": "vault_transit", "key": "k", "auth": {"token": CANARY}, "ca_cert": "ca.pem"}
    assert found["key_sources"] == found["shared_cache"]["key_sources"] == [expected]
    assert found["shared_cache"]["ca_cert"] == "ca.pem"
    assert {secret.expose().decode() for secret in secrets_of(found)} == {CANARY}
    with pytest.raises(InvalidConfiguration, match="'cacert' of the key source 'vault_transit': it is another name of 'ca_cert'"):
        resolve_store_aliases({"backend": "local", "key_sources": [{**source, "ca_cert": "x"}]})
