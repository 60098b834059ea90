# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What workers know of options without importing the backends is what the backends say."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, backend_class
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault import auth_options as auth
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.crypto import configured_source
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import registry as sources
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache import options as shared_cache
from ansible_collections.nebula.credential.plugins.module_utils.store.open import COMMON_OPTIONS
from ansible_collections.nebula.credential.plugins.plugin_utils.config import option_traits as store_options


def paths(options):
    """The options of type path."""
    return {name for name, spec in options.items() if spec.get("type") == "path"}


def test_every_backend_is_there():
    assert store_options.OF_BACKEND.keys() == BACKENDS.keys()


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_backends_paths_and_secrets(backend):
    said, known = backend_class(backend), store_options.of_backend(backend)
    assert set(known.paths) == paths(said.options)
    assert set(known.secrets) == {*said.secrets, *(name for name, spec in said.options.items() if spec.get("no_log"))}


def test_what_every_store_a_key_source_and_a_login_have():
    assert set(store_options.OF_EVERY_STORE.paths) == paths(COMMON_OPTIONS)
    assert {name for name, spec in COMMON_OPTIONS.items() if spec.get("no_log")} == set()
    assert set(store_options.OF_A_KEY_SOURCE.paths) == sources.PATHS
    assert set(store_options.OF_A_KEY_SOURCE.secrets) == {"passphrase", *Connection.SECRETS}
    assert set(store_options.OF_A_LOGIN.paths) == set(auth.PATHS)
    assert (store_options.KEY_SOURCES, store_options.AUTH) == (configured_source.OPTION, auth.OPTION)


def test_what_a_shared_cache_has():
    assert shared_cache.OPTION == store_options.SHARED_CACHE
    assert set(store_options.OF_A_SHARED_CACHE.paths) == paths(shared_cache.OPTIONS)
    secret = {name for name, spec in shared_cache.OPTIONS.items() if spec.get("no_log")}
    assert set(store_options.OF_EVERY_STORE.secrets) == {shared_cache.OPTION + "." + name for name in secret}


@pytest.mark.parametrize("backend", [None, "nowhere", ["vault"], {}])
def test_what_is_no_backend_has_neither(backend):
    assert store_options.of_backend(backend) == ((), ())
