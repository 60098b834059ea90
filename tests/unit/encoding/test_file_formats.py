# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file of named values is read as it was written, by another program than ours."""

from __future__ import annotations

import configparser
import json
import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nebula.credential.plugins.module_utils.encoding.file_formats import FORMATS, name_variable, write_values
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

DIFFICULT = {"A": 'it\'s $HOME `x` "y" \\ {{ z }}', "B": "two\nlines", "C": "", "D": " spaces ", "E": "ünï 😀", "F": "0123", "G": "yes"}


def test_a_shell_reads_a_dotenv_file(tmp_path):
    path = tmp_path / "env"
    path.write_text(write_values("dotenv", DIFFICULT), encoding="utf-8")
    script = '. "$0"; for name in A B C D E F G; do eval "printf \'%s\\\\0\' \\"\\${name:+\\$$name}\\""; done'
    read = subprocess.run(["sh", "-c", script, str(path)], check=True, capture_output=True).stdout
    assert read.decode("utf-8").split("\0")[:-1] == list(DIFFICULT.values())


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20), max_size=4))
def test_json_and_yaml_hold_every_text(values):
    assert json.loads(write_values("json", values)) == values
    printable = {name: value for name, value in values.items() if json.dumps(name + value).isascii()}
    assert yaml.safe_load(write_values("yaml", printable)) == printable


def test_values_that_look_like_others_stay_text_in_yaml():
    assert yaml.safe_load(write_values("yaml", DIFFICULT)) == DIFFICULT
    assert '"0123"' in write_values("yaml", DIFFICULT)


def test_an_ini_file_is_read_by_a_parser_without_interpolation():
    values = {"user": "shop", "password": "a%b;c#d=e:f"}
    parser = configparser.RawConfigParser()
    parser.read_string(write_values("ini", values, "client"))
    assert dict(parser["client"]) == values


def test_properties_are_written_as_java_reads_them():
    values = {"db user": "a=b:c", "key": " x y", "path": "C:\\new", "lines": "one\ntwo", "name": "ü😀"}
    assert write_values("properties", values).splitlines() == [
        "db\\ user=a\\=b\\:c",
        "key=\\ x y",
        "path=C\\:\\\\new",
        "lines=one\\ntwo",
        "name=\\u00FC\\uD83D\\uDE00",
    ]


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        ("dotenv", {"1A": "x"}, "'1A' is not the name of an environment variable"),
        ("dotenv", {"A": "s3cret\0"}, "the value of 'A' has a zero byte"),
        ("ini", {"a=b": "x"}, "'a=b' is no name for an 'ini' file"),
        ("ini", {"a": "s3cret\nx"}, "the value of 'a' has a line break"),
        ("ini", {"a": "s3cret "}, "a space at one of its ends"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_by_name_alone(kind, values, says):
    with pytest.raises(InvalidInput, match=says) as refused:
        write_values(kind, values, "section")
    assert "s3cret" not in str(refused.value)


def test_a_field_is_named_as_a_variable():
    assert name_variable("access-key.id") == "ACCESS_KEY_ID"


def test_every_format_ends_its_last_line():
    assert all(write_values(kind, {"A": "x"}, "s").endswith("\n") for kind in FORMATS)
