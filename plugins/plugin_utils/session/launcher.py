# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the session of this run, once, even if many workers try at the same time."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from ansible_collections.nebula.credential.plugins.plugin_utils.session.abandoned import NOT_STARTED, abandon_session, read_abandoned
from ansible_collections.nebula.credential.plugins.plugin_utils.session.cleanup import sweep
from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import is_private
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place
from ansible_collections.nebula.credential.plugins.plugin_utils.session.run_end import wait_at_run_end

READY = "ready"
START_TIMEOUT = 15.0
"""Seconds for the start; on an idle machine it takes half a second."""
LOCK_PAUSE = 0.005
COLLECTION = __file__.rpartition("/plugins/plugin_utils/session/")[0]
"""The directory of this collection. No link is resolved: a linked checkout is a collection only at the link's path."""
PROGRAM = os.path.join(COLLECTION, "plugins", "plugin_utils", "session", "server", "main.py")
"""The session's program. It is started by its path and never imported here."""


class Terms(NamedTuple):
    """What a run hands to its session: its `session` options, the store that it is likely to use, and the digest that it will resolve."""

    options: Mapping[str, Any]
    find_expected: Callable[[], Mapping[str, Any] | None] = lambda: None
    awaited: str | None = None


HandOver = Callable[["subprocess.Popen[bytes]", bytes], str]
_BEGUN: list[subprocess.Popen[bytes]] = []


class NoSession(Exception):
    """The run has no session; the text is the reason. The run continues without a session."""


class _Busy(NoSession):
    """Another process of the run holds the lock and is starting the session."""


def ensure_session(where: Place, run: tuple[int, str], options: Mapping[str, Any]) -> None:
    """Start the session of this run if it does not listen yet. The process that gets the lock starts it; the others wait.

    Args:
        where: the session's place.
        run: the controller's process id, and when it began.
        options: the run's `session` options.

    Raises:
        NoSession: this run has no session, and will have none.
    """
    reap()
    try:
        _ensure(where, run, Terms(dict(options)), _hand_over, START_TIMEOUT + 2)
    except _Busy as busy:
        raise NoSession(abandon_session(where.directory, str(busy))) from None


def start_session(
    where: Place,
    run: tuple[int, str],
    options: Mapping[str, Any],
    *,
    expected: Callable[[], Mapping[str, Any] | None] = lambda: None,
    awaited: str | None = None,
) -> None:
    """Start the session and do not wait for it: the next `ensure_session` waits, and raises its failure.

    Args:
        where: as for `ensure_session`, like `run` and `options`.
        expected: returns the `store` that is likely to be used and its `config`, so that the session opens it at once. Called while
            the program starts.
        awaited: the digest of a request that the caller will resolve: other callers with the same digest wait for that.

    Raises:
        NoSession: this run will have no session, or another process is starting it.
    """
    _ensure(where, run, Terms(dict(options), expected, awaited), _leave_alone, 0.0)


def _ensure(where: Place, run: tuple[int, str], terms: Terms, hand_over: HandOver, patience: float) -> None:
    if is_private(where.directory) and os.path.exists(where.socket) and not os.path.exists(where.abandonment_file):
        return
    _make_directory(where, run)
    with _alone(where, run, patience) as lock:
        _check_run_lives(run)
        _refuse_given_up(where)
        if os.path.exists(where.socket):
            return
        if os.path.exists(where.start_file):
            raise NoSession(abandon_session(where.directory, "it ended, or was killed"))
        _start(where, run, terms, lock, hand_over)


def _refuse_given_up(where: Place) -> None:
    why = read_abandoned(where.directory)
    if why is not None:
        raise NoSession(why)


def _check_run_lives(run: tuple[int, str]) -> None:
    """Check that this process is the run's controller, or still its child: a session of a run that is over would end at once.

    Raises:
        NoSession: the controller has ended, and this worker is an orphan.
    """
    if run[0] not in (os.getpid(), os.getppid()):
        raise NoSession("the process that runs the play has ended")


def _make_directory(where: Place, run: tuple[int, str]) -> None:
    _check_run_lives(run)
    try:
        os.mkdir(where.directory, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise NoSession("{0} cannot be made ({1})".format(where.directory, os.strerror(error.errno or 0))) from None
    else:
        sweep(os.path.dirname(where.directory), where.directory)
    if not is_private(where.directory):
        raise NoSession("{0} is not a private directory of this user".format(where.directory))


@contextmanager
def _alone(where: Place, run: tuple[int, str], patience: float) -> Iterator[int]:
    """Hold the lock of the start for the `with` block. A session that starts holds it too, until it listens.

    Raises:
        NoSession: the lock was not free within `patience` seconds.
    """
    descriptor = _take_lock(where, run, patience)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take_lock(where: Place, run: tuple[int, str], patience: float) -> int:
    while True:
        try:
            descriptor = os.open(where.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                _lock(descriptor, patience)
                if os.fstat(descriptor).st_nlink:
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise NoSession("{0} cannot be used ({1})".format(where.directory, os.strerror(error.errno or 0))) from None
        # An idle session has just ended, or another run has found the directory empty, and removed it.
        _make_directory(where, run)


def _lock(descriptor: int, patience: float) -> None:
    """Wait for the lock. The pauses are counted, not the time: a freeze of the whole run costs one."""
    for _pause in range(int(patience / LOCK_PAUSE) + 1):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(LOCK_PAUSE)
    raise _Busy("another process of this run is stuck while starting it")


def _start(where: Place, run: tuple[int, str], terms: Terms, lock: int, hand_over: HandOver) -> None:
    pipe = _open_piped_configuration()
    place = None
    if terms.options.get("linger") and pipe is None:
        from ansible_collections.nebula.credential.plugins.plugin_utils.session.linger import find_lingering_place, take_over

        place = find_lingering_place(where, terms.options, COLLECTION)
        if take_over(place, where, run, {"expected": terms.find_expected(), "awaited": terms.awaited}):
            wait_at_run_end(where.directory, run)
            return
    handed = {
        "collection": COLLECTION,
        "collections": list(sys.modules["ansible_collections"].__path__),
        "path": [path for path in sys.path if path],
        "directory": where.directory,
        "run": run,
        "lock": lock,
        "bytecode": not sys.dont_write_bytecode,
        "configuration": pipe,
        "linger": place,
        "options": terms.options,
        "awaited": terms.awaited,
    }
    try:
        started = subprocess.Popen(
            [sys.executable, "-I", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,) if pipe is None else (lock, pipe),
            start_new_session=True,
        )
        word = hand_over(started, json.dumps({**handed, "expected": terms.find_expected()}).encode("utf-8"))
    except OSError as error:
        word = type(error).__name__
    finally:
        if pipe is not None:
            os.close(pipe)
    if word != READY:
        raise NoSession(abandon_session(where.directory, NOT_STARTED.format(word or "no response")))
    wait_at_run_end(where.directory, run)


def _open_piped_configuration() -> int | None:
    """Return a descriptor of the pipe that the configuration comes through; None if it comes from a file."""
    path = os.environ.get("NEBULA_CREDENTIAL_CONFIG", "")
    try:
        if stat.S_ISFIFO(os.stat(path).st_mode):
            return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        pass  # the worker that resolves the store reports it
    return None


def _hand_over(started: subprocess.Popen[bytes], handed: bytes) -> str:
    """Send the program its parameters, and return its status line. Waits of a second are counted: a freeze of the whole run costs one."""
    for wait in range(int(START_TIMEOUT)):
        with suppress(subprocess.TimeoutExpired):
            output, _none = started.communicate(None if wait else handed, timeout=1.0)
            return output.decode("utf-8", "replace").strip()
    with suppress(OSError):
        os.killpg(started.pid, signal.SIGKILL)  # by now it is a grandchild, in a group that we have made
    return "no response within {0:.0f} s".format(START_TIMEOUT)


def _leave_alone(started: subprocess.Popen[bytes], handed: bytes) -> str:
    """Send the program its parameters, and do not wait. It holds the lock until it listens, so that the next caller waits for it."""
    _BEGUN.append(started)
    if started.stdin is not None and started.stdout is not None:
        started.stdout.close()
        with started.stdin:
            started.stdin.write(handed)
    return READY


def reap() -> None:
    """Reap the processes that `start_session` started: each forks the session and ends at once, and would stay as a zombie."""
    _BEGUN[:] = [started for started in _BEGUN if started.poll() is None]
