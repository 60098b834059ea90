# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the backend delinea makes of Secret Server's own ways: refusals that say little, paths, tokens that end, and its SDK's requests."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any, Callable, Iterator, Mapping

import pytest
import requests
from delinea.secrets import server as sdk

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.delinea.connection import find_places
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidConfiguration,
    NotFound,
    StorageError,
    TooLarge,
)
from tests.servers import scripted, secret_server
from tests.servers.scripted import Answer, Request
from tests.servers.secret_server import SecretServer

VALUE = "s3cret pä$$"


@pytest.fixture
def service() -> Iterator[SecretServer]:
    """A Secret Server with one secret."""
    with secret_server.running() as running:
        running.put("shop/db", {"username": "app", "password": VALUE})
        yield running


@pytest.fixture
def store(service: SecretServer) -> Iterator[Backend]:
    with closing(_open(service.options)) as opened:
        yield opened


def _open(options: Mapping[str, Any]) -> Backend:
    opened = backend_class("delinea")(options, BackendContext(store="ops"))
    opened.connect()
    return opened


def _read(store: Backend, name: str = "shop/db") -> str:
    return str(store.get(name).fields["password"].expose().decode())


def _after_login(service: SecretServer, answer: Callable[[Request], Answer]) -> None:
    """Answer like this from now on, except to logins."""
    own = service.answer
    service.server.script = lambda request: own(request) if request.method == "POST" else answer(request)


def test_fields_have_their_slugs_without_what_is_empty_and_without_files(store: Backend) -> None:
    assert set(store.get("shop/db").fields) == {"username", "password"}


def test_what_stands_in_place_of_a_value_is_no_value(service: SecretServer, store: Backend) -> None:
    service.put("shop/db", {"username": "app", "password": "*** Not Valid For Display ***"})
    with pytest.raises(AccessDenied, match="does not show the value of its field 'password'"):
        store.get("shop/db")


def test_folders_of_secrets_are_in_their_names(service: SecretServer, store: Backend) -> None:
    for name in ("top", "shop/eu/web"):
        service.put(name, {"password": name})
    assert sorted(row.name for row in store.list()) == ["shop/db", "shop/eu/web", "top"]
    assert [_read(store, name) for name in ("top", "shop/eu/web")] == ["top", "shop/eu/web"]


def test_a_listing_goes_on_if_the_server_gives_smaller_pages_than_it_was_asked_for(service: SecretServer, store: Backend) -> None:
    for number in range(4):
        service.put("shop/n{0}".format(number), {"password": "x"})
    service.largest_page = 2
    assert len(list(store.list())) == 5


def test_one_list_decides_about_all_names_that_are_refused(service: SecretServer, store: Backend) -> None:
    assert store.get_many(["shop/none", "shop/db", "shop/no"]).keys() == {"shop/db"}
    assert service.count_requests() == 1 + 3 + 2


def test_a_folder_that_the_login_does_not_see_is_no_missing_credential(service: SecretServer) -> None:
    with closing(_open({**service.options, "folder": "Operation"})) as store:
        for call in (lambda: store.get("shop/db"), lambda: list(store.list())):
            with pytest.raises(AccessDenied) as caught:
                call()
            assert caught.value.option == "folder"
        assert store.health().status == "unhealthy"


def test_a_name_in_other_letters_is_missing_though_its_path_is_found(store: Backend) -> None:
    with pytest.raises(NotFound):
        store.get("shop/DB")


def test_a_secret_that_was_deactivated_is_missing(service: SecretServer, store: Backend) -> None:
    _after_login(service, lambda _request: Answer(200, json.dumps({"name": "db", "active": False, "items": []}).encode()))
    with pytest.raises(NotFound):
        store.get("shop/db")


def test_what_is_not_in_the_list_is_missing_and_what_is_in_it_is_denied(service: SecretServer, store: Backend) -> None:
    service.deny("shop/db")
    with pytest.raises(AccessDenied):
        store.get("shop/db")
    with pytest.raises(NotFound):
        store.get("shop/none")


def test_its_own_404_is_missing_and_that_of_a_proxy_is_not(service: SecretServer, store: Backend) -> None:
    own, missing = service.answer, Answer(404, json.dumps({"message": "Secret not found"}).encode())
    service.server.script = lambda request: missing if "secretPath" in request.path else own(request)
    with pytest.raises(NotFound):
        store.get("shop/db")
    _after_login(service, lambda _request: Answer(404, b"<html>no such page</html>"))
    with pytest.raises(StorageError):
        store.get("shop/db")


@pytest.mark.parametrize("content", [b"<html>sign in</html>", b"[1, 2]", b"{}", b"null", b'{"name": "db", "items": {}}', b'{"name": "db"}'])
def test_an_answer_of_something_else_after_the_login_is_no_missing_credential(
    service: SecretServer, store: Backend, content: bytes
) -> None:
    _after_login(service, lambda _request: Answer(200, content))
    for call in (lambda: store.get("shop/db"), lambda: list(store.list())):
        with pytest.raises(StorageError) as caught:
            call()
        assert caught.value.__cause__ is None


def test_a_secret_that_wants_a_comment_is_denied_with_what_it_wants(service: SecretServer, store: Backend) -> None:
    own = service.answer
    wants = Answer(400, json.dumps({"errorCode": "API_ValidateSecretAccessCommentRequired", "message": VALUE}).encode())
    service.server.script = lambda request: wants if "secretPath" in request.path else own(request)
    with pytest.raises(AccessDenied, match="a comment, an approval or a check-out") as caught:
        store.get("shop/db")
    assert VALUE not in str(caught.value)


def test_a_token_that_has_ended_is_replaced_by_one_login(service: SecretServer, store: Backend) -> None:
    assert _read(store) == VALUE
    service.end_tokens()
    assert _read(store) == VALUE
    assert service.logins == 2


@pytest.mark.parametrize(
    "grant",
    [
        {"access_token": 1, "expires_in": 60},
        {"access_token": "t", "expires_in": "60"},
        {"access_token": "a\nb", "expires_in": 60},
        {"access_token": "t"},
        [1],
    ],
)
def test_a_token_of_another_shape_is_no_login_and_not_kept(service: SecretServer, store: Backend, grant: Any) -> None:
    own = service.answer
    service.server.script = lambda _request: Answer(200, json.dumps(grant).encode())
    with pytest.raises(StorageError):
        store.get("shop/db")
    service.server.script = own
    assert _read(store) == VALUE


@pytest.mark.parametrize("when", ["login", "read"])
def test_a_redirect_to_another_host_is_not_followed_with_the_login(service: SecretServer, store: Backend, when: str) -> None:
    with scripted.running() as other:
        redirect = Answer(307, b"", {"Location": other.url.replace("127.0.0.1", "localhost") + "/elsewhere"})
        if when == "login":
            service.server.script = lambda _request: redirect
        else:
            _after_login(service, lambda _request: redirect)
        with pytest.raises(StorageError):
            store.get("shop/db")
        assert other.asked == []


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(store: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    assert _read(store) == VALUE


def test_an_answer_without_end_is_not_read_to_its_end(service: SecretServer, store: Backend) -> None:
    _after_login(service, lambda _request: Answer(200, b" " * (17 * 1024 * 1024)))
    with pytest.raises(TooLarge):
        store.get("shop/db")


def test_the_sdk_of_other_users_in_the_process_is_left_as_it_is(store: Backend) -> None:
    assert _read(store) == VALUE
    assert sdk.requests is requests


def test_the_domain_of_a_user_is_sent_with_the_login(service: SecretServer) -> None:
    with closing(_open({**service.options, "domain": "corp"})) as store, pytest.raises(CredentialError):
        store.get("shop/db")
    assert b"domain=corp" in service.server.asked[0].content


@pytest.mark.parametrize(("option", "value"), [("folder", "/"), ("folder", ""), ("username", "")])
def test_an_option_without_a_value_is_named(service: SecretServer, option: str, value: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        _open({**service.options, option: value})
    assert caught.value.option == option


@pytest.mark.parametrize("written", ["Operations", "/Operations/", "\\Operations", "\\\\Operations\\"])
def test_a_folder_may_be_written_with_any_slashes(service: SecretServer, written: str) -> None:
    with closing(_open({**service.options, "folder": written})) as store:
        assert [row.name for row in store.list()] == ["shop/db"]


def test_folders_that_contain_each_other_end() -> None:
    top: dict[str, Any] = {"id": 1, "folderName": "Operations"}
    top["childFolders"] = [
        {"id": 2, "folderName": "shop", "childFolders": [top, "junk", {"id": []}, {"id": 2}]},
        {"id": 3, "childFolders": 7},
    ]
    assert find_places(top) == {1: "", 2: "shop/", 3: "None/"}
