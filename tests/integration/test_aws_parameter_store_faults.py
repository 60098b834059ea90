# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameter Store that refuses requests: rights, throttling, responses that were cut, and mistakes in the options of a store on it."""

from __future__ import annotations

import json

import pytest
import requests

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidConfiguration, StorageError, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import METADATA, a_record, value_of
from tests.conftest import CHECKOUT
from tests.integration.aws_parameter_store import ParameterStore
from tests.servers import scripted
from tests.servers.scripted import Answer
from tests.unit.store.managing import ask

POLICY = CHECKOUT / "docs" / "policies" / "aws-parameter-store.json"


@pytest.fixture
def moto():
    return ParameterStore("moto")


def test_the_documented_policy_has_the_actions_that_are_sent_and_no_other(moto):
    backend = moto.backend()

    def work():
        backend.put(a_record("db", metadata=METADATA), create=True)
        record = backend.get("db")
        backend.put(a_record("db", "two").with_metadata(tags={"other": "x"}), record.etag)
        backend.get_many(["db", "absent"])
        list(backend.list())
        ask(moto.manager(), "find")
        moto.client.label_parameter_version(Name=moto.path("db"), ParameterVersion=1, Labels=["kept"])
        for number in range(98):
            moto.put("db", str(number), Overwrite=True)
        with pytest.raises(StorageError):
            backend.put(a_record("db", "three"), backend.get("db").etag)
        backend.delete("db")

    actions = {"ssm:" + each for each in moto.asked(work)} - {"ssm:LabelParameterVersion"}
    statements = json.loads(POLICY.read_text(encoding="utf-8"))["Statement"]
    listed = [each["Action"] if isinstance(each["Action"], list) else [each["Action"]] for each in statements]
    assert actions | {"ssm:DescribeParameters"} == {action for each in listed for action in each if action.startswith("ssm:")}


def throttled(server, times, code="ThrottlingException", action="AmazonSSM."):
    """A server in front of `server` that refuses the first requests."""
    left = [times]

    def answer(request):
        if left[0] and request.headers.get("x-amz-target", "").startswith(action):
            left[0] -= 1
            return Answer(400, json.dumps({"__type": code, "message": "Rate exceeded"}).encode())
        passed = {name: value for name, value in request.headers.items() if name != "content-length"}
        found = requests.post(server.url, data=request.content, headers=passed, timeout=60)
        return Answer(found.status_code, found.content, {"Content-Type": "application/x-amz-json-1.1"})

    return scripted.running(answer)


@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyUpdates"])
def test_throttled_requests_are_repeated_and_written_once(moto, code):
    action = "AmazonSSM." if code == "ThrottlingException" else "AmazonSSM.PutParameter"
    with throttled(moto.server, 3, code, action) as front:
        backend = moto.backend(endpoint_url=front.url)
        backend.put(a_record("db"), create=True)
    assert value_of(moto.backend().get("db")) == b"s3cret"
    assert moto.client.get_parameter(Name=moto.path("db"))["Parameter"]["Version"] == 1


def test_a_throttled_request_is_not_repeated_where_no_repeat_is_allowed(moto):
    """By botocore, least of all."""
    with throttled(moto.server, 1000) as front:
        backend = moto.backend(endpoint_url=front.url, max_retries=0)
        with pytest.raises(Unavailable, match="accepts no more requests"):
            backend.get("db")
        assert len(front.asked) == 1


def test_a_response_without_a_value_is_no_empty_value(moto):
    with scripted.running(lambda _request: Answer(200, b'{"Parameter":{"Name":"/x/db","Version":1}}')) as front:
        backend = moto.backend(endpoint_url=front.url, max_retries=0)
        with pytest.raises(Unavailable, match="was not complete"):
            backend.get("db")


def test_a_denied_name_is_named_and_costs_the_others_a_request_each(moto):
    def answer(request):
        target, asked = request.headers["x-amz-target"], json.loads(request.content)
        if target.endswith("GetParameters") or asked.get("Name") == moto.path("denied"):
            return Answer(400, json.dumps({"__type": "AccessDeniedException", "message": "not authorized"}).encode())
        return Answer(200, json.dumps({"Parameter": {"Name": asked["Name"], "Value": "v", "Version": 1}}).encode())

    with scripted.running(answer) as front:
        backend = moto.backend(endpoint_url=front.url)
        assert set(backend.get_many(["a", "b"])) == {"a", "b"}
        with pytest.raises(AccessDenied) as caught:
            backend.get_many(["a", "denied"])
        actions = [each.headers["x-amz-target"].partition(".")[2] for each in front.asked]
    assert "IAM does not allow ssm:GetParameter on {0}".format(moto.path("denied")) in str(caught.value)
    assert actions == ["GetParameters", "GetParameter", "GetParameter"] * 2


MISTAKES = {
    "an option of the other service": ({"replicas": [{"region": "eu-west-1"}]}, "replicas"),
    "more versions than AWS keeps": ({"keep_versions": 100}, "keep_versions"),
    "a reserved prefix": ({"prefix": "aws/x"}, "prefix"),
    "a prefix of other characters": ({"prefix": "a b"}, "prefix"),
    "an unknown tier": ({"tier": "intelligent"}, "tier"),
    "a tag that AWS refuses": ({"tags": {"aws:x": "y"}}, "tags"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_before_a_request(mistake):
    options, option = MISTAKES[mistake]
    where = {"backend": "aws", "service": "ssm", "region": "eu-central-1", "access_key": "x", "secret_key": "y"}
    with pytest.raises(InvalidConfiguration) as caught:
        open_store({**where, **options})
    assert caught.value.option == option


def test_a_tier_is_no_option_of_the_other_service():
    where = {"backend": "aws", "region": "eu-central-1", "access_key": "x", "secret_key": "y", "tier": "advanced"}
    with pytest.raises(InvalidConfiguration, match="'service: secretsmanager' has no such option"):
        open_store(where)
