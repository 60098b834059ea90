# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in LDAP: the examples of RFC 4514 section 4 and of RFC 4515 section 4, and what no directory takes."""

from __future__ import annotations

import time

import pytest
from ansible.errors import AnsibleError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.filter.ldap_dn_value import FilterModule as DnFilter
from ansible_collections.nebula.credential.plugins.filter.ldap_filter_value import FilterModule as SearchFilter
from ansible_collections.nebula.credential.plugins.module_utils.network.ldap_names import (
    LONGEST_DN,
    escape_dn_value,
    escape_filter_value,
    is_dn,
    is_down_level_name,
    is_principal_name,
)

RFC_4514 = (
    "UID=jsmith,DC=example,DC=net",
    "OU=Sales+CN=J.  Smith,DC=example,DC=net",
    r"CN=James \"Jim\" Smith\, III,DC=example,DC=net",
    r"CN=Before\0dAfter,DC=example,DC=net",
    "1.3.6.1.4.1.1466.0=#04024869",
    r"CN=Lu\C4\8Di\C4\87",
)
NO_DN = (
    "",
    "app",
    "uid=app,",
    ",uid=app",
    "uid=a,b",
    "uid=a;dc=b",
    "uid=a<b",
    'uid="a"',
    "uid=a\\",
    "uid=a\\g1",
    "1.=a",
    "=a",
    "uid=#a",
    "u_d=a",
)


@pytest.mark.parametrize("text", [*RFC_4514, "uid=app, ou=services , dc=example", "cn=", r"cn=\ a\ ", "cn=a b", "cn=Lučić"])
def test_a_distinguished_name_is_one(text):
    assert is_dn(text)


@pytest.mark.parametrize("text", [*NO_DN, "cn=a\0", "cn=" + "a" * LONGEST_DN])
def test_what_is_no_distinguished_name_is_none(text):
    assert not is_dn(text)


def test_a_long_text_is_compared_in_linear_time():
    """A matcher that went back at each character would run for years."""
    began = time.process_time()
    assert not is_dn("cn=" + "\\20" * 2000 + "\\")
    assert not is_dn("cn=a" + " ," * 4000)
    assert time.process_time() - began < 60


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ('James "Jim" Smith, III', r"James \"Jim\" Smith\, III"),
        ("Before\rAfter", r"Before\0dAfter"),
        ("#a", r"\#a"),
        (" a ", r"\ a\ "),
        (" ", r"\ "),
        ("a+b;c<d>e\\f\0", r"a\+b\;c\<d\>e\\f\00"),
        ("Lučić", "Lučić"),
        ("", ""),
    ],
)
def test_a_value_is_escaped_in_a_distinguished_name(value, escaped):
    assert escape_dn_value(value) == DnFilter().filters()["ldap_dn_value"](value) == escaped
    assert is_dn("cn=" + escaped + ",dc=example")


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("Parens R Us (for all your parenthetical needs)", r"Parens R Us \28for all your parenthetical needs\29"),
        ("*", r"\2a"),
        (r"C:\MyFile", r"C:\5cMyFile"),
        ("\0\0\0\x04", "\\00\\00\\00\x04"),
        ("Lučić", "Lučić"),
    ],
)
def test_a_value_is_escaped_in_a_filter(value, escaped):
    assert escape_filter_value(value) == SearchFilter().filters()["ldap_filter_value"](value) == escaped


@given(st.text(max_size=60))
def test_any_value_can_be_a_part_of_a_name(value):
    assert is_dn("ou=people,cn=" + escape_dn_value(value))
    assert not set(escape_filter_value(value)) & set("*()\0")


@pytest.mark.parametrize("apply", [DnFilter().filters()["ldap_dn_value"], SearchFilter().filters()["ldap_filter_value"]])
@pytest.mark.parametrize("value", [5, None, ["a"], {"a": "b"}])
def test_the_filters_refuse_what_is_no_text(apply, value):
    with pytest.raises(AnsibleError, match="is not text"):
        apply(value)


@pytest.mark.parametrize(
    ("name", "is_upn", "is_down_level"),
    [
        ("app@example.com", True, False),
        ("app.service@ad", True, False),
        ("EXAMPLE\\app", False, True),
        ("EXAMPLE\\app$", False, True),
        ("app", False, False),
        ("EXAMPLE\\a/b", False, False),
        ("EXAMPLE\\\\app", False, False),
        ("a@b@c", False, False),
        ("a@-example.com", False, False),
        ("WAY-TOO-LONG-DOMAIN\\app", False, False),
        ("a\n@example.com", False, False),
    ],
)
def test_names_of_active_directory_are_told_apart(name, is_upn, is_down_level):
    assert (is_principal_name(name), is_down_level_name(name)) == (is_upn, is_down_level)
