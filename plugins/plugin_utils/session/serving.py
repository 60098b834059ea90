# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session's event loop: one thread answers what is known, others fetch what is not (DESIGN: one login and one fetch a run)."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.nebula.credential.plugins.lookup.get import HEARTBEAT, LENGTH, Place, is_ours
from ansible_collections.nebula.credential.plugins.plugin_utils.session.asker import is_of_the_run
from ansible_collections.nebula.credential.plugins.plugin_utils.session.desk import Desk
from ansible_collections.nebula.credential.plugins.plugin_utils.session.watch import Watch

LONGEST_REQUEST = 64 * 1024 * 1024
SLOWEST_REQUEST = 5.0
"""Seconds in which a request has to be in, whole."""
BACKLOG = 1024
FETCHERS = 32
TICK = 1.0


class Caller:
    """One connection: what has come in, and whether an answer is being worked on."""

    def __init__(self, connection: socket.socket) -> None:
        """Take an accepted connection."""
        self.connection = connection
        self.since = time.monotonic()
        self.content = bytearray()
        self.working = False

    def request(self) -> bytes | None:
        """The request, once it is in whole."""
        if len(self.content) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self.content)
        if length > LONGEST_REQUEST:
            raise ValueError("too long")
        return bytes(self.content[LENGTH.size :]) if len(self.content) >= LENGTH.size + length else None


class Serving:
    """Serves one run."""

    def __init__(self, listener: socket.socket, watch: Watch, desk: Desk) -> None:
        """Take the socket, the eye on the run, and who answers."""
        self._listener = listener
        self._watch = watch
        self._desk = desk
        self._selector = selectors.DefaultSelector()
        self._fetchers = ThreadPoolExecutor(FETCHERS, "fetch")
        self._done: deque[tuple[Caller, dict[str, Any]]] = deque()
        self._woken, self._waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        self._callers: set[Caller] = set()

    def run(self) -> None:
        """Serve until the run is gone, or nothing was asked for as long as `idle` says and no lease is held."""
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, self._finish)
        if self._watch.descriptor is not None:
            self._selector.register(self._watch.descriptor, selectors.EVENT_READ, lambda: None)
        ticked = time.monotonic()
        while not self._watch.is_over() and not self._desk.is_idle():
            for key, _events in self._selector.select(TICK):
                key.data()
            if time.monotonic() - ticked >= TICK:
                ticked = time.monotonic()
                self._tick()

    def close(self) -> None:
        """Drop every caller, wait for what is being fetched, and close the stores."""
        for caller in list(self._callers):
            self._drop(caller)
        self._listener.close()
        self._fetchers.shutdown(wait=True, cancel_futures=True)
        self._desk.close()

    def _accept(self) -> None:
        try:
            connection, _address = self._listener.accept()
        except OSError:
            return
        if not is_ours(connection) or not is_of_the_run(connection, self._watch.run):
            connection.close()
            return
        connection.setblocking(False)
        caller = Caller(connection)
        self._callers.add(caller)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(caller))
        self._read(caller)

    def _read(self, caller: Caller) -> None:
        try:
            part = caller.connection.recv(1 << 18)
            if part and not caller.working:
                caller.content += part
                request = caller.request()
                if request is not None:
                    self._answer(caller, json.loads(request))
                return
        except BlockingIOError:
            return
        except (OSError, ValueError):
            pass
        self._drop(caller)

    def _answer(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        """At once where nothing has to be fetched, else in another thread; meanwhile the caller hears that it is worked on."""
        caller.content.clear()
        reply = self._desk.known(asked)
        if reply is not None:
            self._send(caller, reply)
            return
        caller.working = True
        self._fetchers.submit(self._fetch, caller, asked)

    def _fetch(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        self._done.append((caller, self._desk.perform(asked)))
        os.write(self._waking, b".")

    def _finish(self) -> None:
        os.read(self._woken, 65536)
        while self._done:
            self._send(*self._done.popleft())

    def _send(self, caller: Caller, reply: Mapping[str, Any]) -> None:
        content = json.dumps(reply).encode("utf-8")
        try:
            caller.connection.settimeout(SLOWEST_REQUEST)
            caller.connection.sendall(LENGTH.pack(len(content)) + content)
        except OSError:
            pass  # who does not wait for the answer does without
        self._drop(caller)

    def _tick(self) -> None:
        """Say to those who wait that their request is worked on; leave those who do not say what they want; renew what needs it."""
        now = time.monotonic()
        for caller in list(self._callers):
            if caller.working:
                try:
                    caller.connection.send(HEARTBEAT)
                except OSError:
                    self._drop(caller)
            elif now - caller.since > SLOWEST_REQUEST:
                self._drop(caller)
        self._fetchers.submit(self._desk.look_after)

    def _drop(self, caller: Caller) -> None:
        if caller in self._callers:
            self._callers.discard(caller)
            self._selector.unregister(caller.connection)
            caller.connection.close()


def serve(handed: Mapping[str, Any], ready: Callable[[str], None]) -> int:
    """Listen where the run expects it, serve, and leave nothing behind."""
    where = Place(handed["directory"])
    watch = Watch(*handed["run"])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(where.socket)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    desk = Desk(handed["options"])
    serving = Serving(listener, watch, desk)
    Path(where.begun).touch()
    ready("ready")
    try:
        serving.run()
    finally:
        os.unlink(where.socket)
        serving.close()
        shutil.rmtree(where.directory, ignore_errors=True)
    return 0
