# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials of the types `azure`, `gcp` and `registry` on the servers of the tests: the requests for a token, and the refusals."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, RefreshFailed, StorageError, TooLarge
from tests.integration.azure_store import AzureStore
from tests.integration.test_aws_type import KEY, ROLE
from tests.integration.test_azure_login import write_certificate
from tests.servers import aws_front, once, scripted
from tests.servers.scripted import Answer
from tests.servers.secret_manager import WRITER
from tests.unit.types.refreshed import World
from tests.unit.types.samples import make_rsa_key

HOUR = timedelta(hours=1)


@pytest.fixture
def entra():
    return once.server("azure_vault")


@pytest.fixture
def google():
    return once.server("secret_manager")


def principal(entra, **more):
    """The fields of a service principal that the server knows."""
    where = {"tenant_id": entra.tenant, "client_id": entra.client, "client_secret": entra.secret}
    return {**where, "authority": "{0}:{1}".format(entra.host, entra.port), "ca_cert": entra.ca_cert.read_text(encoding="ascii"), **more}


def account(google, **more):
    """The fields of a service account that the server knows."""
    key = {**google.service_account, **more}
    return {"service_account_key": json.dumps(key), "ca_cert": google.ca_cert.read_text(encoding="ascii")}


def tokens_of_entra(entra, since):
    """The requests for tokens."""
    return [each.split()[0] for each in entra.requests()[since:] if "/oauth2/v2.0/token" in each]


def tokens_of_google(google, since):
    """The requests for tokens."""
    return [each["resource"] for each in google.requests()[since:] if each["method"] == "token"]


def is_due_in(world, lifetime):
    """Whether its value ends after this time, give or take a minute."""
    return abs(world.expires_at - datetime.now(timezone.utc) - lifetime) < timedelta(minutes=1)


def test_all_readings_of_a_principal_share_a_token_which_is_replaced_before_its_end(entra):
    world, since = World("azure", **principal(entra)), len(entra.requests())
    first = world.read()
    assert is_due_in(world, HOUR)
    world.ahead = timedelta(minutes=53)
    assert (world.read(), tokens_of_entra(entra, since)) == (first, ["POST"])
    world.ahead = timedelta(minutes=57)
    assert world.read() != first
    assert tokens_of_entra(entra, since) == ["POST"] * 2


def test_a_principal_logs_in_with_its_certificate(entra, tmp_path):
    write_certificate(AzureStore(entra), tmp_path / "login.pem")
    certificate = (tmp_path / "login.pem").read_text(encoding="ascii")
    assert World("azure", **principal(entra, client_secret=None, client_certificate=certificate)).read()


def test_the_variables_of_a_principal_are_those_of_azures_tools_and_of_its_collection(entra):
    given = principal(entra, subscription_id="7-8-9")
    found = json.loads(World("azure", **given).read("environment"))
    assert found["AZURE_CLIENT_SECRET"] == found["AZURE_SECRET"] == entra.secret
    assert found["AZURE_TENANT_ID"] == found["AZURE_TENANT"] == entra.tenant
    assert (found["AZURE_CLIENT_ID"], found["AZURE_SUBSCRIPTION_ID"]) == (entra.client, "7-8-9")


def test_a_secret_that_entra_does_not_accept_is_a_failed_login_until_it_is_mended(entra):
    world = World("azure", **principal(entra, client_secret="canary"))
    with pytest.raises(LoginFailed, match="gives no token to this login") as caught:
        world.read()
    assert ("canary" in str(caught.value), "AADSTS" in str(caught.value), caught.value.option) == (False, False, None)
    world.write(client_secret=entra.secret)
    assert world.read()


def test_all_readings_of_a_service_account_share_a_token_which_is_replaced_before_its_end(google):
    world, since = World("gcp", **account(google)), len(google.requests())
    first = world.read()
    assert is_due_in(world, HOUR)
    assert (world.read(), tokens_of_google(google, since)) == (first, ["/token"])
    world.ahead = timedelta(minutes=57)
    assert world.read() != first
    assert tokens_of_google(google, since) == ["/token"] * 2


def test_the_public_parts_of_a_key_are_read_without_a_token(google):
    world = World("gcp", **account(google))
    assert (world.read("client_email"), world.read("project_id")) == (WRITER, "tests")


def test_a_key_that_google_does_not_know_is_a_failed_login(google):
    with pytest.raises(LoginFailed, match="gives this service account no token") as caught:
        World("gcp", **account(google, private_key=make_rsa_key())).read()
    assert "BEGIN" not in str(caught.value)


def test_a_response_that_is_none_of_google_is_an_error_without_its_text(google):
    with scripted.running(lambda _request: Answer(200, b"canary")) as server, pytest.raises(
        StorageError, match="not one of Google"
    ) as caught:
        World("gcp", **account(google, token_uri=server.url)).read()
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("token", ["a\r\nX: b", "\ud800", ["a"]])
def test_a_token_that_no_header_can_hold_is_refused(google, token):
    answer = Answer(200, {"access_token": token, "expires_in": 3600})
    with scripted.running(lambda _request: answer) as server, pytest.raises(StorageError, match="not one of Google"):
        World("gcp", **account(google, token_uri=server.url)).read()


@pytest.mark.parametrize("member", [{"access_token": "a\r\nX: b"}, {"access_token": "\ud800"}, {"expires_in": 10**18}])
def test_a_token_of_entra_that_no_header_can_hold_or_that_lasts_for_ever_is_refused(entra, member):
    body = {"token_type": "Bearer", "access_token": "a", "expires_in": 3600, **member}
    entra.order(fail=[{"path": "/{0}/oauth2/v2.0/token".format(entra.tenant), "status": 200, "body": body}])
    try:
        with pytest.raises(StorageError, match="no token of Microsoft Entra"):
            World("azure", **principal(entra)).read()
    finally:
        entra.order(fail=[])


def test_a_response_of_entra_that_never_ends_is_not_read_into_memory(entra):
    entra.order(
        fail=[{"path": "/{0}/oauth2/v2.0/token".format(entra.tenant), "status": 200, "body": {"access_token": "a" * 17 * 1024 * 1024}}]
    )
    try:
        with pytest.raises(TooLarge):
            World("azure", **principal(entra)).read()
    finally:
        entra.order(fail=[])


def test_google_out_of_order_is_a_passing_failure(google):
    google.order({"fail": {"method": "token", "code": 503, "times": 1}})
    with pytest.raises(RefreshFailed, match="gave no new value"):
        World("gcp", **account(google)).read()
    google.order({"heal": True})


def check_login(world, username, server):
    """The user and password of a registry, after all its forms were compared with them."""
    assert world.read("username") == username
    password = world.read()
    assert base64.b64decode(world.read("auth")).decode() == "{0}:{1}".format(username, password)
    configuration = {"username": username, "password": password, "auth": world.read("auth")}
    assert json.loads(world.read("dockerconfigjson")) == {"auths": {server: configuration}}
    return password


def end_tomorrow(pass_on):
    """moto's passwords end in 2015."""
    answer = pass_on()
    answer.content["authorizationData"][0]["expiresAt"] = (datetime.now(timezone.utc) + 12 * HOUR).timestamp()
    return answer


def test_a_password_of_amazon_ecr_costs_one_request_and_its_registry_is_known():
    with aws_front.running(once.server("moto"), {"GetAuthorizationToken": [end_tomorrow]}) as front:
        world = World("registry", **KEY, region="us-east-1", endpoint_url=front.url, provider="ecr")
        check_login(world, "AWS", "123456789012.dkr.ecr.us-east-1.amazonaws.com")
        assert front.asked == ["GetAuthorizationToken"]
        assert is_due_in(world, 12 * HOUR)


def test_a_password_of_amazon_ecr_that_no_header_can_hold_is_refused():
    def spoil(pass_on):
        answer = end_tomorrow(pass_on)
        answer.content["authorizationData"][0]["authorizationToken"] = base64.b64encode(b"AWS:a\r\nX: b").decode()
        return answer

    with aws_front.running(once.server("moto"), {"GetAuthorizationToken": [spoil]}) as front, pytest.raises(
        RefreshFailed, match="was not complete"
    ):
        World("registry", **KEY, region="us-east-1", endpoint_url=front.url, provider="ecr").read()


def test_a_role_gets_the_password_of_amazon_ecr_for_another_name_of_the_registry():
    moto, since = once.server("moto"), once.server("moto").count()
    with aws_front.running(moto, {"GetAuthorizationToken": [end_tomorrow]}) as front:
        where = {"region": "us-east-1", "endpoint_url": front.url, "role_arn": ROLE}
        check_login(World("registry", **KEY, **where, provider="ecr", server="images.example.com"), "AWS", "images.example.com")
    made = [(each.action.partition(".")[2], each.access_key == KEY["access_key_id"]) for each in moto.requests(since=since)]
    assert made == [("AssumeRole", True), ("GetAuthorizationToken", False)]


def registry_of(entra, **more):
    server = "{0}:{1}".format(entra.host, entra.port)
    return World("registry", provider="acr", server=server, **principal(entra, **more))


def test_a_password_of_an_azure_registry_is_its_refresh_token_for_three_hours(entra):
    world, since = registry_of(entra), len(entra.requests())
    check_login(world, "00000000-0000-0000-0000-000000000000", "{0}:{1}".format(entra.host, entra.port))
    assert is_due_in(world, 3 * HOUR)
    made = [each.split()[1].rpartition("/")[2] for each in entra.requests()[since:]]
    assert made == ["openid-configuration", "token", "exchange"]


@pytest.mark.parametrize(
    ("failure", "error", "message"),
    [
        ({"status": 401}, LoginFailed, "gives this service principal no token"),
        ({"status": 403}, LoginFailed, "gives this service principal no token"),
        ({"status": 404}, StorageError, "none of an Azure Container Registry"),
        ({"status": 200, "body": {"refresh_token": "canary"}}, StorageError, "none of an Azure Container Registry"),
        ({"status": 503}, RefreshFailed, "gave no new value"),
    ],
    ids=["unauthorized", "denied", "another service", "no token", "down"],
)
def test_an_azure_registry_that_gives_no_token_says_why(entra, failure, error, message):
    entra.order(fail=[{"path": "/oauth2/exchange", **failure}])
    try:
        with pytest.raises(error, match=message) as caught:
            registry_of(entra).read()
        assert "canary" not in str(caught.value)
    finally:
        entra.order(fail=[])


def test_a_password_of_google_artifact_registry_is_an_access_token(google):
    since = len(google.requests())
    world = World("registry", provider="gar", server="europe-docker.pkg.dev", **account(google))
    check_login(world, "oauth2accesstoken", "europe-docker.pkg.dev")
    assert tokens_of_google(google, since) == ["/token"]


def test_a_plain_login_is_read_as_it_is_stored():
    world = World("registry", server="https://index.docker.io/v1/", username="app", password="s3cret")
    assert check_login(world, "app", "https://index.docker.io/v1/") == "s3cret"
    assert world.expires_at is None
