# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type `oauth2` on an authorization server, whose refresh tokens work once: one that comes again revokes the whole login."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from ansible_collections.nebula.credential.plugins.module_utils.errors import InteractionRequired
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh import attempt
from tests.integration import browsing
from tests.integration.session_runs import eventually
from tests.servers import databases, oidc_provider, once
from tests.unit.store.refresh.many_processes import at_once
from tests.unit.types.oauth2.clients import KIND, NAME, checked, text, world

pytestmark = pytest.mark.server
SCOPE = "openid offline_access api:read"
GRANTED = [{"event": "success", "grant": "refresh_token", "client": "app"}]


@pytest.fixture
def server():
    return once.oidc_provider()


@pytest.mark.parametrize(("client", "client_auth"), [("robot", "client_secret_basic"), ("poster", "client_secret_post")])
def test_a_client_logs_in_by_itself_with_a_secret_of_odd_characters(server, client, client_auth):
    since = len(server.events())
    fields = checked(token_url=server.token_url, client_id=client, client_secret=server.password, client_auth=client_auth, scope="api:read")
    answer = KIND.refresh(fields, {})
    assert set(answer.state) == {"access_token", "token_type", "scope"}
    assert server.events(since) == [{"event": "success", "grant": "client_credentials", "client": client}]


@pytest.mark.parametrize(("client", "client_auth"), [("signer", "private_key_jwt"), ("hasher", "client_secret_jwt")])
def test_a_client_logs_in_with_an_assertion_that_it_signs_and_the_issuers_document_says_where(server, client, client_auth):
    since = len(server.events())
    proof = {"client_key": server.client_key} if client == "signer" else {"client_secret": server.password}
    fields = checked(issuer=server.url, client_id=client, client_auth=client_auth, scope="api:read", **proof)
    assert set(KIND.refresh(fields, {}).state) == {"access_token", "token_type", "scope"}
    assert server.events(since) == [{"event": "success", "grant": "client_credentials", "client": client}]


def test_a_token_is_exchanged_for_another_one(server):
    login = {"token_url": server.token_url, "client_id": "web", "client_secret": server.password}
    subject = text(KIND.refresh(checked(refresh_token=server.log_in("web"), **login), {}).state["access_token"])
    fields = checked(subject_token=subject, **login)
    answer = KIND.refresh(fields, {})
    assert text(answer.state["access_token"]) != subject
    assert answer.expires_at is not None
    with pytest.raises(InteractionRequired, match=r"invalid_grant.*Write a new 'subject_token'"):
        KIND.refresh(checked(subject_token="another", **login), {})


def test_each_refresh_brings_another_refresh_token_and_the_login_stays(server):
    with world() as store:
        store.write(token_url=server.token_url, client_id="app", refresh_token=server.log_in())
        tokens = [store.token()]
        for _each in range(2):
            store.manager.refresh(NAME)
            tokens.append(store.token())
        assert len(set(tokens)) == 3
        assert server.accepts(tokens[-1])


def test_a_used_refresh_token_that_comes_again_revokes_the_login_and_then_a_person_has_to_act(server):
    with world() as store:
        first = server.log_in()
        store.write(token_url=server.token_url, client_id="app", refresh_token=first)
        token, since = store.token(), len(server.events())
        form = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": first}
        replayed = requests.post(server.token_url, data=form, timeout=60, proxies=oidc_provider.DIRECT)
        assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
        assert [entry["event"] for entry in server.events(since)] == ["revoked", "error"]
        assert not server.accepts(token)
        with pytest.raises(InteractionRequired, match=r"invalid_grant.*Log in at the service again"):
            store.manager.refresh(NAME)


def flow(store, phase, **parameters):
    return perform(store.manager, "credential_flow", {"name": NAME, "phase": phase, **parameters}, AccessContext()).result


def test_a_person_logs_in_with_a_browser_and_the_login_is_refreshed(server):
    with world() as store:
        fields = {"grant": "authorization_code", "redirect_uri": oidc_provider.CALLBACK, "scope": SCOPE}
        # The server asks for consent each time, else it gives no refresh token.
        store.write(issuer=server.url, client_id="app", authorization_parameters='{"prompt": "consent"}', **fields)
        started = flow(store, "start")
        arrived = browsing.log_in(started["authorization_url"], oidc_provider.CALLBACK)
        assert flow(store, "complete", callback_url=arrived)["credential"]["state"] == "active"
        first = store.token()
        store.manager.refresh(NAME)
        assert store.token() != first
        assert server.accepts(store.token())


def test_a_deleted_credential_has_its_login_ended_at_the_server(server):
    """A revoked refresh token ends the access tokens that came from it."""
    with world() as store:
        store.write(issuer=server.url, client_id="app", refresh_token=server.log_in())
        token = store.token()
        assert server.accepts(token)
        perform(store.manager, "credential", {"name": NAME, "state": "absent", "revoke_tokens": True}, AccessContext())
        assert not server.accepts(token)
        assert not store.manager.exists(NAME)


def test_a_code_is_of_no_use_without_the_verifier_of_its_login(server):
    with world() as store:
        fields = {"grant": "authorization_code", "redirect_uri": oidc_provider.CALLBACK, "scope": SCOPE}
        store.write(issuer=server.url, client_id="app", **fields)
        arrived = browsing.log_in(flow(store, "start")["authorization_url"], oidc_provider.CALLBACK)
        form = {"grant_type": "authorization_code", "client_id": "app", "redirect_uri": oidc_provider.CALLBACK}
        stolen = dict(form, code=parse_qs(urlsplit(arrived).query)["code"][0], code_verifier="v" * 43)
        assert requests.post(server.token_url, data=stolen, timeout=60, proxies=oidc_provider.DIRECT).status_code == 400


WAITING = """
- hosts: localhost
  gather_facts: false
  tasks:
    - {name: waited, nebula.credential.credential_flow: {name: api, phase: wait, timeout: 5m}}
    - ansible.builtin.assert: {that: "lookup('nebula.credential.get', 'api', field='header') is match('Authorization. Bearer ')"}
"""


def test_a_person_confirms_a_device_while_a_task_of_another_run_waits(server, project):
    stored = "- nebula.credential.credential: {name: api, type: oauth2, fields: %s}\n"
    started = "- {name: started, nebula.credential.credential_flow: {name: api, phase: start}}\n"
    fields = {"grant": "device_code", "client_id": "app", "scope": SCOPE, "issuer": server.url}
    login = project.play(stored % json.dumps(fields) + started).succeeded().result("started")
    since = len(server.events())
    run = project.start("ansible-playbook", str(project.write("waiting.yml", WAITING)))
    eventually(lambda: any(entry.get("error") == "authorization_pending" for entry in server.events(since)), "the task waits")
    browsing.log_in(login["verification_uri_complete"])
    waited = project.finish(run).succeeded().result("waited")
    assert (waited["changed"], waited["pending"], waited["credential"]["state"]) == (True, False, "active")
    assert [entry["event"] for entry in server.events(since)][-1] == "success"


def on_sqlite(directory):
    return {"backend": "database", "url": "sqlite:///{0}".format(directory / "private" / "store.db")}


def on_postgresql(directory):
    return {"backend": "database", **databases.options(once.postgresql(), databases.prefix(directory))}


def on_openbao(directory):
    bao = once.openbao()
    return {"backend": "vault", "url": bao.url, "auth": {"token": bao.root_token}, "prefix": "oauth2-{0}".format(directory.name)}


LONG = pytest.mark.long(reason="32 processes on a server of their own")
STORES = [pytest.param(on_sqlite), pytest.param(on_postgresql, marks=LONG), pytest.param(on_openbao, marks=LONG)]


@pytest.mark.parametrize("store", STORES)
def test_of_32_processes_with_an_expired_token_one_makes_the_only_call_and_the_login_stays(server, store, tmp_path, monkeypatch):
    """Each has a store of its own and no session, as the workers of a run with `session: false`, or several controllers."""
    monkeypatch.setattr(attempt, "WAIT_TIMEOUT", 300.0)
    config = {**store(tmp_path), "audit": "off", "read_timeout": 300, "write_timeout": 300}
    with world(config) as opened:
        opened.write(token_url=server.token_url, client_id="app", refresh_token=server.log_in())
        since = len(server.events())

        def read():
            try:
                return text(open_store(config, name="prod", warn=lambda _text: None).token(NAME))
            except Exception as error:  # noqa: BLE001  # the test shows it
                return repr(error)

        results = at_once(read)
        assert server.events(since) == GRANTED
        assert {status for _said, status in results} == {0}
        token = opened.token()
        assert {said for said, _status in results} == {token}
        assert server.accepts(token)
        opened.manager.refresh(NAME)
        assert server.events(since) == GRANTED * 2, "the refresh token of the only call still works"
        assert server.accepts(opened.token())
