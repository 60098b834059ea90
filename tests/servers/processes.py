# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every test server needs: a free port, a user that is not root, and an end that comes whatever happens."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence

LOOPBACK = "127.0.0.1"
KEPT_LOGS = Path(__file__).resolve().parents[1] / "output" / "server-logs"
_PR_SET_PDEATHSIG = 1
_LAUNCHES = 10
"""How often a program is started again whose process was aborted before that."""
_ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


class ServerUnavailable(Exception):
    """The server cannot be had on this machine, or did not start. The message says why and what to install."""


@dataclass(frozen=True)
class Account:
    """Whom a server runs as: None where this process is unprivileged already."""

    uid: Optional[int] = None
    gid: Optional[int] = None

    def arguments(self) -> Mapping[str, Any]:
        """What `subprocess` needs to become that account; needs no other program."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True)
class PasswordServer:
    """A running server that lets in by a password, made for this server alone."""

    port: int
    password: str = field(repr=False)
    log: Path
    version: str
    started_in: float
    pid: int
    host: str = LOOPBACK
    user: str = ""
    database: Optional[str] = None

    def described(self) -> Dict[str, Any]:
        """What a playbook needs to know, as JSON takes it."""
        told = {"host": self.host, "port": self.port, "user": self.user, "password": self.password, "database": self.database}
        return {
            **{name: value for name, value in told.items() if value is not None},
            "log": str(self.log),
            "version": self.version,
            "started_in": round(self.started_in, 2),
            "pid": self.pid,
        }


def unprivileged_account() -> Account:
    """`nobody` for root, this user for everyone else."""
    if os.geteuid() != 0:
        return Account()
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def free_port() -> int:
    """A TCP port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def private_directory(name: str, account: Account) -> Iterator[Path]:
    """A new directory that belongs to the account and is removed at the end.

    Not under pytest's own temporary directory, which is root's alone when root runs the tests.
    """
    directory = Path(tempfile.mkdtemp(prefix="nebula-{0}-".format(name), dir=_open_temporary_root()))
    try:
        if account.uid is not None and account.gid is not None:
            os.chown(directory, account.uid, account.gid)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _open_temporary_root() -> str:
    chosen = Path(tempfile.gettempdir())
    everyone_enters = all(parent.stat().st_mode & 0o001 for parent in (chosen, *chosen.parents))
    return str(chosen) if everyone_enters or os.geteuid() != 0 else "/tmp"


def private_file(path: Path, content: str, account: Account) -> Path:
    """A new file that the account alone may read: what is secret is no argument and no variable of a server."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as written:
        written.write(content)
    if account.uid is not None and account.gid is not None:
        os.chown(path, account.uid, account.gid)
    return path


def usable_program(program: Path, directory: Path, account: Account) -> Path:
    """The program, copied where the account cannot reach it (a virtual environment below root's home)."""
    try:
        subprocess.run(
            [str(program), "--version"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **account.arguments()
        )
    except PermissionError:
        copy = directory / program.name
        shutil.copyfile(program, copy)
        copy.chmod(0o755)
        return copy
    return program


def start(
    command: Sequence[str], *, account: Account, log: Path, directory: Path, environment: Optional[Mapping[str, str]] = None
) -> subprocess.Popen[bytes]:
    """Start a server in a process group of its own that the kernel ends when this process dies. `environment` is added to the bare one.

    Raises:
        ServerUnavailable: the account may not run the program.
    """
    parent = os.getpid()

    def before_exec() -> None:
        # A script's shell has what it runs in the background ignore SIGINT and SIGQUIT, and that is inherited.
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        # Set after the change of user, which would clear it. SIGQUIT is "stop at once" to PostgreSQL and most others.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
        if os.getppid() != parent:
            os._exit(1)

    def launch() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env={**bare_environment(), **(environment or {})},
                start_new_session=True,
                preexec_fn=before_exec,
                **account.arguments(),
            )

    process = launch()
    for _each in range(_LAUNCHES):
        if not _was_aborted(process):
            break
        process = launch()
    return process


def _was_aborted(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended before it became the program: gRPC, in a process that has loaded it, aborts some forks whose files are closed.

    A process that becomes the program at this moment has no command line yet.
    """
    while process.poll() is None:
        if _has_command_line(process.pid):
            return False
        time.sleep(0.001)
    return process.returncode == -signal.SIGABRT


def _has_command_line(process: int) -> bool:
    try:
        return Path("/proc/{0}/cmdline".format(process)).read_bytes() != b""
    except OSError:
        return False


def bare_environment() -> Mapping[str, str]:
    """An environment without anything of the caller's: no secret reaches a server through it."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def stop(process: subprocess.Popen[bytes], *, gently: int = signal.SIGTERM, patience: float = 10.0) -> None:
    """End a server and everything in its group."""
    if process.poll() is None:
        process.send_signal(gently)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def ended_with(process: subprocess.Popen[bytes], log: Path, *, gently: int = signal.SIGTERM) -> Iterator[None]:
    """Hand a server out: it ends with the `with` block, and its log is kept where that fails."""
    try:
        yield
    except BaseException:
        keep_log(log)
        raise
    finally:
        stop(process, gently=gently)


def wait_until(ready: Callable[[], bool], *, process: subprocess.Popen[bytes], within: float = 300.0) -> None:
    """Ask every 20 ms until it is ready.

    Raises:
        ServerUnavailable: it ended, or the time is over.
    """
    deadline = time.monotonic() + within
    while not ready():
        if process.poll() is not None:
            raise ServerUnavailable("it ended with status {0}".format(process.returncode))
        if time.monotonic() > deadline:
            raise ServerUnavailable("it was not ready within {0:.0f} s".format(within))
        time.sleep(0.02)


def keep_log(log: Path) -> Optional[Path]:
    """Keep a failed server's log where a person finds it; None when there is none."""
    if not log.is_file():
        return None
    KEPT_LOGS.mkdir(parents=True, exist_ok=True)
    kept = KEPT_LOGS / "{0}-{1}.log".format(log.parent.name, os.getpid())
    shutil.copyfile(log, kept)
    return kept
