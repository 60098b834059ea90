# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials in SSM Parameter Store, on both servers that speak its API. Each test is on those that model its point."""

from __future__ import annotations

import json
import multiprocessing
import threading

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.parameter_requests import ParameterRequests
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    StorageError,
    TooLarge,
)
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import a_record, value_of
from tests.integration.aws_parameter_store import ParameterStore
from tests.unit.store.managing import ask

BOTH = ["moto", "ministack"]


@pytest.fixture(params=BOTH)
def store(request):
    return ParameterStore(request.param)


@pytest.fixture
def moto():
    return ParameterStore("moto")


def test_a_parameter_holds_the_fields_as_its_users_expect_them(store):
    store.backend().put(a_record("app/db", state={}))
    found = store.client.get_parameter(Name=store.path("app/db"), WithDecryption=True)["Parameter"]
    assert found["Type"] == "SecureString"
    data = json.loads(found["Value"])
    assert {key: value for key, value in data.items() if not key.startswith("nebula.")} == {"username": "app", "password": "s3cret"}


@pytest.mark.parametrize(
    ("kind", "value", "fields"),
    [
        ("SecureString", "p4ss", {"value": b"p4ss"}),
        ("String", "plain", {"value": b"plain"}),
        ("StringList", "a,b,c", {"value": b"a,b,c"}),
        ("SecureString", '{"user":"app","port":5432}', {"user": b"app", "port": b"5432"}),
    ],
)
def test_parameters_of_other_tools_are_read(store, kind, value, fields):
    store.put("theirs", value, kind)
    found = store.backend().get("theirs")
    assert (found.type, {key: each.expose() for key, each in found.fields.items()}) == ("opaque", fields)
    assert [row.name for row in store.backend().list()] == ["theirs"]


def test_a_parameter_that_is_no_secure_string_is_not_replaced(store):
    store.put("theirs", "plain", "String")
    backend = store.backend()
    with pytest.raises(InvalidInput, match="is of the type String, and AWS changes no type"):
        backend.put(a_record("theirs"), backend.get("theirs").etag)
    assert store.client.get_parameter(Name=store.path("theirs"))["Parameter"]["Value"] == "plain"


def test_a_value_of_another_tool_is_taken_over_and_stays_a_version(store):
    store.put("theirs", "old")
    backend = store.backend()
    backend.put(a_record("theirs", "new"), backend.get("theirs").etag)
    assert value_of(backend.get("theirs")) == b"new"
    assert [value_of(backend.get("theirs", each.version), "value") for each in backend.versions("theirs")[1:]] == [b"old"]


def test_ten_names_are_one_request_and_25_are_three(store):
    backend, names = store.backend(), ["n{0}".format(number) for number in range(25)]
    for name in names:
        store.put(name, name)
    found = {}
    assert store.asked(lambda: found.update(backend.get_many(names[:10]))) == ["GetParameters"]
    assert store.asked(lambda: found.update(backend.get_many([*names, "absent"]))) == ["GetParameters"] * 3
    assert {name: value_of(record, "value").decode() for name, record in found.items()} == {name: name for name in names}


def test_the_requests_of_reads_and_writes(store):
    backend = store.backend()
    first = backend.put(a_record("other"), create=True)
    assert store.asked(lambda: backend.get("other")) == ["GetParameter"]
    assert store.asked(lambda: backend.put(a_record("other", "two"), backend.get("other").etag)) == ["GetParameter"] * 2 + ["PutParameter"]
    assert store.asked(lambda: backend.get("other", first.version)) == ["GetParameter"] * 2
    manager = store.manager()
    assert store.asked(lambda: ask(manager, "credential", name="x", state="present", value="1")) == ["GetParameter"] * 2 + ["PutParameter"]
    assert store.asked(lambda: ask(manager, "credential", name="x", state="present", value="2")) == ["GetParameter"] * 2 + ["PutParameter"]


def test_a_listing_costs_a_request_for_each_ten_values_or_50_names(store):
    for number in range(12):
        store.put("app/n{0}".format(number), "x")
    backend = store.backend()
    assert store.asked(lambda: list(backend.list())) == ["GetParametersByPath"] * 2
    assert set(store.asked(lambda: list(backend.list(Filter(names_only=True))))) == {"DescribeParameters"}
    found = []
    asked = store.asked(lambda: found.extend(ask(store.manager(), "find", prefix="app/n1").result["credentials"]))
    assert asked == ["GetParametersByPath"] * 2
    assert sorted(row["name"] for row in found) == ["app/n1", "app/n10", "app/n11"]


def test_the_limit_of_the_tier_is_checked_before_a_request(store):
    standard, advanced = store.backend(), store.backend(tier="advanced")

    def refused():
        with pytest.raises(TooLarge, match="a parameter of the standard tier holds 4096 at most"):
            standard.put(a_record("big", "x" * 4000), create=True)
        with pytest.raises(TooLarge, match="a parameter of the advanced tier holds 8192 at most"):
            advanced.put(a_record("big", "x" * 8100), create=True)

    assert store.asked(refused) == []
    advanced.put(a_record("big", "x" * 4000), create=True)
    described = store.client.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [store.path("big")]}])["Parameters"][0]
    assert described["Tier"] == "Advanced"


def test_older_values_leave_the_list_when_it_would_not_fit(moto):
    backend = moto.backend(keep_versions=50)
    text = "x" * 2700
    backend.put(a_record("long", text), create=True)
    for _each in range(20):
        backend.put(a_record("long", text), backend.get("long").etag)
    assert value_of(backend.get("long")) == text.encode()
    assert 2 < len(backend.versions("long")) < 20
    for each in backend.versions("long"):
        assert value_of(backend.get("long", each.version)) == text.encode()


def tags_of(store, name):
    listed = store.client.list_tags_for_resource(ResourceType="Parameter", ResourceId=store.path(name))["TagList"]
    return {each["Key"]: each["Value"] for each in listed}


def test_tags_are_tags_of_the_parameter_and_those_of_others_stay(store):
    manager = store.manager(tags={"cost": "web"})
    present = {"name": "db", "state": "present", "value": "1"}
    assert "AddTagsToResource" not in store.asked(lambda: ask(manager, "credential", **present, tags={"env": "prod", "team": "a"}))
    assert tags_of(store, "db") == {"cost": "web", "env": "prod", "team": "a"}
    store.client.add_tags_to_resource(ResourceType="Parameter", ResourceId=store.path("db"), Tags=[{"Key": "theirs", "Value": "yes"}])
    asked = store.asked(lambda: ask(manager, "credential", **present, tags={"env": "test"}))
    assert sorted(each for each in asked if "Tags" in each) == ["AddTagsToResource", "RemoveTagsFromResource"]
    assert tags_of(store, "db") == {"cost": "web", "env": "test", "theirs": "yes"}
    assert not [each for each in store.asked(lambda: ask(manager, "credential", **{**present, "value": "2"})) if "Tags" in each]


def test_too_many_tags_are_refused_before_a_request(store):
    backend = store.backend(tags={"cost": "web"})
    many = a_record("db").with_metadata(tags={"t{0}".format(number): "" for number in range(50)})

    def refused():
        with pytest.raises(TooLarge, match="has 50 tags, and a parameter of the standard tier holds 49"):
            backend.put(many, create=True)

    assert store.asked(refused) == []


def test_a_version_is_read_by_its_label(store):
    backend = store.backend()
    backend.put(a_record("db", "one"), create=True)
    backend.put(a_record("db", "two"), backend.get("db").etag)
    store.client.label_parameter_version(Name=store.path("db"), ParameterVersion=1, Labels=["prod"])
    assert value_of(backend.get("db", "prod")) == b"one"
    with pytest.raises(NotFound, match="'elsewhere'"):
        backend.get("db", "elsewhere")


def test_a_label_that_keeps_the_oldest_version_is_named(moto):
    """moto alone counts the versions as AWS does."""
    backend = moto.backend()
    backend.put(a_record("db", "1"), create=True)
    moto.client.label_parameter_version(Name=moto.path("db"), ParameterVersion=1, Labels=["release-1"])
    for number in range(99):
        moto.client.put_parameter(Name=moto.path("db"), Value=str(number), Type="SecureString", Overwrite=True)
    with pytest.raises(StorageError) as caught:
        backend.put(a_record("db", "2"), backend.get("db").etag)
    command = "aws ssm unlabel-parameter-version --name {0} --parameter-version 1 --labels release-1".format(moto.path("db"))
    assert command in str(caught.value)
    assert not caught.value.outcome_unknown
    moto.client.unlabel_parameter_version(Name=moto.path("db"), ParameterVersion=1, Labels=["release-1"])
    backend.put(a_record("db", "2"), backend.get("db").etag)
    assert value_of(backend.get("db")) == b"2"


def test_a_writer_without_the_lock_that_comes_between_is_noticed(store, monkeypatch):
    backend = store.backend()
    backend.put(a_record("db", "one"), create=True)
    base, replace = backend.get("db").etag, ParameterRequests.replace

    def overtaken(self, name, text):
        store.put("db", "theirs", Overwrite=True)
        return replace(self, name, text)

    monkeypatch.setattr(ParameterRequests, "replace", overtaken)
    with pytest.raises(StorageError, match="its value is version 2 of the parameter") as caught:
        backend.put(a_record("db", "ours"), base)
    assert caught.value.outcome_unknown
    assert store.client.get_parameter(Name=store.path("db") + ":2", WithDecryption=True)["Parameter"]["Value"] == "theirs"


def test_a_name_that_was_deleted_and_made_again_is_another_value(store):
    store.put("db", "one")
    backend = store.backend()
    base = backend.get("db").etag
    store.client.delete_parameter(Name=store.path("db"))
    store.put("db", "two")
    with pytest.raises(Conflict):
        backend.put(a_record("db"), base)
    assert value_of(backend.get("db"), "value") == b"two"


def test_names_of_more_levels_than_aws_allows_are_kept_apart(store):
    backend, deep = store.backend(), "/".join("abcdefghijklmnopqrst")
    backend.put(a_record(deep, "deep"), create=True)
    backend.put(a_record("a/b", "flat"), create=True)
    assert (value_of(backend.get(deep)), value_of(backend.get("a/b"))) == (b"deep", b"flat")
    assert sorted(row.name for row in backend.list()) == ["a/b", deep]
    for each in store.client.describe_parameters(MaxResults=50)["Parameters"]:
        assert each["Name"].count("/") <= 15


def test_a_rotation_runs_under_a_lock_and_is_refused_on_a_promise(moto, tmp_path):
    lock = {"kind": "file", "path": str(tmp_path / "locks")}
    manager = moto.manager(single_writer=False, lock=lock)
    ask(manager, "credential", name="db", state="present", value="s3cret")
    ask(manager, "credential_rotate", name="db", target="none")
    assert len(manager.versions("db")) == 2
    with pytest.raises(InvalidConfiguration, match="compare and swap"):
        ask(moto.manager(), "credential_rotate", name="db", target="none")


def increment(options, place):
    """Add one in each of eight threads."""

    def add():
        while True:
            found = backend.get("counter")
            try:
                backend.put(a_record("counter", str(int(value_of(found)) + 1)), found.etag)
                return
            except Conflict:
                continue

    where = {"backend": "aws", "audit": "off", "lock": {"kind": "file", "path": place, "wait": 600}}
    backend = open_store({**where, **options}, name="prod").backend.inner
    threads = [threading.Thread(target=add) for _each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_32_writers_none_loses_its_change(store, tmp_path):
    backend = store.backend()
    backend.put(a_record("counter", "0"), create=True)
    options = {**store.server.login, "service": "ssm", "prefix": store.prefix, "write_timeout": 60, "read_timeout": 60}
    arguments = (options, str(tmp_path / "locks"))
    workers = [multiprocessing.get_context("fork").Process(target=increment, args=arguments) for _each in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert value_of(backend.get("counter")) == b"32"
