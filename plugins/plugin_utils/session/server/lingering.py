# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time of a session between two runs: it waits for the next one of this user, with logins and keys, and without a value.

It serves nobody meanwhile. A run that wants it must be one that could have started this session: of the same user, by the same program,
in the same surroundings (the name of the place, `session.linger`), and the caller must be the run's controller or its direct child.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from ansible_collections.nebula.credential.plugins.plugin_utils.session.peer import (
    TOLD,
    is_allowed_peer,
    read_parent,
    read_start_time,
    read_terminal,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import LENGTH, LINGERS, TAKEN, Place
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.controller_watch import ControllerWatch
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.runtime_dir import RuntimeDir

TICK = 1.0
REQUEST_TIMEOUT = 2.0
"""Seconds for the request of a run: it is sent in one piece."""
LONGEST_REQUEST = 1 << 20
LONGEST_LIFE = 24 * 3600.0
"""Seconds after its start from which a session ends with its run: what it has loaded becomes old."""
FIRST_PID_NAMESPACE = 0xEFFFFFFC
"""The number of the PID namespace of a Linux system itself (PROC_PID_INIT_INO)."""
MOST = 8
"""How many sessions of a user wait in one directory. Runs in ever new surroundings would add one each."""
_BORN = time.monotonic()


class Origin(NamedTuple):
    """The program of a run's controller, and the terminal that it was started from; None if there is no terminal."""

    program: tuple[int, int]
    terminal: ControllerWatch | None


def find_origin(run: tuple[int, str]) -> Origin | None:
    """Return the origin of a run; None if a session of it must not outlive it, because a later run could not be checked."""
    program = _find_program(run[0])
    if not TOLD or program is None or _ends_container(run[0]) or time.monotonic() - _BORN > LONGEST_LIFE:
        return None
    leader = read_terminal(run[0])
    if leader == run[0]:
        return None  # the terminal is the run's own, and closed with it
    return Origin(program, None if leader is None else ControllerWatch(leader, read_start_time(leader)))


def _find_program(process: int) -> tuple[int, int] | None:
    try:
        found = os.stat("/proc/{0}/exe".format(process))
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _ends_container(process: int) -> bool:
    """Return True if a container ends with this process: the system would kill the session, and its tokens would stay."""
    try:
        is_container = os.stat("/proc/self/ns/pid").st_ino != FIRST_PID_NAMESPACE
    except OSError:
        return True
    return is_container and (process == 1 or read_parent(process) == 1)


class Lingering:
    """The place in which a session waits, and the runs that it may serve next."""

    def __init__(self, place: str, origin: Origin, seconds: float) -> None:
        """Take the place.

        Args:
            place: the directory; another session may be waiting there.
            origin: of the run that has ended.
            seconds: how long to wait.

        Raises:
            OSError: the place cannot be used, or another session waits there.
        """
        self._origin = origin
        self._ends = time.clock_gettime(time.CLOCK_BOOTTIME) + seconds  # the time that a computer sleeps counts, too
        self._place = place
        with suppress(FileExistsError):
            os.mkdir(place, 0o700)
        found = os.lstat(place)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise PermissionError("it is not a private directory of this user")
        lock = os.open(Place(place).lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._premises = RuntimeDir(Place(place), lock)
        self._premises.clear()
        self._listener = self._premises.listener()
        self._premises.allow_lingering()
        self._premises.release_start_lock()
        _make_room(place)
        self._told_to_end = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: Any) -> None:
        self._told_to_end = True

    def wait(self, tick: Callable[[], object], begin: Callable[[Mapping[str, Any]], None]) -> bool:
        """Wait for a run. Return True if `begin` has made this session that of a run, False if its time is over.

        Args:
            tick: called about once a second.
            begin: takes what a run hands over, `run`, `directory`, `environment`, `expected` and `awaited`. If it raises an error,
                because the directory of the run cannot be used, this continues to wait.
        """
        while not self._is_over():
            if select.select([self._listener], [], [], TICK)[0]:
                with suppress(Exception):  # no request may end the session: it would leave its tokens behind
                    connection, _address = self._listener.accept()
                    with connection:
                        if self._serve(connection, begin):
                            return True
            tick()
        return False

    def _is_over(self) -> bool:
        terminal = self._origin.terminal
        is_late = time.clock_gettime(time.CLOCK_BOOTTIME) >= self._ends
        is_forgotten = self._premises.is_lost() or not self._premises.may_linger()
        return self._told_to_end or is_late or is_forgotten or (terminal is not None and terminal.is_over())

    def _serve(self, connection: socket.socket, begin: Callable[[Mapping[str, Any]], None]) -> bool:
        """Read the request of a run, check the run, and become its session."""
        connection.settimeout(REQUEST_TIMEOUT)
        asked = _receive(connection)
        if self._is_over() or not self._is_trusted(connection, asked):
            return False
        connection.setblocking(False)
        with suppress(BlockingIOError):
            connection.recv(1, socket.MSG_PEEK)  # it returns only if the caller has gone on without this session
            return False
        begin(asked)
        self.close()
        connection.settimeout(REQUEST_TIMEOUT)
        reply = json.dumps({"result": TAKEN}).encode("utf-8")
        with suppress(OSError):  # a run that has ended meanwhile is noticed by its watch
            connection.sendall(LENGTH.pack(len(reply)) + reply)
        return True

    def _is_trusted(self, connection: socket.socket, asked: Any) -> bool:
        """Return True if the caller is of a run as the one that has started this session, and that run is alive."""
        if not isinstance(asked, dict) or set(asked) != {"run", "directory", "environment", "expected", "awaited"}:
            return False
        if not isinstance(asked["environment"], dict) or not all(isinstance(value, str) for value in asked["environment"].values()):
            return False
        process, started = asked["run"]
        if not isinstance(process, int) or not isinstance(started, str) or not started:
            return False
        watch = ControllerWatch(process, started)
        try:
            is_it = is_allowed_peer(connection, (process, started)) and _find_program(process) == self._origin.program
            name = "{0}/nebula-{1}-{2}-{3}-".format(os.path.dirname(self._place), os.geteuid(), process, started)
            # The number of a process may have been given to another one while it was looked at: then it has ended by now.
            return is_it and str(asked["directory"]).startswith(name) and not _ends_container(process) and not watch.is_over()
        finally:
            watch.close()

    def close(self) -> None:
        """Leave the place: remove the files."""
        if self._origin.terminal is not None:
            self._origin.terminal.close()
        self._listener.close()
        self._premises.remove()


def _make_room(place: str) -> None:
    """Have those end that have waited longest, if more than `MOST` wait beside a place."""
    base, _slash, name = place.rpartition("/")
    start = name.rpartition("-")[0] + "-"
    waiting = []
    for found in os.listdir(base):
        grant = os.path.join(base, found, LINGERS)
        with suppress(OSError):  # it has ended
            if found.startswith(start) and found != name and os.lstat(os.path.dirname(grant)).st_uid == os.geteuid():
                waiting.append((os.lstat(grant).st_mtime_ns, grant))
    for _begun, grant in sorted(waiting)[: max(0, len(waiting) + 1 - MOST)]:
        with suppress(OSError):
            os.unlink(grant)


def _receive(connection: socket.socket) -> Any:
    """Return the request.

    Raises:
        OSError: none came, or it is no request.
    """
    content = b""
    while len(content) < LENGTH.size or len(content) < LENGTH.size + LENGTH.unpack_from(content)[0]:
        part = connection.recv(65536)
        content += part
        if not part or len(content) > LONGEST_REQUEST:
            raise ConnectionError("no request")
    try:
        return json.loads(content[LENGTH.size :])
    except ValueError:
        raise ConnectionError("no request") from None
