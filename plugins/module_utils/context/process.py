# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a program with a text on its standard input, bounded in time and output, and end it with its children."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import termios
import time
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, StorageError, Unavailable

MOST_OUTPUT = 64 * 1024 * 1024
_MOST_ERRORS = 16 * 1024
_PART = 1 << 16
_LOOK = 0.05
"""Seconds after which it is looked whether the program has ended, if it neither reads nor writes."""
_BUSY = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY)


class TooSlow(Exception):
    """The program did not end in time, and was killed."""


class Finished(NamedTuple):
    """The exit status of a program (below zero: the signal that ended it), its output, and the beginning of its error output."""

    status: int
    output: bytes
    errors: bytes


def run_program(argv: Sequence[str], given: bytes, environment: Mapping[str, str], seconds: float) -> Finished:
    """Run a program in a process group of its own. What is left of the group is killed when it ends, or when its time is over.

    Args:
        argv: the program and its arguments.
        given: what it reads on standard input. It may leave it unread.
        environment: all of its environment.
        seconds: how long it may take.

    Raises:
        TooSlow: it took longer.
        InvalidConfiguration: it cannot be started.
        Unavailable: the system is too busy to start it.
        StorageError: it wrote more than `MOST_OUTPUT` bytes.
    """
    end = time.monotonic() + seconds
    process = _start(argv, environment)
    try:
        output, errors = Exchange(process, given).carry_out(end)
        status = _await_end(process, end)
    finally:
        _end(process)
    return Finished(status, output, errors)


def run_python(program: str, given: Any, environment: Mapping[str, str], seconds: float, *options: str) -> Finished:
    """Run a Python program in an interpreter of its own, which is isolated from the user's environment. See `run_program`.

    Args:
        program: its text.
        given: what it reads on standard input, as JSON.
        environment: all of its environment.
        seconds: how long it may take.
        options: further options of the interpreter.

    Raises:
        TooSlow, StorageError: as `run_program`.
        Unavailable: it cannot be started.
    """
    argv = [sys.executable, "-I", *options, "-c", program]
    try:
        return run_program(argv, json.dumps(given).encode("ascii"), environment, seconds)
    except InvalidConfiguration:
        # Only the interpreter that runs this can be missing: it was replaced meanwhile.
        raise Unavailable("the interpreter {0} cannot be started".format(ascii(sys.executable)), remedy="Run it again.") from None


def _start(argv: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=dict(environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        if number in _BUSY:
            raise Unavailable("the system cannot start another process now", remedy="Try again.") from None
        reason = os.strerror(number) if number else "its name or an argument holds a zero byte"
        what = "the program {0} cannot be started: {1}".format(ascii(argv[0]), reason)
        raise InvalidConfiguration(what, option="command", remedy="Name a program that this user may execute.") from None


class Exchange:
    """What goes to the program and what comes from it."""

    def __init__(self, process: subprocess.Popen[bytes], given: bytes, cut: Mapping[str, int] = MappingProxyType({"stderr": _MOST_ERRORS})):
        """Set the program, which has pipes, and what it reads on standard input.

        Args:
            process: the program.
            given: what it reads. It may leave it unread.
            cut: after how many bytes a stream, `stdout` or `stderr`, is no longer kept. Another one may have `MOST_OUTPUT`.
        """
        self._process = process
        self._left = memoryview(given)
        self._cut = cut
        self._received: Dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._selector = selectors.DefaultSelector()

    def carry_out(self, end: float) -> Tuple[bytes, bytes]:
        """Return what the program wrote on standard output and on standard error.

        It ends with both streams, or with the program: a child that it leaves running may hold them open, and write without end.

        Raises:
            TooSlow: `end` (by the monotonic clock) has come.
            StorageError: a stream that is not cut has too much.
        """
        with self._selector:
            self._watch()
            while self._selector.get_map():
                if _has_ended(self._process):
                    self._receive_rest()
                    break
                if time.monotonic() >= end:
                    raise TooSlow
                for key, _events in self._selector.select(max(0.0, min(_LOOK, end - time.monotonic()))):
                    self._advance(key)
        return bytes(self._received["stdout"]), bytes(self._received["stderr"])

    def _watch(self) -> None:
        for name, stream in (("stdin", self._process.stdin), ("stdout", self._process.stdout), ("stderr", self._process.stderr)):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                self._selector.register(stream, selectors.EVENT_WRITE if name == "stdin" else selectors.EVENT_READ, name)

    def _advance(self, key: selectors.SelectorKey) -> None:
        try:
            is_over = self._send(key.fd) if key.data == "stdin" else not self._receive(key.fd, key.data, _PART)
        except BlockingIOError:
            return
        if is_over:
            self._selector.unregister(key.fileobj)
            # A program may write its answer only after the end of its input.
            key.fileobj.close()  # type: ignore[union-attr]  # it is one of the three streams

    def _receive_rest(self) -> None:
        """Read what the streams hold now, after the end of the program: all that it wrote itself is in it."""
        for key in [key for key in self._selector.get_map().values() if key.data != "stdin"]:
            left = int.from_bytes(fcntl.ioctl(key.fd, termios.FIONREAD, bytes(4)), sys.byteorder)
            while left > 0:
                left -= self._receive(key.fd, key.data, min(left, _PART))

    def _send(self, descriptor: int) -> bool:
        try:
            self._left = self._left[os.write(descriptor, self._left[:_PART]) :]
        except BrokenPipeError:
            return True
        return not self._left

    def _receive(self, descriptor: int, name: str, size: int) -> int:
        """Keep what is read of a stream, and return how many bytes it is: none at its end."""
        part = os.read(descriptor, size)
        received = self._received[name]
        received += part[: self._cut[name] - len(received)] if name in self._cut else part
        if len(received) > MOST_OUTPUT:
            what = "the command wrote more than {0} MiB".format(MOST_OUTPUT // 1024 // 1024)
            raise StorageError(what, remedy="It has to answer with what the request names, and nothing else.")
        return len(part)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Return True if the program has ended. It is not reaped: until its group is killed, no other process may get its id."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _await_end(process: subprocess.Popen[bytes], end: float) -> int:
    """Return the exit status of a program that has closed its streams.

    Raises:
        TooSlow: it does not end.
    """
    pause = 0.001
    while not _has_ended(process):
        if time.monotonic() >= end:
            raise TooSlow
        time.sleep(pause)
        pause = min(_LOOK, 2 * pause)
    _kill_group(process)
    return process.wait()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the program's group, reap the program and close its streams."""
    if process.returncode is None:
        _kill_group(process)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def find_environment(names: Sequence[str], more: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """Return the environment of a program: what every program needs to work for this user, the named variables, and `more`."""
    kept = {name: value for name, value in os.environ.items() if name in _EVERY_PROGRAM or name in names or name.lower().endswith("_proxy")}
    return {**kept, **(more or {})}


_EVERY_PROGRAM = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
        *("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"),
    )
)
