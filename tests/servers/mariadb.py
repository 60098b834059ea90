# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real MariaDB on 127.0.0.1 and a random port, which lets only its password in.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.mariadb start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Sequence

from tests.servers import keeper, processes
from tests.servers.processes import LOOPBACK, Account, PasswordServer, ServerUnavailable

SUPERUSER = "tester"
SERVER, INSTALLER = ("mariadbd", "mysqld"), ("mariadb-install-db", "mysql_install_db")
# Every statement is logged: what a log may hold of a value is one of the things the tests look at.
SETTINGS = {
    "bind-address": LOOPBACK,
    "general-log": "1",
    "innodb-buffer-pool-size": "32M",
    "innodb-flush-log-at-trx-commit": "0",
    "max-connections": "60",
    "skip-log-bin": "",
    "skip-name-resolve": "",
}


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running server. The password is the superuser's. `general_log` holds every statement."""

    user: str = SUPERUSER
    database: str = "nebula"

    @property
    def general_log(self) -> Path:
        """The log of every statement."""
        return self.log.with_name("general.log")

    def connect(self, user: Optional[str] = None, password: Optional[str] = None) -> Any:
        """A PyMySQL connection, as the superuser unless told otherwise."""
        import pymysql

        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=user or self.user,
            password=password or self.password,
            database=self.database,
            connect_timeout=10,
            autocommit=True,
            ssl_disabled=True,  # Otherwise each connection reads the system's authorities first.
        )

    def accepts(self, user: str, password: str) -> bool:
        """Whether a fresh connection with that password is let in."""
        import pymysql

        try:
            self.connect(user, password).close()
        except pymysql.MySQLError:
            return False
        return True

    def run(self, statement: str) -> Any:
        """One SQL statement as the superuser; answers its rows."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()


def find_program(names: Sequence[str]) -> Path:
    """One of a server's programs: on PATH, where Debian keeps it, or in the cache directory.

    Raises:
        ServerUnavailable: there is none.
    """
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", os.environ.get("NEBULA_TEST_SERVERS", "")))
    for name in names:
        found = shutil.which(name, path=places)
        if found:
            return Path(found)
    raise ServerUnavailable("no MariaDB on this machine. Install one with: apt-get install mariadb-server")


@contextlib.contextmanager
def running(settings: Optional[Mapping[str, str]] = None) -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Args:
        settings: of the server, beside and before those of `SETTINGS`.

    Raises:
        ServerUnavailable: there is none, or it did not start; its log is kept and named.
    """
    account = processes.unprivileged_account()
    with processes.private_directory("mariadb", account) as directory:
        log = directory / "server.log"
        try:
            began, password = time.monotonic(), secrets.token_urlsafe(24)
            _initialise(directory, log, account)
            first = Server(processes.free_port(), password, log, "", 0.0, 0)
            process, server = _start(first, settings, _first_statements(directory, account, password), began)
        except ServerUnavailable as error:
            raise ServerUnavailable("MariaDB did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            yield server


@contextlib.contextmanager
def again(server: Server, settings: Optional[Mapping[str, str]] = None) -> Iterator[Server]:
    """Start a server that was killed once more: with its data, on its port."""
    process, started = _start(server, settings, None, time.monotonic())
    try:
        yield started
    finally:
        processes.stop(process)


def _start(
    server: Server, settings: Optional[Mapping[str, str]], first_statements: Optional[Path], began: float
) -> tuple[subprocess.Popen[bytes], Server]:
    account, directory = processes.unprivileged_account(), server.log.parent
    chosen = dict(SETTINGS, **(settings or {}), **{"general-log-file": str(server.general_log)})
    options = ["--{0}={1}".format(name, value) if value else "--" + name for name, value in chosen.items()]
    places = ["--datadir=" + str(directory / "data"), "--socket=" + str(directory / "s"), "--pid-file=" + str(directory / "pid")]
    if first_statements:
        options.append("--init-file=" + str(first_statements))
    command = [str(find_program(SERVER)), "--no-defaults", "--port={0}".format(server.port), *places, *options]
    process = processes.start(command, account=account, log=server.log, directory=directory)
    try:
        processes.wait_until(lambda: server.accepts(server.user, server.password), process=process)
    except BaseException:
        processes.stop(process)
        raise
    if first_statements:
        first_statements.unlink()
    with contextlib.closing(server.connect()) as connection:
        version = connection.get_server_info().replace("5.5.5-", "", 1)  # what old clients have to hear first
    return process, replace(server, version=version, started_in=time.monotonic() - began, pid=process.pid)


def _initialise(directory: Path, log: Path, account: Account) -> None:
    options = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    command = [str(find_program(INSTALLER)), *options, "--datadir=" + str(directory / "data")]
    installing = processes.start(command, account=account, log=log, directory=directory)
    try:
        if installing.wait(300) != 0:
            raise ServerUnavailable("mariadb-install-db ended with status {0}".format(installing.returncode))
    finally:
        processes.stop(installing)


def _first_statements(directory: Path, account: Account, password: str) -> Path:
    """What the server runs before it lets anybody in: it never runs with an account that has no password."""
    path = directory / "first.sql"
    lines = [
        "CREATE DATABASE nebula;",
        "CREATE USER '{0}'@'127.0.0.1' IDENTIFIED BY '{1}';".format(SUPERUSER, password),
        "GRANT ALL ON *.* TO '{0}'@'127.0.0.1' WITH GRANT OPTION;".format(SUPERUSER),
        "ALTER USER root@localhost ACCOUNT LOCK;",
    ]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as written:
        written.write("\n".join(lines) + "\n")
    if account.uid is not None and account.gid is not None:
        os.chown(path, account.uid, account.gid)
    return path


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.mariadb", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
