# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key sources of the machine's own: a real Secret Service (gnome-keyring), and an HSM (SoftHSM)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Tuple

import pkcs11
import secretstorage
from jeepney.io.blocking import open_dbus_connection

from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.key_file import write_line
from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingKey
from tests.key_source_conformance.harness import Entry, KeySourceHarness, silent_socket
from tests.servers import secret_service, softhsm


class KeyringHarness(KeySourceHarness):
    """An entry of the user's keyring. Each test has a service of its own in one Secret Service."""

    kind = "keyring"
    after_loss = MissingKey
    can_be_lost_when_revoked = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.service = secret_service.once()
        self.monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", self.service.address)

    def entry(self) -> Entry:
        return {"source": "keyring", "service": self.name}

    def other(self) -> Entry:
        for item in self._items():
            item.set_secret(write_line(b"k" * 32))
        return self.entry()

    def lose(self) -> None:
        for item in self._items():
            item.delete()

    def revoke(self) -> None:
        self.service.lock()

    def _items(self) -> Iterator[Any]:
        with open_dbus_connection(bus=self.service.address) as connection:
            yield from secretstorage.search_items(connection, {"service": self.name})

    def unreachable(self) -> Entry:
        self.monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path={0}".format(self.directory / "no-bus"))
        return self.entry()

    @contextmanager
    def stalled(self) -> Iterator[Entry]:
        with silent_socket(self.directory / "bus") as path, self.monkeypatch.context() as patched:
            patched.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path={0}".format(path))
            yield self.entry()

    def secrets(self) -> Tuple[str, ...]:
        return tuple(line.split()[2] for item in self._items() for line in item.get_secret().decode("ascii").splitlines())


class Pkcs11Harness(KeySourceHarness):
    """A key in a token of SoftHSM, in the directory of the test."""

    kind = "pkcs11"
    label = "team"
    after_loss = MissingKey

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.pin, self.library = "4711-canary", softhsm.find_library()
        self.monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.write_configuration(self.directory / "hsm")))
        softhsm.make_token("team", self.pin)
        with self._session() as session:
            for key in ("first", "second"):
                softhsm.make_key(session, key)

    @contextmanager
    def _session(self) -> Iterator[Any]:
        library = pkcs11.lib(self.library)
        try:
            with library.get_token(token_label="team").open(rw=True, user_pin=self.pin) as session:
                yield session
        finally:
            library.finalize()

    def entry(self) -> Entry:
        return {"source": "pkcs11", "library": self.library, "token": "team", "key": "first", "pin": "4711-canary", "label": "team"}

    def other(self) -> Entry:
        return dict(self.entry(), key="second")

    def lose(self) -> None:
        with self._session() as session:
            session.get_key(label="first").destroy()

    def unreachable(self) -> Entry:
        self.monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.write_configuration(self.directory / "empty")))
        return self.entry()

    def revoke(self) -> None:
        with self._session() as session:
            session.set_pin(self.pin, "other-pin")
        self.pin = "other-pin"

    def secrets(self) -> Tuple[str, ...]:
        return ("4711-canary",)
