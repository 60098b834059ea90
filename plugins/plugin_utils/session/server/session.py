# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a session: it listens, serves, and ends with its run, when idle for long, when given up, or by a signal."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.plugin_utils.session.peer import is_allowed_peer
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.controller_watch import ControllerWatch
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.event_loop import EventLoop
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import RequestHandler
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.runtime_dir import RuntimeDir

SHUTDOWN_TIMEOUT = 20
"""Seconds to write audit entries and revoke leases when the run is over, as waits of one second each."""
MAINTENANCE_INTERVAL = 1.0
SWITCH_INTERVAL = 0.0005
"""Seconds after which a computing thread yields to another: callers whose value is cached must not wait for a thread that fetches."""


class Session:
    """One run's session."""

    def __init__(self, handed: Mapping[str, Any]) -> None:
        """Take the directory and listen.

        Raises:
            OSError: the directory cannot be used.
        """
        process, started = handed["run"]
        self._watch = ControllerWatch(process, started)
        self._premises = RuntimeDir(Place(handed["directory"]), handed["lock"])
        self._desk = RequestHandler(handed["options"])
        if handed["configuration"] is not None:
            self._desk.keep_configuration(handed["configuration"])
        self._serving = EventLoop(self._premises.listener(), lambda connection: is_allowed_peer(connection, self._watch.run), self._desk)
        self._told_to_end = False
        self._ending = threading.Event()

    def open(self) -> None:
        """Start to accept callers."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        if self._watch.descriptor is not None:
            self._serving.wake_for(self._watch.descriptor)
        threading.Thread(target=self._keep, name="keep", daemon=True).start()
        self._premises.release_start_lock()

    def expect(self, awaited: str | None) -> None:
        """Make callers with this digest wait for the process that started the session, which will resolve it."""
        if awaited is not None:
            self._desk.await_explanation(awaited)

    def prepare(self, expected: Mapping[str, Any] | None) -> None:
        """Open the store that is expected to be used, if there is one."""
        if expected is not None:
            self._desk.expect(expected["store"], expected["config"])

    def serve(self) -> None:
        """Serve until there is a reason to end."""
        while not self._is_over():
            if self._serving.step() and (self._premises.is_given_up() or self._premises.is_lost() or self._is_idle()):
                break
        self._premises.shut()
        self._serving.admit_nobody()
        while self._serving.is_working() and not self._is_over():
            self._serving.step()

    def close(self) -> None:
        """Revoke leases, write audit entries and remove the files, within `SHUTDOWN_TIMEOUT` seconds."""
        self._ending.set()
        self._desk.work_waits.set()
        closing = threading.Thread(target=self._close_stores, daemon=True)
        closing.start()
        for _second in range(SHUTDOWN_TIMEOUT):
            closing.join(1.0)
        if self._premises.is_given_up():
            while not self._is_over():
                self._watch.pause()  # until the run is over, the file that says that it gave up this session must stay
        self._premises.remove()

    def _close_stores(self) -> None:
        self._serving.close()
        self._desk.close()

    def _is_over(self) -> bool:
        return self._told_to_end or self._desk.run_has_ended or self._watch.is_over()

    def _is_idle(self) -> bool:
        """Return True if the session may exit: it is idle, and no client is connected or connecting."""
        if not self._is_unused() or not self._premises.take_start_lock():
            return False
        self._premises.unpublish()
        self._serving.admit()  # callers that found the socket before it was renamed; what they read may have to be kept
        if self._is_unused():
            return True
        self._premises.publish()
        self._premises.release_start_lock()
        return False

    def _is_unused(self) -> bool:
        return self._desk.is_idle() and not self._serving.has_callers() and not self._premises.has_files()

    def _keep(self) -> None:
        """Keep the stores, in a thread of its own: so renewals and audit entries do not wait for a fetch."""
        while True:
            self._desk.work_waits.wait(MAINTENANCE_INTERVAL)
            if self._ending.is_set():
                return
            self._desk.maintain()

    def _on_signal(self, _number: int, _frame: Any) -> None:
        self._told_to_end = True


def serve(handed: Mapping[str, Any], ready: Callable[[], None]) -> int:
    """Serve the run with these parameters. `ready` is called when the session listens. Return the exit status."""
    session = Session(handed)
    gc.freeze()
    sys.setswitchinterval(SWITCH_INTERVAL)
    session.expect(handed["awaited"])
    session.open()
    ready()
    session.prepare(handed["expected"])
    try:
        session.serve()
    finally:
        session.close()
    return 0
