# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials of the type `aws` on servers: the requests for the keys of a role, and what AWS refuses."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, RefreshFailed, TooLarge
from tests.integration.test_session_counts import hosts, play
from tests.servers import aws_front, once, scripted
from tests.servers.scripted import Answer
from tests.unit.types.refreshed import World

ROLE = "arn:aws:iam::123456789012:role/deploy"
REFUSAL = "<ErrorResponse><Error><Code>{0}</Code><Message>canary</Message></Error></ErrorResponse>"
KEY = {"access_key_id": "AKIDSTORED", "secret_access_key": "c4n4ry/stored"}
FORMS = ("environment", "profile", "credential_process")


def refuse(code, status=403):
    """An error as STS writes it."""
    return Answer(status, REFUSAL.format(code).encode())


def issue(token):
    """A response of STS with this session token, as XML writes it."""
    keys = "<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><Expiration>2040-01-31T02:00:00Z</Expiration>"
    whole = "<AssumeRoleResponse><AssumeRoleResult><Credentials>{0}<SessionToken>{1}</SessionToken></Credentials></AssumeRoleResult>"
    return Answer(200, (whole + "</AssumeRoleResponse>").format(keys, token).encode())


def open_world(url, **fields):
    return World("aws", **{**KEY, "region": "us-east-1", "role_arn": ROLE, "endpoint_url": url, **fields})


def read_key(world):
    return [world.read(field) for field in ("access_key_id", "secret_access_key", "session_token")]


@pytest.fixture
def moto():
    return once.server("moto")


def assumed(server, since):
    """The requests for keys of a role, and the key that signed each."""
    return [(each.action, each.access_key) for each in server.requests(since=since) if each.action.startswith("sts")]


def test_a_key_never_adds_a_line_to_a_profile():
    with scripted.running(lambda _request: issue("t&#10;credential_process = /bin/x")) as server, pytest.raises(RefreshFailed) as caught:
        open_world(server.url).read("profile")
    assert "was not complete" in str(caught.value)
    with scripted.running(lambda _request: issue("t0ken")) as server:
        assert "aws_session_token = t0ken\n" in open_world(server.url).read("profile")


def test_a_response_that_never_ends_is_not_read_into_memory():
    with scripted.running(lambda _request: issue("t" * 17 * 1024 * 1024)) as server, pytest.raises(TooLarge):
        open_world(server.url).read()


def test_every_reading_of_the_keys_of_a_role_costs_one_request_together(moto):
    world, since = open_world(moto.url, external_id="shop-7", role_session_name="nightly", lifetime="15m"), moto.count()
    key = read_key(world)
    assert all(part not in KEY.values() for part in key)
    assert [json.loads(world.read("environment"))["AWS_" + part] for part in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")] == key
    assert all(key[1] in world.read(form) for form in FORMS)
    assert assumed(moto, since) == [("sts.AssumeRole", "AKIDSTORED")]
    body = moto.requests(since=since)[0].body
    assert {name: body[name] for name in ("RoleArn", "ExternalId", "RoleSessionName", "DurationSeconds")} == {
        "RoleArn": ROLE,
        "ExternalId": "shop-7",
        "RoleSessionName": "nightly",
        "DurationSeconds": "900",
    }


def test_the_keys_of_a_role_are_replaced_before_they_end_and_by_one_request(moto):
    world = open_world(moto.url)
    first, since = read_key(world), moto.count()
    ends_at = datetime.fromisoformat(json.loads(world.read("credential_process"))["Expiration"].replace("Z", "+00:00"))
    assert abs(world.expires_at - ends_at) < timedelta(seconds=1)
    world.ahead = ends_at - datetime.now(timezone.utc) - timedelta(minutes=6)
    assert (read_key(world), assumed(moto, since)) == (first, [])
    world.ahead += timedelta(minutes=2)
    second = read_key(world)
    assert not set(first) & set(second)
    assert (read_key(world), assumed(moto, since)) == (second, [("sts.AssumeRole", "AKIDSTORED")])


def test_boto3_logs_in_with_the_profile_that_is_written(moto, monkeypatch, tmp_path):
    import boto3

    (tmp_path / "credentials").write_text(open_world(moto.url, profile_name="shop").read("profile"), encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    session = boto3.session.Session(profile_name="shop")
    assert session.region_name == "us-east-1"
    assert session.client("sts", endpoint_url=moto.url).get_caller_identity()["Arn"].endswith(":assumed-role/deploy/nebula-credential")


def test_boto3_logs_in_with_the_output_for_credential_process(moto, monkeypatch, tmp_path):
    import boto3

    (tmp_path / "key.json").write_text(open_world(moto.url).read("credential_process"), encoding="utf-8")
    (tmp_path / "config").write_text("[profile shop]\nregion = us-east-1\ncredential_process = cat {0}/key.json\n".format(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    client = boto3.session.Session(profile_name="shop").client("sts", endpoint_url=moto.url)
    assert client.get_caller_identity()["Arn"].endswith(":assumed-role/deploy/nebula-credential")


def test_a_key_without_a_role_is_read_as_it_is_stored_without_a_request(moto):
    world, since = open_world(moto.url, role_arn=None), moto.count()
    assert [world.read("access_key_id"), world.read("secret_access_key")] == list(KEY.values())
    assert moto.count() == since


def test_all_hosts_and_forks_of_a_run_share_one_request(project, moto):
    given = {**KEY, "region": "us-east-1", "role_arn": ROLE, "endpoint_url": moto.url}
    project.play("- nebula.credential.credential: {{name: deploy, type: aws, fields: {0}}}".format(json.dumps(given))).succeeded()
    hosts(project, 5)
    that = "lookup('nebula.credential.get', 'deploy', field='environment') is match('.*AWS_SESSION_TOKEN')"
    task = '{{name: read, ansible.builtin.assert: {{that: "{0}", quiet: true}}}}'.format(that)
    since = moto.count()
    run = play(project, [task] * 2)
    assert len([one for one in run.results if one["task"] == "read"]) == 10
    assert assumed(moto, since) == [("sts.AssumeRole", "AKIDSTORED")]


def test_a_token_for_a_database_is_signed_by_the_role_which_costs_one_request(moto):
    given = {**KEY, "region": "us-east-1", "role_arn": ROLE, "endpoint_url": moto.url}
    world = World("rds_iam", **given, host="shop.abc.us-east-1.rds.amazonaws.com", port="3306", username="app")
    since = moto.count()
    token = world.read()
    assert "X-Amz-Security-Token=" in token
    assert KEY["access_key_id"] not in token
    assert (world.read(), assumed(moto, since)) == (token, [("sts.AssumeRole", "AKIDSTORED")])


def make_role(server, external_id):
    """A role of an account, that a key of the account may assume with its external id; the fields of that login."""
    iam, name = server.client("iam"), "deploy-" + secrets.token_hex(4)
    condition = {"StringEquals": {"sts:ExternalId": external_id}}
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"][
        "Arn"
    ]
    iam.create_user(UserName=name)
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=json.dumps(allowed))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return {"role_arn": arn, "access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}


def test_a_role_demands_its_external_id_and_a_denial_is_tried_again_once_it_is_mended():
    server = once.server("ministack")
    login = make_role(server, "shop-7")
    assert open_world(server.url, **login, external_id="shop-7").read("session_token")
    world = open_world(server.url, **login, external_id="shop-8")
    for _each in range(2):
        with pytest.raises(LoginFailed, match="does not let this login assume the role") as caught:
            world.read("session_token")
        assert "shop-8" not in str(caught.value)
        assert "external_id" in str(caught.value)
    world.write(external_id="shop-7")
    assert world.read("session_token")


def test_a_key_that_the_service_does_not_know_is_a_failed_login():
    with pytest.raises(LoginFailed, match="does not accept the login"):
        open_world(once.server("ministack").url, access_key_id="AKIAIOSFODNN7EXAMPLE").read("session_token")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refuse("ServiceUnavailable", 503), RefreshFailed),
        (refuse("Throttling", 400), RefreshFailed),
        (refuse("RequestExpired", 403), LoginFailed),
        (Answer(200, b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"), RefreshFailed),
        (Answer(200, b"canary that is no XML"), RefreshFailed),
        (Answer(hangs_up=True), RefreshFailed),
    ],
    ids=["down", "throttled", "wrong clock", "without keys", "garbage", "cut"],
)
def test_a_service_that_does_not_give_keys_is_asked_once_by_each_reading_and_said_so(answer, error):
    with scripted.running(lambda _request: answer) as server:
        world = open_world(server.url)
        with pytest.raises(error) as caught:
            world.read("session_token")
        assert len(server.asked) == 1
        assert "canary" not in str(caught.value)


def test_while_its_keys_are_valid_a_refusal_is_a_warning(moto):
    with aws_front.running(moto, {}) as front:
        world = open_world(front.url)
        first = read_key(world)
        front.disturbed[""] = [lambda _pass_on: refuse("InvalidClientTokenId")]
        world.ahead = timedelta(minutes=57)
        assert read_key(world) == first
    assert len(world.warnings) == 1
    assert "does not accept the login" in world.warnings[0]
