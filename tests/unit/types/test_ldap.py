# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of directories: which fields belong together, and that no password is sent that would log in nobody."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network import ldap
from ansible_collections.nebula.credential.plugins.module_utils.types.ldap import Ldap, build_login, build_server
from tests.unit.types.samples import make_rsa_key

DN = "uid=app,ou=services,dc=example,dc=com"
DIRECTORY = {"password": "c4n4ry-ldap", "url": "ldaps://ldap.example.com"}
AD = {"directory": "active_directory"}


def fields_of(texts):
    return {name: Secret(text) for name, text in texts.items()}


def validate(**texts):
    return Ldap().validate(fields_of({**DIRECTORY, **texts}))


@pytest.mark.parametrize(
    "texts",
    [
        {"bind_dn": DN},
        {"bind_dn": DN, "url": "ldap://ldap.example.com:3389/", "start_tls": "false", "base_dn": "dc=example,dc=com"},
        {"bind_dn": DN, "url": "ldap://[2001:db8::1]:389", "start_tls": "true"},
        {"username": "app@example.com", **AD},
        {"username": "EXAMPLE\\app", **AD},
        {"username": "app", "mechanism": "DIGEST-MD5", "realm": "example.com", **AD},
        {"bind_dn": DN, **AD},
        {"username": "app", "mechanism": "SCRAM-SHA-256"},
        {"username": "app", "mechanism": "PLAIN"},
    ],
)
def test_a_login_is_accepted(texts):
    assert validate(**texts)["password"] == Secret("c4n4ry-ldap")


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        ({"bind_dn": DN, "password": ""}, "password"),
        ({}, "bind_dn"),
        ({"bind_dn": DN, "username": "app"}, "bind_dn"),
        ({"bind_dn": "app"}, "bind_dn"),
        ({"bind_dn": DN, "base_dn": "example.com"}, "base_dn"),
        ({"username": "app"}, "username"),
        ({"username": "app@example.com"}, "username"),
        ({"username": "app", **AD}, "username"),
        ({"username": "a\x07", "mechanism": "PLAIN"}, "username"),
        ({"username": "app", "mechanism": "SCRAM-SHA-1", **AD}, "mechanism"),
        ({"bind_dn": DN, "mechanism": "SCRAM-SHA-1"}, "bind_dn"),
        ({"username": "app", "mechanism": "PLAIN", "realm": "a"}, "realm"),
        ({"bind_dn": DN, "start_tls": "true"}, "start_tls"),
        ({"bind_dn": DN, "url": "https://ldap.example.com"}, "url"),
        ({"bind_dn": DN, "url": "ldap.example.com"}, "url"),
        ({"bind_dn": DN, "url": "ldaps://app:x@ldap.example.com"}, "url"),
        ({"bind_dn": DN, "url": "ldaps://ldap.example.com/dc=example"}, "url"),
        ({"bind_dn": DN, "url": "ldaps://ldap.example.com:port"}, "url"),
        ({"bind_dn": DN, "ca_cert": "none"}, "ca_cert"),
        ({"bind_dn": DN, "ca_cert": make_rsa_key()}, "ca_cert"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field_and_not_shown(texts, field):
    with pytest.raises(InvalidInput, match="field '{0}' of type 'ldap'".format(field)) as caught:
        validate(**texts)
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "start_tls", "expected"),
    [
        ("ldap://h", None, True),
        ("ldap://h", "true", True),
        ("ldap://h", "false", False),
        ("ldaps://h", None, False),
        ("LDAPS://h", None, False),
    ],
)
def test_a_connection_is_encrypted_unless_the_credential_says_otherwise(url, start_tls, expected):
    texts = {"url": url, **({} if start_tls is None else {"start_tls": start_tls})}
    assert build_server(texts).start_tls is expected


def test_an_empty_password_is_refused_before_anything_is_sent():
    """The address is nowhere: a connection would be another error."""
    with pytest.raises(InvalidInput, match="empty"):
        ldap.send(ldap.Server("ldaps://127.0.0.1:1", False), ldap.Login(DN, Secret("")), (), 30)
    with pytest.raises(InvalidInput, match="empty"):
        ldap.build_new_password(DN, Secret(""))


def test_the_login_is_the_name_that_the_credential_has():
    assert build_login(validate(bind_dn=DN)).user == DN
    assert build_login(validate(username="EXAMPLE\\app", **AD)) == ldap.Login("EXAMPLE\\app", Secret("c4n4ry-ldap"))


def test_the_password_can_be_read_as_active_directory_takes_it():
    kind, fields = Ldap(), validate(bind_dn=DN, **AD)
    read = kind.read(fields, {}, "unicode_pwd").expose()
    assert base64.b64decode(read).decode("utf-16-le") == '"c4n4ry-ldap"'
    assert kind.is_secret("unicode_pwd")
    with pytest.raises(NoToken, match="unicode_pwd"):
        kind.read(validate(bind_dn=DN), {}, "unicode_pwd")
