# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import CONNECTION_TRAITS
from ansible_collections.nebula.credential.plugins.plugin_utils.config.config_secrets import secrets_of


def exposed(config):
    return {secret.expose().decode() for secret in secrets_of(config)}


def test_passphrases_and_logins_of_key_sources_are_found():
    sources = [
        {"source": "passphrase", "passphrase": "opens-it"},
        {"source": "transit", "auth": {"method": "approle", "role_id": "not-secret", "secret_id": "lets-in"}},
        {"source": "key_file"},
        "no mapping",
    ]
    assert exposed({"backend": "local", "key_sources": sources}) == {"opens-it", "lets-in"}


def test_the_password_and_the_key_sources_of_a_shared_cache_are_found():
    together = {"url": "rediss://cache", "password": "lets-in", "key_sources": [{"source": "passphrase", "passphrase": "opens-it"}]}
    assert exposed({"backend": "local", "shared_cache": together}) == {"lets-in", "opens-it"}
    assert exposed({"backend": "local", "shared_cache": {"key_sources": 5}}) == set()


def test_what_a_backend_has_is_found_also_within_a_mapping():
    login = {"method": "userpass", "username": "somebody", "password": "two"}
    assert exposed({"backend": "vault", "mount": "secret", "auth": login}) == {"two"}
    assert exposed({"backend": "database", "user": "somebody", "password": "one"}) == {"one"}


@pytest.mark.parametrize("config", [{}, {"backend": "nowhere"}, {"backend": "memory", "auth": "text"}, {"backend": ["memory"]}])
def test_what_is_no_store_has_no_secrets(config):
    """What is wrong with it is told when it is opened."""
    assert exposed(config) == set()


@pytest.mark.parametrize("option", ["token", "secret_id", "jwt", "password", "secret_key", "session_token"])
def test_every_secret_of_a_login_is_marked(option):
    assert "auth." + option in CONNECTION_TRAITS.secrets
