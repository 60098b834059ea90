# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of a session: read what the run hands over, become a process of its own, serve until the run is gone.

Started as `python -I main.py`, with its parameters on standard input: nothing of a run is in its arguments or environment that was
not there before. It writes no bytecode into the collection, its memory is in no core dump, and its files hold nothing.
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
"""Objects after which garbage is looked for. What is loaded stays: at Python's 700, looking through it would cost part of the start."""


def main() -> int:
    """Serve one run. One line on standard output tells the parent whether it began."""
    gc.set_threshold(GARBAGE)
    handed = json.loads(sys.stdin.buffer.read())
    if os.fork():
        os._exit(0)  # the run's process reaps this one at once; the session belongs to nobody's process table but init's
    sys.path[:0] = [path for path in handed["path"] if path not in sys.path]
    _make_packages(handed["collection"])
    try:
        _keep_bytecode(handed)
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.hardening import harden

        harden()
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.session import serve

        return serve(handed, ready=lambda: _tell("ready"))
    except BaseException as error:  # noqa: BLE001  # the run says that there is no session, and why
        _tell(type(error).__name__ if not isinstance(error, OSError) else os.strerror(error.errno or 0))
        return 1


def _make_packages(collection: str) -> None:
    """Have this collection found without ansible-core's loader, and also where `ansible_collections` of the community package is."""
    path = collection.rpartition("/" + "/".join(PARTS))[0]
    for number, part in enumerate(PARTS, 1):
        path = os.path.join(path, part)
        package = types.ModuleType(".".join(PARTS[:number]))
        package.__path__ = [path]
        sys.modules[package.__name__] = package


def _keep_bytecode(handed: Mapping[str, Any]) -> None:
    """What of the collection is loaded after this comes by way of the cache. PYTHONDONTWRITEBYTECODE of the run holds here, too."""
    sys.dont_write_bytecode = True
    from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.bytecode import keep_bytecode

    sys.dont_write_bytecode = not handed["bytecode"]
    keep_bytecode(handed["collection"])


def _tell(word: str) -> None:
    """Tell the parent, who may be gone, and let go of what was inherited from it."""
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
    os._exit(status)  # not by way of threads that may still wait for a backend
