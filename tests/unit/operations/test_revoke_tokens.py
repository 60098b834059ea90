# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tokens of a credential are ended at their service before it is deleted (RFC 7009)."""

from __future__ import annotations

import os

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    InvalidInput,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.rotation.lease_holder import holder_of
from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.writes import RefreshWrites
from tests.servers.scripted import Answer
from tests.unit.types.oauth2.clients import APP, CANARY, NAME, ROBOT, endpoint, form_of, refusal, token, world


def delete(store, check=False, **options):
    return perform(store.manager, "credential", {"name": NAME, "state": "absent", "revoke_tokens": True, **options}, NOBODY, check).result


def written(store, server, **fields):
    store.write(token_url=server.token_url, revocation_url=server.url + "/revoke", **fields)


def test_the_newest_refresh_token_is_revoked_and_then_the_credential_deleted():
    with endpoint(token(refresh_token="r-1"), Answer(200)) as server, world() as store:
        written(store, server, **APP)
        store.token()
        assert delete(store, check=True)["changed"]
        assert len(server.asked) == 1
        assert delete(store)["changed"]
        assert server.asked[1].path == "/revoke"
        assert form_of(server.asked[1]) == {"client_id": "app", "token": "r-1", "token_type_hint": "refresh_token"}
        assert not store.manager.exists(NAME)
        assert not delete(store)["changed"]
        assert len(server.asked) == 2


def test_a_client_without_a_login_revokes_its_access_token_as_it_logs_in():
    with endpoint(token(), Answer(200)) as server, world() as store:
        written(store, server, **ROBOT)
        store.token()
        delete(store)
        assert form_of(server.asked[1]) == {"token": "a-1", "token_type_hint": "access_token"}
        assert server.asked[1].headers["authorization"] == server.asked[0].headers["authorization"]


def test_without_a_token_nothing_is_sent():
    with endpoint(token()) as server, world() as store:
        written(store, server, **ROBOT)
        assert delete(store)["changed"]
        assert server.asked == []


@pytest.mark.parametrize(
    ("answer", "error", "what"),
    [
        (refusal("invalid_client", 401), StorageError, "the token was not revoked: the service .* refused: invalid_client"),
        (refusal("unsupported_token_type"), StorageError, "refused: with a code of its own"),
        (Answer(404, {"error_description": CANARY}), StorageError, "the token was not revoked: status 404"),
        (Answer(503), Unavailable, "status 503"),
    ],
)
def test_a_credential_whose_token_was_not_revoked_is_kept(answer, error, what):
    with endpoint(token(refresh_token="r-1"), answer) as server, world() as store:
        written(store, server, **APP)
        store.token()
        with pytest.raises(error, match=what) as caught:
            delete(store)
        assert "The credential was not deleted" in str(caught.value)
        assert CANARY not in str(caught.value)
        assert store.manager.exists(NAME)


def test_a_server_without_such_an_address_is_named():
    with endpoint(token()) as server, world() as store:
        store.write(token_url=server.token_url, **ROBOT)
        store.token()
        with pytest.raises(InvalidInput, match="field 'revocation_url' of type 'oauth2' is missing"):
            delete(store)
        assert store.manager.exists(NAME)


@pytest.mark.parametrize("options", [{"force": True}, {"version": "1"}, {"state": "present"}])
def test_it_is_refused_with_what_it_does_not_fit(options):
    with world() as store, pytest.raises(InvalidInput) as caught:
        delete(store, **options)
    assert caught.value.option == "revoke_tokens"


def test_nothing_is_sent_if_the_credential_would_not_be_deleted():
    with endpoint(token()) as server, world() as store:
        written(store, server, **ROBOT)
        store.token()
        with pytest.raises(Conflict):
            delete(store, expected_version="7")
        assert len(server.asked) == 1


def test_nothing_is_sent_while_the_credential_is_refreshed():
    """The response to the refresh may hold a token that would stay valid."""
    with endpoint(token(refresh_token="r-1")) as server, world() as store:
        written(store, server, **APP)
        store.token()
        RefreshWrites(store.manager.backend, store.manager.clock).claim(store.manager.get(NAME).record, holder_of(os.getpid(), "x"))
        with pytest.raises(Conflict, match="it is being refreshed"):
            delete(store)
        assert len(server.asked) == 1
        assert store.manager.exists(NAME)


def test_a_type_whose_tokens_no_service_ends_is_refused():
    with world() as store:
        perform(store.manager, "credential", {"name": NAME, "state": "present", "type": "basic", "fields": {"username": "app"}}, NOBODY)
        with pytest.raises(CredentialError, match="no service ends tokens of the type 'basic'"):
            delete(store)
        assert store.manager.exists(NAME)
