# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays on stores that lie on servers: neither what is stored nor what logs in shows by any channel, the server's own logs included."""

from __future__ import annotations

import re

import pytest

from tests.backends.discovery import HARNESSES
from tests.canary.channels import everywhere
from tests.canary.search import Searcher
from tests.conftest import PROFILE
from tests.servers import once

pytestmark = pytest.mark.server
STORES = {label: watched for harness in HARNESSES.values() for label, watched in harness.watched.items()}
IN_A_SESSION = "vault"
"""The store whose play has a session in the fast profile, too: it logs in, and a session is the same program with every store."""
# What a login of OpenBao or Vault answers. Nobody here knows the token itself.
TOKEN = re.compile(rb"\b(?:hv[sb]|[sb])\.[A-Za-z0-9]{24,}")


@pytest.mark.parametrize(
    ("kind", "session"),
    [
        (kind, session)
        for kind in STORES
        for session in ("false", "true")
        if PROFILE == "long" or session == "false" or kind == IN_A_SESSION
    ],
)
def test_no_secret_shows_in_a_play_on_a_server(kind, session, given, sandbox):
    """With a session, which no SDK can be made to log in from outside, and without one, where every SDK logs at DEBUG."""
    store = STORES[kind](sandbox.path("given"))
    variables = dict(given, canary_store=store.config)
    ended = sandbox.play("provision.yml", variables, ["--diff"], {"NEBULA_CREDENTIAL_SESSION": session})
    said = sandbox.output[-3000:].decode("utf-8", "replace")
    assert ended == 0, said
    blobs = [*everywhere(sandbox), *store.logged()]
    assert Searcher({**given, **store.logins}).hits(blobs) == []
    assert [place for place, content in blobs if TOKEN.search(content)] == []
    if session == "false":
        assert (sandbox.root / "sdk.log").stat().st_size, "no SDK logged anything, so that it logged no secret proves nothing"


@pytest.mark.parametrize("kind", STORES)
def test_a_login_that_is_refused_does_not_show(kind, given, sandbox):
    store = STORES[kind](sandbox.path("given"))
    sandbox.play("wrong_login.yml", dict(given, canary_store=store.with_login(given["plain_canary"])))
    assert b"login_failed" in sandbox.output, sandbox.output[-3000:].decode("utf-8", "replace")
    assert Searcher(given).hits([*everywhere(sandbox), *store.logged()]) == []


def test_a_leak_into_what_a_server_logs_is_found(given, sandbox):
    """The search of the logs is what it says: here a statement that holds the value."""
    store = STORES["postgresql"](sandbox.path("given"))
    once.postgresql().run("DO $$ BEGIN RAISE NOTICE '{0}'; END $$".format(given["plain_canary"]))
    assert Searcher(given).hits(store.logged())


def test_a_token_is_found():
    token = once.openbao().token("default")
    assert TOKEN.search(token.encode())
