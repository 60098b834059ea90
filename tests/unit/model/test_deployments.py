# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of the files that hold a credential: its form, and what it says."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.model.deployments import (
    DeployedFile,
    Place,
    find_holders,
    read_deployed,
    write_deployed,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)
HOW = {"credential": "db", "mode": "0600", "values": {"A": {"credential": "db"}}}
FILES = {
    Place("web1", "/etc/db"): DeployedFile("3", HOW),
    Place("web2", "/etc/db"): DeployedFile("3", HOW),
    Place("web3", "/etc/db"): DeployedFile("2", {}, "it was written from a template", "here"),
}


def test_what_was_written_is_read_again():
    assert read_deployed(write_deployed("db", FILES, Metadata(NOW, NOW))) == FILES


def test_hosts_with_the_same_file_share_an_entry():
    """Three hundred hosts must fit where a value fits: 25 KB on the smallest store."""
    files = {Place("web{0:03}.example.com".format(number), "/etc/db"): DeployedFile("3", HOW) for number in range(300)}
    content = write_deployed("db", files, Metadata(NOW, NOW)).fields["files"].expose()
    assert len(content) < 10000
    assert len(json.loads(content)) == 1


def test_holders_are_the_hosts_of_one_version():
    assert find_holders({**FILES, Place("web1", "/srv/db"): DeployedFile("3")}, "3") == ("web1", "web2")


ENTRY = {"dest": "/etc/db", "version": "3", "how": {}, "why": "", "controller": "", "hosts": ["web1"]}


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "null",
        "[1]",
        "[{}]",
        "[" * 100000,
        *(json.dumps([{**ENTRY, part: 1}]) for part in ENTRY),
        json.dumps([{**ENTRY, "hosts": [["web1"]]}]),
        json.dumps([{**ENTRY, "hosts": "web1"}]),
        json.dumps([{name: part for name, part in ENTRY.items() if name != "why"}]),
    ],
)
def test_a_record_of_another_form_is_damaged(content):
    with pytest.raises(Damaged, match="record of its files"):
        read_deployed(Record("db", fields={"files": Secret(content)}))


def test_a_record_without_the_field_is_damaged():
    with pytest.raises(Damaged):
        read_deployed(Record("db"))
