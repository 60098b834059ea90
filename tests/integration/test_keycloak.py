# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keycloak as the counterpart of the types `saml` and `oauth2`, and a browser in which a person logs in there."""

from __future__ import annotations

import base64
import json
import secrets
import time
from urllib.parse import parse_qsl

import pytest
import requests

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidCallback
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from tests.conftest import cannot_run
from tests.servers import browser, keycloak, scripted
from tests.servers.keycloak import PERSON
from tests.servers.processes import ServerUnavailable
from tests.unit.operations.login_steps import REDIRECT, asked_of, flow
from tests.unit.types.oauth2.clients import NAME, world
from tests.unit.types.refreshed import World
from tests.unit.types.saml.forge import party

pytestmark = [
    pytest.mark.server,
    pytest.mark.long(reason="Keycloak takes half a minute, and half a GiB"),
]
SECRET = "c4n4ry of many words"


@pytest.fixture(scope="module")
def server():
    try:
        with keycloak.running() as found:
            yield found
    except ServerUnavailable as error:
        cannot_run(str(error))


@pytest.fixture
def window():
    """A browser that has visited nothing yet."""
    try:
        with browser.running() as found:
            yield found
    except ServerUnavailable as error:
        cannot_run(str(error))


@pytest.fixture
def service():
    """Where the identity provider sends responses."""
    with scripted.running() as found:
        yield found


def log_in(server, window):
    """Log the person in on the page that is open."""
    window.fill("#username", PERSON)
    window.fill("#password", server.password)
    window.click("#kc-login")


def log_in_with_saml(server, window, started, service):
    """Do what a person does. Return the SAMLResponse with which the browser arrives."""
    page = started.get("login_page")
    window.open("data:text/html;base64," + base64.b64encode(page.encode()).decode() if page else started["authorization_url"])
    if page:
        window.click("button")
    log_in(server, window)
    window.arrive(service.url + "/acs")
    (arrived,) = [request for request in service.asked if request.method == "POST"]
    return dict(parse_qsl(arrived.content.decode()))["SAMLResponse"]


def make_service(server, acs_url, binding, encrypts, signs):
    """A store with a service that Keycloak knows. It signs the response (`document`), the assertion, or both."""
    store = World(
        "saml",
        entity_id="https://deploy.example.com/{0}".format(secrets.token_hex(4)),
        acs_url=acs_url,
        binding=binding,
        idp_metadata=server.saml_metadata,
        private_key=party("service").pem,
        certificate=party("service").certificate_pem,
    )
    attributes = {"saml.encrypt": json.dumps(encrypts), "saml.client.signature": "true"}
    attributes["saml.server.signature"] = json.dumps("document" in signs)
    attributes["saml.assertion.signature"] = json.dumps("assertion" in signs)
    server.register(store.read("metadata"), **attributes)
    return store


def step(store, phase, **parameters):
    return perform(store.manager, "credential_flow", {"name": "robot", "phase": phase, **parameters}, AccessContext(), False).result


@pytest.mark.parametrize(
    ("binding", "encrypts", "signs"),
    [
        ("redirect", False, ("assertion",)),
        ("post", False, ("document",)),
        ("post", False, ("document", "assertion")),
        ("redirect", True, ("document", "assertion")),
        ("post", True, ("assertion",)),
    ],
)
def test_a_person_logs_in_with_saml(server, window, service, binding, encrypts, signs):
    store = make_service(server, service.url + "/acs", binding, encrypts, signs)
    response = log_in_with_saml(server, window, step(store, "start"), service)
    assert (b"EncryptedAssertion" in base64.b64decode(response)) is encrypts
    done = step(store, "complete", saml_response=response)
    assert (done["changed"], done["credential"]["state"]) == (True, "active")
    assert store.read("name_id") == PERSON
    assert json.loads(store.read("attributes")) == {"email": ["ada@example.com"]}
    with pytest.raises(InvalidCallback, match="no login is open"):
        step(store, "complete", saml_response=response)


def test_keycloak_refuses_a_request_whose_signature_is_missing(server):
    store = make_service(server, "https://deploy.example.com/acs", "redirect", False, ("assertion",))
    address = step(store, "start")["authorization_url"]
    answers = [requests.get(url, timeout=120, proxies=keycloak.DIRECT) for url in (address, address.partition("&SigAlg=")[0])]
    assert [answer.status_code for answer in answers] == [200, 400]


@pytest.fixture(scope="module")
def client(server):
    described = {"secret": SECRET, "redirectUris": [REDIRECT], "serviceAccountsEnabled": True}
    kinds = {"web": {"pkce.code.challenge.method": "S256"}, "tv": {"oauth2.device.authorization.grant.enabled": "true"}}
    for name, attributes in kinds.items():
        server.administer("POST", "/{0}/clients".format(keycloak.REALM), json=dict(described, clientId=name, attributes=attributes))
    return {"provider": "keycloak", "issuer": server.realm_url, "client_id": "web", "client_secret": SECRET}


def find_person(server, token):
    """The person that Keycloak knows by an access token; None if it accepts none."""
    headers = {"Authorization": "Bearer " + token}
    answer = requests.get(server.realm_url + "/protocol/openid-connect/userinfo", headers=headers, timeout=120, proxies=keycloak.DIRECT)
    return answer.json()["preferred_username"] if answer.ok else None


def test_a_client_of_keycloak_requests_tokens_for_itself(client):
    with world() as store:
        store.write(grant="client_credentials", **client)
        first = store.token()
        store.manager.refresh(NAME)
        assert store.token() != first


def test_a_person_logs_in_with_a_browser_and_the_tokens_are_refreshed(server, client, window):
    with world() as store:
        store.write(grant="authorization_code", redirect_uri=REDIRECT, scope="openid", **client)
        started = flow(store, "start")
        window.open(started["authorization_url"])
        log_in(server, window)
        arrived = window.arrive(REDIRECT)
        assert asked_of(arrived)["state"] == asked_of(started["authorization_url"])["state"]
        assert flow(store, "complete", callback_url=arrived)["changed"]
        tokens = [store.token()]
        for _each in range(2):
            store.manager.refresh(NAME)
            tokens.append(store.token())
        assert [find_person(server, token) for token in tokens] == [PERSON] * 3
        assert len(set(tokens)) == 3


def test_a_person_confirms_a_code_for_a_device_in_a_browser(server, client, window):
    with world() as store:
        store.write(grant="device_code", scope="openid", **dict(client, client_id="tv"))
        started = flow(store, "start")
        assert flow(store, "wait")["pending"]
        window.open(started["verification_uri_complete"])
        log_in(server, window)
        window.click("input[name=accept], button[name=accept]")
        window.arrive(server.realm_url + "/device/status")
        # It wants 5 s between two requests, and more after one that came before.
        for _each in range(12):
            time.sleep(6)
            if flow(store, "wait")["changed"]:
                break
        assert find_person(server, store.token()) == PERSON
