# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend delinea: secrets of a folder of Secret Server, which are only read."""

from __future__ import annotations

from tests.backends.harness import Choice, Harness, Options, Place
from tests.conformance.reader_kind import ReaderKind
from tests.servers import secret_server


def _nowhere(secret: str) -> Options:
    return {"url": "http://127.0.0.1:1", "username": "ansible", "password": secret, "folder": "Operations"}


HARNESS = Harness(
    backend="delinea",
    kinds=(),
    readers=(
        ReaderKind(
            "delinea",
            "delinea",
            secret_server.running,
            login="password",
            fields={"username": "app", "password": "s3cret pä$$"},
            primary="password",
            # Each by itself; and what may be missing is looked up in the folder and its list.
            rounds=lambda names: names + 2,
            has_rights=True,
        ),
    ),
    unreachable=_nowhere,
    mistake=({"url": "http://vault.example.com", "username": "ansible", "password": "p", "folder": "Operations"}, "url"),
    choices=(
        Choice(
            "Delinea Secret Server",
            "{backend: delinea, url: 'https://vault.example.com', username: ansible, password_env: TSS_PASSWORD, folder: Operations}",
            (),
            Place.SERVER,
            "a strict server of this repository; Secret Server itself was not at hand",
            rights="`View` on the secrets of a folder",
            note="only read",
        ),
    ),
)
