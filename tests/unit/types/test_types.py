# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential types: their fields and checks (C1, C2, C6, C12, C14)."""

from __future__ import annotations

from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NoToken, UnsupportedType
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import NULL, REDACTED, Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types import registry
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field
from ansible_collections.nebula.credential.plugins.module_utils.types.opaque import Opaque
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import TYPES, type_named
from tests.unit.store.managing import run

DECLARATION = [
    {"name": "host", "secret": False, "default": "localhost"},
    {"name": "pin", "required": True},
    {"name": "blob", "binary": True},
]
ATTRIBUTES = {"fields": DECLARATION}


def secrets(**fields):
    return {name: Secret(value) for name, value in fields.items()}


def texts(fields):
    return {name: value.expose().decode() for name, value in fields.items()}


def test_an_unknown_type_is_refused_with_those_that_were_added_too(monkeypatch):
    monkeypatch.setattr(registry, "_TYPES", {**registry._TYPES, "badge": type_named("basic", {})})
    with pytest.raises(UnsupportedType, match=r"Did you mean 'badge'\?.*, custom, badge\."):
        type_named("bagde", {})


def test_an_unknown_type_is_refused_with_those_there_are():
    with pytest.raises(UnsupportedType) as caught:
        type_named("token_of_ours", {})
    assert str(caught.value) == (
        "option 'type': there is no type 'token_of_ours'. Use one of: {0}. "
        "One of another party is named in the option 'types' of the store, too.".format(", ".join(TYPES))
    )
    assert set(TYPES) >= {"api_key", "basic", "database", "opaque", "custom"}


def test_no_cache_keeps_a_credential_whose_type_is_not_loaded():
    """It may be the key of a second factor, which no cache keeps."""
    assert [registry.is_cached(name) for name in ("acme.words.word", "totp", *TYPES)].count(False) == 3


def test_a_credential_whose_type_is_not_loaded_any_more_is_revoked_and_deleted(monkeypatch):
    """Neither needs the type. A second run finds nothing to do."""
    word = type("Word", (Opaque,), {"name": "acme.words.word"})
    monkeypatch.setitem(registry._TYPES, word.name, word())
    with closing(open_store({"backend": "memory", "audit": "off"}, name="test")) as manager:
        run(manager, type=word.name, value="x")
        monkeypatch.delitem(registry._TYPES, word.name)
        assert [run(manager, state=state)["changed"] for state in ("revoked", "revoked", "absent")] == [True, False, True]


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("basic", {"username": "app"}, "'password' of type 'basic' is missing"),
        ("basic", {"password": "x", "pasword": "y"}, "unknown: 'pasword'. Fields of type 'basic': password, username"),
        ("basic", {"password": b"\xff"}, "not UTF-8"),
        ("database", {"password": "x", "engine": "sybase"}, "postgresql, mysql"),
        ("database", {"password": "x", "ssl_mode": "on"}, "verify-full"),
        ("database", {"password": "x", "port": "0"}, "1 to 65535"),
        ("database", {"password": "x", "port": "65536"}, "1 to 65535"),
        ("database", {"password": "x", "port": "\u0665"}, "1 to 65535"),
        ("opaque", {}, "at least one field"),
        ("custom", {"host": "x"}, "'pin' of type 'custom' is missing"),
    ],
)
def test_fields_that_do_not_fit_are_refused_and_never_shown(name, fields, says):
    with pytest.raises(InvalidInput) as caught:
        type_named(name, ATTRIBUTES).validate(secrets(**fields))
    assert says in str(caught.value)
    assert "sybase" not in str(caught.value)


@pytest.mark.parametrize("fields", [secrets(a="1", b="2"), secrets(username="app", host="h", port="1")])
def test_a_field_has_to_be_named_where_no_primary_one_is_stored(fields):
    with pytest.raises(InvalidInput, match=", ".join(sorted(fields))):
        type_named("opaque", {}).choose_field(fields)


def test_no_field_has_to_be_named_where_one_is_primary_or_none_is_stored():
    assert type_named("opaque", {}).choose_field(secrets(password="1", b="2")) == "password"
    assert type_named("opaque", {}).choose_field(secrets(b="2")) == "b"
    assert type_named("opaque", {}).choose_field({"value": Secret(b"", NULL)}) == "value"
    assert type_named("custom", ATTRIBUTES).choose_field({}) == "pin"


@pytest.mark.parametrize(
    ("declaration", "says"),
    [
        ([{"name": "pin", "primary": True, "default": "c4n4ry"}], "secret field 'pin'"),
        ([{"name": "pin"}, {"name": "other", "default": "c4n4ry"}], "secret field 'other'"),
        ([{"name": "pin", "secret": False, "primary": True, "default": "c4n4ry"}, {"name": "other"}], "primary field 'pin'"),
        ([{"name": "only", "secret": False, "default": "c4n4ry"}], "primary field 'only'"),
    ],
)
def test_a_default_of_a_secret_or_primary_field_is_refused_and_not_shown(declaration, says):
    with pytest.raises(InvalidInput, match=says) as caught:
        DesiredCredential("door", type="custom", declared=declaration).kind()
    assert "c4n4ry" not in str(caught.value)
    assert type_named("custom", {"fields": declaration}).name == "custom", "what is stored can still be read"


def test_defaults_are_stored():
    assert texts(type_named("database", {}).validate(secrets(password="x")))["engine"] == "postgresql"
    assert texts(type_named("custom", ATTRIBUTES).validate(secrets(pin="1")))["host"] == "localhost"


def test_a_field_that_is_not_there_has_no_token():
    with pytest.raises(NoToken, match="It has: password"):
        type_named("basic", {}).read(secrets(password="x"), {}, "username")


def test_an_opaque_credential_with_one_field_has_it_as_its_primary_one():
    kind = type_named("opaque", {})
    assert kind.primary_of(secrets(only="x")) == "only"
    assert kind.primary_of(secrets(a="x", b="y")) == "value"
    assert kind.primary_of(secrets(a="x", value="y")) == "value"


@pytest.mark.parametrize(
    ("names", "primary"),
    [
        (("username", "password"), "password"),
        (("password", "value"), "value"),
        (("username", "only"), "value"),
        (("tls.crt", "tls.key", "ca.crt"), "tls.key"),
        (("tls.crt", "tls.key", "password"), "tls.key"),
        (("tls.crt", "password"), "password"),
        (("ssh-privatekey", "ssh-publickey"), "ssh-privatekey"),
        (("token", "ca.crt", "namespace"), "token"),
        (("token", "url"), "value"),
    ],
)
def test_an_opaque_credential_of_others_has_the_primary_field_of_its_kind(names, primary):
    assert type_named("opaque", {}).primary_of(secrets(**dict.fromkeys(names, "x"))) == primary


def test_a_field_without_a_value_is_not_the_primary_one():
    null = Secret(b"", NULL)
    kind = type_named("opaque", {})
    assert kind.primary_of({"password": null, "key": Secret("x")}) == "key"
    with pytest.raises(NoToken, match="It has: key"):
        kind.read({"password": null, "key": Secret("x")}, {}, "password")
    with pytest.raises(InvalidInput, match="field 'password' of type 'basic' is missing"):
        type_named("basic", {}).validate({"password": null})


def test_a_custom_type_remembers_which_fields_are_secret():
    kind = type_named("custom", type_named("custom", ATTRIBUTES).attributes())
    assert [field.name for field in kind.fields if field.secret] == ["pin", "blob"]
    assert kind.primary == "pin"
    assert kind.redact(secrets(host="h", pin="1")) == {"host": "h", "pin": REDACTED}
    kind.validate(secrets(pin="1", blob=b"\xff"))


def test_the_declared_primary_field_wins():
    assert type_named("custom", {"fields": [{"name": "a"}, {"name": "b", "primary": True}]}).primary == "b"
    assert type_named("custom", {"fields": [{"name": "a", "secret": False}]}).primary == "a"


@pytest.mark.parametrize(
    "declaration",
    [
        [],
        None,
        [{"name": "a"}, {"name": "a"}],
        [{"name": ""}],
        [{}],
        ["a"],
        [{"name": "a b"}],
        [{"name": "a", "hidden": True}],
        [{"name": "a"}] * 65,
    ],
)
def test_a_declaration_that_means_nothing_is_refused(declaration):
    with pytest.raises(InvalidInput, match="declared_fields"):
        type_named("custom", {"fields": declaration})


class KeyPair(CredentialType):
    """A type like a cloud's: the id of a key, and the key."""

    name, primary = "key_pair", "secret_key"
    fields = (Field("key_id", secret=True, identifies=True), Field("secret_key", secret=True, identifies=True), Field("token", secret=True))


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"key_id": "AKIAIOSFODNN7EXAMPLE"}, {"key_id": "AKIA***"}),
        ({"key_id": "AKIAIOSFODNN7EX"}, {"key_id": REDACTED}),
        ({"secret_key": "x" * 40, "token": "y" * 40}, {"secret_key": REDACTED, "token": REDACTED}),
        ({"other": "z" * 40}, {"other": REDACTED}),
    ],
)
def test_four_characters_are_shown_of_the_id_of_a_key_and_none_of_a_secret(fields, shown):
    assert KeyPair().redact(secrets(**fields)) == shown


def test_each_type_says_which_fields_identify_it():
    found = {name: type_named(name, ATTRIBUTES).identifying for name in TYPES}
    assert found["basic"] == ("username",)
    assert found["database"] == ("username", "host", "database")
    assert found["api_key"] == ("endpoint",)
    assert found["certificate"] == ("common_name", "distinguished_name", "alt_names", "login_id")
    assert found["ssh_key"] == ("comment",)
    assert found["jwt"] == ("key_id", "subject")
    assert found["totp"] == ("account", "issuer")
    assert found["opaque"] == found["custom"] == found["chain"] == found["composite"] == ()


@pytest.mark.parametrize("name", TYPES)
def test_no_primary_value_identifies_a_credential(name):
    kind = type_named(name, ATTRIBUTES)
    assert kind.primary not in kind.identifying


def test_types_are_data_and_share_one_base():
    assert all(isinstance(type_named(name, ATTRIBUTES), CredentialType) for name in TYPES)
