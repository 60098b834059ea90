# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A person logs in at an identity provider, in steps that any controller can take (C9)."""

from __future__ import annotations

import base64
import json
import time
from datetime import datetime, timedelta, timezone

import pytest
from lxml import etree

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    Expired,
    FlowExpired,
    InvalidCallback,
    InvalidInput,
    NoToken,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.types.saml import saml_type
from tests.servers import identity_provider
from tests.servers.identity_provider import RequestRefused
from tests.unit.types.refreshed import World
from tests.unit.types.saml.forge import party

ACS, SERVICE = "https://deploy.example.com/saml/acs?team=ops&site=1", "https://deploy.example.com/saml"


@pytest.fixture(scope="module")
def provider():
    with identity_provider.running() as server:
        yield server


def make_world(provider, is_registered=True, **fields):
    """A store with a service, which its identity provider knows."""
    given = {"entity_id": SERVICE, "acs_url": ACS, "idp_metadata": provider.metadata.decode(), **fields}
    world = World("saml", **given)
    if is_registered:
        provider.register(world.read("metadata").encode())
    return world


def with_key():
    return {"private_key": party("service").pem, "certificate": party("service").certificate_pem}


def flow(world, phase, check=False, **parameters):
    return perform(world.manager, "credential_flow", {"name": "robot", "phase": phase, **parameters}, AccessContext(), check).result


def log_in(world, provider):
    started = flow(world, "start")
    response = provider.log_in(started["authorization_url"], started.get("login_page"))
    return flow(world, "complete", saml_response=response), response


@pytest.mark.parametrize("binding", ["redirect", "post"])
@pytest.mark.parametrize("has_key", [False, True], ids=["unsigned", "signed and encrypted"])
def test_a_login_brings_the_assertion_and_what_it_says(provider, binding, has_key):
    world = make_world(provider, binding=binding, **(with_key() if has_key else {}))
    with pytest.raises(NoToken, match="there was no login yet"):
        world.read()
    done, response = log_in(world, provider)
    assert (done["changed"], done["pending"], done["credential"]["state"]) == (True, False, "active")
    assert (world.read("name_id"), json.loads(world.read("attributes"))) == ("ada", {"groups": ["deployers"]})
    assert (world.read("session_index"), world.read("response")) == ("s-1", response)
    assert world.read("session_expires_at") > done["credential"]["expires_at"]
    assertion = etree.fromstring(world.read().encode())
    assert assertion.tag.endswith("}Assertion")
    assert assertion.find("{*}Signature") is not None, "a service to which it is sent on can verify it"
    assert (b"EncryptedAssertion" in base64.b64decode(response)) is has_key


def test_the_binding_decides_whether_a_browser_is_redirected_or_sends_a_form(provider):
    started = flow(make_world(provider), "start")
    assert started["authorization_url"].startswith(provider.sso_url + "?SAMLRequest=")
    assert (started["flow"], started["pending"], "login_page" in started) == ("saml", True, False)
    started = flow(make_world(provider, binding="post"), "start")
    assert started["authorization_url"] == provider.sso_url
    assert '<form method="post" action="{0}">'.format(provider.sso_url) in started["login_page"]


@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_a_request_that_was_changed_is_refused_by_the_provider(provider, binding):
    world = make_world(provider, binding=binding, **with_key())
    started = flow(world, "start")
    other = flow(world, "start")
    if binding == "redirect":
        address = (
            started["authorization_url"].partition("&Signature=")[0]
            + "&Signature="
            + other["authorization_url"].partition("&Signature=")[2]
        )
        spoiled = (address, None)
    else:
        page = started["login_page"].partition('value="')
        document = base64.b64decode(page[2].partition('"')[0]).replace(b"AllowCreate", b"AllowCreatf")
        spoiled = (started["authorization_url"], page[0] + page[1] + base64.b64encode(document).decode() + '">')
    with pytest.raises(RequestRefused, match="its signature does not match"):
        provider.log_in(*spoiled)


def test_each_login_has_a_request_of_its_own_and_accepts_no_other_response(provider):
    world = make_world(provider)
    first = flow(world, "start")
    second = flow(world, "start")
    with pytest.raises(InvalidCallback, match="it responds to another request"):
        flow(world, "complete", saml_response=provider.log_in(first["authorization_url"]))
    response = provider.log_in(second["authorization_url"])
    assert flow(world, "complete", saml_response=response)["changed"]
    with pytest.raises(InvalidCallback, match="no login is open"):
        flow(world, "complete", saml_response=response)


def test_what_is_refused_leaves_the_login_open_and_the_last_assertion_in_its_place(provider):
    world = make_world(provider)
    log_in(world, provider)
    before = world.read()
    started = flow(world, "start")
    response = provider.log_in(started["authorization_url"])
    document = base64.b64decode(response)
    for spoiled in ("x", base64.b64encode(document.replace(b">ada<", b">eve<")).decode(), ""):
        with pytest.raises(CredentialError):
            flow(world, "complete", saml_response=spoiled)
    assert world.read() == before
    assert flow(world, "complete", saml_response=response)["changed"]
    assert world.read() != before


def test_an_assertion_that_was_accepted_is_remembered_until_it_ends(provider, monkeypatch):
    """Even in a response to another request, which only the identity provider itself can sign."""
    world = make_world(provider)
    monkeypatch.setattr(provider, "make_id", lambda: "1")
    log_in(world, provider)
    with pytest.raises(InvalidCallback, match="was accepted before"):
        log_in(world, provider)
    monkeypatch.setattr(provider, "make_id", lambda: "2")
    log_in(world, provider)
    assert set(json.loads(world.manager.get("robot").record.state["seen"].expose())) == {"_1", "_2"}
    later = time.time() + 361
    monkeypatch.setattr(saml_type.time, "time", lambda: later)
    state = world.manager.get("robot").record.state
    assert saml_type._read_seen(state, later) == {}


def test_another_controller_completes_a_login(provider, tmp_path):
    world = make_world(provider)
    started = flow(world, "start")
    other = World.__new__(World)
    other.manager = type(world.manager)(world.opened.backend, store="prod")
    response = provider.log_in(started["authorization_url"])
    assert flow(other, "complete", saml_response=response)["changed"]
    assert world.read("name_id") == "ada"


def test_of_two_controllers_that_complete_a_login_one_stores_it(provider, monkeypatch):
    """The second one has checked the response before the first one stores it."""
    world = make_world(provider)
    response = provider.log_in(flow(world, "start")["authorization_url"])
    first, read = [], saml_type.Saml.complete_login

    def overtake(kind, login, callback):
        if not first:
            first.append(True)
            assert flow(world, "complete", saml_response=response)["changed"]
        return read(kind, login, callback)

    monkeypatch.setattr(saml_type.Saml, "complete_login", overtake)
    done = flow(world, "complete", saml_response=response)
    assert done["credential"]["state"] == "active"
    assert world.manager.get("robot").record.state["response"].expose().decode() == response


def test_a_login_that_a_later_one_has_replaced_is_not_stored(provider, monkeypatch):
    """The later one is started after the response was checked."""
    world = make_world(provider)
    response = provider.log_in(flow(world, "start")["authorization_url"])
    read, started = saml_type.Saml.complete_login, []

    def overtake(kind, login, callback):
        found = read(kind, login, callback)
        started.append(flow(world, "start"))
        return found

    monkeypatch.setattr(saml_type.Saml, "complete_login", overtake)
    with pytest.raises(InvalidCallback, match="another login was started or completed meanwhile"):
        flow(world, "complete", saml_response=response)
    with pytest.raises(NoToken):
        world.read()


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_login_whose_write_has_no_answer_is_stored_once(provider, monkeypatch, is_stored):
    world = make_world(provider)
    response = provider.log_in(flow(world, "start")["authorization_url"])
    put, lost = world.manager.backend.put, []

    def lose(record, *arguments, **named):
        if lost:
            return put(record, *arguments, **named)
        lost.append(put(record, *arguments, **named) if is_stored else None)
        raise Conflict("another write came first", name="robot").annotate(outcome_unknown=True)

    monkeypatch.setattr(world.manager.backend, "put", lose)
    assert flow(world, "complete", saml_response=response)["credential"]["state"] == "active"
    assert (world.read("name_id"), world.read("response")) == ("ada", response)


def test_a_login_expires_and_so_does_its_assertion(provider, monkeypatch):
    world = make_world(provider)
    started = flow(world, "start", valid_for="2m")
    response = provider.log_in(started["authorization_url"])
    with monkeypatch.context() as changed:
        later = time.time() + 121
        changed.setattr(saml_type.time, "time", lambda: later)
        with pytest.raises(FlowExpired):
            flow(world, "complete", saml_response=response)
    with pytest.raises(InvalidCallback, match="no login is open"):
        flow(world, "complete", saml_response=response)
    log_in(world, provider)
    world.ahead = timedelta(minutes=6)
    with pytest.raises(Expired) as caught:
        world.read()
    assert "Start a login with the module credential_flow" in str(caught.value)


def test_a_change_of_the_service_ends_the_login_of_the_one_before(provider):
    world = make_world(provider)
    log_in(world, provider)
    world.write(entity_id="https://other.example.com/saml")
    with pytest.raises(NoToken, match="there was no login yet"):
        world.read()


def test_check_mode_checks_all_of_a_response_and_writes_nothing(provider):
    world = make_world(provider)
    assert "authorization_url" not in flow(world, "start", check=True)
    response = provider.log_in(flow(world, "start")["authorization_url"])
    before = world.manager.get("robot").record.etag
    assert flow(world, "complete", check=True, saml_response=response)["changed"]
    with pytest.raises(InvalidCallback):
        flow(world, "complete", check=True, saml_response=base64.b64encode(base64.b64decode(response).replace(b"ada", b"eve")).decode())
    assert world.manager.get("robot").record.etag == before
    assert flow(world, "complete", saml_response=response)["changed"]


@pytest.mark.parametrize(
    ("phase", "parameters", "said"),
    [
        ("complete", {"callback_url": ACS}, "option 'callback_url', .* a login of type 'saml' does not use it. .*saml_response"),
        ("complete", {"code": "x", "state": "y"}, "option 'code', .* a login of type 'saml' does not use it"),
        ("wait", {}, "option 'phase', .* a login in a browser is not waited for. Use phase 'complete'"),
        ("wait", {"saml_response": "x"}, "option 'saml_response'"),
        ("start", {"saml_response": "x"}, "option 'saml_response'"),
    ],
)
def test_an_option_of_another_login_or_phase_is_refused_by_name(provider, phase, parameters, said):
    world = make_world(provider)
    flow(world, "start")
    with pytest.raises(InvalidInput, match=said):
        flow(world, phase, **parameters)


def test_no_read_returns_what_is_kept_of_a_login(provider):
    world = make_world(provider)
    log_in(world, provider)
    flow(world, "start")
    for field in ("flow", "seen"):
        with pytest.raises(NoToken):
            world.read(field)
    read = perform(world.manager, "get", {"name": "robot", "fields": True}, AccessContext(), False)
    assert not {"flow", "seen"} & set(read.result["value"])


def test_metadata_that_has_expired_starts_no_login(provider):
    ended = datetime.now(timezone.utc) - timedelta(days=1)
    metadata = provider.metadata.decode().replace("entityID=", 'validUntil="{0}" entityID='.format(ended.strftime("%Y-%m-%dT%H:%M:%SZ")))
    world = make_world(provider, idp_metadata=metadata)
    with pytest.raises(InvalidInput, match="'idp_metadata' of type 'saml' has expired"):
        flow(world, "start")
