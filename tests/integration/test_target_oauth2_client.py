# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target `oauth2_client`: what it requests of a real authorization server, what it refuses, and Keycloak in the long profile."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Any, Iterator, Mapping

import pytest
import requests

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.oauth2_client import OAuth2Client
from tests.target_suite.rotated import SETTLE, Rotated, run_until_failure
from tests.target_suite.rows import rotating
from tests.targets.harness import Plain, TargetService
from tests.targets.oauth2_client import DIRECT, RegisteredClient

REALM = "tests"
_MADE = "client.secret.creation.time"


class OfTypeOAuth2(RegisteredClient):
    """The same client as a credential that requests tokens."""

    credential_type = "oauth2"

    def fields(self) -> Plain:
        named = {"client_id": self.record["client_id"], "client_secret": self.record["client_secret"]}
        return {**named, "grant": "client_credentials", "token_url": self.server.token_url}

    def opens(self, fields: Plain) -> bool:
        return super().opens({"username": fields["client_id"], "password": fields["client_secret"]})

    def show(self) -> Plain:
        return {**self.fields(), "client_secret": super().show()["password"]}


class ClientOfKeycloak(TargetService):
    """A client of Keycloak whose secret an administrator sets."""

    kind = "oauth2_client"
    credential_type = "oauth2"
    server: Any

    def start(self) -> None:
        self._client, self._first = "app-" + secrets.token_hex(4), secrets.token_urlsafe(16)
        self._token_url = self.server.url + "/realms/{}/protocol/openid-connect/token".format(REALM)
        described = {"clientId": self._client, "secret": self._first, "serviceAccountsEnabled": True, "publicClient": False}
        further = {"standardFlowEnabled": False, "authorizationServicesEnabled": True, "attributes": {"owner": "shop"}}
        self.server.administer("POST", "/{}/clients".format(REALM), json={**described, **further})

    def options(self) -> Mapping[str, Any]:
        login = {"admin_credential": "admin", "admin_login": "user", "admin_realm": "master"}
        return {"api": "keycloak", "url": self.server.url, "realm": REALM, **login}

    def credentials(self) -> Mapping[str, Any]:
        return {"admin": ("basic", {"username": "admin", "password": self.server.password})}

    def fields(self) -> Plain:
        named = {"client_id": self._client, "client_secret": self._first}
        return {**named, "grant": "client_credentials", "token_url": self._token_url}

    def opens(self, fields: Plain) -> bool:
        login = (str(fields["client_id"]), str(fields["client_secret"]))
        return requests.post(self._token_url, data={"grant_type": "client_credentials"}, auth=login, timeout=60, proxies=DIRECT).ok

    def describe(self) -> Plain:
        """All that Keycloak has of the client, but for its secret."""
        found = self.server.administer("GET", "/{}/clients?clientId={}".format(REALM, self._client)).json()[0]
        scopes = sorted(found["defaultClientScopes"])  # in no order
        return {**found, "secret": "", "defaultClientScopes": scopes, "attributes": {**found["attributes"], _MADE: ""}}

    def shut(self) -> None:
        raise NotImplementedError

    def reopen(self) -> None:
        """It is never shut."""

    def change_elsewhere(self) -> None:
        found = self.server.administer("GET", "/{}/clients?clientId={}".format(REALM, self._client)).json()[0]
        self.server.administer("POST", "/{}/clients/{}/client-secret".format(REALM, found["id"]))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Rotated]:
    with rotating(RegisteredClient, tmp_path) as made:
        yield made


def test_a_rotation_requests_no_token_of_the_client(world: Any) -> None:
    server = world.service.server
    before, world.service.opens = len(server.events()), lambda _fields: True
    assert world.run() == "promoted"
    # The new secret and a wrong one, each tried by a refresh token that does not exist.
    events = [
        (each["event"], each["grant"]) for each in server.events(before) if each["client"] in (None, world.service.record["client_id"])
    ]
    assert events == [("error", "refresh_token")] * 2


def test_a_credential_that_requests_tokens_gets_the_new_secret_and_keeps_its_other_fields(tmp_path: Path) -> None:
    with rotating(OfTypeOAuth2, tmp_path) as world:
        first = world.values()["current"]
        assert world.run() == "promoted"
        current = world.values()["current"]
        assert current["client_secret"] != first["client_secret"]
        assert {**current, "client_secret": ""} == {**first, "client_secret": ""}
        assert world.service.opens(current)


def test_a_registration_access_token_that_is_not_valid_is_named_and_not_shown(world: Any) -> None:
    token = world.service.record["registration_access_token"]
    requests.delete(world.service.record["registration_client_uri"], headers=world.service._headers, timeout=60, proxies=DIRECT)
    world.service.show = None
    world.is_changed_elsewhere = True  # the client is gone
    with pytest.raises(errors.LoginFailed) as raised:
        world.run()
    assert "by the registration access token (status 401)" in str(raised.value)
    assert token not in str(raised.value)


GIVEN = {"api": "registration", "url": "https://id.example.com/reg/app", "admin_credential": {"api_key": Secret("x")}}
TOKEN_URL = {"token_url": "https://id.example.com/token"}
KEEPS = {"keeps_registration_token": True}


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({**GIVEN, **TOKEN_URL}, "oauth2_client.keeps_registration_token"),
        ({**GIVEN, **KEEPS}, "oauth2_client.token_url"),
        ({**GIVEN, **KEEPS, **TOKEN_URL, "realm": "x"}, "oauth2_client.realm"),
        ({**GIVEN, **KEEPS, "token_url": "http://id.example.com/token"}, "oauth2_client.token_url"),
        ({**GIVEN, **KEEPS, **TOKEN_URL, "admin_credential": {"key": Secret("x")}}, "oauth2_client.admin_credential"),
        ({**GIVEN, "api": "keycloak"}, "oauth2_client.realm"),
        ({**GIVEN, "api": "keycloak", "realm": "x"}, "oauth2_client.admin_credential"),
        ({**GIVEN, **KEEPS, "api": "keycloak", "realm": "x"}, "oauth2_client.keeps_registration_token"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(options: Mapping[str, Any], option: str) -> None:
    with pytest.raises(errors.InvalidInput) as raised:
        OAuth2Client(options, Value({"username": Secret("app"), "password": Secret("x")})).check()
    assert raised.value.option == option


@pytest.mark.long(reason="Keycloak takes half a minute to start")
def test_the_secret_of_a_client_of_keycloak_is_set_tried_and_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keycloak = pytest.importorskip("tests.servers.keycloak")
    with contextlib.ExitStack() as stack:
        ClientOfKeycloak.server = stack.enter_context(keycloak.running())
        world = stack.enter_context(rotating(ClientOfKeycloak, tmp_path / "first"))
        first, before = world.values()["current"], world.service.describe()
        assert world.run() == "promoted"
        assert world.service.describe() == before
        assert before["authorizationServicesEnabled"]
        assert not world.service.opens(first)
        world.elapse(3600)
        world.run(SETTLE)
        assert world.values().keys() == {"current"}
        monkeypatch.setattr(OAuth2Client, "_token_url", "http://127.0.0.1:1/token")
        with pytest.raises(errors.RotationFailed):
            world.run()
        monkeypatch.undo()
        world.service.change_elsewhere()
        world.is_changed_elsewhere = True
        assert "does not accept the current value" in run_until_failure(world, ("auto",))
