# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a session: it listens, serves, and ends with its run, when idle for long, when given up, or by a signal."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.nebula.credential.plugins.plugin_utils.session.peer import is_allowed_peer
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.controller_watch import ControllerWatch
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.event_loop import EventLoop
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import RequestHandler
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.runtime_dir import RuntimeDir
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.store_pool import StorePool
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.store_threads import StoreThreads

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.lingering import Lingering, Origin

SHUTDOWN_TIMEOUT = 20
"""Seconds to write audit entries and revoke leases when the run is over, as waits of one second each."""
MAINTENANCE_INTERVAL = 1.0
SWITCH_INTERVAL = 0.0005
"""Seconds after which a computing thread yields to another: callers whose value is cached must not wait for a thread that fetches."""


class Session:
    """One run's session."""

    def __init__(self, handed: Mapping[str, Any], stores: StorePool | None = None) -> None:
        """Take the directory and listen. `stores` are those that an earlier run has left open.

        Raises:
            OSError: the directory cannot be used.
        """
        process, started = handed["run"]
        self._watch = ControllerWatch(process, started)
        self._premises = RuntimeDir(Place(handed["directory"]), handed["lock"])
        self._desk = RequestHandler(handed["options"], stores)
        if handed["configuration"] is not None:
            self._desk.keep_configuration(handed["configuration"])
        self._serving = EventLoop(self._premises.listener(), lambda connection: is_allowed_peer(connection, self._watch.run), self._desk)
        self._handed = handed
        self._origin = self._find_origin()
        self._has_begun = self._has_ended_with_run = False
        self._told_to_end = False
        self._ending = threading.Event()

    def _find_origin(self) -> Origin | None:
        """Return the origin of the run if this session may outlive it, and leave a file that says so; else None."""
        if self._handed.get("linger") is None:
            return None
        # Imported here: most sessions end with their run.
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.lingering import find_origin

        origin = find_origin(self._watch.run)
        if origin is not None:
            self._premises.allow_lingering()
        return origin

    def begin(self) -> None:
        """Start to accept callers. Those with the digest `awaited` wait for the process that started the session, which resolves it."""
        if self._has_begun:
            return
        self._has_begun = True
        if self._handed["awaited"] is not None:
            self._desk.await_explanation(self._handed["awaited"])
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        if self._watch.descriptor is not None:
            self._serving.wake_for(self._watch.descriptor)
        threading.Thread(target=self._keep, name="keep", daemon=True).start()
        self._premises.release_start_lock()

    def prepare(self) -> None:
        """Open the store that is expected to be used, if there is one."""
        expected = self._handed["expected"]
        if expected is not None:
            self._desk.expect(expected["store"], expected["config"])

    def serve(self) -> None:
        """Serve until there is a reason to end."""
        while not self._is_over():
            if self._serving.step() and (self._premises.is_given_up() or self._premises.is_lost() or self._is_idle()):
                break
        else:
            self._has_ended_with_run = not self._told_to_end
        self._premises.shut()
        self._serving.admit_nobody()
        while self._serving.is_working() and not self._is_over():
            self._serving.step()

    def close(self) -> tuple[Lingering, StorePool] | None:
        """Revoke leases, write audit entries and remove the files, within `SHUTDOWN_TIMEOUT` seconds.

        Return what waits for the next run: where, and the stores with their logins and keys. None if nothing does; then these are closed.
        """
        self._ending.set()
        self._desk.work_waits.set()
        lingering = self._begin_lingering()
        kept: list[StorePool] = []
        has_closed = run_bounded(lambda: self._close_stores(None if lingering is None else kept))
        if self._premises.is_given_up():
            while not self._is_over():
                self._watch.pause()  # until the run is over, the file that says that it gave up this session must stay
        self._premises.remove()
        if lingering is not None and kept and has_closed:
            self._watch.close()
            return lingering, kept[0]
        if lingering is not None:
            lingering.close()
        return None

    def _begin_lingering(self) -> Lingering | None:
        """Take the place in which this session waits for the next run; None if it ends with this one.

        It is taken before the run's directory is left, so that a run which begins at once finds it.
        """
        if self._origin is None or not self._has_ended_with_run or self._premises.is_given_up() or not self._premises.may_linger():
            return None
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.lingering import Lingering

        try:
            lingering = Lingering(self._handed["linger"], self._origin, self._handed["options"]["linger"])
        except OSError:
            return None  # another session waits there already
        if self._premises.may_linger():
            return lingering
        lingering.close()  # whoever withdrew it meanwhile may have seen only the run's directory
        return None

    def _close_stores(self, kept: list[StorePool] | None) -> None:
        """Close the stores, or add them to `kept` without what the run has read."""
        have_ended = self._serving.close()
        stores = None
        if kept is not None and have_ended:
            with suppress(RuntimeError):  # no thread can be started
                stores = self._desk.end_run()
        if kept is None or stores is None:
            self._desk.close()
        else:
            kept.append(stores)

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


def run_bounded(work: Callable[[], object]) -> bool:
    """Run `work` in a thread, and wait for it for `SHUTDOWN_TIMEOUT` seconds. Return False if it has not ended then."""
    running = threading.Thread(target=work, daemon=True)
    running.start()
    for _second in range(SHUTDOWN_TIMEOUT):
        running.join(1.0)
    return not running.is_alive()


def serve(handed: Mapping[str, Any], ready: Callable[[], None]) -> int:
    """Serve the run with these parameters. `ready` is called when the session listens. Return the exit status.

    With `linger`, serve later runs of the same user as well, one after the other.
    """
    session: Session | None = Session(handed)
    gc.freeze()
    sys.setswitchinterval(SWITCH_INTERVAL)
    while session is not None:
        session.begin()
        ready()
        session.prepare()
        kept = None
        try:
            session.serve()
        finally:
            kept = session.close()
        session = None  # what it has read goes with it
        if kept is not None:
            session = _await_run(handed, *kept)
        ready = _do_nothing
    return 0


def _do_nothing() -> None:
    """Stand for the message that a session is ready, after another run has taken it over: that run has its response."""


def _leave_directory() -> str:
    """Leave the directory of the run, so that its file system can be unmounted. Return it; empty if it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return ""
    finally:
        os.chdir("/")


def _await_run(handed: Mapping[str, Any], lingering: Lingering, stores: StorePool) -> Session | None:
    """Wait for the next run. Return its session; None if none came: then the tokens were returned."""
    gc.collect()
    directory = _leave_directory()
    keepers = StoreThreads(1, "keep")
    begun: list[Session] = []

    def keep(store: str, work: Callable[[], None]) -> None:
        if not keepers.is_busy(store):
            with suppress(RuntimeError):
                keepers.submit(store, work)

    def begin(asked: Mapping[str, Any]) -> None:
        os.chdir(directory)
        given = dict(asked)
        environment = given.pop("environment")
        os.environ.clear()
        os.environ.update(environment)
        stores.drop_changed_logins(keepers.submit)
        session = Session({**handed, **given, "lock": None, "configuration": None}, stores)
        session.begin()
        begun.append(session)

    if lingering.wait(lambda: stores.maintain(keep), begin):
        return begun[0]

    def close() -> None:
        stores.close(keepers.submit)
        keepers.join()

    run_bounded(close)
    lingering.close()
    return None
