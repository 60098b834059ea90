# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process that reads from a store loads: the library of that backend and the code of it, and of no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, backend_class, read_traits
from tests.backends.discovery import HARNESSES
from tests.conftest import COLLECTION_ROOT

LIBRARIES = {package.module.partition(".")[0] for name in BACKENDS for package in read_traits(name).packages}
LIBRARIES |= {"redis", "prometheus_client", "opentelemetry"}
OURS = "ansible_collections.nebula.credential.plugins.module_utils."
OPENING = """
import json, sys
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
store = open_store(json.loads(sys.argv[1]))
opened = sorted({name.partition(".")[0] for name in sys.modules})
try:
    store.get("nothing")
except Exception as error:
    print(json.dumps([type(error).__name__, opened, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
IMPORTING = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
READING = """
import json, sys
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
store = open_store(json.loads(sys.argv[1]))
try:
    perform(store, "get", {"name": "nothing"}, AccessContext())
except Exception:
    print(json.dumps(sorted(sys.modules)))
"""


def told_by(program, store):
    """What a process of its own prints that gets `store`."""
    found = {**os.environ, "PYTHONPATH": str(COLLECTION_ROOT)}
    done = subprocess.run([sys.executable, "-c", program, json.dumps(store)], capture_output=True, text=True, check=False, env=found)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def needed_by(backend):
    """What every store of a backend needs, with what these packages load themselves: a library may be one's own and another's part."""
    needed = {package.module for package in read_traits(backend).packages if not package.when}
    return {module.partition(".")[0] for module in needed} | (set(told_by(IMPORTING, sorted(needed))) & LIBRARIES)


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_store_loads_no_library_of_another_backend(backend, tmp_path):
    error, opened, loaded = told_by(OPENING, HARNESSES[backend].openable(tmp_path))
    if backend_class(backend).capabilities.write_only:
        assert error == "WriteOnly"
    else:
        assert error == ("NotFound" if HARNESSES[backend].offline else "Unavailable")
    assert set(loaded) & LIBRARIES == needed_by(backend)
    # Loaded by the opening, which a session does before the first task, and not by the first request.
    assert set(opened) & LIBRARIES == needed_by(backend)


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_reading_loads_the_code_of_no_other_backend_and_of_nothing_that_writes(backend, tmp_path):
    loaded = {name[len(OURS) :] for name in told_by(READING, HARNESSES[backend].openable(tmp_path)) if name.startswith(OURS)}
    backends = {name.split(".")[1] for name in loaded if name.startswith("backends.") and name.endswith(".backend")}
    assert backends - {"objects"} == {backend}
    assert not {
        name for name in loaded if name.startswith(("rotation", "layers.shared_cache.redis", "operations.write", "operations.rotate"))
    }
