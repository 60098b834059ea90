# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Key Vault of the tests is strict: what the service refuses, or what no client of its interface sends, it refuses."""

from __future__ import annotations

import ssl
from http.client import HTTPSConnection
from urllib.parse import urlencode

import pytest

from tests.servers import once

pytestmark = pytest.mark.server


@pytest.fixture
def server():
    return once.server("azure_vault")


def code(reply):
    """The status, and the codes of the error."""
    status, body = reply
    error = body.get("error") or {}
    return status, error.get("code"), (error.get("innererror") or {}).get("code")


def path(name, *rest):
    return "/".join(("/secrets", "strict-" + name, *rest))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"value": 1},
        {"value": "x", "values": "y"},
        {"value": "x" * 25601},
        {"value": "x", "tags": {"t{0}".format(number): "" for number in range(16)}},
        {"value": "x", "tags": {"t": "v" * 257}},
        {"value": "x", "tags": {"t": 1}},
        {"value": "x", "contentType": "c" * 256},
        {"value": "x", "attributes": {"enabled": "yes"}},
        {"value": "x", "attributes": {"nbf": 2, "exp": 1}},
        {"value": "x", "attributes": {"recoveryLevel": "Purgeable"}},
    ],
)
def test_a_secret_that_the_service_would_not_take_is_refused(server, body):
    assert code(server.call("PUT", path("refused"), body)) == (400, "BadParameter", None)
    assert server.call("GET", path("refused"))[0] == 404


def test_as_much_as_the_service_takes_is_taken(server):
    tags = {"t{0}".format(number): "v" * 256 for number in range(15)}
    assert server.call("PUT", path("full"), {"value": "x" * 25600, "tags": tags, "contentType": "c" * 255})[0] == 200


@pytest.mark.parametrize("name", ["a_b", "a.b", "%C3%BC", "x" * 121])
def test_a_name_that_no_secret_can_have_is_refused(server, name):
    assert code(server.call("GET", path(name))) == (400, "BadParameter", None)


@pytest.mark.parametrize(
    "query", [{"api_version": "7.99"}, {"api_version": ""}, {"surprise": "1"}, {"maxresults": "26"}, {"maxresults": "0"}]
)
def test_an_unknown_version_or_parameter_is_refused(server, query):
    assert code(server.call("GET", "/secrets", **query)) == (400, "BadParameter", None)


def test_names_do_not_tell_capitals_from_small_letters(server):
    server.call("PUT", path("Case"), {"value": "x"})
    assert server.call("GET", path("cASE"))[1]["value"] == "x"


def test_a_deleted_secret_blocks_its_name_until_it_is_recovered_or_purged(server):
    """Deleting and recovering take a few requests each."""
    server.call("PUT", path("gone"), {"value": "x"})
    assert server.call("DELETE", path("gone"))[0] == 200
    assert code(server.call("PUT", path("gone"), {"value": "y"})) == (409, "Conflict", "ObjectIsBeingDeleted")
    assert code(server.call("PUT", path("gone"), {"value": "y"})) == (409, "Conflict", "ObjectIsDeletedButRecoverable")
    deleted = path("gone").replace("/secrets", "/deletedsecrets")
    assert server.call("POST", deleted + "/recover")[0] == 200
    assert code(server.call("PUT", path("gone"), {"value": "y"})) == (409, "Conflict", "ObjectIsBeingRecovered")
    assert server.call("GET", path("gone"))[1]["value"] == "x"
    server.call("DELETE", path("gone"))
    assert code(server.call("DELETE", deleted)) == (409, "Conflict", "ObjectIsBeingDeleted")
    assert server.call("DELETE", deleted)[0] == 204
    assert server.call("GET", deleted)[0] == 404


def test_a_backup_restores_all_versions_where_the_name_is_free(server):
    for value in "12":
        server.call("PUT", path("saved"), {"value": value})
    status, backup = server.call("POST", path("saved", "backup"))
    assert status == 200
    assert code(server.call("POST", "/secrets/restore", backup))[0] == 409
    server.call("DELETE", path("saved"))
    deleted = path("saved").replace("/secrets", "/deletedsecrets")
    while server.call("DELETE", deleted)[0] != 204:
        pass
    assert server.call("POST", "/secrets/restore", backup)[0] == 200
    assert server.call("GET", path("saved"))[1]["value"] == "2"
    assert len(server.call("GET", path("saved", "versions"))[1]["value"]) == 2


def test_a_listing_has_pages_and_no_values(server):
    for number in range(30):
        server.call("PUT", path("page{0:02d}".format(number)), {"value": "x"})
    status, first = server.call("GET", "/secrets")
    assert (status, len(first["value"])) == (200, 25)
    assert first["nextLink"].startswith(server.url + "/secrets?api-version=7.3&$skiptoken=")
    assert not any("value" in row for row in first["value"])


def test_a_disabled_secret_is_not_given_out(server):
    server.call("PUT", path("off"), {"value": "x", "attributes": {"enabled": False}})
    assert code(server.call("GET", path("off"))) == (403, "Forbidden", "SecretDisabled")


def ask_for_token(server, **form):
    """The status and OAuth's error of a request for a token, which is right but for what is given."""
    right = {
        "grant_type": "client_credentials",
        "client_id": server.client,
        "client_secret": server.secret,
        "scope": "https://0.0.1:{0}/.default".format(server.port),
    }
    connection = HTTPSConnection(server.host, server.port, timeout=60, context=ssl.create_default_context(cafile=str(server.ca_cert)))
    place = "/{0}/oauth2/v2.0/token".format(form.pop("tenant", server.tenant))
    connection.request("POST", place, urlencode({**right, **form}), {"Content-Type": "application/x-www-form-urlencoded"})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({}, 200),
        ({"client_secret": "x"}, 401),
        ({"client_id": "x"}, 400),
        ({"scope": "https://vault.azure.net/.default"}, 400),
        ({"grant_type": "password"}, 400),
        ({"surprise": "x"}, 400),
        ({"tenant": "x"}, 400),
        ({"client_assertion": "a.b.c"}, 400),
    ],
)
def test_a_token_is_for_the_right_login_alone(server, wrong, status):
    assert ask_for_token(server, **wrong)[0] == status


def test_a_token_for_another_audience_is_refused_with_a_challenge(server):
    """One for the vault behind another address."""
    status, body = ask_for_token(server, scope="https://0.0.1:1/.default")
    assert status == 200
    token = body.decode().split('"access_token": "')[1].split('"')[0]
    connection = HTTPSConnection(server.host, server.port, timeout=60, context=ssl.create_default_context(cafile=str(server.ca_cert)))
    connection.request("GET", "/secrets?api-version=7.3", headers={"Authorization": "Bearer " + token})
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status == 401
    assert 'resource="https://0.0.1:{0}"'.format(server.port) in response.headers["WWW-Authenticate"]
