# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend onepassword: items of a vault behind a Connect server, which only reads."""

from __future__ import annotations

from tests.backends.harness import Choice, Harness, Options, Place
from tests.conformance.reader_kind import ReaderKind
from tests.servers import onepassword_connect


def _nowhere(secret: str) -> Options:
    return {"url": "http://127.0.0.1:1", "token": secret, "vault": "Operations"}


HARNESS = Harness(
    backend="onepassword",
    kinds=(),
    readers=(
        ReaderKind(
            "onepassword",
            "onepassword",
            onepassword_connect.running,
            login="token",
            fields={"username": "app", "password": "s3cret pä$$"},
            primary="password",
            rounds=lambda names: names + 2,
            has_copies=True,
            has_tags=True,
            has_versions=True,
        ),
    ),
    unreachable=_nowhere,
    mistake=({"url": "http://connect.example.com", "token": "t", "vault": "Operations"}, "url"),
    choices=(
        Choice(
            "1Password",
            "{backend: onepassword, url: 'https://connect.example.com', vault: Operations, token_env: OP_CONNECT_TOKEN}",
            (),
            Place.CLOUD,
            "a strict server of this repository; the service itself was not at hand",
            rights="a Connect token for one vault, to read",
            note="only read",
        ),
    ),
)
