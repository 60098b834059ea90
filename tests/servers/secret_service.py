# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Secret Service on a bus of its own: gnome-keyring with an unlocked keyring. Debian: `gnome-keyring`, `dbus-daemon`, `dbus-bin`."""

from __future__ import annotations

import atexit
import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List

from tests.servers import processes
from tests.servers.processes import Account, ServerUnavailable

_START = """
printf %s "$DBUS_SESSION_BUS_ADDRESS" > address.part && mv address.part address
printf %s 'the password of a user' | gnome-keyring-daemon --foreground --unlock --components=secrets
"""
_PROGRAMS = ("dbus-run-session", "gnome-keyring-daemon")
_running = contextlib.ExitStack()
atexit.register(_running.close)
_started: List[Service] = []


@dataclass(frozen=True)
class Service:
    """A running one. `address` is that of its bus, as DBUS_SESSION_BUS_ADDRESS has it."""

    address: str

    def lock(self) -> None:
        """Lock the keyring for good: no user is here who could unlock it. Another test gets another service."""
        from jeepney.io.blocking import open_dbus_connection
        from secretstorage import get_default_collection

        with open_dbus_connection(bus=self.address) as connection:
            get_default_collection(connection).lock()
        _started.clear()


@contextlib.contextmanager
def running() -> Iterator[Service]:
    """Start a service, hand it out, and end it.

    Raises:
        ServerUnavailable: a program is missing, or it did not start.
    """
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        raise ServerUnavailable("no {0} on this machine. Install: apt-get install gnome-keyring dbus-daemon dbus-bin".format(missing[0]))
    account = Account()
    with processes.private_directory("secret_service", account) as directory:
        log, places = directory / "server.log", {"HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}
        command = ["dbus-run-session", "--", "sh", "-c", _START]
        process = processes.start(command, account=account, log=log, directory=directory, environment=places)
        with processes.ended_with(process, log):
            processes.wait_until(lambda: (directory / "address").exists() and _is_ready(directory), process=process)
            yield Service((directory / "address").read_text(encoding="utf-8"))


def _is_ready(directory: Path) -> bool:
    from jeepney.io.blocking import open_dbus_connection
    from secretstorage import get_default_collection
    from secretstorage.exceptions import SecretStorageException

    try:
        with open_dbus_connection(bus=(directory / "address").read_text(encoding="utf-8")) as connection:
            return not get_default_collection(connection).is_locked()
    except (SecretStorageException, OSError):
        return False


def once() -> Service:
    """Return the one service of this process, started at the first call. If it cannot be had, the test says so as for `once.server`."""
    if not _started:
        try:
            _started.append(_running.enter_context(running()))
        except ServerUnavailable as error:
            from tests.conftest import cannot_run

            cannot_run(str(error))
    return _started[0]
