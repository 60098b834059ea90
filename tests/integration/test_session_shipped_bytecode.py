# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image brings the collection's bytecode along, and a session in it compiles nothing, where nothing may be written."""

from __future__ import annotations

import importlib.util
import marshal
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.rooms import CHECKOUT

PAGE = CHECKOUT / "docs" / "advanced" / "session.md"
COMMAND = "python3 -m compileall "
EDITED = "plugins/plugin_utils/session/server/flights.py"
COUNT = """
import sys
from importlib.machinery import SourceFileLoader
sys.dont_write_bytecode = True
collection = sys.argv[1]
sys.path[:0] = [collection + "/plugins/plugin_utils/session/server", *sys.argv[2:]]
import main
main._make_packages(collection, [])
main._keep_bytecode({"bytecode": False, "collection": collection})
compiled, compile_source = [], SourceFileLoader.source_to_code
def source_to_code(loader, data, path, **options):
    compiled.extend([path] if path.startswith(collection + "/") else [])
    return compile_source(loader, data, path, **options)
SourceFileLoader.source_to_code = source_to_code
import ansible_collections.nebula.credential.plugins.plugin_utils.session.server.session
print("".join(path + "\\n" for path in compiled), end="")
"""
"""Loads what a session's program does before it listens, and prints which files of the collection were compiled for that."""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The collection as it is installed in an image, with the bytecode that the command of the documentation makes."""
    collection = tmp_path_factory.mktemp("image") / "ansible_collections" / "nebula" / "credential"
    shutil.copytree(CHECKOUT / "plugins", collection / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    (line,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(COMMAND)]
    command = line.replace("python3", sys.executable, 1).replace("/usr/share/ansible/collections", str(collection.parents[2]))
    subprocess.run(shlex.split(command), check=True, env={name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"})
    return collection


@pytest.fixture
def image(shipped, tmp_path, monkeypatch):
    """A copy of it. The user has no cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    copy = tmp_path / "ansible_collections" / "nebula" / "credential"
    shutil.copytree(shipped, copy)
    return copy


def compiled(collection):
    """The files of the collection that a session compiles there."""
    path = [entry for entry in sys.path if entry]
    done = subprocess.run([sys.executable, "-I", "-c", COUNT, str(collection), *path], capture_output=True, text=True, check=True)
    return [os.path.relpath(line, collection) for line in done.stdout.splitlines()]


def test_a_session_compiles_none_of_its_files(image):
    assert compiled(image) == []


def test_without_it_a_session_compiles_all_of_them(image):
    for directory in image.rglob("__pycache__"):
        shutil.rmtree(directory)
    assert 50 < len(compiled(image)) <= 100


def test_a_file_that_was_replaced_since_is_compiled(image):
    """Even if its time and its length are the same, as in an image that sets all times to one."""
    source = image / EDITED
    state, text = source.stat(), source.read_text(encoding="utf-8")
    source.write_text(text.replace("What callers wait for", "What Callers wait for"), encoding="utf-8")
    os.utime(source, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert source.stat().st_size == state.st_size
    assert compiled(image) == [EDITED]


def test_bytecode_that_is_not_compared_with_its_source_is_not_used(image):
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "timestamp", str(image / EDITED)], check=True)
    assert compiled(image) == [EDITED]


@pytest.mark.parametrize("what", ["directory", "file"])
def test_bytecode_that_other_users_can_write_is_not_used(image, what):
    directory = (image / EDITED).parent / "__pycache__"
    (file,) = directory.glob("flights.*.pyc")
    (directory if what == "directory" else file).chmod(0o777)
    assert EDITED in compiled(image)


def test_bytecode_of_the_check_itself_is_not_used(image, tmp_path):
    """The file that checks all others is loaded before it can check anything."""
    source = image / "plugins" / "plugin_utils" / "session" / "server" / "bytecode.py"
    state, seen = source.stat(), tmp_path / "seen"
    code = compile("open({0!r}, 'w').close()\ndef keep_bytecode(collection): pass".format(str(seen)), str(source), "exec")
    times = (int(state.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little") + (state.st_size & 0xFFFFFFFF).to_bytes(4, "little")
    path = Path(importlib.util.cache_from_source(str(source)))
    path.write_bytes(importlib.util.MAGIC_NUMBER + bytes(4) + times + marshal.dumps(code))
    compiled(image)
    assert not seen.exists()
