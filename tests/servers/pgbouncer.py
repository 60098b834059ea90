# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real PgBouncer on 127.0.0.1 and a random port, in front of a PostgreSQL. It has its own list of passwords, or reads the server's."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import processes
from tests.servers.processes import LOOPBACK, ServerUnavailable

PROGRAM = "pgbouncer"


@dataclass(frozen=True)
class Pooler:
    """A running pooler."""

    port: int
    log: Path
    host: str = LOOPBACK


def find_program() -> Path:
    """The program: on PATH, in Debian's place, or in the cache directory.

    Raises:
        ServerUnavailable: there is none.
    """
    cache = os.environ.get("NEBULA_TEST_SERVERS", "/nonexistent")
    for place in (shutil.which(PROGRAM), "/usr/sbin/" + PROGRAM, os.path.join(cache, PROGRAM)):
        if place and os.access(place, os.X_OK):
            return Path(place)
    raise ServerUnavailable("no PgBouncer on this machine. Install one as root with: apt-get install pgbouncer")


@contextlib.contextmanager
def running(server: Any, users: Mapping[str, str], *, asks_server: bool = False) -> Iterator[Pooler]:
    """Start a pooler in front of a PostgreSQL, hand it out, and end it.

    Args:
        server: the PostgreSQL (`tests.servers.postgresql.Server`).
        users: the passwords of its own list.
        asks_server: it reads other passwords from the server (`auth_query`), with the superuser's login.

    Raises:
        ServerUnavailable: there is none, or it did not start.
    """
    account, program = processes.unprivileged_account(), find_program()
    with processes.private_directory("pgbouncer", account) as directory:
        listed = dict(users, **({server.user: server.password} if asks_server else {}))
        lines = "".join('"{0}" "{1}"\n'.format(name, password) for name, password in listed.items())
        passwords = processes.private_file(directory / "users.txt", lines, account)
        port, log = processes.free_port(), directory / "server.log"
        settings = {
            "listen_addr": LOOPBACK,
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": passwords,
            "pool_mode": "transaction",
            "server_login_retry": 1,
            **({"auth_user": server.user} if asks_server else {}),
        }
        text = "[databases]\n* = host={0} port={1}\n[pgbouncer]\n".format(server.host, server.port)
        text += "".join("{0} = {1}\n".format(name, value) for name, value in settings.items())
        configuration = processes.private_file(directory / "pgbouncer.ini", text, account)
        process = processes.start([str(program), str(configuration)], account=account, log=log, directory=directory)
        try:
            processes.wait_until(lambda: _is_ready(port), process=process)
        except ServerUnavailable as error:
            raise ServerUnavailable("PgBouncer did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            yield Pooler(port, log)


def _is_ready(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
