# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting the session of this run, once however many workers try at the same time."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.nebula.credential.plugins.lookup.get import Place, is_private
from ansible_collections.nebula.credential.plugins.plugin_utils.session import main as program

READY = "ready"
PATIENCE = 10.0
"""Seconds for the start; on an idle machine it takes a quarter of one."""
COLLECTIONS = __file__.rpartition("/ansible_collections/nebula/credential/")[0]
"""The directory that holds `ansible_collections`. No link is resolved: a checkout is a collection by where its link lies."""


class NoSession(Exception):
    """This run has no session, and the reason. The run goes on without it."""


def ensure_session(where: Place, run: tuple[int, str], options: Mapping[str, Any]) -> None:
    """See that the session of this run listens. Whoever holds the lock starts it; the others wait for that.

    Raises:
        NoSession: it does not, and will not in this run.
    """
    _make_directory(where)
    with _alone(where):
        if os.path.exists(where.gone):
            raise NoSession(Path(where.gone).read_text(encoding="utf-8"))
        if os.path.exists(where.socket):
            return
        if os.path.exists(where.begun):
            raise NoSession("it has ended before the run")
        _start(where, run, options)


def give_up(where: Place, why: str) -> None:
    """Have the whole run go on without a session."""
    try:
        descriptor = os.open(where.gone, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError:
        return  # somebody has, or the directory is gone: each process finds out by itself
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(why)


def _make_directory(where: Place) -> None:
    try:
        os.mkdir(where.directory, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise NoSession("{0} cannot be made ({1})".format(where.directory, os.strerror(error.errno or 0))) from None
    else:
        _sweep(os.path.dirname(where.directory))
    if not is_private(where.directory):
        raise NoSession("{0} is not a private directory of this user".format(where.directory))


def _sweep(base: str) -> None:
    """Remove what sessions left behind that were killed: directories of ours whose run is gone."""
    for entry in Path(base).glob("nebula-{0}-*-*".format(os.geteuid())):
        process, started = entry.name.split("-")[2:4]
        if is_private(str(entry)) and process.isdigit() and not _runs(int(process), started):
            shutil.rmtree(entry, ignore_errors=True)


def _runs(process: int, started: str) -> bool:
    try:
        os.kill(process, 0)
        return not started or Path("/proc/{0}/stat".format(process)).read_text("utf-8", "replace").rpartition(")")[2].split()[19] == started
    except (OSError, IndexError):
        return False


@contextmanager
def _alone(where: Place) -> Iterator[None]:
    """Hold the lock of the start. It is as short as a start, so waiting needs no limit but that one's."""
    descriptor = os.open(where.directory + "/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + PATIENCE + 2
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise NoSession("another process of this run is stuck at starting it") from None
                time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def _start(where: Place, run: tuple[int, str], options: Mapping[str, Any]) -> None:
    handed = {
        "path": [COLLECTIONS, *(path for path in sys.path if path)],
        "directory": where.directory,
        "run": run,
        "options": dict(options),
    }
    try:
        started = subprocess.Popen(
            [sys.executable, "-I", program.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
            start_new_session=True,
        )
        word = _handed_over(started, json.dumps(handed).encode("utf-8"))
    except OSError as error:
        word = type(error).__name__
    if word != READY:
        why = "it did not start ({0})".format(word or "no answer")
        give_up(where, why)
        raise NoSession(why)


def _handed_over(started: subprocess.Popen[bytes], handed: bytes) -> str:
    """Give the program its parameters and wait for its word."""
    try:
        output, _none = started.communicate(handed, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        started.kill()
        return "no answer within {0:.0f} s".format(PATIENCE)
    return output.decode("utf-8", "replace").strip()
