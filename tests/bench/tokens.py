# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a token that is refreshed, beside reading a value that is not: while it is fresh, both are the same work."""

from __future__ import annotations

from typing import Any, Dict

from tests.bench.measuring import Times, figure, milliseconds, ratio, timed, title
from tests.bench.stores import wanted
from tests.servers import scripted
from tests.servers.scripted import Answer


def measure(store: Any, reads: int) -> Dict[str, Any]:
    """Read a password and a token so many times, in turns.

    Returns:
        `password` and `token`, the times of their reads, and `requests`, how many the token's service has got.
    """
    from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
    from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential

    with scripted.running(lambda _request: Answer(200, {"access_token": "a-1", "token_type": "Bearer", "expires_in": 3600})) as service:
        client = {"token_url": service.url + "/token", "client_id": "robot", "client_secret": "of the bench alone"}
        store.create(DesiredCredential("api", type="oauth2", fields={name: Secret(value) for name, value in client.items()}))
        store.create(wanted("password", "a value of thirty-two characters"))
        store.get("api")
        turns = timed(lambda name: store.get(name).token(), ["password", "api"] * reads).seconds
        return {"password": Times(turns[::2]), "token": Times(turns[1::2]), "requests": len(service.asked)}


def bench_tokens(store: Any, reads: int) -> None:
    """Print what a read of each costs."""
    title("Reading a token {0:,} times".format(reads))
    found = measure(store, reads)
    figure("a password, manager.get, p50", milliseconds(found["password"].median))
    figure("a fresh token of type oauth2, p50", milliseconds(found["token"].median))
    figure("  beside the password", ratio(found["token"].median, found["password"].median), "< 1.5 x")
    figure("requests to its service", str(found["requests"]), "1")
