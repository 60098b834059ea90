# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each class of error from a response as AWS gives it; lost, cut and refused responses; a storm of refusals."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    InvalidConfiguration,
    LoginFailed,
    StorageError,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.stack import resilient
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import a_record, value_of
from tests.integration.aws_store import AwsStore, open_backend
from tests.servers import aws_front, once, scripted
from tests.servers.aws_front import lose, refuse, truncate
from tests.servers.scripted import Answer

CALLERS = 32


@pytest.fixture
def store():
    return AwsStore(once.server("moto"))


@pytest.mark.parametrize(
    ("code", "status", "error", "named"),
    [
        ("AccessDeniedException", 400, AccessDenied, "secretsmanager:GetSecretValue"),
        ("403", 403, AccessDenied, "secretsmanager:GetSecretValue"),
        ("DecryptionFailure", 400, AccessDenied, "kms:Decrypt"),
        ("UnrecognizedClientException", 400, LoginFailed, "login"),
        ("UnrecognizedClientException", 503, LoginFailed, "login"),
        ("InvalidSignatureException", 400, LoginFailed, "secret"),
        ("ExpiredTokenException", 400, LoginFailed, "ended"),
        ("RequestExpired", 400, LoginFailed, "clock"),
        ("ThrottlingException", 400, Unavailable, "no more requests"),
        ("TooManyRequestsException", 429, Unavailable, "no more requests"),
        ("InternalServiceError", 500, Unavailable, "Repeat later"),
        ("ServiceUnavailable", 503, Unavailable, "Repeat later"),
        ("404", 404, Unavailable, "HTTP status 404"),
        ("400", 400, Unavailable, "HTTP status 400"),
        ("LimitExceededException", 400, StorageError, "LimitExceededException"),
    ],
)
def test_a_refusal_is_an_error_of_its_class_without_the_text_of_aws(store, code, status, error, named):
    with aws_front.running(store.server, {"GetSecretValue": [refuse(code, status)]}) as front, pytest.raises(error) as caught:
        store.backend(**front.login).get("db")
    assert named in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert front.asked == ["GetSecretValue"]


def test_a_pause_that_aws_requests_is_passed_on(store):
    refused = {"GetSecretValue": [refuse("ThrottlingException", 400, {"Retry-After": "7"})]}
    with aws_front.running(store.server, refused) as front, pytest.raises(Unavailable) as caught:
        store.backend(**front.login).get("db")
    assert (caught.value.throttled, caught.value.retry_after) == (True, 7.0)


@pytest.mark.parametrize(
    ("action", "work"),
    [
        ("GetSecretValue", lambda backend: backend.get("db")),
        ("ListSecrets", lambda backend: list(backend.list())),
        ("PutSecretValue", lambda backend: backend.put(a_record("db", "two"))),
    ],
)
def test_a_cut_response_is_unavailable_and_never_a_missing_value(store, action, work):
    store.backend().put(a_record("db"))
    with aws_front.running(store.server, {action: [truncate]}) as front, pytest.raises(Unavailable, match="not complete"):
        work(store.backend(**front.login))


@pytest.mark.parametrize("action", ["PutSecretValue", "UpdateSecretVersionStage", "TagResource", "UntagResource"])
def test_a_lost_response_of_a_write_is_found_out(store, action):
    """The value is written once, whichever response was lost."""
    store.manager().ensure(DesiredCredential("db", value=Secret("one"), tags={"a": "1"}))
    with aws_front.running(store.server, {action: [lose]}) as front:
        manager = store.manager(**front.login)
        manager.ensure(DesiredCredential("db", value=Secret("two"), tags={"a": "2"}))
    found = store.manager()
    assert found.token("db") == Secret("two")
    assert [info.version for info in found.versions("db")] == ["2", "1"]
    assert [row.metadata.tags for row in found.list()] == [{"a": "2"}]


@pytest.mark.parametrize("action", ["CreateSecret", "DeleteSecret"])
def test_a_lost_response_of_a_create_or_delete_is_found_out(store, action):
    with aws_front.running(store.server, {action: [lose]}) as front:
        manager = store.manager(**front.login)
        manager.ensure(DesiredCredential("db", value=Secret("one")))
        assert manager.token("db") == Secret("one")
        manager.delete("db", recoverable=True)
    assert list(store.manager().list()) == []


def test_a_refused_move_of_our_own_value_counts_as_done(store):
    """An earlier request, whose response was lost, has moved the label: the second one is refused."""
    backend = store.backend()
    first = backend.put(a_record("db"))

    def twice(pass_on):
        pass_on()
        return pass_on()

    with aws_front.running(store.server, {"UpdateSecretVersionStage": [twice]}) as front:
        stored = store.backend(**front.login).put(a_record("db", "two"), first.etag)
    assert "DescribeSecret" in front.asked
    assert (stored.serial, value_of(backend.get("db"))) == (2, b"two")


def test_a_refused_move_of_another_writer_is_a_conflict(store):
    backend = store.backend()
    first = backend.put(a_record("db"))

    def overtaken(pass_on):
        store.backend().put(a_record("db", "theirs"), first.etag)
        return pass_on()

    with aws_front.running(store.server, {"UpdateSecretVersionStage": [overtaken]}) as front, pytest.raises(Conflict):
        store.backend(**front.login).put(a_record("db", "ours"), first.etag)
    assert value_of(backend.get("db")) == b"theirs"


def write_as_a_function_of_aws(store):
    """As a Lambda function that rotates: a value under a label of its own, which then becomes current."""
    client, secret = store.server.client(), {"SecretId": store.secret("db")}
    current = client.get_secret_value(**secret, VersionStage="AWSCURRENT")["VersionId"]
    version = client.put_secret_value(**secret, SecretString="theirs", VersionStages=["AWSPENDING"])["VersionId"]
    client.update_secret_version_stage(**secret, VersionStage="AWSCURRENT", RemoveFromVersionId=current, MoveToVersionId=version)


@pytest.mark.parametrize("recoverable", [True, False])
@pytest.mark.parametrize(
    "disturbed",
    [
        {"DescribeSecret": [refuse("ThrottlingException")]},
        {"DescribeSecret": [lose]},
        {"DescribeSecret": [refuse("AccessDeniedException")]},
        {"DeleteSecret": [lose]},
    ],
    ids=["throttled", "lost", "denied", "delete lost"],
)
def test_a_delete_that_cannot_see_what_it_deletes_takes_no_value_of_another_tool_away(store, disturbed, recoverable):
    """Other tools know no claim. What another run of ours may do: `test_aws_deletes.py`."""
    manager = store.manager()
    manager.ensure(DesiredCredential("db", value=Secret("one")))
    first = store.backend().get("db").etag

    def overtaken(pass_on):
        write_as_a_function_of_aws(store)
        return lose(pass_on) if disturbed.get("DeleteSecret") else pass_on()

    with aws_front.running(store.server, {**disturbed, "DeleteSecret": [overtaken]}) as front, pytest.raises((Conflict, AccessDenied)):
        resilient(store.backend(**front.login), {}).delete("db", expected=first, recoverable=recoverable)
    assert store.manager().token("db") == Secret("theirs")


def test_a_delete_that_can_neither_be_seen_nor_taken_back_says_so(store):
    store.backend().put(a_record("db"))
    disturbed = {"DescribeSecret": [refuse("AccessDeniedException")], "RestoreSecret": [refuse("AccessDeniedException")]}
    with aws_front.running(store.server, disturbed) as front:
        backend = store.backend(**front.login)
        with pytest.raises(AccessDenied) as caught:
            backend.delete("db", expected=backend.get("db").etag)
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("disturb", [refuse("ThrottlingException"), lose], ids=["throttled", "lost"])
def test_a_delete_whose_later_request_is_disturbed_goes_on_with_that_request(store, disturb):
    store.backend().put(a_record("db"))
    with aws_front.running(store.server, {"DeleteSecret": [lambda pass_on: pass_on(), disturb]}) as front:
        resilient(store.backend(**front.login), {"base_delay": 0.0, "write_timeout": 60.0}).delete("db")
    assert front.asked.count("DeleteSecret") == (2 if disturb is lose else 3)
    client = store.server.client()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_secret(SecretId=store.secret("db"))


def test_a_delete_that_another_tool_has_taken_back_meanwhile_does_not_delete_its_value(store):
    store.backend().put(a_record("db"))

    def take_back(_pass_on):
        store.server.client().restore_secret(SecretId=store.secret("db"))
        write_as_a_function_of_aws(store)
        return refuse("ThrottlingException")(_pass_on)

    with aws_front.running(store.server, {"DeleteSecret": [lambda pass_on: pass_on(), take_back]}) as front:
        resilient(store.backend(**front.login), {"base_delay": 0.0, "write_timeout": 60.0}).delete("db")
    assert store.manager().token("db") == Secret("theirs")


def test_32_callers_survive_a_storm_of_throttling(store):
    store.manager().ensure(DesiredCredential("db", value=Secret("one")))
    storm = [refuse("ThrottlingException")] * (2 * CALLERS)
    with aws_front.running(store.server, {"GetSecretValue": storm}) as front:
        manager = store.manager(**front.login, read_timeout=60.0)
        found = []

        def read():
            found.append(manager.get("db").describe()["version"])

        callers = [threading.Thread(target=read) for _each in range(CALLERS)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(300)
    assert found == ["1"] * CALLERS
    assert front.asked.count("GetSecretValue") == 3 * CALLERS


@pytest.mark.parametrize(("code", "status"), [("InternalServiceError", 500), ("ServiceUnavailable", 503), ("ThrottlingException", 400)])
def test_a_caller_makes_no_more_than_its_repeats_and_botocore_none(store, code, status):
    with aws_front.running(store.server, {"*": [refuse(code, status)] * 50}) as front, pytest.raises(Unavailable):
        store.manager(**front.login, max_retries=2, base_delay=0.0, read_timeout=10.0).get("db")
    assert front.asked == ["GetSecretValue"] * 3


def test_a_server_that_does_not_respond_is_a_timeout_of_the_operation(store):
    ended = threading.Event()

    def hang(_request):
        ended.wait(60)
        return Answer(hangs_up=True)

    try:
        with scripted.running(hang) as server:
            backend = store.backend(endpoint_url=server.url)
            with deadline.within(2.0, "get"), pytest.raises(Timeout):
                backend.get("db")
            ended.set()
    finally:
        ended.set()


def test_a_region_without_an_address_is_named_and_not_repeated():
    options = {"region": "eu-nowhere-9", "access_key": "a", "secret_key": "b"}
    backend, warnings = open_backend(**options), []
    backend._connection._warn = warnings.append
    with pytest.raises(InvalidConfiguration) as caught:
        backend.get("db")
    assert caught.value.option == "region"
    assert len(warnings) == 1
    assert "eu-nowhere-9" in warnings[0]


def test_a_server_where_nothing_listens_is_unavailable(store):
    with pytest.raises(Unavailable, match="nothing listens there"):
        store.backend(endpoint_url="http://127.0.0.1:1").get("db")
