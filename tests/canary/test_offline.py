# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play whose server goes away, by a session that outlives its run: neither the copies nor anything else show a secret."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from tests.canary.channels import everywhere
from tests.canary.search import Searcher
from tests.servers import once, proxy


@pytest.mark.server
@pytest.mark.parametrize("session", ["false", json.dumps({"linger": "3s"})], ids=["without", "lingering"])
def test_no_secret_shows_while_a_copy_answers(given, sandbox, session):
    server, place = once.openbao(), "canary-" + given["canary"][-6:].lower()
    server.call("POST", "secret/data/{0}/copied".format(place), {"data": {"password": given["canary"]}})
    where, copies = urlsplit(server.url), sandbox.path("copies")
    with proxy.running(where.hostname, where.port) as between:
        store = {"backend": "vault", "url": "http://127.0.0.1:{0}".format(between.port), "auth": {"token": server.root_token}}
        store.update(prefix=place, max_retries=0)
        store["fallback_copy"] = {"max_age": "1h", "path": str(copies), "key_sources": [{"source": "key_file"}]}
        variables = dict(given, canary_store=store)
        environment = {"NEBULA_CREDENTIAL_SESSION": session}
        assert sandbox.play("offline.yml", variables, ["-vvv"], environment) == 0, sandbox.output[-3000:]
        between.mode = proxy.REFUSE
        assert sandbox.play("offline.yml", variables, ["--diff", "-vvv"], environment) == 0, sandbox.output[-3000:]
        assert b"a copy of its value is used" in b" ".join(sandbox.output.split())
    files = [(str(each), each.read_bytes()) for each in copies.iterdir() if each.is_file()]
    assert len(files) >= 2
    assert Searcher({**given, "token": server.root_token}).hits([*everywhere(sandbox), *files]) == []
