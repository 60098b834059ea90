# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type `oauth2` (C3): what it accepts, what it sends, and what it makes of each response."""

from __future__ import annotations

import base64
import logging
from datetime import datetime, timezone
from urllib.parse import unquote_plus

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InteractionRequired,
    InvalidInput,
    NoToken,
    RefreshFailed,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.types.oauth2 import token_requests
from tests.servers.scripted import Answer
from tests.unit.types.oauth2.clients import (
    APP,
    CANARY,
    HOUR,
    KIND,
    NAME,
    ROBOT,
    checked,
    endpoint,
    form_of,
    refusal,
    secrets,
    show,
    text,
    token,
    world,
)

URL = "https://auth.example.com/token"
LOST = Answer(hangs_up=True)


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The waits between requests, in seconds. None is waited for."""
    waited = []
    monkeypatch.setattr(token_requests.time, "sleep", waited.append)
    return waited


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (dict(ROBOT), "'token_url' of type 'oauth2' is missing"),
        ({"client_secret": CANARY, "token_url": URL}, "'client_id' of type 'oauth2' is missing"),
        ({"client_id": "robot", "token_url": URL}, "'client_secret' of type 'oauth2' is missing"),
        ({**ROBOT, "token_url": URL, "client_auth": "none"}, "'client_secret' of type 'oauth2' is not used with the client_auth 'none'"),
        ({**APP, "token_url": URL, "client_auth": "client_secret_post"}, "'client_secret' of type 'oauth2' is missing"),
        ({**ROBOT, "token_url": URL, "grant": "refresh_token"}, "'refresh_token' of type 'oauth2' is missing"),
        ({**ROBOT, **APP, "token_url": URL, "grant": "client_credentials"}, "'refresh_token' of type 'oauth2' is not used with the grant"),
        ({**ROBOT, "token_url": URL, "access_token": CANARY}, "'access_token' of type 'oauth2' is not used with the grant"),
        ({**ROBOT, "token_url": URL, "reuse_window": "30s"}, "'reuse_window' of type 'oauth2' is not used with the grant"),
        ({**APP, "token_url": URL, "reuse_window": "soon"}, "fields.reuse_window"),
        ({**APP, "token_url": "http://auth.example.com/token"}, "'token_url' of type 'oauth2' is plain HTTP"),
        ({**APP, "token_url": "https://app:{0}@auth.example.com/token".format(CANARY)}, "'token_url' of type 'oauth2' holds a login"),
        ({**APP, "token_url": "auth.example.com"}, "'token_url' of type 'oauth2' is not the address"),
        ({**APP, "token_url": URL, "ca_cert": "no certificate"}, "'ca_cert' of type 'oauth2' cannot be used: it holds no certificate"),
    ],
)
def test_fields_that_no_request_could_use_are_refused_by_name_and_not_shown(fields, said):
    with pytest.raises(InvalidInput) as caught:
        checked(**fields)
    assert said in str(caught.value)
    assert CANARY not in show(caught.value)


def test_a_client_alone_requests_tokens_by_itself_and_a_refresh_token_is_used():
    alone, person = checked(token_url=URL, **ROBOT), checked(token_url=URL, **APP)
    assert (text(alone["grant"]), text(alone["client_auth"])) == ("client_credentials", "client_secret_basic")
    assert (text(person["grant"]), text(person["client_auth"])) == ("refresh_token", "none")


def test_the_first_read_requests_a_token_and_the_next_ones_return_it():
    with endpoint(token()) as server, world() as store:
        store.write(
            token_url=server.token_url, scope="api:read", audience="https://api.example.com", resource="https://r.example.com", **ROBOT
        )
        assert server.asked == []
        assert [store.token() for _each in range(3)] == ["a-1"] * 3
        (request,) = server.asked
        assert form_of(request) == {
            "grant_type": "client_credentials",
            "scope": "api:read",
            "audience": "https://api.example.com",
            "resource": "https://r.example.com",
        }
        assert request.headers["content-type"].startswith("application/x-www-form-urlencoded")
        assert store.token("header") == "Authorization: Bearer a-1"


def test_a_thousand_reads_make_one_request():
    with endpoint(token()) as server, world() as store:
        store.write(token_url=server.token_url, **ROBOT)
        assert {store.token() for _each in range(1000)} == {"a-1"}
        assert len(server.asked) == 1


def test_the_login_in_the_header_is_encoded_before_it_is_joined():
    odd = "a+b/c=d %e:f"
    with endpoint(token()) as server:
        KIND.refresh(checked(token_url=server.token_url, client_id="robot:1", client_secret=odd), {})
        joined = base64.b64decode(server.asked[0].headers["authorization"].removeprefix("Basic ")).decode("ascii")
    assert [unquote_plus(part) for part in joined.split(":")] == ["robot:1", odd]


def test_a_login_in_the_form_is_sent_there_alone():
    with endpoint(token()) as server:
        KIND.refresh(checked(token_url=server.token_url, client_auth="client_secret_post", **ROBOT), {})
        assert form_of(server.asked[0]) == {"grant_type": "client_credentials", **ROBOT}
        assert "authorization" not in server.asked[0].headers


def test_a_new_refresh_token_takes_the_place_of_the_one_that_was_sent():
    with endpoint(token(1, refresh_token="r-1"), token(2), token(3)) as server, world() as store:
        store.write(token_url=server.token_url, **APP)
        assert store.token() == "a-1"
        store.ahead += HOUR
        assert store.token() == "a-2"
        store.ahead += HOUR
        assert store.token() == "a-3"
        sent = [form_of(request) for request in server.asked]
        assert [form["refresh_token"] for form in sent] == [CANARY, "r-1", "r-1"], "a response without one leaves the one that was sent"
        assert all(form["client_id"] == "app" and form["grant_type"] == "refresh_token" for form in sent)


def test_a_token_is_refreshed_before_it_expires_and_not_earlier():
    with endpoint(token(1), token(2)) as server, world() as store:
        store.write(token_url=server.token_url, **ROBOT)
        assert store.token() == "a-1"
        store.ahead = HOUR * 54 / 60
        assert (store.token(), len(server.asked)) == ("a-1", 1)
        store.ahead = HOUR * 56 / 60
        assert (store.token(), len(server.asked)) == ("a-2", 2)


@pytest.mark.parametrize(("expires_in", "lives"), [(3600, 3600), ("3600", 3600), (None, None), (-1, None), ("soon", None), (True, None)])
def test_an_expiry_is_counted_from_the_request_and_a_senseless_one_is_none(expires_in, lives):
    with endpoint(Answer(200, {"access_token": "a-1", "token_type": "bearer", "expires_in": expires_in})) as server:
        before = datetime.now(timezone.utc)
        answer = KIND.refresh(checked(token_url=server.token_url, **ROBOT), {})
        after = datetime.now(timezone.utc)
    if lives is None:
        assert answer.expires_at is None
    else:
        assert before.timestamp() <= answer.expires_at.timestamp() - lives <= after.timestamp()


def test_other_scopes_keep_the_newest_refresh_token_and_another_client_begins_anew():
    with endpoint(token(1, refresh_token="r-1"), token(2, refresh_token="r-2"), token(3)) as server, world() as store:
        store.write(token_url=server.token_url, **APP)
        store.token()
        assert store.write(token_url=server.token_url, scope="api:read", **APP).changed
        assert store.token() == "a-1"
        store.ahead += HOUR
        store.token()
        assert form_of(server.asked[1]) == {"grant_type": "refresh_token", "client_id": "app", "refresh_token": "r-1", "scope": "api:read"}
        store.write(token_url=server.token_url, client_id="app", refresh_token="from another login")
        store.token()
        assert form_of(server.asked[2])["refresh_token"] == "from another login"


def test_a_corrected_address_or_client_does_not_send_a_used_refresh_token_again():
    with endpoint(token(1, refresh_token="r-1"), token(2, refresh_token="r-2")) as server, world() as store:
        store.write(token_url=server.token_url, **APP)
        store.token()
        store.write(token_url=server.url + "/v2/token", **dict(APP, client_id="app-2"))
        store.ahead += HOUR
        store.token()
        assert [request.path for request in server.asked] == ["/token", "/v2/token"]
        assert form_of(server.asked[1])["refresh_token"] == "r-1"


def test_a_credential_whose_first_token_was_not_requested_yet_has_no_end():
    with endpoint(token()) as server, world() as store:
        store.write(token_url=server.token_url, **ROBOT)
        described = store.manager.describe(NAME)
        assert (described["expires_at"], described["expired"], described["state"]) == (None, False, "active")
        store.token()
        assert store.manager.describe(NAME)["expires_at"] is not None


@pytest.mark.parametrize("code", ["invalid_grant", "interaction_required", "login_required", "consent_required"])
def test_a_refused_refresh_token_needs_a_person_and_is_never_sent_again(code, waits):
    with endpoint(refusal(code, error_description="{0} \u201cquoted\u201d".format(CANARY))) as server, world() as store:
        store.write(token_url=server.token_url, **APP)
        for _each in range(2):
            with pytest.raises(InteractionRequired, match="Log in at the service again") as caught:
                store.token()
            assert CANARY not in show(caught.value)
        assert (len(server.asked), waits, store.stored.state) == (1, [], "failed")
        assert store.stored.requires_interaction


@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client", "invalid_scope", "invalid_request", "a_code_of_its_own"])
def test_a_refused_client_fails_with_what_to_correct_and_is_tried_again_when_it_was(code):
    with endpoint(refusal(code, 401), token()) as server, world() as store:
        store.write(token_url=server.token_url, **ROBOT)
        with pytest.raises(RefreshFailed, match="service 127") as caught:
            store.token()
        assert (code in str(caught.value)) == (code != "a_code_of_its_own")
        with pytest.raises(RefreshFailed, match="write them with state 'present'"):
            store.token()
        store.write(token_url=server.token_url, client_id="robot", client_secret="corrected")
        assert (store.token(), len(server.asked)) == ("a-1", 2)


def test_a_corrected_client_keeps_the_newest_refresh_token():
    fields = {"client_id": "app", "refresh_token": CANARY}
    with endpoint(token(1, refresh_token="r-1"), refusal("invalid_client", 401), token(2)) as server, world() as store:
        store.write(token_url=server.token_url, client_secret="old", **fields)
        store.token()
        store.ahead += HOUR
        with pytest.raises(RefreshFailed):
            store.token()
        store.write(token_url=server.token_url, client_secret="new", **fields)
        assert store.token() == "a-2"
        assert [form_of(request)["refresh_token"] for request in server.asked] == [CANARY, "r-1", "r-1"]


def test_a_failure_that_passes_is_tried_three_times_with_two_and_four_seconds_in_between(waits):
    with endpoint(refusal("temporarily_unavailable", 503), refusal("temporarily_unavailable"), token()) as server, world() as store:
        store.write(token_url=server.token_url, **APP)
        assert (store.token(), len(server.asked), waits) == ("a-1", 3, [2.0, 4.0])


def test_after_three_attempts_it_fails_and_the_next_reader_may_try_again(waits):
    busy = refusal("temporarily_unavailable", 503)
    with endpoint(Answer(429, headers={"Retry-After": "5"}), busy, busy, token()) as server, world() as store:
        store.write(token_url=server.token_url, **APP)
        with pytest.raises(RefreshFailed, match="responded with status 503"):
            store.token()
        assert (len(server.asked), waits, store.stored.state) == (3, [5.0, 4.0], "expired")
        assert store.token() == "a-1"


def test_nothing_is_tried_again_if_the_time_limit_would_be_over(waits):
    with endpoint(Answer(503)) as server, deadline.within(2, "refresh"), pytest.raises(Unavailable):
        KIND.refresh(checked(token_url=server.token_url, **ROBOT), {})
    assert (len(server.asked), waits) == (1, [])


@pytest.mark.parametrize("answer", [LOST, *map(Answer, (500, 502, 503, 504)), Answer(200, b"<html>"), Answer(200, {"token": "another"})])
def test_a_refresh_token_is_never_sent_again_if_the_response_was_lost(answer):
    with endpoint(token(1, refresh_token="r-1"), answer, token(2)) as server, world() as store:
        store.write(token_url=server.token_url, **APP)
        store.token()
        store.ahead += HOUR
        for _each in range(2):
            with pytest.raises(InteractionRequired, match=r"the response to its last refresh was lost.*Log in at the service again"):
                store.token()
        assert len(server.asked) == 2
        # A change of another field sends it as little.
        store.write(token_url=server.token_url, scope="api:read", **APP)
        with pytest.raises(InteractionRequired):
            store.token()
        assert len(server.asked) == 2
        store.write(token_url=server.token_url, client_id="app", refresh_token="from another login")
        assert store.token() == "a-2"


@pytest.mark.parametrize(("window", "sent"), [("30s", 2), ("1s", 1), ("always", 2)])
def test_within_the_reuse_window_a_refresh_token_is_sent_once_more(window, sent, waits):
    with endpoint(LOST, token(1)) as server, world() as store:
        store.write(token_url=server.token_url, reuse_window=window, **APP)
        if sent == 1:
            with pytest.raises(InteractionRequired):
                store.token()
        else:
            assert store.token() == "a-1"
        assert (len(server.asked), waits) == (sent, [2.0] * (sent - 1))


def test_a_refresh_token_that_always_works_is_sent_again_by_a_later_reader():
    with endpoint(LOST, LOST, LOST, token(1)) as server, world() as store:
        store.write(token_url=server.token_url, reuse_window="always", **APP)
        with pytest.raises(RefreshFailed):
            store.token()
        assert (store.token(), len(server.asked)) == ("a-1", 4)


def test_always_holds_for_the_tokens_that_responses_bring_too():
    with endpoint(token(1, refresh_token="r-1"), LOST, LOST, LOST, token(2)) as server, world() as store:
        store.write(token_url=server.token_url, reuse_window="always", **APP)
        store.token()
        store.ahead += HOUR
        with pytest.raises(RefreshFailed):
            store.token()
        assert store.token() == "a-2"
        assert [form_of(request)["refresh_token"] for request in server.asked[1:]] == ["r-1"] * 4


def test_a_client_simply_requests_another_token_if_a_response_was_lost(waits):
    with endpoint(LOST, Answer(500), token()) as server, world() as store:
        store.write(token_url=server.token_url, **ROBOT)
        assert (store.token(), len(server.asked), waits) == ("a-1", 3, [2.0, 4.0])


def test_a_page_instead_of_a_response_names_the_host_and_the_field_to_correct():
    with endpoint(Answer(404, b"<html>")) as server, pytest.raises(StorageError, match=r"status 404, and with no token.*'token_url'"):
        KIND.refresh(checked(token_url=server.token_url, **ROBOT), {})


def test_a_redirect_never_carries_a_secret_to_another_host():
    with endpoint(token()) as other:
        with endpoint(Answer(307, headers={"Location": other.token_url})) as server, pytest.raises(CredentialError) as caught:
            KIND.refresh(checked(token_url=server.token_url, **ROBOT), {})
        assert other.asked == []
    assert CANARY not in show(caught.value)


def test_no_secret_is_in_a_log_whatever_the_level(caplog):
    caplog.set_level(logging.DEBUG)
    with endpoint(token(1, refresh_token="r-c4n4ry", access_token="a-c4n4ry"), refusal("invalid_grant")) as server:
        fields = checked(token_url=server.token_url, client_secret="s-c4n4ry", client_id="app", refresh_token="t-c4n4ry")
        state = KIND.refresh(fields, {}).state
        with pytest.raises(InteractionRequired):
            KIND.refresh(fields, state)
    assert len(server.asked) == 2
    assert "c4n4ry" not in caplog.text


def test_a_token_that_is_written_with_its_expiry_is_used_until_then():
    with endpoint(token(2)) as server, world() as store:
        now = datetime.now(timezone.utc)
        wanted = {"token_url": server.token_url, "access_token": "a-0", **APP}
        parameters = {"name": NAME, "type": "oauth2", "fields": wanted, "expires_at": (now + HOUR).isoformat()}
        perform(store.manager, "credential", parameters, NOBODY, False)
        assert (store.token(), server.asked) == ("a-0", [])
        store.ahead += HOUR
        assert store.token() == "a-2"


def test_a_word_of_another_kind_of_token_is_kept_in_the_header():
    fields = secrets(access_token="a-1")
    assert text(KIND.read(fields, secrets(token_type="bearer"), "header")) == "Authorization: Bearer a-1"
    assert text(KIND.read(fields, secrets(token_type="DPoP"), "header")) == "Authorization: DPoP a-1"
    assert not KIND.is_secret("token_type")
    with pytest.raises(NoToken):
        KIND.read({}, {}, "header")


def test_it_is_not_rotated():
    with world() as store:
        store.write(token_url=URL, **ROBOT)
        with pytest.raises(InvalidInput, match="type 'oauth2' is not rotated"):
            perform(store.manager, "credential_rotate", {"name": NAME, "target": "none"}, NOBODY, False)
