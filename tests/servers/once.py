# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each server at most once for a test process: started when the first test asks, ended when the process ends.

`once.openbao()` answers what `tests.servers.openbao.running()` hands out. Tests that share a server keep apart by a
prefix, namespace or database of their own; one that kills its server starts another with `running()`.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import importlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List

from tests.servers.processes import ServerUnavailable


def _has_command_line(module: Path) -> bool:
    return 'keeper.main("{0}.{1}"'.format("tests.servers", module.stem) in module.read_text(encoding="utf-8")


KINDS = tuple(sorted(module.stem for module in Path(__file__).parent.glob("*.py") if _has_command_line(module)))
"""The servers: the modules of this directory that playbooks can start. Each is a function of this module too: `once.openbao()`."""


def starts_slowly(kind: str) -> bool:
    """Whether a server says that only the long profile starts it."""
    return "\nSTARTS_SLOWLY = True\n" in (Path(__file__).parent / (kind + ".py")).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Start:
    """What a person wants to know of a start: which server it was, and how long it took in seconds."""

    kind: str
    version: str
    seconds: float


STARTS: List[Start] = []
_running = contextlib.ExitStack()
_servers: Dict[str, Any] = {}
_refused: Dict[str, str] = {}
_starting = threading.Lock()


def server(kind: str) -> Any:
    """Return the server of that kind, started if this process has none yet.

    If it cannot be had, the calling test fails in CI and is skipped, loudly, elsewhere.
    """
    try:
        return started(kind)
    except ServerUnavailable as error:
        from tests.conftest import cannot_run

        cannot_run(str(error))


def started(kind: str) -> Any:
    """Return the server as `server` does, for what is no test.

    Raises:
        ServerUnavailable: it cannot be had.
    """
    with _starting:
        if kind not in _servers and kind not in _refused:
            _start(kind)
    if kind in _refused:
        raise ServerUnavailable(_refused[kind])
    return _servers[kind]


def _start(kind: str) -> None:
    if threading.current_thread() is not threading.main_thread():
        # The kernel ends a server together with the thread that started it.
        raise RuntimeError("ask for the server '{0}' once before starting threads".format(kind))
    began = time.monotonic()
    try:
        started = _running.enter_context(importlib.import_module("tests.servers." + kind).running())
    except ServerUnavailable as error:
        _refused[kind] = str(error)
        return
    _servers[kind] = started
    STARTS.append(Start(kind, str(getattr(started, "version", "?")), float(getattr(started, "started_in", time.monotonic() - began))))


def stop_all() -> None:
    """End every server, the youngest first. Another request starts a new one."""
    _servers.clear()
    _running.close()


def _leave_to_parent() -> None:
    """In a forked child: the servers are the parent's to end, so what would end them is never collected here."""
    global _running  # noqa: PLW0603
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_running))
    _running = contextlib.ExitStack()


os.register_at_fork(after_in_child=_leave_to_parent)
atexit.register(stop_all)


def __getattr__(kind: str) -> Callable[[], Any]:
    """Return what returns the server of that kind: `tests.servers.<kind>.Server`."""
    if kind not in KINDS:
        raise AttributeError(kind)
    return functools.partial(server, kind)
