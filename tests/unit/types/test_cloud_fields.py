# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of the types `azure`, `gcp` and `registry`: what is refused when they are written."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NoToken, RefreshUnsupported
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named
from tests.unit.types.samples import AWS_LOGIN, make_rsa_key, make_service_account_key

PRINCIPAL = {"client_secret": "c4n4ry~", "tenant_id": "1-2-3", "client_id": "4-5-6"}
ACCOUNT = {"service_account_key": make_service_account_key()}
PLAIN = {"server": "registry.example.com:5000", "username": "app", "password": "c4n4ry"}
ACR = {**PRINCIPAL, "provider": "acr", "server": "shop.azurecr.io"}
ECR = {**AWS_LOGIN, "provider": "ecr"}


def secrets(fields):
    return {name: Secret(value) for name, value in fields.items() if value is not None}


def key_with(**parts):
    return {"service_account_key": json.dumps({**json.loads(ACCOUNT["service_account_key"]), **parts})}


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("azure", {**PRINCIPAL, "client_secret": None}, "client_secret"),
        ("azure", {**PRINCIPAL, "tenant_id": None}, "tenant_id"),
        ("azure", {**PRINCIPAL, "client_id": "a/b"}, "client_id"),
        ("azure", {**PRINCIPAL, "client_secret": None, "client_certificate": "no certificate"}, "client_certificate"),
        ("azure", {**PRINCIPAL, "client_secret": None, "client_certificate": make_rsa_key()}, "client_certificate"),
        ("azure", {**PRINCIPAL, "client_certificate": "x"}, "client_secret"),
        ("azure", {**PRINCIPAL, "authority": "https://login.example.com"}, "authority"),
        ("azure", {**PRINCIPAL, "scope": "one two"}, "scope"),
        ("azure", {**PRINCIPAL, "ca_cert": "none"}, "ca_cert"),
        ("gcp", {"service_account_key": "{}"}, "service_account_key"),
        ("gcp", {"service_account_key": "c4n4ry"}, "service_account_key"),
        ("gcp", key_with(type="external_account"), "service_account_key"),
        ("gcp", key_with(private_key="c4n4ry"), "service_account_key"),
        ("gcp", key_with(token_uri="http://example.com/token"), "service_account_key"),
        ("gcp", {**ACCOUNT, "scopes": "cloud-platform"}, "scopes"),
        ("gcp", {**ACCOUNT, "ca_cert": "none"}, "ca_cert"),
        ("registry", {**PLAIN, "server": None}, "server"),
        ("registry", {**PLAIN, "server": "ftp://example.com"}, "server"),
        ("registry", {**PLAIN, "username": "a:b"}, "username"),
        ("registry", {**PLAIN, "region": "eu-central-1"}, "region"),
        ("registry", {**ECR, "password": "c4n4ry"}, "password"),
        ("registry", {**ECR, "role_arn": None, "external_id": None, "region": None}, "region"),
        ("registry", {**ECR, "access_key_id": None}, "access_key_id"),
        ("registry", {**ACR, "server": None}, "server"),
        ("registry", {**ACR, "server": "https://shop.azurecr.io"}, "server"),
        ("registry", {**ACR, "tenant_id": None}, "tenant_id"),
        ("registry", {"provider": "gar", "server": "europe-docker.pkg.dev"}, "service_account_key"),
        ("registry", {"provider": "gar", **ACCOUNT}, "server"),
        ("registry", {"provider": "gar", "server": "europe-docker.pkg.dev", **key_with(private_key="c4n4ry")}, "service_account_key"),
        ("registry", {"provider": "gar", **ACCOUNT, "server": "europe-docker.pkg.dev", "ca_cert": "none"}, "ca_cert"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_by_name_and_not_shown(kind, fields, field):
    with pytest.raises(InvalidInput, match="field '{0}' of type '{1}'".format(field, kind)) as caught:
        type_named(kind, {}).validate(secrets(fields))
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "fields", "primary"),
    [
        ("azure", PRINCIPAL, "client_secret"),
        ("azure", {"client_certificate": "x"}, "client_certificate"),
        ("gcp", ACCOUNT, "service_account_key"),
        ("registry", PLAIN, "password"),
        ("registry", ECR, "secret_access_key"),
        ("registry", ACR, "client_secret"),
        ("registry", {"provider": "gar"}, "service_account_key"),
    ],
)
def test_value_sets_the_key_that_makes_the_tokens(kind, fields, primary):
    assert type_named(kind, {}).primary_of(secrets(fields)) == primary


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [("azure", PRINCIPAL, "token"), ("gcp", ACCOUNT, "token"), ("registry", ACR, "password"), ("registry", ECR, "dockerconfigjson")],
)
def test_there_is_no_token_before_the_first_refresh(kind, fields, field):
    with pytest.raises(NoToken, match="yet"):
        type_named(kind, {}).read(secrets(fields), {}, field)


def test_a_key_of_google_without_a_project_says_so():
    with pytest.raises(NoToken, match="'project_id'"):
        type_named("gcp", {}).read(secrets(key_with(project_id=None)), {}, "project_id")


def test_a_plain_login_is_not_refreshed():
    with pytest.raises(RefreshUnsupported):
        type_named("registry", {}).refresh(secrets(PLAIN), {})


def test_what_is_computed_from_a_login_is_secret():
    assert all(type_named("registry", {}).is_secret(field) for field in ("auth", "dockerconfigjson"))
    assert type_named("azure", {}).is_secret("environment")
