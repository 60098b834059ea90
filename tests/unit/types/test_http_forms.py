# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""API keys and logins in the forms that HTTP takes (C1, C2)."""

from __future__ import annotations

import sys
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidToken, MissingLibrary, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named
from tests.conftest import cannot_run

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)


def read(name, field, **fields):
    kind = type_named(name, {})
    assert kind.is_secret(field)
    return kind.read(kind.validate({each: Secret(value) for each, value in fields.items()}), {}, field).expose().decode()


def find_bcrypt():
    """The library, where it is installed."""
    try:
        import bcrypt
    except ImportError:
        cannot_run("bcrypt is not installed: pip install -r requirements/backends.txt")
    return bcrypt


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        ({}, "Authorization: Bearer k3y"),
        ({"prefix": "Token"}, "Authorization: Token k3y"),
        ({"param_name": "X-API-Key"}, "X-API-Key: k3y"),
        ({"param_name": "Authorization", "prefix": "ApiKey"}, "Authorization: ApiKey k3y"),
    ],
)
def test_a_key_is_read_as_the_header_that_carries_it(fields, header):
    assert read("api_key", "header", api_key="k3y", **fields) == header


@given(TEXT, TEXT)
def test_a_key_is_read_as_the_parameter_that_carries_it(name, key):
    assert parse_qs(read("api_key", "query", api_key=key, param_name=name), keep_blank_values=True) == {name: [key]}


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": "c4nary\r\nX-Other: y"},
        {"api_key": "c4nary "},
        {"api_key": "c4nary", "param_name": "X Key"},
        {"api_key": "c4nary", "prefix": "a\nb"},
    ],
)
def test_what_is_no_header_is_refused_and_not_shown(fields):
    with pytest.raises(InvalidToken) as caught:
        read("api_key", "header", **fields)
    assert "c4nary" not in str(caught.value)


def test_a_login_is_read_as_the_header_of_rfc_7617():
    assert read("basic", "header", username="Aladdin", password="open sesame") == "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert read("basic", "header", username="test", password="123\u00a3") == "Authorization: Basic dGVzdDoxMjPCow=="


@pytest.mark.parametrize("field", ["header", "htpasswd"])
def test_a_login_that_has_no_such_form_is_refused(field):
    with pytest.raises(NoToken, match="field 'username'"):
        read("basic", field, password="x")
    for fields in ({"username": "a:b", "password": "x"}, {"username": "a\nb", "password": "x"}, {"username": "a", "password": "x\0"}):
        with pytest.raises(InvalidToken):
            read("basic", field, **fields)


def test_a_line_of_htpasswd_is_accepted_by_bcrypt_and_stays_the_same():
    bcrypt = find_bcrypt()
    line = read("basic", "htpasswd", username="app", password="correct horse \u00e4")
    name, made = line.split(":")
    assert name == "app"
    assert made.startswith("$2y$12$")
    assert bcrypt.checkpw("correct horse \u00e4".encode(), made.replace("$2y$", "$2b$").encode())
    assert line == read("basic", "htpasswd", username="app", password="correct horse \u00e4")
    others = [read("basic", "htpasswd", username=user, password=word) for user, word in (("apq", "correct horse \u00e4"), ("app", "x"))]
    assert len({other.split(":")[1][:29] for other in (line, *others)}) == 3, "each login has a salt of its own"


def test_the_system_accepts_a_line_of_htpasswd():
    find_bcrypt()
    crypt = pytest.importorskip("crypt", reason="Python 3.13 has no crypt")
    made = read("basic", "htpasswd", username="app", password="x" * 72).split(":")[1]
    assert crypt.crypt("x" * 72, made) == made


def test_a_password_that_bcrypt_would_cut_is_refused():
    with pytest.raises(InvalidToken, match="72 bytes"):
        read("basic", "htpasswd", username="app", password="x" * 73)


def test_a_missing_library_is_named_with_its_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    with pytest.raises(MissingLibrary, match=r"pip install 'bcrypt>=4'"):
        read("basic", "htpasswd", username="app", password="x")
