# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type `github_app`, on a server that makes tokens as GitHub's documentation says."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidInput,
    LoginFailed,
    NoToken,
    RefreshFailed,
    StorageError,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import generate_key, read_keys
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named
from tests.servers import github, scripted
from tests.servers.scripted import Answer
from tests.unit.types.refreshed import World
from tests.unit.types.samples import make_rsa_key

KIND = type_named("github_app", {})


def fields(url, **more):
    return {"private_key": make_rsa_key(), "app_id": github.APP, "installation_id": github.INSTALLATION, "api_url": url, **more}


def open_world(url, **more):
    return World("github_app", **fields(url, **more))


@pytest.fixture
def hub():
    with github.running(read_keys(make_rsa_key().encode())[0].native.public_key) as running:
        yield running


def test_all_readings_share_a_token_which_is_replaced_within_its_hour(hub):
    world = open_world(hub.url)
    first = world.read()
    assert first.startswith("ghs_")
    world.ahead = timedelta(minutes=54)
    assert (world.read(), hub.calls) == (first, 1)
    world.ahead = timedelta(minutes=56)
    second = world.read()
    assert second != first
    assert (world.read(), hub.calls) == (second, 2)


def test_a_token_is_limited_to_the_repositories_and_permissions_of_the_credential(hub):
    open_world(hub.url, repositories="app, web", permissions=json.dumps({"contents": "read"}), app_id=github.CLIENT).read()
    open_world(hub.url).read()
    assert hub.bodies == [{"repositories": ["app", "web"], "permissions": {"contents": "read"}}, {}]


def test_the_address_of_an_enterprise_server_is_a_path_below_its_host(hub):
    with pytest.raises(LoginFailed, match="does not know the installation"):
        open_world(hub.url + "/api/v3").read()


def test_a_suspended_installation_is_a_failed_login_until_it_is_no_more(hub):
    world = open_world(hub.url)
    hub.is_suspended = True
    with pytest.raises(LoginFailed, match="gives no token to the installation 5678") as caught:
        world.read()
    assert "suspended" in caught.value.remedy
    hub.is_suspended = False
    assert world.read()


def test_while_a_token_is_valid_a_suspended_installation_is_a_warning(hub):
    world = open_world(hub.url)
    first = world.read()
    hub.is_suspended, world.ahead = True, timedelta(minutes=56)
    assert world.read() == first
    assert "gives no token" in "".join(world.warnings)


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), timedelta(minutes=-20)])
def test_a_wrong_clock_is_named_with_the_difference(hub, ahead):
    hub.ahead = ahead
    with pytest.raises(LoginFailed, match=r"the clock of this machine differs from that of .* by (1199|1200|1201) s"):
        open_world(hub.url).read()


def test_a_clock_that_is_off_by_half_a_minute_works(hub):
    for seconds in (-30, 30):
        hub.ahead = timedelta(seconds=seconds)
        assert open_world(hub.url).read()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"private_key": None}, "does not accept the key of this app"),
        ({"app_id": "99"}, "does not accept the key of this app"),
        ({"installation_id": "99"}, "does not know the installation 99"),
        ({"permissions": json.dumps({"issues": "write"})}, "lacks a permission or a repository"),
        ({"repositories": "other"}, "lacks a permission or a repository"),
    ],
    ids=["another key", "another app", "another installation", "more rights", "another repository"],
)
def test_a_refusal_says_what_to_check_and_nothing_that_github_said(hub, more, message):
    given = {name: value or generate_key("RS256") for name, value in more.items()}
    with pytest.raises(LoginFailed, match=message) as caught:
        open_world(hub.url, **given).read()
    assert caught.value.remedy
    assert "docs.github.com" not in str(caught.value)
    assert hub.calls == 1


@pytest.mark.parametrize("token", ["a\r\nX: b", "a b", "\ud800", ["a"], ""])
def test_a_token_that_no_header_can_hold_is_refused(token):
    answer = Answer(201, {"token": token, "expires_at": "2040-01-31T02:00:00Z"})
    with scripted.running(lambda _request: answer) as server, pytest.raises(StorageError, match="none of GitHub's API"):
        open_world(server.url).read()


@pytest.mark.parametrize("headers", [{"Retry-After": "30"}, {"X-RateLimit-Remaining": "0"}])
def test_a_limit_on_requests_is_a_passing_failure(hub, headers):
    world = open_world(hub.url)
    hub.limited = headers
    with pytest.raises(RefreshFailed, match="accepts no more requests"):
        world.read()
    hub.limited = {}
    assert world.read()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(200, b"<html>canary"), StorageError),
        (Answer(201, {"token": "canary"}), StorageError),
        (Answer(201, {"token": 5, "expires_at": "2027-01-31T02:00:00Z"}), StorageError),
        (Answer(201, {"token": "canary", "expires_at": "soon"}), StorageError),
        (Answer(502, b"canary"), RefreshFailed),
        (Answer(hangs_up=True), RefreshFailed),
    ],
    ids=["page", "no end", "no text", "no time", "down", "cut"],
)
def test_an_answer_that_is_none_of_github_is_an_error_without_its_text(answer, error):
    with scripted.running(lambda _request: answer) as server:
        with pytest.raises(error) as caught:
            open_world(server.url).read()
        assert (len(server.asked), "canary" in str(caught.value)) == (1, False)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"private_key": "no key"}, "private_key"),
        ({"app_id": "my app"}, "app_id"),
        ({"installation_id": "acme"}, "installation_id"),
        ({"repositories": "acme/app"}, "repositories"),
        ({"permissions": "[]"}, "permissions"),
        ({"permissions": json.dumps({"contents": "own"})}, "permissions"),
        ({"api_url": "http://github.example.com/api/v3"}, "api_url"),
        ({"api_url": "https://app:secret@github.example.com"}, "api_url"),
        ({"ca_cert": "no certificate"}, "ca_cert"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_by_name(more, field):
    given = fields("https://github.example.com/api/v3", **more)
    with pytest.raises(InvalidInput, match="'{0}' of type 'github_app'".format(field)) as caught:
        KIND.validate({name: Secret(value) for name, value in given.items()})
    assert given["private_key"] not in str(caught.value)


def test_a_public_key_and_one_of_another_kind_are_refused():
    public = read_keys(make_rsa_key().encode())[0].native.as_pem(private=False).decode()
    for key in (public, generate_key("ES256")):
        with pytest.raises(InvalidInput, match="'private_key'"):
            KIND.validate({name: Secret(value) for name, value in fields("https://api.github.com", private_key=key).items()})


def test_there_is_no_token_before_the_first_refresh():
    with pytest.raises(NoToken, match="no token yet"):
        KIND.read({name: Secret(value) for name, value in fields("https://api.github.com").items()}, {}, "token")
