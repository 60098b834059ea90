# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`run_on: target`: the files that are sent to a host."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from ansible import constants

from ansible_collections.nebula.credential.plugins.module_utils import sent_code
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import KINDS as KEY_SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.registry import OPERATIONS
from ansible_collections.nebula.credential.plugins.module_utils.sent_code import LIBRARY, pack, unpack
from ansible_collections.nebula.credential.plugins.plugin_utils.action.library_code import build_code, has_module, read_library

MODULES = sorted(filter(has_module, OPERATIONS))
OLDEST_PYTHON = (3, 8)
MOST_BYTES = 352 * 1024
"""Of our part of what is sent, for the largest operation, with every type; ansible-core's own files are 172 KiB."""
WITHOUT_A_COLLECTION = """
import sys, types
for name in {packages!r}:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = []
from importlib.util import module_from_spec, spec_from_file_location
for name in ("errors", "sent_code"):
    spec = spec_from_file_location({library!r} + name, "{folder}/" + name + ".py")
    sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[spec.name])
sent_code = sys.modules[spec.name]
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.stdin.buffer.read(), "legacy"
sent_code.run_sent_module("credential_info")
"""


@pytest.mark.parametrize("backend", sorted(BACKENDS))
@pytest.mark.parametrize("operation", ["credential_info", "credential_rotate"], ids=["the-least", "the-most"])
def test_only_what_the_operation_and_the_backend_need_is_sent(operation, backend):
    sources = read_library(operation, [backend])
    files = {name[len(LIBRARY) :] for name in sources}
    classes = {name.split(".")[1] for name in files if name.startswith("backends.") and name.endswith(".backend")}
    assert classes - {"objects"} == {backend}
    assert {"operations.write", "operations.rotate", "operations.migrate"} & files <= {"operations.rotate"}
    assert ("operations.rotate" in files) == (operation == "credential_rotate")
    assert len(pack(sources)) <= MOST_BYTES


def test_of_the_key_sources_those_that_the_store_names_are_sent():
    sent = {name.rpartition(".")[2] for name in read_library("credential_info", ["local"], key_sources=["age"]) if ".key_sources." in name}
    assert sent & set(KEY_SOURCES) == {"age"}


def test_a_host_gets_no_rotation_target():
    names = {name[len(LIBRARY) :] for name in read_library("credential_rotate", ["memory"])}
    shared = ("base", "handover", "options", "registry", "steps")
    assert {name for name in names if name.startswith("rotation.targets.")} == {"rotation.targets." + each for each in shared}


def test_the_stores_beside_bring_their_backends(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    beside = {"to": StoreReference("there", {"backend": "database"})}
    code = build_code("credential_info", StoreReference("here", {"backend": "memory"}, beside=beside))
    names = {name[len(LIBRARY) :] for name in unpack(code)}
    classes = {"backends.{0}.backend".format(backend) for backend in BACKENDS}
    assert names & classes == {"backends.database.backend", "backends.memory.backend"}


def test_a_lock_brings_its_kind_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    code = build_code("credential", StoreReference("here", {"backend": "vault", "lock": {"kind": "redis"}}))
    sent = {name[len(LIBRARY) :] for name in unpack(code)}
    of_every_kind = {"base", "configuration", "options", "redis_server", "registry", "waiting"}
    assert {name for name in sent if name.startswith("locks.")} == {"locks." + name for name in (*of_every_kind, "file", "redis")}


def test_it_is_built_once_for_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    store = StoreReference("here", {"backend": "memory"})
    built = build_code("credential_info", store)
    (kept,) = (path for path in tmp_path.iterdir() if path.suffix != ".lock")
    kept.write_text("kept", encoding="ascii")
    assert (build_code("credential_info", store), len(built) > 4) == ("kept", True)


def test_every_file_of_the_library_stays_python_of_the_oldest_host():
    """Comments and docstrings are left out by writing the file anew: all else is in it, in the syntax of that Python.

    What a file needs does not depend on who needs it: with those of every backend and key source, and of each operation, all are there.
    """
    files = set(read_library(MODULES[0], BACKENDS, key_sources=KEY_SOURCES).items()).union(
        *(read_library(operation, []).items() for operation in MODULES)
    )
    for name, source in files:
        assert ast.dump(ast.parse(source, name, feature_version=OLDEST_PYTHON)) == ast.dump(ast.parse(source, name))
        assert '"""' not in source.partition("\n")[0], name


def test_a_module_runs_on_what_was_sent_alone(tmp_path):
    """In a process that cannot import the collection."""
    code = pack(read_library("credential_info", ["memory"]))
    result = _run_alone(tmp_path, {"store": {"backend": "memory"}, "names": ["a"], "run_on": "target", sent_code.CODE: code})
    assert result["missing"] == ["a"]
    assert sent_code.CODE not in json.dumps(result)


def test_a_module_that_its_action_did_not_start_names_the_remedy(tmp_path):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _run_alone(tmp_path, {"names": []})
    assert "Run it as a task, so that its action sends both." in refused.value.stderr


def _run_alone(tmp_path: Path, arguments: dict) -> dict:
    parts = LIBRARY.rstrip(".").split(".")
    script = textwrap.dedent(WITHOUT_A_COLLECTION).format(
        packages=[".".join(parts[: end + 1]) for end in range(len(parts))], library=LIBRARY, folder=Path(sent_code.__file__).parent
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    return json.loads(
        subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            capture_output=True,
            text=True,
            check=True,
            env=environment,
            cwd=tmp_path,
            timeout=60,
        ).stdout
    )
