# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dotenv, INI and JSON files and the environment: each value as its own library reads it, byte for byte."""

from __future__ import annotations

import configparser
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.adoption.entry import write_entry
from ansible_collections.nebula.credential.plugins.module_utils.adoption.registry import find_format

KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True)
AGAIN = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def read(tmp_path):
    def read_file(name, text, **options):
        path = tmp_path / "file"
        path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
        return [(one.name, one.value, dict(one.fields)) for one in find_format(name).read(str(path), options)]

    return read_file


def test_a_dotenv_file_is_not_interpolated(read):
    text = '# a comment\nexport A=pa$${X}ss\nB="a${UNSET}b"\n\nC=\'it is\'  # why\nD\nE=\nF="two\nlines"\n'
    assert read("dotenv", text) == [
        ("A", "pa$${X}ss", {}),
        ("B", "a${UNSET}b", {}),
        ("C", "it is", {}),
        ("E", "", {}),
        ("F", "two\nlines", {}),
    ]


@AGAIN
@given(KEYS, st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=("Cs",)), max_size=40))
def test_what_is_quoted_in_a_dotenv_file_comes_back(read, key, value):
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    assert read("dotenv", "{0}='{1}'\n".format(key, quoted)) == [(key, value, {})]


def test_an_ini_file_has_a_name_for_each_section_and_key(read):
    text = "[DEFAULT]\nUser = a\n[db]\npassWord = 100%(x)s ; no comment\nflag\nlong = one\n  two\n"
    assert read("ini", text) == [
        ("DEFAULT/User", "a", {}),
        ("db/passWord", "100%(x)s ; no comment", {}),
        ("db/long", "one\ntwo", {}),
    ]
    assert read("ini", "[db]\nuser=a\npass=b\n", nested="fields") == [("db", None, {"user": "a", "pass": "b"})]
    assert read("ini", "[db]\nuser=a\n", separator="_") == [("db_user", "a", {})]


@AGAIN
@given(st.dictionaries(KEYS, st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), max_size=20).map(str.strip), max_size=4))
def test_what_configparser_writes_comes_back(read, tmp_path, values):
    written = configparser.RawConfigParser()
    written.optionxform = str
    written["section"] = values
    with (tmp_path / "written").open("w") as stream:
        written.write(stream)
    assert read("ini", (tmp_path / "written").read_bytes()) == [("section/" + key, value, {}) for key, value in values.items()]


def test_a_json_file_keeps_numbers_as_they_are_written(read):
    text = '{"a": {"b": ["x", {"c": 1.10}]}, "n": 01e2, "t": true, "z": null, "empty": {}}'.replace("01e2", "1e2")
    assert read("json", text) == [("a/b/0", "x", {}), ("a/b/1/c", "1.10", {}), ("n", "1e2", {}), ("t", "true", {})]
    assert read("json", '{"db": {"user": "a", "opt": {"x": "b"}}, "k": "v"}', nested="fields") == [
        ("k", "v", {}),
        ("db", None, {"user": "a", "opt/x": "b"}),
    ]


def test_two_values_that_would_be_one_field_are_refused(read):
    same = '{"a": {"b/c": "one", "b": {"c": "one"}}}'
    assert read("json", same, nested="fields") == [("a", None, {"b/c": "one"})]
    with pytest.raises(errors.InvalidInput, match=r"a\.b\.c: the keys on the way to this value become the same field"):
        read("json", same.replace('{"c": "one"}', '{"c": "canary"}'), nested="fields")


@AGAIN
@given(st.dictionaries(KEYS, st.text(st.characters(exclude_categories=("Cs",)), max_size=40), max_size=5), st.booleans())
def test_what_json_writes_comes_back(read, values, ascii_only):
    assert read("json", json.dumps(values, ensure_ascii=ascii_only)) == [(key, value, {}) for key, value in values.items()]


def test_the_environment_is_read_byte_for_byte(monkeypatch):
    monkeypatch.setenv("ADOPTED_ONE", "pa$$")
    found = {one.name: one.value for one in find_format("environment").read("", {})}
    assert found["ADOPTED_ONE"] == b"pa$$"


@pytest.mark.parametrize(
    ("form", "text", "place"),
    [
        ("dotenv", "A=1\n'canary\n", "line 2"),
        ("ini", "canary = 1\n", "line 1: a section header"),
        ("ini", "[a]\nx=canary\nx=2\n", "line 3: a key or a section is there for the second time"),
        ("ini", "[a]\n=canary\n", "line 2"),
        ("ini", "[a]\nflag\n  canary = 1\n", "a key"),
        ("json", '{"a":\n canary}', "line 2: it is no JSON"),
        ("json", '{"a": "canary", "a": 1}', "the same key twice"),
        ("json", '["canary"]', "no mapping"),
        ("json", b'{"a": "\xffcanary"}', "no UTF-8"),
    ],
)
def test_a_broken_file_is_named_with_its_line_and_nothing_of_it_is_shown(read, form, text, place):
    with pytest.raises(errors.InvalidInput) as caught:
        read(form, text)
    assert place in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_long_row_of_blanks_does_not_hold_up_a_reader(read):
    blanks = " " * 1_000_000
    assert read("ini", "[a]\nb =" + blanks + "c\nd" + blanks + "e\n") == [("a/b", "c", {})]
    with pytest.raises(errors.InvalidInput, match="line 2: there are more than 1000 blanks in a row"):
        read("dotenv", "A=1\nB=c" + blanks + "d\n")


def test_a_path_where_nothing_is_is_named(tmp_path):
    with pytest.raises(errors.InvalidInput, match="there is nothing at"):
        list(find_format("json").read(str(tmp_path / "missing"), {}))


@AGAIN
@given(
    st.sampled_from(["dotenv", "ini", "json"]),
    st.binary(max_size=60)
    | st.text(st.sampled_from("[]{}=:\"'\\\n #a1,\ud800"), max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
def test_whatever_a_file_holds_it_is_read_or_refused(read, form, content):
    try:
        names = [name for name, _value, _fields in read(form, content)]
    except errors.InvalidInput as error:
        names = ["{0}".format(error.__cause__)]
    assert all(isinstance(name, str) for name in names)


def test_half_of_a_character_is_refused_without_the_value(tmp_path):
    path = tmp_path / "file"
    path.write_text('{"a": "canary\\ud800"}')
    with pytest.raises(errors.InvalidInput, match="half of a surrogate pair") as caught:
        [write_entry(one, one.name) for one in find_format("json").read(str(path), {})]
    assert "canary" not in str(caught.value)
