# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A person logs in with a browser, in steps that any controller can take (B4)."""

from __future__ import annotations

import hashlib
import time
from base64 import urlsafe_b64encode
from urllib.parse import urlsplit

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    FlowExpired,
    InteractionRequired,
    InvalidCallback,
    InvalidInput,
    NoToken,
    Revoked,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import logins, token_requests
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2.settings import read_settings
from tests.servers import scripted
from tests.servers.scripted import Answer
from tests.unit.operations.login_steps import BROWSER, DEVICE, REDIRECT, asked_of, callback, flow, start
from tests.unit.types.oauth2.clients import HOUR, NAME, ROBOT, checked, endpoint, form_of, refusal, text, token, world


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr(token_requests.time, "sleep", lambda _seconds: None)


def test_a_login_in_a_browser_starts_with_an_address_and_ends_with_tokens():
    with endpoint(token(1, refresh_token="r-1"), token(2)) as server, world() as store:
        started = start(store, server, scope="openid api:read", authorization_parameters='{"prompt": "consent"}', audience="api")
        with pytest.raises(NoToken, match="there was no login yet"):
            store.token()
        assert (started["changed"], started["pending"], started["flow"]) == (True, True, "authorization_code")
        url = urlsplit(started["authorization_url"])
        asked = asked_of(started["authorization_url"])
        assert (url.scheme, url.netloc, url.path) == ("https", "auth.example.com", "/login")
        assert asked.pop("state") != asked.pop("code_challenge")
        assert asked == {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": REDIRECT,
            "scope": "openid api:read",
            "code_challenge_method": "S256",
            "prompt": "consent",
            "audience": "api",
        }
        done = flow(store, "complete", callback_url=callback(started))
        assert (done["changed"], done["pending"], done["credential"]["state"]) == (True, False, "active")
        assert (store.token(), text(store.stored.fields["refresh_token"])) == ("a-1", "r-1")
        form = form_of(server.asked[0])
        verifier = form.pop("code_verifier").encode()
        challenge = asked_of(started["authorization_url"])["code_challenge"]
        assert urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=").decode() == challenge
        assert form == {"grant_type": "authorization_code", "code": "c-1", "redirect_uri": REDIRECT, "client_id": "app", "audience": "api"}
        store.ahead += HOUR
        assert store.token() == "a-2"
        assert form_of(server.asked[1])["refresh_token"] == "r-1"


def test_the_challenge_is_that_of_rfc_7636():
    """Its appendix B."""
    settings = read_settings(checked(token_url="https://auth.example.com/token", **BROWSER))
    url = logins.build_url(settings, "https://auth.example.com/login", "xyz", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert asked_of(url)["code_challenge"] == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_each_login_has_a_state_and_a_verifier_of_its_own_and_shows_no_secret():
    with endpoint(token()) as server, world() as store:
        first = start(store, server)
        kept = text(store.stored.record.state["flow"])
        second = flow(store, "start")
        assert asked_of(first["authorization_url"])["state"] != asked_of(second["authorization_url"])["state"]
        assert asked_of(first["authorization_url"])["code_challenge"] != asked_of(second["authorization_url"])["code_challenge"]
        assert logins._read(Secret(kept))["code_verifier"] not in str(first)
        with pytest.raises(InvalidCallback, match="the callback is that of another login"):
            flow(store, "complete", callback_url=callback(first))
        assert flow(store, "complete", callback_url=callback(second))["changed"]


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (lambda started: callback(started, state="another"), InvalidCallback, "that of another login"),
        (lambda started: callback(started, state=None), InvalidCallback, "that of another login"),
        (lambda started: callback(started, code=None), InvalidCallback, "has no code"),
        (lambda started: callback(started, code=None, error="access_denied"), InteractionRequired, "the login was refused: access_denied"),
        (lambda started: callback(started, code=None, error="s3cret"), InteractionRequired, "refused: with a code of its own"),
        (lambda started: callback(started, error="access_denied", state="another"), InvalidCallback, "that of another login"),
        (lambda started: callback(started) + "&code=c-2", InvalidCallback, "has a parameter twice"),
        (lambda started: callback(started).replace("127.0.0.1", "attacker.example"), InvalidCallback, "is not at 'redirect_uri'"),
        (lambda _started: "http://[", InvalidCallback, "is not an address"),
        (lambda started: callback(started) + "&a=1" * 40, InvalidCallback, "is not an address"),
        (lambda _started: REDIRECT + "?state=\ud800", InvalidCallback, "that of another login"),
    ],
)
def test_what_is_not_the_logins_own_is_refused_and_the_login_stays_open(spoil, error, said):
    with endpoint(token()) as server, world() as store:
        started = start(store, server)
        with pytest.raises(error, match=said) as caught:
            flow(store, "complete", callback_url=spoil(started))
        assert server.asked == []
        assert not {"c-1", "c-2", "s3cret"} & set(str(caught.value).replace("'", " ").split())
        assert flow(store, "complete", callback_url=callback(started))["changed"]


def test_code_and_state_stand_for_the_whole_address():
    with endpoint(token()) as server, world() as store:
        state = asked_of(start(store, server)["authorization_url"])["state"]
        with pytest.raises(InvalidCallback):
            flow(store, "complete", code="c-1", state=state[:-1])
        assert flow(store, "complete", code="c-1", state=state)["changed"]


def test_another_controller_completes_a_login(tmp_path):
    config = {"backend": "local", "path": str(tmp_path / "store")}
    with endpoint(token()) as server:
        with world(config) as store:
            started = start(store, server)
        with world(config) as store:
            assert flow(store, "complete", callback_url=callback(started))["changed"]
            assert store.token() == "a-1"
        with world(config) as store, pytest.raises(InvalidCallback, match="no login is open"):
            flow(store, "complete", callback_url=callback(started))
        assert len(server.asked) == 1


def test_of_two_controllers_that_complete_a_login_one_sends_the_code(monkeypatch):
    """The second one has read the open login before the first one completes it."""
    with endpoint(token(1)) as server, world() as store:
        started = start(store, server)
        first, checked_first = [], logins.check

        def overtake(*arguments):
            if not first:
                first.append(True)
                assert flow(store, "complete", callback_url=callback(started))["changed"]
            return checked_first(*arguments)

        monkeypatch.setattr(logins, "check", overtake)
        with pytest.raises(InvalidCallback, match="no login is open"):
            flow(store, "complete", callback_url=callback(started))
        assert (store.token(), len(server.asked)) == ("a-1", 1)


@pytest.mark.parametrize("answer", [Answer(hangs_up=True), refusal("invalid_grant"), Answer(500)])
def test_a_code_is_never_sent_twice(answer):
    with endpoint(answer, token()) as server, world() as store:
        started = start(store, server)
        with pytest.raises(CredentialError):
            flow(store, "complete", callback_url=callback(started))
        with pytest.raises(InvalidCallback, match="no login is open"):
            flow(store, "complete", callback_url=callback(started))
        assert len(server.asked) == 1


def test_a_login_expires(monkeypatch):
    with endpoint(token()) as server, world() as store:
        store.write(token_url=server.token_url, **BROWSER)
        started = flow(store, "start", valid_for="2m")
        later = time.time() + 121
        monkeypatch.setattr(logins.time, "time", lambda: later)
        with pytest.raises(FlowExpired):
            flow(store, "complete", callback_url=callback(started))
        with pytest.raises(InvalidCallback, match="no login is open"):
            flow(store, "complete", callback_url=callback(started))
        assert server.asked == []


def test_a_login_takes_the_place_of_one_that_failed_and_the_state_says_that_a_person_is_needed():
    answers = [token(1, refresh_token="r-1"), refusal("invalid_grant"), token(2, refresh_token="r-2"), token(3)]
    with endpoint(*answers) as server, world() as store:
        flow(store, "complete", callback_url=callback(start(store, server)))
        store.ahead += HOUR
        with pytest.raises(InteractionRequired, match="Start a login with the module credential_flow"):
            store.token()
        assert store.stored.state == "failed"
        started = flow(store, "start")
        assert (store.stored.state, store.stored.requires_interaction) == ("pending_interaction", True)
        flow(store, "complete", callback_url=callback(started))
        assert (store.token(), store.stored.state, store.stored.requires_interaction) == ("a-2", "active", False)
        store.ahead += HOUR
        assert store.token() == "a-3"
        assert [form_of(request).get("refresh_token") for request in server.asked] == [None, "r-1", None, "r-2"]


def test_the_stored_value_stays_usable_and_is_refreshed_while_a_login_is_open():
    with endpoint(token(1, refresh_token="r-1"), token(2, refresh_token="r-2"), token(3)) as server, world() as store:
        flow(store, "complete", callback_url=callback(start(store, server)))
        started = flow(store, "start")
        assert store.token() == "a-1"
        store.ahead += HOUR
        assert store.token() == "a-2"
        flow(store, "complete", callback_url=callback(started))
        assert store.token() == "a-3"


def test_a_login_that_starts_while_a_token_is_refreshed_stays_open():
    started = []

    def answer(request):
        if form_of(request)["grant_type"] == "refresh_token":
            started.append(flow(store, "start"))
            return token(2, refresh_token="r-2")
        return token(3 if started else 1, refresh_token="r-{0}".format(len(started)))

    with scripted.running(answer) as server, world() as store:
        server.token_url = server.url + "/token"
        flow(store, "complete", callback_url=callback(start(store, server)))
        store.manager.refresh(NAME)
        assert store.token() == "a-2"
        flow(store, "complete", callback_url=callback(started[0]))
        assert store.token() == "a-3"


def test_a_login_ends_what_a_lost_response_has_left_even_if_the_refresh_token_is_the_same():
    answers = [token(1, refresh_token="r-1"), Answer(hangs_up=True), token(2, refresh_token="r-1"), token(3)]
    with endpoint(*answers) as server, world() as store:
        flow(store, "complete", callback_url=callback(start(store, server)))
        store.ahead += HOUR
        with pytest.raises(InteractionRequired, match="the response to its last refresh was lost"):
            store.token()
        flow(store, "complete", callback_url=callback(flow(store, "start")))
        assert (store.token(), store.stored.requires_interaction) == ("a-2", False)
        store.ahead += HOUR
        assert store.token() == "a-3"


def test_a_login_without_a_refresh_token_is_used_until_it_expires():
    with endpoint(token(1)) as server, world() as store:
        flow(store, "complete", callback_url=callback(start(store, server)))
        assert store.token() == "a-1"
        store.ahead += HOUR
        with pytest.raises(CredentialError) as caught:
            store.token()
        assert (caught.value.code, len(server.asked)) == ("expired", 1)


def test_what_is_kept_of_a_login_is_read_by_nobody():
    with endpoint(token()) as server, world() as store:
        start(store, server)
        with pytest.raises(NoToken):
            store.token("flow")
        read = perform(store.manager, "get", {"name": NAME, "fields": True}, AccessContext(), False)
        assert "flow" not in str(read.result)


@pytest.mark.parametrize(("interval", "waits"), [(0.5, 1), (7, 7), (0, 5), ("x", 5)])
def test_between_two_requests_for_a_device_there_is_always_a_second(interval, waits):
    codes = {"device_code": "d", "user_code": "U", "verification_uri": "https://auth.example.com", "expires_in": 600, "interval": interval}
    with endpoint(Answer(200, codes)) as server, world() as store:
        store.write(token_url=server.token_url, device_url=server.url + "/device", **DEVICE)
        assert flow(store, "start")["interval"] == waits


def test_check_mode_sends_and_writes_nothing():
    with endpoint(token()) as server, world() as store:
        store.write(token_url=server.token_url, **BROWSER)
        before = store.stored.describe()
        started = flow(store, "start", check=True)
        assert (started["changed"], "authorization_url" in started) == (True, False)
        assert store.stored.describe() == before
        started = flow(store, "start")
        assert flow(store, "complete", check=True, callback_url=callback(started))["changed"]
        with pytest.raises(InvalidCallback):
            flow(store, "complete", check=True, callback_url=callback(started, state="another"))
        assert server.asked == []
        assert flow(store, "complete", callback_url=callback(started))["changed"]


@pytest.mark.parametrize(
    ("phase", "parameters", "said"),
    [
        ("start", {"timeout": "5m"}, "option 'timeout'"),
        ("start", {"valid_for": "0s"}, "option 'valid_for'"),
        ("complete", {}, "option 'callback_url'"),
        ("complete", {"callback_url": REDIRECT, "valid_for": "5m"}, "option 'valid_for'"),
        ("wait", {"callback_url": REDIRECT}, "option 'callback_url'"),
    ],
)
def test_an_option_of_another_phase_is_refused_by_name(phase, parameters, said):
    with endpoint(token()) as server, world() as store:
        store.write(token_url=server.token_url, **BROWSER)
        with pytest.raises(InvalidInput, match=said):
            flow(store, phase, **parameters)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({**BROWSER, "redirect_uri": None}, "'redirect_uri' of type 'oauth2' is missing"),
        ({**BROWSER, "authorization_parameters": '{"state": "mine"}'}, "'authorization_parameters' of type 'oauth2' sets state"),
        ({**BROWSER, "authorization_parameters": "[]"}, "is not a mapping of texts"),
        ({**DEVICE, "redirect_uri": REDIRECT}, "'redirect_uri' of type 'oauth2' is not used with the grant 'device_code'"),
        ({**ROBOT, "device_url": "https://auth.example.com"}, "'device_url' of type 'oauth2' is not used with the grant"),
    ],
)
def test_fields_that_no_login_could_use_are_refused_by_name(fields, said):
    given = {name: value for name, value in fields.items() if value is not None}
    with pytest.raises(InvalidInput, match=said):
        checked(token_url="https://auth.example.com/token", **given)


def test_only_a_credential_with_a_login_has_one():
    with endpoint(token()) as server, world() as store:
        store.write(token_url=server.token_url, **ROBOT)
        with pytest.raises(InvalidInput, match="which needs no login"):
            flow(store, "start")
        store.manager.delete(NAME)
        store.manager.create(DesiredCredential(NAME, value=Secret("x")))
        with pytest.raises(InvalidInput, match="type 'opaque' has no login by a person"):
            flow(store, "start")
        store.manager.revoke(NAME)
        with pytest.raises(Revoked):
            flow(store, "start")


def test_google_is_asked_for_a_refresh_token():
    fields = checked(provider="google", **{name: value for name, value in BROWSER.items() if name != "authorization_url"})
    url = logins.build_url(read_settings(fields), "https://accounts.google.com/o/oauth2/v2/auth", "xyz", "v" * 43)
    assert {name: asked_of(url)[name] for name in ("access_type", "prompt")} == {"access_type": "offline", "prompt": "consent"}


def test_a_login_in_a_browser_is_not_waited_for_and_stays_open():
    with endpoint(token()) as server, world() as store:
        started = start(store, server)
        with pytest.raises(InvalidInput, match=r"a login in a browser is not waited for\. Use phase 'complete'"):
            flow(store, "wait")
        assert flow(store, "complete", callback_url=callback(started))["changed"]


def test_a_credential_with_an_open_login_is_not_exported():
    """The login would be completed in one of the two stores only."""
    with endpoint(token()) as server, world() as store:
        started = start(store, server)
        with pytest.raises(Unusable, match="a login is open"):
            store.manager.export(NAME)
        flow(store, "complete", callback_url=callback(started))
        assert store.manager.export(NAME).versions
