# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a login, and what a browser brings back from it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from tests.unit.types.oauth2.clients import NAME

REDIRECT = "http://127.0.0.1/callback"
BROWSER = {
    "client_id": "app",
    "grant": "authorization_code",
    "redirect_uri": REDIRECT,
    "authorization_url": "https://auth.example.com/login",
}
DEVICE = {"client_id": "app", "grant": "device_code"}


def flow(store, phase, check=False, **parameters):
    return perform(store.manager, "credential_flow", {"name": NAME, "phase": phase, **parameters}, AccessContext(), check).result


def asked_of(url):
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def callback(started, **changes):
    found = {"code": "c-1", "state": asked_of(started["authorization_url"])["state"], **changes}
    return REDIRECT + "?" + urlencode({name: value for name, value in found.items() if value is not None})


def start(store, server, **fields):
    store.write(token_url=server.token_url, **{**BROWSER, **fields})
    return flow(store, "start")
