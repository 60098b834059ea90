# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `oauth2_client` with an API like Keycloak's, whose changes a test can lose: what is sent, and what is set back.

`tests/integration/test_target_oauth2_client.py` has the same on Keycloak itself.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from tests.servers import scripted
from tests.servers.scripted import Answer, Request
from tests.unit.rotation.targets.driven_world import World

FIRST, ADMIN = "first+secret/=", "the-admins-word"
TOKENS = "/realms/shop/protocol/openid-connect/token"
CLIENTS = "/admin/realms/shop/clients"


class Realm:
    """A realm with one client, `app`. `fate` says what happens to the next change of its secret."""

    def __init__(self) -> None:
        self.secret, self.fate, self.url = FIRST, "", ""
        self.asked: list[Request] = []
        self.shown: dict[str, bool] = {"enabled": True}

    def __call__(self, request: Request) -> Answer:
        self.asked.append(request)
        if request.path == TOKENS:
            return self.answer_token_request({name: values[0] for name, values in parse_qs(request.content.decode()).items()}, request)
        if request.headers.get("authorization") != "Bearer admin-token":
            return Answer(401, {"error": "HTTP 401 Unauthorized"})
        if request.method == "GET":
            found = [{"id": "1-2-3", "clientId": "app", **self.shown}] if request.path.endswith("clientId=app") else []
            return Answer(200, json.dumps(found).encode("ascii"))
        return self.change(request)

    def answer_token_request(self, form: dict[str, str], request: Request) -> Answer:
        if form["grant_type"] == "client_credentials":
            is_admin = (form["client_id"], form["client_secret"]) == ("rotator", ADMIN)
            return Answer(200, {"access_token": "admin-token"}) if is_admin else Answer(401, {"error": "unauthorized_client"})
        login = [unquote_plus(part) for part in b64decode(request.headers["authorization"].partition(" ")[2]).decode().split(":")]
        is_client = login == ["app", self.secret]
        return Answer(400, {"error": "invalid_grant"}) if is_client else Answer(401, {"error": "unauthorized_client"})

    def change(self, request: Request) -> Answer:
        fate, self.fate = self.fate, ""
        if fate in ("refused", "dropped"):
            return Answer(403, {}) if fate == "refused" else Answer(hangs_up=True)
        self.secret = request.json["secret"]
        return Answer(hangs_up=True) if fate == "lost" else Answer(204)


@pytest.fixture
def realm() -> Iterator[Realm]:
    found = Realm()
    with scripted.running(found) as server:
        found.url = server.url
        yield found


def build(realm: Realm, **changes: Any) -> World:
    options = {"api": "keycloak", "url": realm.url, "realm": "shop", "admin_credential": "admin", **changes}
    fields = {"client_id": "app", "client_secret": FIRST, "grant": "client_credentials", "token_url": realm.url + TOKENS}
    world = World("oauth2_client", "oauth2", fields, options, lambda stored: stored["client_secret"] == realm.secret)
    world.add("admin", "basic", {"username": "rotator", "password": ADMIN})
    return world


def test_a_secret_of_ours_is_set_and_tried_without_a_token_for_the_client(realm: Realm) -> None:
    world = build(realm)
    assert world.rotate()["outcome"] == "promoted"
    changed = [request for request in realm.asked if request.method == "PUT"]
    assert [(request.path, request.json) for request in changed] == [(CLIENTS + "/1-2-3", {"clientId": "app", "secret": realm.secret})]
    assert realm.secret != FIRST
    assert not [request.path for request in realm.asked if realm.secret in request.path]
    world.settle()


def test_the_resources_and_policies_of_a_client_stay(realm: Realm) -> None:
    """Keycloak deletes them with an update that does not say that the client has some."""
    realm.shown["authorizationServicesEnabled"] = True
    world = build(realm)
    assert world.rotate()["outcome"] == "promoted"
    assert [request.json["authorizationServicesEnabled"] for request in realm.asked if request.method == "PUT"] == [True]


def test_an_administrator_whose_own_secret_changes_is_refused(realm: Realm) -> None:
    world = build(realm)
    world.manager.delete("admin")
    world.add("admin", "basic", {"username": "app", "password": FIRST})
    with pytest.raises(errors.InvalidInput) as raised:
        world.rotate()
    assert raised.value.option == "oauth2_client.admin_credential"
    assert realm.asked == []


def test_an_administrator_to_whom_a_client_is_not_shown_changes_nothing(realm: Realm) -> None:
    realm.shown.clear()
    world = build(realm)
    with pytest.raises(errors.AccessDenied, match="view-clients"):
        world.rotate()
    assert realm.secret == FIRST


@pytest.mark.parametrize("fate", ["lost", "dropped", "refused"])
def test_a_disturbed_change_loses_nothing(realm: Realm, fate: str) -> None:
    world = build(realm)
    realm.fate = fate
    if fate == "lost":
        assert world.rotate()["outcome"] == "promoted"
    else:
        with pytest.raises(errors.RotationFailed):
            world.rotate()
    world.settle()


def test_an_administrator_that_is_not_accepted_is_named_and_nothing_is_sent(realm: Realm) -> None:
    world = build(realm)
    world.manager.delete("admin")
    world.add("admin", "basic", {"username": "rotator", "password": "wrong-word"})
    with pytest.raises(errors.LoginFailed) as raised:
        world.rotate()
    assert "does not accept the administrator's login" in str(raised.value)
    assert "wrong-word" not in str(raised.value)
    assert realm.secret == FIRST


class Record(Realm):
    """A client that registered itself: each update brings another secret. `fate` says what happens to the next read after an update."""

    def answer_token_request(self, form: dict[str, str], request: Request) -> Answer:
        login = [unquote_plus(part) for part in b64decode(request.headers["authorization"].partition(" ")[2]).decode().split(":")]
        return Answer(400, {"error": "invalid_grant"}) if login == ["app", self.secret] else Answer(401, {"error": "invalid_client"})

    def change(self, request: Request) -> Answer:
        self.secret += "-next"
        self.is_changed = True
        return self.show()

    def show(self) -> Answer:
        return Answer(200, {"client_id": "app", "client_secret": self.secret})

    def __call__(self, request: Request) -> Answer:
        if request.method != "GET":
            return super().__call__(request)
        if self.fate and getattr(self, "is_changed", False):
            self.fate = ""
            return Answer(hangs_up=True)
        return self.show()


def test_a_secret_that_was_issued_is_stored_even_if_the_record_cannot_be_read_after_it() -> None:
    record = Record()
    with scripted.running(record) as server:
        options = {"api": "registration", "url": server.url + "/app", "token_url": server.url + TOKENS, "admin_credential": "admin"}
        world = World(
            "oauth2_client",
            "basic",
            {"username": "app", "password": FIRST},
            {**options, "keeps_registration_token": True},
            lambda _stored: True,
        )
        world.add("admin", "api_key", {"api_key": "admin-token"})
        record.fate = "unread"
        assert world.rotate()["outcome"] == "promoted"
        assert world.fields() == {"username": "app", "password": record.secret}
