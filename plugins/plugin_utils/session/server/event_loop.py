# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session's event loop: one thread responds with what is cached, others fetch the rest (DESIGN: one login and one fetch per run).

What a store has to fetch waits for that store alone: each has its own threads. What is in memory waits for no store.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import SeenEntries
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.connection import ClientConnection
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.flights import Flight
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import AWAITED, RequestHandler
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.store_threads import StoreThreads

FETCHERS = 32
"""The greatest number of requests of one store that are performed at the same time."""
READERS = 4
"""The greatest number of long requests that are read, or answered from memory, at the same time."""
WORK_TIMEOUT = 12.0
"""Seconds that the end of the session waits for requests that are being performed: a little longer than a write takes at most by
default. Then the stores are closed, which needs time, too."""
TICK = 1.0
SHORT = 4096
"""Bytes of a request that is read at once. A longer one, for thousands of names, is read in another thread: the next hit would wait."""
WAITS = b""
"""Stands for the response to a request that waits for its digest."""
MOST_SILENT = 512
"""The greatest number of callers without a whole request. Ansible never has so many workers."""
AT_ONCE = 64


class EventLoop:
    """The event loop: accept callers, read their requests, send their responses."""

    def __init__(self, listener: socket.socket, may_ask: Callable[[socket.socket], bool], desk: RequestHandler) -> None:
        """Take the socket, the check of who may use the session, and the handler of requests."""
        self._listener = listener
        self._may_ask = may_ask
        self._desk = desk
        self._selector = selectors.DefaultSelector()
        self._fetchers = StoreThreads(FETCHERS, "fetch")
        self._readers = StoreThreads(READERS, "read")
        self._done: deque[tuple[ClientConnection, Callable[[], None]]] = deque()
        self._woken, self._waking = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waking, False)
        self._callers: dict[ClientConnection, None] = {}
        self._waiting: list[ClientConnection] = []
        self._selector.register(listener, selectors.EVENT_READ, self.admit)
        self._selector.register(self._woken, selectors.EVENT_READ, self._finish)
        self._ticked = time.monotonic()

    def wake_for(self, descriptor: int) -> None:
        """Return from `step` at once when this descriptor becomes readable, not only at the next tick."""
        self._selector.register(descriptor, selectors.EVENT_READ, lambda: None)

    def step(self) -> bool:
        """Serve for a second at most. Return True if this step has ended a tick of one second."""
        for key, _events in self._selector.select(max(0.0, self._ticked + TICK - time.monotonic())):
            key.data()
        now = time.monotonic()
        if now - self._ticked < TICK:
            return False
        self._ticked = now
        self._tick()
        return True

    def has_callers(self) -> bool:
        """Return True if a caller without a response is connected."""
        return bool(self._callers)

    def is_working(self) -> bool:
        """Return True if a request is being performed."""
        return any(caller.working for caller in self._callers)

    def admit_nobody(self) -> None:
        """Accept no more callers. Those that are connected get their responses."""
        with suppress(KeyError, ValueError):
            self._selector.unregister(self._listener)
        self._listener.close()

    def close(self) -> bool:
        """Drop every caller, cancel work that has not begun, and wait for work that has, for `WORK_TIMEOUT` seconds: it may be a write.

        Return False if some has not ended by then.
        """
        self.admit_nobody()
        for caller in list(self._callers):
            self._drop(caller)
        have_ended = []
        for threads in (self._readers, self._fetchers):
            threads.stop()
            have_ended.append(threads.join(WORK_TIMEOUT))
        if all(have_ended):  # else a thread may still use them
            self._selector.close()
            os.close(self._woken)
            os.close(self._waking)
        return all(have_ended)

    def admit(self) -> None:
        """Accept the callers that wait."""
        for _connection in range(AT_ONCE):
            try:
                connection, _address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:
                self._make_room()  # out of descriptors
                return
            if not self._may_ask(connection):
                connection.close()
                continue
            self._admit(ClientConnection(connection))

    def _admit(self, caller: ClientConnection) -> None:
        """Add a caller. Most have sent their request by now, and are served at once; only the others are watched."""
        self._callers[caller] = None
        self._read(caller)
        if caller in self._callers and not caller.watched:
            self._watch(caller, selectors.EVENT_READ, lambda: self._read(caller))
        if len(self._callers) > MOST_SILENT:
            self._make_room()

    def _watch(self, caller: ClientConnection, event: int, heard: Callable[[], None]) -> None:
        change = self._selector.modify if caller.watched else self._selector.register
        change(caller.connection, event, heard)
        caller.watched = True

    def _make_room(self) -> None:
        """Drop the caller that has been silent for the longest time."""
        silent = next((caller for caller in self._callers if not caller.working), None)
        if silent is not None:
            self._drop(silent)

    def _read(self, caller: ClientConnection) -> None:
        def read() -> None:
            request = caller.receive()
            if request is not None:
                caller.request = request
                self._answer(caller)

        self._attempt(caller, read)

    def _attempt(self, caller: ClientConnection, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # noqa: BLE001  # no request of one caller may end the service for the others
            self._drop(caller)

    def _answer(self, caller: ClientConnection) -> None:
        """Respond at once if nothing has to be fetched, else from another thread; meanwhile the caller gets heartbeats."""
        if len(caller.request) > SHORT:
            caller.working = True
            self._readers.submit("", partial(self._answer_long, caller))
        else:
            self._respond(caller, self._find_cached(caller))

    def _answer_long(self, caller: ClientConnection) -> None:
        """Do what `_answer` does, in another thread. The caller always gets a response or is dropped: else it would wait for ever."""
        respond = partial(self._drop, caller)
        try:
            respond = partial(self._respond, caller, self._find_cached(caller))
        finally:
            self._call(caller, respond)

    def _find_cached(self, caller: ClientConnection) -> bytes | None:
        """Return the response from memory; `WAITS` if another caller is resolving the digest; None if the request must be performed."""
        caller.asked = json.loads(caller.request)
        reply = self._desk.try_cached(caller.asked)
        return WAITS if reply is AWAITED else None if reply is None else encode_reply(reply)

    def _respond(self, caller: ClientConnection, reply: bytes | None) -> None:
        """Send the response of `_find_cached`. Without one the request waits: for its digest, or for a thread of its store."""
        if reply is WAITS:
            caller.working = True
            self._waiting.append(caller)
        elif reply is not None:
            self._send(caller, reply)
        elif caller.is_waiting():
            caller.working = True
            self._perform(caller)
        else:
            self._drop(caller)

    def _perform(self, caller: ClientConnection) -> None:
        """Have the request performed in a thread of its store, unless another caller's request will respond to it."""
        store, question = self._desk.identify(caller.asked)
        flight = self._desk.flights.board(question, caller)
        if flight is not None:
            try:
                self._fetchers.submit(store, partial(self._fly, flight))
            except RuntimeError:
                self._desk.flights.land(flight)
                raise

    def _fly(self, flight: Flight) -> None:
        """Perform a request, in another thread. Its callers always get a response or are dropped: else they would wait for ever."""
        reply, seen = None, SeenEntries()
        try:
            if not self._desk.flights.cancel(flight):
                reply = encode_reply(self._desk.perform_for_all(flight, seen))
        finally:
            first, *others = self._desk.flights.land(flight)
            self._call(first, partial(self._end, first, reply))
            for caller in others:
                self._record_other(caller, reply, seen)

    def _record_other(self, caller: ClientConnection, reply: bytes | None, seen: SeenEntries) -> None:
        """Record that a further caller gets this response, and send it. If that cannot be recorded, the caller gets the error."""
        its: bytes | None = None
        try:
            if reply is not None and caller in self._callers:
                problem = self._desk.record_other(caller.asked, seen)
                its = reply if problem is None else encode_reply(problem)
        finally:
            self._call(caller, partial(self._end, caller, its))

    def _end(self, caller: ClientConnection, reply: bytes | None) -> None:
        if reply is None:
            self._drop(caller)
        elif caller in self._callers:
            self._send(caller, reply)

    def _call(self, caller: ClientConnection, work: Callable[[], None]) -> None:
        """Have the event loop call `work`, which responds to this caller. Called by other threads."""
        self._done.append((caller, work))
        with suppress(BlockingIOError):
            os.write(self._waking, b".")

    def _finish(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._woken, 65536)
        while self._done:
            caller, work = self._done.popleft()
            self._attempt(caller, work)
        self._answer_waiting()

    def _answer_waiting(self) -> None:
        """Try again the requests that waited until another caller resolved their digest."""
        waiting, self._waiting = self._waiting, []
        for caller in waiting:
            if caller in self._callers:
                self._attempt(caller, partial(self._answer, caller))

    def _send(self, caller: ClientConnection, reply: bytes) -> None:
        """Send a response. What does not fit now is sent as fast as the caller reads it."""
        try:
            if not caller.reply(reply):
                self._watch(caller, selectors.EVENT_WRITE, lambda: self._send_more(caller))
                return
        except OSError:
            pass  # the caller no longer waits for the response
        self._drop(caller)

    def _send_more(self, caller: ClientConnection) -> None:
        with suppress(OSError):
            if not caller.send():
                return
        self._drop(caller)

    def _tick(self) -> None:
        """Send a heartbeat to callers whose request is being performed; drop callers that are late."""
        for caller in list(self._callers):
            if caller.tick():
                self._drop(caller)
            elif caller.working:
                try:
                    caller.beat()
                except OSError:
                    self._drop(caller)
        self._answer_waiting()

    def _drop(self, caller: ClientConnection) -> None:
        if caller in self._callers:
            del self._callers[caller]
            if caller.watched:
                self._selector.unregister(caller.connection)
            caller.connection.close()


def encode_reply(reply: Any) -> bytes:
    """Return a response as bytes to send."""
    return json.dumps(reply).encode("utf-8")
