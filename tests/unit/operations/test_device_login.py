# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A person logs in on another device, with a code (RFC 8628)."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    FlowExpired,
    InvalidCallback,
    ReadOnly,
    RefreshFailed,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store import login_flow
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import token_requests
from tests.servers.scripted import Answer
from tests.unit.operations.login_steps import DEVICE, flow
from tests.unit.types.oauth2.clients import NAME, endpoint, form_of, refusal, token, world


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr(token_requests.time, "sleep", lambda _seconds: None)


DEVICE_ANSWER = {
    "device_code": "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://example.com/device",
    "verification_uri_complete": "https://example.com/device?user_code=WDJB-MJHT",
    "expires_in": 1800,
    "interval": 5,
}
"""Section 3.2 of RFC 8628."""


def test_a_login_on_a_device_is_that_of_rfc_8628():
    answers = [Answer(200, DEVICE_ANSWER), refusal("authorization_pending"), refusal("slow_down"), token(1, refresh_token="r-1")]
    with endpoint(*answers) as server, world() as store:
        store.write(token_url=server.token_url, device_url=server.url + "/device_authorization", scope="api:read", **DEVICE)
        started = flow(store, "start")
        assert {name: started[name] for name in ("user_code", "verification_uri", "verification_uri_complete", "interval")} == {
            name: DEVICE_ANSWER[name] for name in ("user_code", "verification_uri", "verification_uri_complete", "interval")
        }
        assert DEVICE_ANSWER["device_code"] not in str(started)
        waited = [flow(store, "wait") for _each in range(3)]
        assert [(each["pending"], each["slow_down"], each["changed"]) for each in waited] == [
            (True, False, False),
            (True, True, False),
            (False, False, True),
        ]
        assert waited[0]["interval"] == 5
        assert store.token() == "a-1"
        assert server.asked[0].path == "/device_authorization"
        assert form_of(server.asked[0]) == {"client_id": "app", "scope": "api:read"}
        sent = form_of(server.asked[1])
        assert {name: sent[name] for name in ("grant_type", "device_code", "client_id")} == {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": DEVICE_ANSWER["device_code"],
            "client_id": "app",
        }
        with pytest.raises(InvalidCallback, match="no login is open"):
            flow(store, "wait")


@pytest.mark.parametrize(("code", "error"), [("expired_token", FlowExpired), ("access_denied", RefreshFailed)])
def test_a_device_that_is_refused_says_so(code, error):
    with endpoint(Answer(200, DEVICE_ANSWER), refusal(code)) as server, world() as store:
        store.write(token_url=server.token_url, device_url=server.url + "/device", **DEVICE)
        flow(store, "start")
        with pytest.raises(error):
            flow(store, "wait")


def test_what_a_service_wants_to_show_has_no_control_characters():
    with endpoint(Answer(200, dict(DEVICE_ANSWER, user_code="\x1b[2Jfake"))) as server, world() as store:
        store.write(token_url=server.token_url, device_url=server.url + "/device", **DEVICE)
        with pytest.raises(CredentialError, match="Correct 'device_url'") as caught:
            flow(store, "start")
        assert "fake" not in str(caught.value)


def test_a_server_that_gives_no_code_names_the_address_to_correct():
    with endpoint(Answer(404)) as server, world() as store:
        store.write(token_url=server.token_url, device_url=server.url + "/device", **DEVICE)
        with pytest.raises(CredentialError, match="Correct 'device_url'"):
            flow(store, "start")


class Refusing(Layer):
    """A login to the store that may only read."""

    def put(self, record, expected=None, **how):
        raise AccessDenied("this login may not write")


def wait(manager, run):
    return perform(manager, "credential_flow", {"name": NAME, "phase": "wait"}, AccessContext(run=run), False).result


def test_a_run_that_may_not_write_requests_no_tokens_which_another_one_then_stores():
    with endpoint(Answer(200, DEVICE_ANSWER), refusal("authorization_pending"), token(1, refresh_token="r-1")) as server, world() as store:
        store.write(token_url=server.token_url, device_url=server.url + "/device", **DEVICE)
        flow(store, "start")
        reader = CredentialManager(Refusing(store.opened.backend), store="prod", clock=store.manager.clock)
        with pytest.raises(AccessDenied, match="may not write"):
            wait(reader, "2-2")
        assert len(server.asked) == 1
        version = store.stored.version
        assert [wait(store.manager, "3-3")["pending"], store.stored.version == version] == [True, False]
        assert wait(store.manager, "3-3")["changed"]
        assert store.token() == "a-1"
        assert "login_by" not in store.stored.metadata.attributes


def test_the_run_that_started_a_login_writes_nothing_until_it_is_complete():
    with endpoint(Answer(200, DEVICE_ANSWER), refusal("authorization_pending"), token()) as server, world() as store:
        store.write(token_url=server.token_url, device_url=server.url + "/device", **DEVICE)
        flow(store, "start")
        begun = store.stored.version
        flow(store, "wait")
        assert store.stored.version == begun


def test_a_login_is_not_begun_in_a_store_that_takes_no_writes(monkeypatch):
    with endpoint(Answer(200, DEVICE_ANSWER)) as server, world() as store:
        store.write(token_url=server.token_url, device_url=server.url + "/device", **DEVICE)

        def refuse(_backend, name):
            raise ReadOnly("the store only reads", name=name)

        monkeypatch.setattr(login_flow, "check_takes_writes", refuse)
        with pytest.raises(ReadOnly):
            flow(store, "start")
        assert server.asked == []
