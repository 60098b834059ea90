# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way to log in to AWS: which key signs the request, and what is requested for it."""

from __future__ import annotations

import os
import time
from contextlib import closing
from datetime import datetime, timedelta, timezone

import pyotp
import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, LoginFailed, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.records import a_record, value_of
from tests.integration.aws_store import AwsStore, open_backend
from tests.servers import aws_front, once, scripted
from tests.servers.aws_front import refuse
from tests.servers.scripted import Answer

ROLE = "arn:aws:iam::123456789012:role/deploy"
SOON = timedelta(hours=1)


@pytest.fixture(autouse=True)
def nothing_of_aws(monkeypatch, tmp_path):
    """Neither keys nor files of the person who runs the test."""
    for variable in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def store():
    found = AwsStore(once.server("moto"))
    found.backend().put(a_record("db"))
    return found


def signers(store, since):
    return [(each.action, each.access_key) for each in store.server.requests(since=since)]


def read(store, **login):
    """Read twice with this login alone, and return what was requested and who signed it."""
    where = {name: value for name, value in store.options.items() if name not in ("access_key", "secret_key")}
    since = store.server.count()
    backend = open_backend(**where, **login)
    assert [value_of(backend.get("db")) for _each in range(2)] == [b"s3cret"] * 2
    return signers(store, since)


def test_static_keys_also_from_files_and_variables(store, monkeypatch, tmp_path):
    file = tmp_path / "secret"
    file.write_text("canary\n")
    file.chmod(0o600)
    monkeypatch.setenv("MY_KEY", "AKIDVARIABLE")
    made = read(store, access_key_env="MY_KEY", secret_key_file=str(file), session_token="t")
    assert made == [("secretsmanager.GetSecretValue", "AKIDVARIABLE")] * 2


def test_the_default_chain_reads_the_environment_before_a_profile(store, monkeypatch, tmp_path):
    (tmp_path / "credentials").write_text("[shop]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_PROFILE", "shop")
    assert {key for _action, key in read(store)} == {"AKIDPROFILE"}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert {key for _action, key in read(store)} == {"AKIDENVIRONMENT"}
    assert {key for _action, key in read(store, profile="shop")} == {"AKIDPROFILE"}


def test_a_profile_that_is_missing_is_named(store):
    with pytest.raises(InvalidConfiguration) as caught:
        read(store, profile="gone")
    assert caught.value.option == "profile"


def test_no_keys_anywhere_is_a_failed_login_that_says_what_to_give(store):
    with pytest.raises(LoginFailed, match="AWS has no credentials here"):
        read(store)


def test_a_region_comes_from_the_profile_and_its_lack_is_named(store, tmp_path):
    (tmp_path / "credentials").write_text("[shop]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = x\n")
    where = {name: value for name, value in store.options.items() if name not in ("access_key", "secret_key", "region")}
    with pytest.raises(InvalidConfiguration) as caught:
        open_backend(**where, profile="shop").get("db")
    assert caught.value.option == "region"
    (tmp_path / "config").write_text("[profile shop]\nregion = us-east-1\n")
    assert value_of(open_backend(**where, profile="shop").get("db")) == b"s3cret"


def test_a_role_with_a_device_sends_its_serial_and_code(store, monkeypatch):
    monkeypatch.setenv("CODE", "123456")
    serial = "arn:aws:iam::123456789012:mfa/deploy"
    since = store.server.count()
    made = read(store, access_key="AKIDME", secret_key="x", role_arn=ROLE, mfa_serial=serial, mfa_code_env="CODE")
    assert [action for action, _key in made] == ["sts.AssumeRole", *["secretsmanager.GetSecretValue"] * 2]
    assert made[0][1] == "AKIDME" != made[1][1]
    assert store.server.requests(since=since)[0].body["SerialNumber"] == serial


KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SERIAL = "arn:aws:iam::123456789012:mfa/deploy"


@pytest.fixture
def factor(tmp_path):
    """The configuration of a store with the key of a device, in the credential `aws_factor`."""
    config = {"backend": "local", "path": str(tmp_path / "keys"), "key_sources": [{"source": "key_file", "path": str(tmp_path / "key")}]}
    with closing(open_store(config)) as keys:
        keys.ensure(DesiredCredential("aws_factor", type="totp", value=Secret(KEY)))
    return dict(config, name="keys")


@pytest.mark.parametrize("service", ["secretsmanager", "ssm"])
def test_the_code_of_a_device_may_come_from_a_credential_of_another_store(store, factor, service):
    """Each login reads the code of its moment, so that a login which has ended is renewed."""
    login = {"role_arn": ROLE, "mfa_serial": SERIAL, "mfa_credential": {"store": factor, "name": "aws_factor"}}
    given = {name: value for name, value in store.options.items() if name != "batch_get" or service == "secretsmanager"}
    began, since = time.time(), store.server.count()
    with aws_front.running(store.server, {}) as front, closing(
        open_store({"backend": "aws", "audit": "off", **given, **front.login, "service": service, **login})
    ) as cloud:
        cloud.exists("nothing")
        action = "GetSecretValue" if service == "secretsmanager" else "GetParameter"
        front.disturbed[action] = [refuse("ExpiredTokenException")]
        cloud.exists("nothing")
    assumed = [each.body for each in store.server.requests(since=since) if each.action == "sts.AssumeRole"]
    codes = {pyotp.TOTP(KEY).at(moment) for moment in range(int(began) - 30, int(time.time()) + 31, 30)}
    assert len(assumed) == 2
    assert {body["SerialNumber"] for body in assumed} == {SERIAL}
    assert {body["TokenCode"] for body in assumed} <= codes


def test_a_credential_of_a_device_that_is_missing_is_named_with_its_store(store, factor):
    login = {"role_arn": ROLE, "mfa_serial": SERIAL, "mfa_credential": {"store": factor, "name": "gone"}}
    with pytest.raises(NotFound, match="credential 'gone', store 'keys'"), closing(
        open_store({"backend": "aws", "audit": "off", **store.options, **login}, name="cloud")
    ) as cloud:
        cloud.get("db")


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"mfa_serial": SERIAL, "mfa_code": "1", "mfa_credential": {"store": {}, "name": "a"}}, "'mfa_code' is given, too"),
        ({"mfa_credential": {"store": {}, "name": "a"}}, "option 'mfa_serial'.*it is missing"),
        ({"mfa_serial": SERIAL, "mfa_credential": {"name": "a"}}, "it names no credential"),
        ({"mfa_serial": SERIAL, "mfa_credential": {"store": "keys", "name": "a"}}, "the store is not resolved"),
    ],
)
def test_a_credential_of_a_device_that_cannot_be_used_is_refused(store, given, what):
    with pytest.raises(InvalidConfiguration, match=what), closing(
        open_store({"backend": "aws", "audit": "off", **store.options, "role_arn": ROLE, **given})
    ) as cloud:
        cloud.get("db")


def test_a_web_identity_sends_its_token_without_a_signature(store, tmp_path):
    file = tmp_path / "token"
    file.write_text("a.b.c")
    made = read(store, web_identity_token_file=str(file), role_arn=ROLE)
    assert made[0] == ("sts.AssumeRoleWithWebIdentity", "")
    assert made[1][1]
    file.unlink()
    with pytest.raises(LoginFailed) as caught:
        read(store, web_identity_token_file=str(file), role_arn=ROLE)
    assert caught.value.option == "web_identity_token_file"


def test_the_role_of_the_machine_is_requested_only_if_that_is_the_login(store, monkeypatch):
    expires = (datetime.now(timezone.utc) + SOON).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = {"Code": "Success", "AccessKeyId": "AKIDMACHINE", "SecretAccessKey": "x", "Token": "t", "Expiration": expires}

    def metadata(request):
        if request.method == "PUT":
            return Answer(200, b"token")
        return Answer(200, keys) if request.path.endswith("/deploy") else Answer(200, b"deploy")

    with scripted.running(metadata) as server:
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)
        assert {key for _action, key in read(store, access_key="AKIDSTATIC", secret_key="x")} == {"AKIDSTATIC"}
        assert server.asked == []
        assert {key for _action, key in read(store, login_method="instance_profile")} == {"AKIDMACHINE"}
        assert server.asked != []


def test_a_machine_without_a_metadata_service_is_a_failed_login(store, monkeypatch):
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(LoginFailed):
        read(store, login_method="instance_profile")


def test_keys_of_a_role_that_end_in_mid_run_are_replaced_once(store):
    ended = [refuse("ExpiredTokenException")]
    with aws_front.running(store.server, {"GetSecretValue": ended}) as front:
        backend = store.backend(**front.login, role_arn=ROLE)
        assert value_of(backend.get("db")) == b"s3cret"
        assert front.asked == ["", "GetSecretValue", "", "GetSecretValue"]
        front.disturbed["GetSecretValue"] = [refuse("ExpiredTokenException")] * 2
        with pytest.raises(LoginFailed, match="ended"):
            backend.get("db")


def test_static_keys_that_end_are_a_failed_login_and_not_tried_again(store):
    ended = {"GetSecretValue": [refuse("ExpiredTokenException")]}
    with aws_front.running(store.server, ended) as front, pytest.raises(LoginFailed, match="ended"):
        store.backend(**front.login).get("db")
    assert front.asked == ["GetSecretValue"]
