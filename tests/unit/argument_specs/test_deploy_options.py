# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `deploy` and `run` refuse before anything is read."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.deploy import DEPLOY, parse_mode
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.run import RUN
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.action.sent_values import Source, parse_value
from ansible_collections.nebula.credential.plugins.plugin_utils.config.validation import validate

ONE = {"dest": "/etc/x", "credential": "db"}
REFUSED = [
    ({"credential": "db"}, "option 'dest': it is missing"),
    ({**ONE, "dest": "etc/x"}, "option 'dest': 'etc/x' is not the absolute path of a file"),
    ({**ONE, "dest": "/etc/../x"}, "is not the absolute path"),
    ({**ONE, "dest": "/etc/x/"}, "is not the absolute path"),
    ({"dest": "/etc/x"}, "nothing says what is in the file"),
    ({**ONE, "template": "a.j2"}, "'credential' and 'template' are given"),
    ({**ONE, "field": "a", "fields": ["b"], "format": "json"}, "option 'fields': 'field' is given, too"),
    ({**ONE, "fields": ["a"]}, "option 'fields': it has no use with the format 'text'"),
    ({**ONE, "field": "a", "format": "json"}, "option 'field': it has no use with the format 'json'"),
    ({"dest": "/etc/x", "template": "a.j2", "format": "yaml"}, "option 'template': it has no use with the format 'yaml'"),
    ({"dest": "/etc/x", "template": "a.j2", "format": "pkcs12"}, "a template makes no 'pkcs12'"),
    ({"dest": "/etc/x", "template": "a.j2", "version": "1"}, "option 'version': it has no use with 'template'"),
    ({"dest": "/etc/x", "values": {"A": "x"}}, "several values make no file of the format 'text'"),
    ({**ONE, "format": "ini"}, "option 'section': it is missing"),
    ({**ONE, "format": "json", "section": "a"}, "option 'section': it has no use with the format 'json'"),
    ({**ONE, "mode": 600}, "option 'mode': it is not text"),
    ({**ONE, "mode": "4755"}, "'4755' is not a mode of 0777 at most"),
    ({**ONE, "mode": "u=rw"}, "'u=rw' is not a mode"),
    ({**ONE, "validate": "visudo -c"}, "option 'validate': it does not have one '%s'"),
    ({**ONE, "validate": "sh -c 'test %s"}, "option 'validate': it has a quote that does not end"),
    ({"dest": "/etc/x", "state": "absent", "credential": "db"}, "option 'credential': it has no use with a file with 'state: absent'"),
    ({**ONE, "files": [ONE]}, "option 'files': 'dest' describes one file"),
    ({"files": []}, "option 'files': it is empty"),
    ({"files": [ONE, ONE]}, r"option 'files\[1\].dest': '/etc/x' is described twice"),
    ({"files": [ONE, {"dest": "/etc/y", "mode": "9"}]}, r"option 'files\[1\]': nothing says"),
    ({**ONE, "run_on": "target"}, "Unsupported parameters"),
]


@pytest.mark.parametrize(("options", "says"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_a_file_that_is_not_described_right_is_refused_by_its_option(options, says):
    with pytest.raises(Exception, match=says):
        validate(options, DEPLOY, "deploy")


def test_a_mode_is_text_in_octal_digits():
    assert [parse_mode(mode) for mode in ("0600", "640", "0")] == [0o600, 0o640, 0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"argv": []}, "option 'argv': it names no program"),
        ({"argv": ["a\0b"]}, "an argument has a zero byte"),
        ({"argv": ["a"], "env": {"1X": "y"}}, "option 'env': '1X' is not the name of an environment variable"),
        ({"argv": ["a"], "argument": "x"}, "Unsupported parameters"),
    ],
)
def test_a_command_that_is_not_described_right_is_refused_by_its_option(options, says):
    with pytest.raises(Exception, match=says):
        validate(options, RUN, "run")


def test_an_empty_argument_is_an_argument():
    assert validate({"argv": ["printf", ""]}, RUN, "run")["argv"] == ["printf", ""]


def test_a_value_is_text_or_names_a_credential():
    assert parse_value("plain", "env.A") == "plain"
    assert parse_value(5432, "env.A") == "5432"
    assert parse_value({"credential": "db", "field": "user", "version": "2"}, "env.A") == Source("db", "2", ("user",))


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (True, "option 'env.A': it is a bool, not text"),
        (None, "option 'env.A'"),
        (["s3cret"], "option 'env.A': it is a list, not text"),
        ({"credentials": "s3cret"}, "Did you mean 'credential'"),
        ({"field": "user"}, "it names no credential"),
        ({"credential": ""}, "option 'env.A.credential': it is empty"),
        ({"credential": 7}, "option 'env.A.credential': it is an int, not text"),
    ],
)
def test_any_other_value_is_refused_and_not_shown(written, says):
    with pytest.raises(InvalidInput, match=says) as refused:
        parse_value(written, "env.A")
    assert "s3cret" not in str(refused.value)
