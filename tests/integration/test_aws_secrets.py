# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets Manager as its own users see it: what is written, what others wrote, deletes, requests, races."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InvalidConfiguration, NotFound, ReadOnly, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import METADATA, a_record, value_of
from tests.integration.aws_store import AwsStore
from tests.servers import once

WRITERS = 32
LAMBDA = "arn:aws:lambda:us-east-1:000000000000:function:rotate"


@pytest.fixture
def store():
    return AwsStore(once.server("moto"))


@pytest.fixture
def client(store):
    return store.server.client()


def tagged(*arguments, tags):
    return a_record(*arguments, metadata=replace(METADATA, tags=tags))


def current_of(client, secret):
    return client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")


def list_names(client, store, **named):
    """All pages: the server has the secrets of other tests, too."""
    pages = client.get_paginator("list_secrets").paginate(**named)
    return [each["Name"] for page in pages for each in page["SecretList"] if each["Name"].startswith(store.prefix)]


def tags_of(client, secret):
    return {each["Key"]: each["Value"] for each in client.describe_secret(SecretId=secret).get("Tags") or []}


def test_a_value_is_json_with_a_key_for_each_field_and_tags_are_tags(store, client):
    backend = store.backend(tags={"cost-center": "7"})
    backend.put(tagged("app/db", tags={"team": "shop", "odd": "a, b?"}), create=True)
    shown = json.loads(current_of(client, store.secret("app/db"))["SecretString"])
    assert {key: value for key, value in shown.items() if not key.startswith("nebula.")} == {"username": "app", "password": "s3cret"}
    tags = {key: value for key, value in tags_of(client, store.secret("app/db")).items() if not key.startswith("nebula:")}
    assert tags == {"team": "shop", "cost-center": "7"}
    assert backend.get("app/db").metadata.tags == {"team": "shop", "odd": "a, b?"}


def test_a_write_over_a_value_is_two_requests_and_a_new_one_a_single_one(store):
    manager = store.manager()
    manager.ensure(DesiredCredential("db", value=Secret("one"), tags={"team": "shop"}))
    store.made()
    manager.ensure(DesiredCredential("db", value=Secret("two")))
    assert store.made() == ["GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
    manager.ensure(DesiredCredential("db", value=Secret("two")))
    assert store.made() == ["GetSecretValue"]
    manager.ensure(DesiredCredential("db", tags={"team": "web"}))
    assert store.made() == ["GetSecretValue", "PutSecretValue", "TagResource", "UpdateSecretVersionStage", "UntagResource"]
    manager.ensure(DesiredCredential("other", value=Secret("one")))
    assert store.made() == ["GetSecretValue", "GetSecretValue", "CreateSecret"]


def test_a_listing_reads_no_value_and_shows_the_metadata_of_the_last_write(store):
    manager = store.manager()
    for value in ("one", "two", "three"):
        manager.ensure(DesiredCredential("db", value=Secret(value), tags={"team": "shop"}, description="The shop's"))
    found = manager.get("db").describe()
    store.made()
    assert [dict(row.describe(), field_names=found["field_names"]) for row in manager.list()] == [found]
    assert store.made() == ["ListSecrets"]


def test_the_tags_of_the_former_metadata_are_removed_and_those_of_others_stay(store, client):
    manager = store.manager()
    manager.ensure(DesiredCredential("db", value=Secret("one"), tags={"team": "shop", "old": "x"}))
    client.tag_resource(SecretId=store.secret("db"), Tags=[{"Key": "of-others", "Value": "stays"}])
    client.put_resource_policy(SecretId=store.secret("db"), ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    before = {key for key in tags_of(client, store.secret("db")) if key.startswith("nebula:")}
    manager.ensure(DesiredCredential("db", value=Secret("two"), tags={"team": "web"}))
    after = tags_of(client, store.secret("db"))
    assert {key: value for key, value in after.items() if not key.startswith("nebula:")} == {"team": "web", "of-others": "stays"}
    assert not before & set(after)
    assert client.get_resource_policy(SecretId=store.secret("db"))["ResourcePolicy"]


@pytest.mark.parametrize(
    ("written", "field", "value"),
    [
        ({"SecretString": "plain text"}, "value", b"plain text"),
        ({"SecretString": "[1, 2]"}, "value", b"[1, 2]"),
        ({"SecretBinary": b"\x00\xff"}, "value", b"\x00\xff"),
        ({"SecretString": '{"username": "u", "port": 5432}'}, "port", b"5432"),
    ],
)
def test_a_secret_of_another_tool_is_opaque_and_can_be_replaced(store, client, written, field, value):
    client.create_secret(Name=store.secret("theirs"), Tags=[{"Key": "team", "Value": "ops"}], **written)
    backend = store.backend()
    found = backend.get("theirs")
    assert (found.type, found.serial, found.fields[field].expose()) == ("opaque", None, value)
    assert [(row.name, row.metadata.tags) for row in backend.list()] == [("theirs", {"team": "ops"})]
    stored = backend.put(a_record("theirs"), found.etag)
    assert value_of(backend.get("theirs")) == b"s3cret"
    assert backend.get("theirs", "1").fields[field].expose() == value
    assert tags_of(client, store.secret("theirs"))["team"] == "ops"
    assert stored.serial == 2


def test_a_value_that_another_tool_writes_over_ours_is_noticed(store, client):
    """A function of AWS's own rotation copies all keys of the JSON and changes the password."""
    backend = store.backend()
    first = backend.put(a_record("db"))
    copied = json.loads(current_of(client, store.secret("db"))["SecretString"])
    client.put_secret_value(SecretId=store.secret("db"), SecretString=json.dumps({**copied, "password": "theirs"}))
    found = backend.get("db")
    assert (value_of(found), found.type, found.version != first.version) == (b"theirs", "basic", True)
    with pytest.raises(Conflict):
        backend.put(a_record("db", "late"), first.etag)
    assert backend.put(a_record("db", "ours"), found.etag).serial == 3
    assert value_of(backend.get("db", "2")) == b"theirs"


def test_an_empty_secret_of_terraform_takes_its_first_value(store, client):
    client.create_secret(Name=store.secret("db"))
    backend = store.backend()
    with pytest.raises(NotFound):
        backend.get("db")
    assert list(backend.list()) == []
    backend.put(tagged("db", tags={"team": "shop"}), create=True)
    assert value_of(backend.get("db")) == b"s3cret"
    assert [row.metadata.tags for row in backend.list()] == [{"team": "shop"}]
    backend.put(a_record("db", "two"), backend.get("db").etag)
    assert value_of(backend.get("db")) == b"two"


def test_a_deleted_credential_can_be_restored_with_its_value_and_metadata(store, client):
    manager = store.manager(recovery_window=8)
    manager.ensure(DesiredCredential("db", value=Secret("one"), tags={"team": "shop"}))
    known = manager.get("db").describe()
    manager.delete("db", recoverable=True)
    windows = [each.body for each in store.requests() if each.action.endswith("DeleteSecret")]
    assert windows == [{"RecoveryWindowInDays": 8}]
    with pytest.raises(NotFound):
        manager.get("db")
    assert list(manager.list()) == []
    manager.backend.restore("db")
    assert manager.get("db").describe()["tags"] == known["tags"]
    assert manager.token("db") == Secret("one")


def test_present_takes_over_a_name_in_its_recovery_window(store, client):
    manager = store.manager()
    manager.ensure(DesiredCredential("db", value=Secret("one"), tags={"team": "shop"}))
    manager.delete("db", recoverable=True)
    manager.ensure(DesiredCredential("db", value=Secret("two"), tags={"team": "web"}))
    assert manager.token("db") == Secret("two")
    assert [row.metadata.tags for row in manager.list()] == [{"team": "web"}]
    assert [info.version for info in manager.versions("db")] == ["2"]
    assert client.describe_secret(SecretId=store.secret("db")).get("DeletedDate") is None


def test_a_permanent_delete_leaves_nothing_but_the_last_serial(store, client):
    manager = store.manager()
    manager.ensure(DesiredCredential("db", value=Secret("one")))
    manager.delete("db", recoverable=False)
    assert list_names(client, store, IncludePlannedDeletion=True) == [store.prefix + "/+deleted/db"]
    manager.ensure(DesiredCredential("db", value=Secret("two")))
    assert manager.get("db").describe()["version"] == "2"


def test_a_delete_that_was_overtaken_is_taken_back(store, monkeypatch):
    backend, other = store.backend(), store.backend()
    first = backend.put(a_record("db"))
    read = backend.get("db")
    other.put(a_record("db", "newer"), first.etag)
    with pytest.raises(Conflict):
        backend.delete("db", expected=read.etag, recoverable=True)
    assert value_of(backend.get("db")) == b"newer"


def test_replicas_are_made_and_removed_before_a_delete(store, client):
    backend = store.backend(replicas=[{"region": "eu-west-1", "kms_key_id": "alias/shop"}])
    backend.put(a_record("db"), create=True)
    created = next(each for each in store.requests() if each.action.endswith("CreateSecret"))
    assert created.body["AddReplicaRegions"] == [{"Region": "eu-west-1", "KmsKeyId": "alias/shop"}]
    backend.delete("db")
    removed = [each.body for each in store.requests() if each.action.endswith("RemoveRegionsFromReplication")]
    assert removed == [{"RemoveReplicaRegions": ["eu-west-1"]}]
    with pytest.raises(NotFound):
        backend.get("db")


@pytest.mark.parametrize("kind", ["moto", "ministack"])
@pytest.mark.parametrize(
    "work", [lambda backend: backend.put(a_record("db", "two"), backend.get("db").etag), lambda backend: backend.delete("db")]
)
def test_a_replica_is_read_and_a_write_to_it_names_the_region_of_the_primary_secret(kind, work):
    store = AwsStore(once.server(kind))
    store.backend().put(a_record("db"), create=True)
    store.server.client().replicate_secret_to_regions(SecretId=store.secret("db"), AddReplicaRegions=[{"Region": "eu-west-1"}])
    replica = store.backend(region="eu-west-1")
    assert value_of(replica.get("db")) == b"s3cret"
    with pytest.raises(ReadOnly, match=r"is a replica.* in the region us-east-1"):
        work(replica)
    assert value_of(store.backend().get("db")) == b"s3cret"


def test_kms_key_and_rotation_are_those_of_the_options():
    store = AwsStore(once.server("ministack"), kms_key_id="alias/shop", rotation={"lambda_arn": LAMBDA, "schedule": "rate(30 days)"})
    store.backend().put(a_record("db"), create=True)
    known = store.server.client().describe_secret(SecretId=store.secret("db"))
    assert (known["KmsKeyId"], known["RotationLambdaARN"]) == ("alias/shop", LAMBDA)
    assert known["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"recovery_window": 3}, "recovery_window"),
        ({"prefix": "a//b"}, "prefix"),
        ({"prefix": "+a"}, "prefix"),
        ({"tags": {"aws:x": "y"}}, "tags"),
        ({"replicas": [{"kms_key_id": "x"}]}, "replicas"),
        ({"replicas": [{"zone": "x"}]}, "replicas.zone"),
        ({"rotation": {"lambda_arn": LAMBDA}}, "rotation"),
        ({"rotation": {"lambda_arn": "rotate", "after_days": 3}}, "rotation.lambda_arn"),
        ({"rotation": {"lambda_arn": LAMBDA, "after_days": 0}}, "rotation.after_days"),
        ({"endpoint_url": "http://aws.example.com"}, "endpoint_url"),
        ({"region": "Frankfurt!"}, "region"),
        ({"profile": "x"}, "profile"),
        ({"external_id": "x"}, "external_id"),
        ({"role_arn": "deploy"}, "role_arn"),
        ({"role_arn": "arn:aws:iam::123456789012:role/deploy", "mfa_serial": "x"}, "mfa_code"),
        ({"login_method": "web_identity"}, "access_key"),
    ],
)
def test_a_mistake_is_found_before_any_request(options, named):
    config = {"region": "us-east-1", "access_key": "a", "secret_key": "b", **options}
    with pytest.raises(InvalidConfiguration) as caught:
        AwsStore(NoServer()).backend(**config)
    assert caught.value.option == named


class NoServer:
    """A place that is never contacted."""

    login = {"endpoint_url": "http://127.0.0.1:1"}


def test_a_value_that_does_not_fit_is_refused_before_any_request(store):
    manager = store.manager()
    with pytest.raises(TooLarge, match="65536"):
        manager.ensure(DesiredCredential("db", value=Secret("x" * 65500)))
    assert "CreateSecret" not in store.made()


def test_a_loser_of_a_race_has_no_label_and_no_tags(store, client):
    backend, other = store.backend(), store.backend()
    first = backend.put(tagged("db", tags={"n": "1"}))
    read = backend.get("db")
    other.put(tagged("db", "winner", tags={"n": "2"}), first.etag)
    with pytest.raises(Conflict):
        backend.put(tagged("db", "loser", tags={"n": "3"}), read.etag)
    labels = client.describe_secret(SecretId=store.secret("db"))["VersionIdsToStages"]
    assert sorted(labels.values()) == [[], ["AWSCURRENT"], ["AWSPREVIOUS"]]
    assert [row.metadata.tags for row in backend.list(Filter())] == [{"n": "2"}]
    mirrors = {key.split(":")[1] for key in tags_of(client, store.secret("db")) if key.startswith("nebula:")}
    assert len(mirrors) == 1


def increment(options, done):
    """Add one by compare-and-swap, again until it holds."""
    backend = AwsStore(NoServer(), **options).backend(**options)
    while True:
        found = backend.get("counter")
        try:
            backend.put(a_record("counter", str(int(value_of(found)) + 1)), found.etag)
        except Conflict:
            continue
        break
    done.put(1)


@pytest.mark.parametrize("kind", ["moto", pytest.param("ministack", marks=pytest.mark.long)])
def test_32_writers_lose_no_increment(kind):
    store = AwsStore(once.server(kind))
    store.backend().put(a_record("counter", "0"), create=True)
    context = multiprocessing.get_context("fork")
    done = context.Queue()
    workers = [context.Process(target=increment, args=(store.options, done)) for _each in range(WRITERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert [worker.exitcode for worker in workers] == [0] * WRITERS
    assert value_of(store.backend().get("counter")) == str(WRITERS).encode()


def test_every_read_names_a_stage_or_a_version_and_every_value_its_id(store):
    """Without a stage moto, for one, returns the value before the last; without an id a repeated request would write twice."""
    backend = store.backend()
    for value in ("one", "two", "three"):
        backend.put(a_record("db", value))
    backend.get("db", "1")
    backend.delete("db")
    made = [(each.action.split(".")[1], each.body) for each in store.requests()]
    reads = [body for action, body in made if action == "GetSecretValue"]
    writes = [body for action, body in made if action in ("CreateSecret", "PutSecretValue")]
    assert all(body.get("VersionStage") == "AWSCURRENT" or body.get("VersionId") for body in reads)
    assert len(reads) > 1
    assert all(body["ClientRequestToken"].startswith("nebula-") for body in writes)
    assert len(writes) == len({body["ClientRequestToken"] for body in writes}) > 2


def test_a_removed_version_cannot_be_read_and_a_warning_says_that_aws_keeps_it(store):
    warnings, backend = [], store.backend()
    backend.context.warn = warnings.append
    for value in ("one", "two"):
        backend.put(a_record("db", value))
    backend.remove_version("db", "1")
    with pytest.raises(NotFound):
        backend.get("db", "1")
    assert len(warnings) == 1
    assert "AWS deletes no single version" in warnings[0]


def test_an_encrypted_store_shows_no_value_at_aws_and_keeps_older_ones(store, client):
    manager = store.manager(encrypt=True)
    for value in ("one of canary", "two of canary"):
        manager.ensure(DesiredCredential("db", value=Secret(value)))
    assert manager.token("db") == Secret("two of canary")
    assert manager.get("db", version="1").record.fields["value"] == Secret("one of canary")
    names = list_names(client, store)
    assert {store.secret("db"), store.secret("+v1/db"), store.secret("+store")} <= set(names)
    assert not any("canary" in current_of(client, name)["SecretString"] for name in names)
