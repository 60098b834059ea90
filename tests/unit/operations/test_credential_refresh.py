# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials are refreshed on demand: one, several, all that have expired, or all that will within a time (B3)."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InteractionRequired,
    InvalidInput,
    NotFound,
    RefreshFailed,
    RefreshUnsupported,
    UnsupportedType,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import token_requests
from tests.servers.scripted import Answer
from tests.unit.types.oauth2.clients import APP, HOUR, NAME, ROBOT, endpoint, form_of, refusal, secrets, token, world


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr(token_requests.time, "sleep", lambda _seconds: None)


def refresh(store, check=False, **parameters):
    return perform(store.manager, "credential_refresh", parameters, AccessContext(), check).result


def add(store, name, server, **wanted):
    store.manager.create(DesiredCredential(name, type="oauth2", fields=secrets(token_url=server.token_url, **ROBOT), **wanted))


def test_one_is_refreshed_although_it_is_not_due():
    with endpoint(token(1), token(2)) as server, world() as store:
        store.write(token_url=server.token_url, **ROBOT)
        assert store.token() == "a-1"
        result = refresh(store, name=NAME)
        assert (result["changed"], result["name"], result["credential"]["state"]) == (True, NAME, "active")
        assert "a-2" not in str(result)
        assert (store.token(), len(server.asked)) == ("a-2", 2)


def test_a_service_that_is_down_before_the_first_value_has_let_none_expire():
    with world() as store:
        store.write(token_url="http://127.0.0.1:1/token", **ROBOT)
        with pytest.raises(RefreshFailed, match="it has no value yet, and the service gave no new value: 127"):
            refresh(store, name=NAME)


def test_several_have_a_result_each_and_a_failure_hides_no_other():
    with endpoint(token(1)) as server, world() as store:
        add(store, "b", server)
        store.manager.create(DesiredCredential("a", value=Secret("x")))
        result = refresh(store, names=["b", "a", "absent", "b"])
    assert [(row["name"], row["changed"], row.get("code")) for row in result["results"]] == [
        ("b", True, None),
        ("a", False, "refresh_unsupported"),
        ("absent", False, "not_found"),
    ]
    assert (result["names"], result["failed"], result["changed"], result["code"]) == (["b"], True, True, "refresh_unsupported")
    assert "2 of 3 failed: 'a' (refresh_unsupported), 'absent' (not_found)" in result["msg"]


def test_all_that_have_expired_are_refreshed_and_no_other():
    with endpoint(token(1)) as server, world() as store:
        for name in ("fresh", "old/a", "old/b"):
            add(store, name, server)
        store.manager.create(DesiredCredential("plain", value=Secret("x")))
        store.manager.get("fresh")
        assert refresh(store, expired=True)["names"] == ["old/a", "old/b"]
        assert refresh(store, expired=True) == {"changed": False, "names": [], "results": [], "failed": False}
        assert len(server.asked) == 3


def test_one_that_cannot_be_read_fails_alone_and_one_that_was_deleted_meanwhile_is_left_out(monkeypatch):
    with endpoint(token(1)) as server, world() as store:
        for name in ("denied", "gone", "old"):
            add(store, name, server)
        read = store.opened.backend.get

        def get(name, *which):
            if name == "denied":
                raise AccessDenied("this login may not read it", remedy="Allow it.")
            return read("absent" if name == "gone" else name, *which)

        monkeypatch.setattr(store.opened.backend, "get", get)
        result = refresh(store, expired=True)
        assert [(row["name"], row["changed"], row.get("code")) for row in result["results"]] == [
            ("denied", False, "access_denied"),
            ("old", True, None),
        ]
        assert (result["names"], result["failed"]) == (["old"], True)


def test_all_that_will_expire_within_a_time_are_refreshed_as_far_as_the_filters_choose_them():
    with endpoint(token(1)) as server, world() as store:
        for name in ("app/a", "app/b", "other"):
            add(store, name, server, tags={"env": "prod" if name == "app/a" else "dev"})
            store.manager.get(name)
        assert refresh(store, expires_within="30m")["names"] == []
        assert refresh(store, expires_within="2h", prefix="app/")["names"] == ["app/a", "app/b"]
        assert refresh(store, expires_within="2h", tags={"env": "prod"})["names"] == ["app/a"]
        assert refresh(store, expires_within="2h", type="jwt")["names"] == []
        assert refresh(store, expires_within="2h", type="oauth2")["names"] == ["app/a", "app/b", "other"]


def test_check_mode_says_what_would_be_refreshed_and_sends_and_writes_nothing():
    with endpoint(token(1)) as server, world() as store:
        add(store, "a", server)
        before = store.manager.inspect("a").describe()
        assert refresh(store, check=True, expired=True)["names"] == ["a"]
        assert refresh(store, check=True, name="a")["changed"]
        store.manager.create(DesiredCredential("plain", value=Secret("x")))
        with pytest.raises(RefreshUnsupported):
            refresh(store, check=True, name="plain")
        with pytest.raises(NotFound):
            refresh(store, check=True, name="absent")
        assert (server.asked, store.manager.inspect("a").describe()) == ([], before)


def test_what_the_service_refused_is_tried_again_on_demand():
    with endpoint(refusal("invalid_client", 401), token(1)) as server, world() as store:
        store.write(token_url=server.token_url, **ROBOT)
        for said in ("refused: invalid_client", "If the reason is gone at the service, run credential_refresh"):
            with pytest.raises(RefreshFailed, match=said):
                store.token()
        assert len(server.asked) == 1
        assert refresh(store, name=NAME)["credential"]["state"] == "active"
        assert store.token() == "a-1"


def test_what_is_refused_again_stays_as_it_was():
    with endpoint(token(1, refresh_token="r-1"), refusal("invalid_grant")) as server, world() as store:
        store.write(token_url=server.token_url, **APP)
        store.token()
        for _each in range(2):
            with pytest.raises(InteractionRequired):
                refresh(store, name=NAME)
            assert (store.stored.requires_interaction, store.token()) == (True, "a-1")
        assert [form_of(request)["refresh_token"] for request in server.asked[1:]] == ["r-1", "r-1"]


def test_a_token_whose_response_was_lost_is_not_sent_again_on_demand_either():
    with endpoint(Answer(hangs_up=True), token(1)) as server, world() as store:
        store.write(token_url=server.token_url, **APP)
        for check in (False, False, True):
            with pytest.raises(InteractionRequired, match="the response to its last refresh was lost"):
                refresh(store, check=check, name=NAME)
        assert len(server.asked) == 1


def test_a_revoked_one_is_left_alone():
    with endpoint(token(1)) as server, world() as store:
        add(store, "a", server)
        store.manager.revoke("a")
        assert refresh(store, expired=True)["names"] == []
        assert store.ahead < HOUR


@pytest.mark.parametrize(
    ("parameters", "error", "said"),
    [
        ({"expired": False}, InvalidInput, "option 'expired'"),
        ({"expires_within": "soon"}, InvalidInput, "option 'expires_within'"),
        ({"expired": True, "type": "basic"}, InvalidInput, "values of type 'basic' cannot be refreshed"),
        ({"expired": True, "type": "oauth"}, UnsupportedType, "Did you mean 'oauth2'"),
    ],
)
def test_what_would_refresh_nothing_is_refused_by_name(parameters, error, said):
    with world() as store, pytest.raises(error, match=said):
        refresh(store, **parameters)
