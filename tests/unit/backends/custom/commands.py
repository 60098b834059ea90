# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs for the tests of the backend custom: each is a file that a test writes, and Python runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, List

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.backend import Custom

CAPABLE = """
import json, os, sys, time
request = json.loads(sys.stdin.buffer.read())
def answer(**parts):
    sys.stdout.write(json.dumps({"protocol": 1, **parts}))
    sys.stdout.flush()
if request["call"] == "capabilities":
    answer(writes=True)
    sys.exit(0)
"""
"""The beginning of a command that is able to do everything; a test adds what it does with the request."""


def write_command(directory: Path, code: str, name: str = "command.py") -> List[str]:
    """Write a program and return how it is run."""
    file = directory / name
    file.write_text(code, encoding="utf-8")
    return [sys.executable, "-S", "-E", "-s", str(file)]


def open_custom(command: List[str], **options: Any) -> Backend:
    """Open a store behind a command, without the layers around it."""
    backend = Custom({"command": command, **options}, BackendContext("prod"))
    backend.connect()
    return backend


def read_log(path: Path) -> List[Any]:
    """Return the entries of a file with a JSON text in each line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
