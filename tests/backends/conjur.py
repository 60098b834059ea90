# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backend conjur: variables of an account, which are only read."""

from __future__ import annotations

from tests.backends.harness import Choice, Harness, Options, Place
from tests.conformance.reader_kind import ReaderKind
from tests.servers import conjur_api


def _nowhere(secret: str) -> Options:
    return {"url": "http://127.0.0.1:1", "account": "shop", "login": "host/ci", "api_key": secret}


HARNESS = Harness(
    backend="conjur",
    kinds=(),
    readers=(
        ReaderKind(
            "conjur",
            "conjur",
            conjur_api.running,
            login="api_key",
            fields={"value": "s3cret pä$$"},
            primary="value",
            rounds=lambda _names: 3,
            has_rights=True,
        ),
    ),
    unreachable=_nowhere,
    mistake=({"url": "http://conjur.example.com", "account": "shop", "login": "host/ci", "api_key": "k"}, "url"),
    choices=(
        Choice(
            "Conjur",
            "{backend: conjur, url: 'https://conjur.example.com', account: shop, login: host/ci, api_key_env: CONJUR_AUTHN_API_KEY}",
            (),
            Place.SERVER,
            "a strict server of this repository; Conjur itself was not at hand",
            rights="`read` and `execute` on the variables",
            note="only read",
        ),
    ),
)
