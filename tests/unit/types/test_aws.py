# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type `aws` without a service: its checks, and the forms in which a key is read."""

from __future__ import annotations

import configparser
import json
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NoToken, RefreshUnsupported
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named
from tests.unit.types.refreshed import World

KIND = type_named("aws", {})
KEY = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPx=%"}
ROLE = {**KEY, "region": "eu-central-1", "role_arn": "arn:aws:iam::123456789012:role/deploy"}
STATE = {"access_key_id": "ASIAEXAMPLE", "secret_access_key": "temporary", "session_token": "t0ken", "expiration": "2027-01-31T02:00:00Z"}


def secrets(fields):
    return {name: Secret(value) for name, value in fields.items()}


def read(field, fields=None, state=()):
    return KIND.read(secrets(fields or KEY), secrets(dict(state)), field).expose().decode()


def test_the_environment_holds_the_whole_key_and_the_region_for_old_and_new_tools():
    assert json.loads(read("environment", {**KEY, "region": "eu-central-1"})) == {
        "AWS_ACCESS_KEY_ID": KEY["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEY["secret_access_key"],
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }


def test_a_profile_is_a_section_that_parsers_of_aws_read_back():
    parser = configparser.RawConfigParser()
    parser.read_string(read("profile", {**ROLE, "profile_name": "shop"}, STATE))
    assert dict(parser["shop"]) == {
        "aws_access_key_id": "ASIAEXAMPLE",
        "aws_secret_access_key": "temporary",
        "aws_session_token": "t0ken",
        "region": "eu-central-1",
    }
    assert read("profile").startswith("[default]\naws_access_key_id = AKIA")


def test_the_output_for_credential_process_has_the_end_of_a_temporary_key():
    assert json.loads(read("credential_process", ROLE, STATE)) == {
        "Version": 1,
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "temporary",
        "SessionToken": "t0ken",
        "Expiration": "2027-01-31T02:00:00Z",
    }
    assert "Expiration" not in json.loads(read("credential_process"))


@pytest.mark.parametrize("field", ["access_key_id", "secret_access_key", "session_token", "environment", "profile", "credential_process"])
def test_with_a_role_the_key_that_assumes_it_is_never_read_in_place_of_the_roles(field):
    with pytest.raises(NoToken, match="was not assumed"):
        read(field, ROLE)


def test_what_is_computed_from_the_key_is_secret():
    assert all(KIND.is_secret(field) for field in ("environment", "profile", "credential_process", "external_id"))


def test_only_the_beginning_of_the_keys_id_is_shown():
    shown = KIND.redact(secrets(KEY))
    assert shown["access_key_id"] == "AKIA***"
    assert KEY["secret_access_key"] not in shown.values()


def test_a_key_without_a_role_is_not_refreshed():
    with pytest.raises(RefreshUnsupported):
        KIND.refresh(secrets(KEY), {})
    assert KIND.expires_at(secrets(KEY)) is None


def test_a_key_without_a_role_keeps_its_lifetime_in_a_rotation():
    world = World("aws", **KEY)
    world.manager.update("robot", expires_at=datetime.now(timezone.utc) + timedelta(days=90))
    parameters = {"name": "robot", "target": "none", "fields": {"access_key_id": "AKIANEXT", "secret_access_key": "next"}}
    perform(world.manager, "credential_rotate", parameters, AccessContext(), False)
    assert world.read("access_key_id") == "AKIANEXT"
    assert timedelta(days=89) < world.expires_at - datetime.now(timezone.utc) <= timedelta(days=90)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"secret_access_key": "x"}, "access_key_id"),
        ({**KEY, "secret_access_key": "two words"}, "secret_access_key"),
        ({**KEY, "session_token": "line\nbreak"}, "session_token"),
        ({**KEY, "external_id": "shop-7"}, "external_id"),
        ({**KEY, "lifetime": "1h"}, "lifetime"),
        ({**ROLE, "role_arn": "deploy"}, "role_arn"),
        ({**ROLE, "lifetime": "14m"}, "lifetime"),
        ({**ROLE, "lifetime": "13h"}, "lifetime"),
        ({**ROLE, "lifetime": "soon"}, "lifetime"),
        ({**ROLE, "role_session_name": "a b"}, "role_session_name"),
        ({**ROLE, "endpoint_url": "http://sts.example.com"}, "endpoint_url"),
        ({**ROLE, "region": "eu central"}, "region"),
        ({name: value for name, value in ROLE.items() if name != "region"}, "region"),
        ({**KEY, "profile_name": "a]\n[b"}, "profile_name"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_by_name(fields, field):
    with pytest.raises(InvalidInput) as caught:
        KIND.validate(secrets(fields))
    assert field in "{0} {1}".format(caught.value.option, caught.value.what)
    assert all(fields[name] not in str(caught.value) for name in ("secret_access_key", "session_token") if len(fields.get(name, "")) > 1)
