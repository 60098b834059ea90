# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of a session: read the run's parameters, become a process of its own, serve until the run is gone.

It is started as `python -I main.py`, with its parameters on standard input: so nothing of the run is added to its arguments or
environment. It writes no bytecode into the collection, its memory is in no core dump, and its files have no content.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import types
from collections.abc import Mapping
from typing import Any

PARTS = ("ansible_collections", "nebula", "credential")
GARBAGE = 50000
"""New objects after which garbage is collected. Loaded code stays anyway: with Python's 700, collecting would slow down the start."""


def main() -> int:
    """Serve one run. Write one line to standard output for the parent: "ready", or the error."""
    gc.set_threshold(GARBAGE)
    handed = json.loads(sys.stdin.buffer.read())
    if os.fork():
        os._exit(0)  # the run's process reaps this one at once; the session becomes a child of init
    sys.path[:0] = [path for path in handed["path"] if path not in sys.path]
    _make_packages(handed["collection"], handed["collections"])
    try:
        _keep_bytecode(handed)
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.hardening import harden

        harden()
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.session import serve

        return serve(handed, ready=lambda: _tell("ready"))
    except BaseException as error:  # noqa: BLE001  # the run says that there is no session, and why
        word = type(error).__name__ if not isinstance(error, OSError) else os.strerror(error.errno or 0)
        _abandon(handed, word)
        _tell(word)
        return 1


def _make_packages(collection: str, collections: list[str]) -> None:
    """Make this collection importable without ansible-core's loader, even if the community package has an `ansible_collections` too.

    Others can be imported from the run's directories of collections: a third party's backend may be in one.
    """
    path = collection.rpartition("/" + "/".join(PARTS))[0]
    for number, part in enumerate(PARTS, 1):
        path = os.path.join(path, part)
        package = types.ModuleType(".".join(PARTS[:number]))
        package.__path__ = [path]
        sys.modules[package.__name__] = package
    sys.modules[PARTS[0]].__path__ = collections


def _keep_bytecode(handed: Mapping[str, Any]) -> None:
    """Load the rest of the collection through the bytecode cache. PYTHONDONTWRITEBYTECODE of the run applies here, too."""
    import contextlib  # noqa: F401  # the file below imports it: with Python's bytecode, as long as that is used
    import hashlib  # noqa: F401

    sys.dont_write_bytecode = True
    sys.pycache_prefix = os.devnull  # the file that checks all other bytecode is compiled: nothing has checked its own
    from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.bytecode import keep_bytecode

    sys.pycache_prefix = None
    sys.dont_write_bytecode = not handed["bytecode"]
    keep_bytecode(handed["collection"])


def _abandon(handed: Mapping[str, Any], word: str) -> None:
    """Leave the reason in the session's directory: the process that started this one may not wait for it."""
    from ansible_collections.nebula.credential.plugins.plugin_utils.session.abandoned import NOT_STARTED, abandon_session

    abandon_session(handed["directory"], NOT_STARTED.format(word))


def _tell(word: str) -> None:
    """Write a line to the parent, which may be gone, and close the standard streams inherited from it."""
    try:
        os.write(1, word.encode("utf-8") + b"\n")
    except OSError:
        pass
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


if __name__ == "__main__":
    status = main()
    os._exit(status)  # do not wait for threads that may still wait for a backend
