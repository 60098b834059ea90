# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play that requests paths of a server: no secret of a response, of a request or of a wrapping token shows."""

from __future__ import annotations

import pytest

from tests.canary.channels import everywhere
from tests.canary.sandbox import CALLBACKS
from tests.canary.search import Searcher
from tests.servers import once


@pytest.mark.server
def test_no_secret_shows_in_requests_for_paths_or_in_the_log_of_openbao(given, sandbox):
    server, place = once.openbao(), "canary-" + given["canary"][-6:].lower()
    token = server.token(server.policy("canary-paths", 'path "*" { capabilities = ["create", "read", "update"] }'))
    store = {"backend": "vault", "url": server.url, "auth": {"token": token}}
    server.enable("transit", place)
    variables = dict(given, canary_store=store, place=place, engine=place)
    summary = {"ANSIBLE_CALLBACKS_ENABLED": CALLBACKS + ",nebula.credential.session", "NEBULA_CREDENTIAL_SUMMARY": "true"}
    ended = sandbox.play("vault_requests.yml", variables, ["--diff", "-vvv"], summary)
    logged = [("OpenBao's log", path.read_bytes()) for path in (server.log, server.audit)]
    assert Searcher({**given, "token": token}).hits([*everywhere(sandbox), *logged]) == []
    said = sandbox.output[-3000:].decode("utf-8", "replace")
    assert ended == 0, said
    assert b"rescued=1" in sandbox.output, said
    assert b"was used before" in sandbox.output
    assert b"0 credentials were read" in sandbox.output
