# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What workers know of options without loading a backend is what the library says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ansible_collections.nebula.credential.plugins.lookup import get
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import change_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, backend_class, find_traits, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources import options as key_sources
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy import options as fallback_copy
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache import options as shared_cache
from ansible_collections.nebula.credential.plugins.module_utils.locks import options as locks
from ansible_collections.nebula.credential.plugins.module_utils.locks.registry import KINDS
from ansible_collections.nebula.credential.plugins.module_utils.store.aliases import LISTS_OF_SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.store.open import COMMON_OPTIONS
from ansible_collections.nebula.credential.plugins.plugin_utils.config import option_traits
from tests.backends.environment import PREFIXES
from tests.conftest import COLLECTION_ROOT

OF_EVERY_STORE = {"XDG_", "NEBULA_", "SSL_", "OTEL_", "AWX_", "TOWER_"}
"""How variables begin that every store reads: directories, settings, certificates, telemetry, who runs this."""
LOADING = """
import sys
from ansible_collections.nebula.credential.plugins.module_utils.backends import registry
registry.BACKENDS[sys.argv[1]]()
print(*sorted(name for name in sys.modules if ".module_utils.backends." in name or name.split(".")[0] in sys.argv[2:]))
"""


def paths(options):
    """The options of type path."""
    return {name for name, spec in options.items() if spec.get("type") == "path"}


def secrets(options):
    return {name for name, spec in options.items() if spec.get("no_log")}


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_backend_takes_the_options_that_it_declares(backend):
    assert backend_class(backend).options is read_traits(backend).spec


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_what_a_backend_declares_of_an_option_is_about_an_option_that_it_has(backend):
    traits = read_traits(backend)
    named = {*traits.parts_with_paths, *traits.parts_with_secrets, *traits.environment, *filter(None, [traits.directory])}
    named |= {
        *traits.aliases.values(),
        *traits.login,
        *(refused.option for refused in traits.refused_environment.values() if refused.option),
    }
    assert {option.partition(".")[0] for option in named} <= {*traits.spec, *COMMON_OPTIONS}
    assert traits.directory is None or traits.directory in traits.paths
    assert not set(traits.aliases) & set(traits.spec), "another name of an option is no option"


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_variable_that_is_a_default_begins_as_the_backend_declares(backend):
    traits = read_traits(backend)
    variables = [*(name for names in traits.environment.values() for name in names), *traits.refused_environment]
    assert [name for name in variables if not name.startswith(traits.environment_prefixes)] == []


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_reading_what_a_backend_declares_loads_neither_the_backend_nor_a_library(backend):
    libraries = {package.module.partition(".")[0] for name in BACKENDS for package in read_traits(name).packages}
    command = [sys.executable, "-c", LOADING, backend, *libraries]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(COLLECTION_ROOT)}, capture_output=True, text=True, check=True)
    loaded = {name.partition(".module_utils.backends.")[2] or name for name in done.stdout.split()}
    assert loaded - {"objects", "objects.options"} == {backend, backend + ".options", "registry", "traits"}


def test_a_change_of_a_variable_that_stores_are_made_of_starts_another_session():
    """The lookup loads nothing of the collection if the session answers, so it has a list of its own."""
    assert set(get.ENVIRONMENT) == {*PREFIXES, *OF_EVERY_STORE}


def test_what_every_store_has():
    cache, lock, copies = shared_cache.OPTION + ".", locks.OPTION + ".", fallback_copy.OPTION + "."
    parts = {name: spec for row in KINDS.values() for name, spec in row()[0].spec.items()}
    assert option_traits.SHARED_CACHE == shared_cache.OPTION
    assert set(option_traits.STORE_PATHS) == (
        paths(COMMON_OPTIONS)
        | {copies + name for name in paths(fallback_copy.OPTIONS)}
        | {cache + name for name in paths(shared_cache.OPTIONS)}
        | {lock + name for name in paths(parts)}
    )
    assert set(option_traits.STORE_SECRETS) == (
        secrets(COMMON_OPTIONS) | {cache + name for name in secrets(shared_cache.OPTIONS)} | {lock + name for name in secrets(parts)}
    )
    assert set(LISTS_OF_SOURCES) == {key_sources.OPTION, cache + key_sources.OPTION, copies + key_sources.OPTION}


@pytest.mark.parametrize("backend", [None, "nowhere", ["vault"], {}])
def test_what_is_no_backend_declares_nothing(backend):
    assert find_traits(backend) is None


@pytest.mark.parametrize(
    ("option", "changed"),
    [("a", {"a": "1!", "b": {"c": "2"}}), ("b.c", {"a": "1", "b": {"c": "2!"}}), ("a.c", None), ("b.d", None), ("d", None)],
)
def test_a_part_of_a_configuration_is_changed_where_it_is_given(option, changed):
    config = {"a": "1", "b": {"c": "2"}}
    assert change_part(config, option, lambda value: value + "!") == (changed or config)
