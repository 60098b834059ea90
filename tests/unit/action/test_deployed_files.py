# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is recorded of a file that a task has written: how it can be written anew, or why it cannot."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.plugin_utils.action.deployed_files import describe_written, forget_file
from ansible_collections.nebula.credential.plugins.plugin_utils.action.deployment import File
from ansible_collections.nebula.credential.plugins.plugin_utils.action.file_contents import Content

SECRET = Secret("s3cret-value")
NEW = {"before": None, "versions": {}, "differs": ["content"], "owner": "app", "group": "web"}


def describe(options, row=None, transport="ssh", delegate_to=None):
    """Return what is recorded of a file of the host web1 that holds `db`."""
    action = SimpleNamespace(_task=SimpleNamespace(delegate_to=delegate_to), _connection=SimpleNamespace(transport=transport))
    file = File({"dest": "/etc/db", "mode": "0600", **options}, Content(b"s3cret-value", {"db": "3"}, {}))
    (described,) = describe_written(action, {"inventory_hostname": "web1"}, [file], [row or NEW], [SECRET])
    return described


def test_the_options_of_the_task_and_the_owner_on_the_host_are_recorded_and_no_value():
    described = describe({"credential": "db", "field": "password", "validate": "check %s", "section": None})
    assert described == {
        "host": "web1",
        "controller": "",
        "dest": "/etc/db",
        "versions": {"db": "3"},
        "how": {"credential": "db", "field": "password", "mode": "0600", "validate": "check %s", "owner": "app", "group": "web"},
        "why": "",
        "before": [],
    }


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"template": "a.j2"}, "it was written from a template"),
        ({"values": {"A": {"credential": "db"}, "B": "text"}, "format": "json"}, "it has texts of its play, which may be secret"),
        ({"values": {"A": {"credential": "db", "version": "3"}}, "format": "json"}, "its play has chosen the version"),
        ({"credential": "db", "version": "3"}, "its play has chosen the version"),
        ({"credential": "db", "validate": "check --password s3cret-value %s"}, "one of its options holds a value"),
        ({"credential": "db", "format": "ini", "section": "s3cret-value"}, "one of its options holds a value"),
    ],
)
def test_a_file_that_only_its_play_can_write_says_why_and_keeps_no_options(options, why):
    described = describe(options)
    assert (described["how"], described["why"]) == ({}, why)


@pytest.mark.parametrize(
    ("row", "before"),
    [
        ({"before": None, "versions": {}, "differs": ["content"]}, []),
        ({"before": {}, "versions": {"old": "1"}, "differs": ["content"]}, ["old"]),
        ({"before": {}, "versions": {}, "differs": []}, []),
        ({"before": {}, "versions": {}, "differs": ["content"]}, None),
    ],
    ids=["new", "noted", "the same", "another one without a note"],
)
def test_what_was_in_the_file_before_is_known_or_searched_for(row, before):
    assert describe({"credential": "db"}, row)["before"] == before


def test_a_file_on_the_controller_names_it_and_a_delegated_one_its_host():
    assert describe({"credential": "db"}, transport="local")["controller"] == os.uname().nodename
    assert describe({"credential": "db"}, delegate_to="web2")["host"] == "web2"


def test_a_file_that_is_not_what_was_recorded_is_forgotten_for_its_credentials():
    action = SimpleNamespace(_task=SimpleNamespace(delegate_to="web2"), _connection=SimpleNamespace(transport="ssh"))
    file = File({"dest": "/etc/db"}, Content(b"", {"db": "3", "api": "1"}, {}))
    found = forget_file(action, {"inventory_hostname": "web1"}, file)
    assert (found["host"], found["versions"], found["before"]) == ("web2", {}, ["db", "api"])
