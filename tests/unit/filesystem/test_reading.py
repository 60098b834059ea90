# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are no files, or too large: reading them neither waits nor fills the memory."""

from __future__ import annotations

import ast
import os
import socket
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.filesystem import atomic
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import open_regular, read_file
from tests.house.rooms import CHECKOUT

GIB = 1024**3


def a_pipe(path):
    os.mkfifo(path)


def a_link_to_a_device(path):
    os.symlink("/dev/zero", path)


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def a_sparse_file(path):
    path.touch()
    os.truncate(path, GIB)


SPECIAL = [a_pipe, a_link_to_a_device, a_socket]


@pytest.mark.parametrize("make", SPECIAL)
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT])
def test_what_is_no_regular_file_is_not_opened(tmp_path, make, flags):
    make(tmp_path / "x")
    with pytest.raises(Damaged, match="not a regular file"):
        open_regular(str(tmp_path / "x"), flags)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY])
def test_a_directory_is_named(tmp_path, flags):
    with pytest.raises(Damaged, match="but a directory"):
        open_regular(str(tmp_path), flags)


def test_a_sparse_file_is_not_read(tmp_path):
    a_sparse_file(tmp_path / "x")
    with pytest.raises(Damaged, match="larger than the 1000 bytes"):
        read_file(str(tmp_path / "x"), 1000)


def test_a_file_that_states_no_size_is_bounded():
    """Files of /proc have the size 0 and some content."""
    assert read_file("/proc/self/status", 100_000)
    with pytest.raises(Damaged, match="larger"):
        read_file("/proc/self/status", 10)


def test_a_file_of_exactly_the_limit_is_read(tmp_path):
    (tmp_path / "x").write_bytes(b"0123456789")
    assert read_file(str(tmp_path / "x"), 10) == b"0123456789"
    with pytest.raises(Damaged):
        read_file(str(tmp_path / "x"), 9)


@pytest.mark.parametrize("make", [a_pipe, a_socket, a_sparse_file])
def test_wiping_removes_the_name_of_anything_but_a_device(tmp_path, make):
    make(tmp_path / "x")
    atomic.wipe(str(tmp_path / "x"))
    assert os.listdir(tmp_path) == []


def test_what_a_link_leads_to_is_not_wiped(tmp_path):
    (tmp_path / "kept").write_bytes(b"kept")
    os.symlink("kept", tmp_path / "x")
    atomic.wipe(str(tmp_path / "x"))
    assert (tmp_path / "kept").read_bytes() == b"kept"


def test_a_left_over_pipe_is_no_left_over_file(tmp_path):
    a_pipe(tmp_path / (atomic.TEMPORARY_PREFIX + "1" + atomic.TEMPORARY_SUFFIX))
    assert atomic.remove_left_over(str(tmp_path)) == 0


ELSEWHERE = {
    "filesystem/reading.py": "the function itself",
    "filesystem/atomic.py": "new files, and directories",
    "backends/database/sqlite.py": "creates an empty file",
    "hosts/files.py": "files of a host, each in a directory that is open; never waits, and follows no link",
    "hosts/directories.py": "directories",
}
OPENING = ("open", "os.open", "io.open")


def find_other_ways(plugins: Path) -> list[str]:
    """Return the files of the library that open a file in another way. /proc is of the kernel."""
    found = []
    for path in sorted((plugins / "module_utils").rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call) and opens(node)]
        if calls and str(path.relative_to(plugins / "module_utils")) not in ELSEWHERE:
            found.append(str(path))
    return found


def opens(call: ast.Call) -> bool:
    called, whole = ast.unparse(call.func), ast.unparse(call)
    return (called in OPENING or called.endswith((".read_text", ".read_bytes"))) and "/proc/" not in whole


def test_no_other_code_of_the_library_opens_a_file_to_read(tmp_path):
    assert find_other_ways(CHECKOUT / "plugins") == []
    (tmp_path / "module_utils").mkdir()
    (tmp_path / "module_utils" / "x.py").write_text("with open(path) as file:\n    pass\n")
    assert len(find_other_ways(tmp_path)) == 1
