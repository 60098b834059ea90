# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies of IAM, resource policies, trust policies and batches, on the server that enforces them (MiniStack)."""

from __future__ import annotations

import json
import re
import secrets

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, LoginFailed, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import a_record, value_of
from tests.conftest import CHECKOUT
from tests.integration.aws_store import ACCOUNT, AwsStore
from tests.servers import once
from tests.unit.store.managing import ask

NAMES = ["n{0:02d}".format(number) for number in range(10)]
POLICY = CHECKOUT / "docs" / "policies" / "aws-secrets-manager.json"


@pytest.fixture
def store():
    return AwsStore(once.server("ministack"), batch_get=True)


def read_policy(path, prefix):
    return path.read_text(encoding="utf-8").replace("123456789012", ACCOUNT).replace("nebula/", prefix + "/")


def make_user(store, document):
    iam, name = store.server.client("iam"), "user-" + secrets.token_hex(4)
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


@pytest.mark.parametrize(
    ("action", "work"),
    [
        ("GetSecretValue", lambda backend: backend.get("db")),
        ("CreateSecret", lambda backend: backend.put(a_record("new"), create=True)),
        ("PutSecretValue", lambda backend: backend.put(a_record("db", "two"))),
        ("UpdateSecretVersionStage", lambda backend: backend.put(a_record("db", "two"))),
        ("DeleteSecret", lambda backend: backend.delete("db")),
        ("ListSecrets", lambda backend: list(backend.list())),
    ],
)
def test_a_denial_names_the_action_and_the_secret(store, action, work):
    store.backend().put(a_record("db"))
    login = store.allow("secretsmanager:" + action, deny=True)
    with pytest.raises(AccessDenied) as caught:
        work(store.backend(**login))
    assert "secretsmanager:" + action in str(caught.value)
    assert re.search(r"on (\*|{0}/)".format(store.prefix), str(caught.value))
    assert login["secret_key"] not in str(caught.value)


def test_the_policy_of_the_docs_allows_all_that_a_store_requests(store):
    login = make_user(store, read_policy(POLICY, store.prefix))
    manager = store.manager(**login)
    for value in ("one", "two"):
        manager.ensure(DesiredCredential("db", value=Secret(value), tags={"a": value}))
    manager.ensure(DesiredCredential("other", value=Secret("x")))
    assert ask(manager, "get_many", names=["db", "other"]).result["values"] == {"db": "two", "other": "x"}
    assert len(list(manager.list())) == 2
    manager.delete("db", recoverable=True)
    manager.backend.restore("db")
    manager.delete("db", recoverable=True)
    with pytest.raises(AccessDenied):
        store.backend(**login, prefix="elsewhere").put(a_record("db"))


def test_the_policy_for_reading_allows_no_write(store):
    store.backend().put(a_record("db"))
    login = make_user(store, read_policy(POLICY.with_name("aws-secrets-manager-read-only.json"), store.prefix))
    backend = store.backend(**login)
    assert value_of(backend.get("db")) == b"s3cret"
    assert [row.name for row in backend.list()] == ["db"]
    with pytest.raises(AccessDenied):
        backend.put(a_record("db", "two"))


def test_a_denial_in_a_resource_policy_is_a_denial(store):
    store.backend().put(a_record("db"))
    login = store.allow("*")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    store.server.client().put_resource_policy(SecretId=store.secret("db"), ResourcePolicy=policy)
    with pytest.raises(AccessDenied, match="secretsmanager:GetSecretValue"):
        store.backend(**login).get("db")


def test_ten_names_are_one_request_and_fresh_after_a_write(store):
    manager = store.manager()
    for value in ("one", "two"):
        for name in NAMES:
            manager.ensure(DesiredCredential(name, value=Secret(value)))
    store.made()
    found = ask(manager, "get_many", names=NAMES).result
    assert (found["values"], found["failures"]) == (dict.fromkeys(NAMES, "two"), {})
    assert store.made() == ["BatchGetSecretValue"]


def test_more_than_twenty_names_are_twenty_a_request(store):
    backend = store.backend()
    names = ["m{0:02d}".format(number) for number in range(45)]
    for name in names[:41]:
        backend.put(a_record(name, "of " + name), create=True)
    store.made()
    found = backend.get_many(names)
    assert {name: value_of(record).decode() for name, record in found.items()} == {name: "of " + name for name in names[:41]}
    assert store.made() == ["BatchGetSecretValue"] * 3


def test_a_denied_name_fails_alone(store):
    manager = store.manager()
    for name in NAMES:
        manager.ensure(DesiredCredential(name, value=Secret("one")))
    arn = "arn:aws:secretsmanager:{0}:{1}:secret:{2}-*".format(store.server.region, ACCOUNT, store.secret("n03"))
    login = store.allow("secretsmanager:GetSecretValue", resource=arn, deny=True)
    result = ask(store.manager(**login), "get_many", names=NAMES, on_denied="warn").result
    assert result["values"] == {name: "one" for name in NAMES if name != "n03"}
    assert list(result["failures"]) == ["n03"]


def test_without_the_permission_for_batches_each_name_is_read_by_itself_and_a_warning_says_so_once(store):
    for name in NAMES[:3]:
        store.backend().put(a_record(name), create=True)
    login = store.allow("secretsmanager:BatchGetSecretValue", deny=True)
    warnings = []
    backend = store.backend(**login)
    backend.context.warn = warnings.append
    store.made()
    for _each in range(2):
        assert set(backend.get_many(NAMES[:4])) == set(NAMES[:3])
    assert store.made() == ["BatchGetSecretValue", *["GetSecretValue"] * 8]
    assert len(warnings) == 1
    assert "secretsmanager:BatchGetSecretValue" in warnings[0]


def test_names_that_are_deleted_or_were_never_there_are_left_out_of_a_batch(store):
    backend = store.backend()
    for name in NAMES[:3]:
        backend.put(a_record(name), create=True)
    backend.delete("n01", recoverable=True)
    assert set(backend.get_many([*NAMES[:3], "never"])) == {"n00", "n02"}
    with pytest.raises(NotFound):
        backend.get("n01")


def make_role(store, **condition):
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    if condition:
        trust["Condition"] = {"StringEquals": condition}
    iam, name = store.server.client("iam"), "role-" + secrets.token_hex(4)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"][
        "Arn"
    ]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=json.dumps(allowed))
    return arn


def test_a_role_is_assumed_with_its_external_id_and_costs_one_request(store):
    store.backend().put(a_record("db"))
    role = make_role(store, **{"sts:ExternalId": "shop-7"})
    login = store.allow("sts:AssumeRole")
    since = store.server.count()
    backend = store.backend(**login, role_arn=role, external_id="shop-7", role_session_name="deploy")
    assert [value_of(backend.get("db")) for _each in range(2)] == [b"s3cret"] * 2
    made = [each for each in store.server.requests(since=since) if each.action != "sts."]
    assert [each.action for each in made] == ["sts.AssumeRole", *["secretsmanager.GetSecretValue"] * 2]
    assert (made[0].body["ExternalId"], made[0].body["RoleSessionName"]) == ("shop-7", "deploy")
    assert made[0].access_key == login["access_key"] != made[1].access_key


@pytest.mark.parametrize("given", [{}, {"external_id": "shop-8"}])
def test_a_role_that_may_not_be_assumed_is_a_failed_login_that_names_it(store, given):
    role = make_role(store, **{"sts:ExternalId": "shop-7"})
    with pytest.raises(LoginFailed) as caught:
        store.backend(**store.allow("sts:AssumeRole"), role_arn=role, **given).get("db")
    assert role in str(caught.value)
    assert "external" in str(caught.value)


@pytest.mark.parametrize("wrong", [{"secret_key": "wrong"}, {"access_key": "AKIAIOSFODNN7EXAMPLE"}])
def test_wrong_keys_are_a_failed_login(store, wrong):
    login = {**store.allow("*"), **wrong}
    with pytest.raises(LoginFailed) as caught:
        store.backend(**login).get("db")
    assert "wrong" not in str(caught.value).replace("is wrong", "")
