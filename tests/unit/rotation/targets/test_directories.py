# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The targets of directories: what is refused before anything is sent, and what results mean. tests/targets has the real servers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, LoginFailed
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network import ldap
from ansible_collections.nebula.credential.plugins.module_utils.network.ldap_problems import describe_login, find_obstacle, is_wrong_login
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.active_directory import ActiveDirectory
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_ROLLBACK, REAPPLY, Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.ldap import Ldap
from tests.unit.rotation.targets.recorded_modules import Recorded

DN = "uid=app,dc=example,dc=com"
ADMIN = {"bind_dn": Secret("cn=admin"), "password": Secret("c4n4ry-admin")}
OWN = {"self_service": True}
SERVER = ldap.Server("ldaps://ldap.example.com", False)


def build(kind: Any, fields: dict[str, str], **options: Any) -> Any:
    texts = {"url": SERVER.url, "bind_dn": DN, "password": "c4n4ry-old", **fields}
    given = {name: Secret(text) for name, text in texts.items() if text}
    defaults = {name: option.default for name, option in kind.options.items() if option.default is not None}
    return kind({**defaults, **options}, Value(given))


@pytest.mark.parametrize("kind", [Ldap, ActiveDirectory])
@pytest.mark.parametrize(
    ("fields", "options", "option"),
    [
        ({}, {}, "admin_credential"),
        ({}, {"admin_credential": ADMIN, **OWN}, "admin_credential"),
        ({}, {"admin_credential": {**ADMIN, "bind_dn": Secret(DN.upper())}}, "admin_credential"),
        ({"bind_dn": "", "username": "app@x"}, {"admin_credential": {"username": Secret("app@x")}}, "admin_credential"),
        ({"url": ""}, OWN, "url"),
        ({"url": "https://ldap.example.com"}, OWN, "url"),
        ({}, {**OWN, "dn": "app"}, "dn"),
        ({}, {**OWN, "ca_cert": "/nonexistent"}, "ca_cert"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_named_before_anything_is_sent(kind, fields, options, option) -> None:
    with pytest.raises(InvalidInput) as caught:
        build(kind, fields, **options).check()
    assert caught.value.option == "{}.{}".format(kind.kind, option)
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "options", "option"),
    [
        ({"url": "ldap://ldap.example.com", "start_tls": "false"}, OWN, "start_tls"),
        ({}, {**OWN, "min_interval": -1}, "min_interval"),
        ({}, {**OWN, "old_accepted_for": -1}, "old_accepted_for"),
    ],
)
def test_active_directory_changes_passwords_over_tls_alone_and_counts_in_seconds(fields, options, option) -> None:
    with pytest.raises(InvalidInput) as caught:
        build(ActiveDirectory, fields, **options).check()
    assert caught.value.option == "active_directory." + option


def test_only_an_administrator_can_take_a_change_back() -> None:
    assert build(Ldap, {}, admin_credential=ADMIN).traits.rollback == REAPPLY
    assert build(Ldap, {}, **OWN).traits.rollback == NO_ROLLBACK


def test_active_directory_accepts_an_old_password_for_a_while_and_binds_the_account_to_its_minimum_age() -> None:
    administered, own = build(ActiveDirectory, {}, admin_credential=ADMIN).traits, build(ActiveDirectory, {}, **OWN).traits
    assert (administered.old_accepted_for, administered.min_interval) == (3600, 0)
    assert (own.old_accepted_for, own.min_interval) == (3600, 86400)
    assert build(ActiveDirectory, {}, **OWN, min_interval=60).traits.min_interval == 60


def test_an_account_that_is_known_by_its_name_is_searched_with_the_name_escaped() -> None:
    target = build(ActiveDirectory, {"bind_dn": "", "username": "EXAMPLE\\a*(b)"}, **OWN, base_dn="dc=example")
    assert target.build_search(None, ())["filter"] == r"(&(objectClass=user)(sAMAccountName=a\2a\28b\29))"
    target = build(ActiveDirectory, {"bind_dn": "", "username": "a@example.com"}, **OWN, base_dn="dc=example")
    assert target.build_search(None, ())["filter"] == "(&(objectClass=user)(userPrincipalName=a@example.com))"
    with pytest.raises(InvalidInput, match="entry of the account is not known"):
        build(Ldap, {"bind_dn": "", "username": "app"}, **OWN).build_search(None, ())


@pytest.mark.parametrize("value", [b"", b"a\0b", b"\xff"])
def test_a_password_that_no_directory_takes_has_a_flaw(value: bytes) -> None:
    assert build(Ldap, {}, **OWN).find_flaw(Value({"password": Secret(value)}))


@pytest.mark.parametrize("kind", [Ldap, ActiveDirectory])
@pytest.mark.parametrize("options", [{"admin_credential": ADMIN}, OWN])
def test_a_new_password_that_is_refused_is_tried_three_times_and_once_to_settle(kind, options) -> None:
    # A try at once, and one more for each second of the limit; a directory locks an account after a few.
    assert build(kind, {}, **options).traits.ask_limit == 2


def problem(code: int, at: int = 0, data: str = "", reason: str = "") -> ldap.Problem:
    return ldap.Problem(code, at, data, reason)


@pytest.mark.parametrize(
    ("kind", "options", "found", "outcome"),
    [
        (Ldap, {"admin_credential": ADMIN}, problem(ldap.CONSTRAINT_VIOLATION), steps.REFUSED),
        (Ldap, {"admin_credential": ADMIN}, problem(ldap.INSUFFICIENT_ACCESS), steps.REFUSED),
        (Ldap, {"admin_credential": ADMIN}, problem(ldap.TIMED_OUT), steps.UNKNOWN),
        (Ldap, {"admin_credential": ADMIN}, problem(-1), steps.UNKNOWN),
        (Ldap, {"admin_credential": ADMIN}, problem(80), steps.UNKNOWN),
        (Ldap, {"admin_credential": ADMIN}, problem(-1, ldap.AT_LOGIN), steps.UNAVAILABLE),
        (Ldap, {"admin_credential": ADMIN}, problem(ldap.INVALID_CREDENTIALS, ldap.AT_LOGIN), steps.UNAVAILABLE),
        (Ldap, OWN, problem(ldap.INVALID_CREDENTIALS, ldap.AT_LOGIN), steps.UNKNOWN),
        (Ldap, OWN, problem(-1, ldap.AT_LOGIN), steps.UNAVAILABLE),
        (ActiveDirectory, OWN, problem(ldap.CONSTRAINT_VIOLATION, reason="0000052D"), steps.REFUSED),
        (ActiveDirectory, OWN, problem(ldap.CONSTRAINT_VIOLATION, reason="00000056"), steps.UNKNOWN),
        (ActiveDirectory, {"admin_credential": ADMIN}, problem(ldap.CONSTRAINT_VIOLATION, reason="0000052D"), steps.REFUSED),
    ],
)
def test_only_a_sure_refusal_is_one(kind, options, found, outcome) -> None:
    assert build(kind, {}, **options).judge(found) == outcome


@pytest.mark.parametrize("kind", [Ldap, ActiveDirectory])
def test_a_copy_that_takes_no_changes_is_named(kind) -> None:
    refused = build(kind, {}, admin_credential=ADMIN).describe_refusal(problem(ldap.REFERRAL))
    assert "a copy that takes no changes" in refused


@pytest.mark.parametrize(
    ("data", "words"),
    [("532", "has expired"), ("533", "disabled"), ("701", "expired"), ("773", "must be changed"), ("775", "locked"), ("530", "this time")],
)
def test_an_account_that_is_refused_with_every_password_is_no_wrong_password(data: str, words: str) -> None:
    found = problem(ldap.INVALID_CREDENTIALS, ldap.AT_LOGIN, data)
    assert not is_wrong_login(found)
    assert words in find_obstacle(found)
    error = describe_login(found, SERVER)
    assert isinstance(error, LoginFailed)
    assert words in str(error)


@pytest.mark.parametrize("data", ["", "52e", "525"])
def test_a_wrong_password_is_one(data: str) -> None:
    assert is_wrong_login(problem(ldap.INVALID_CREDENTIALS, ldap.AT_LOGIN, data))


def test_a_directory_that_cannot_be_reached_shows_no_obstacle() -> None:
    target = build(Ldap, {"url": "ldap://127.0.0.1:1"}, admin_credential=ADMIN, start_tls=False)
    modules = Recorded(None)
    assert target.find_obstacle(modules, Value({"password": Secret("c4n4ry-new")})) == ""
