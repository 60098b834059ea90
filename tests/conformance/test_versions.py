# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions, and compare-and-swap on them."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound
from tests.conformance.records import a_record, value_of


def test_create_refuses_what_is_there(provider):
    provider.put(a_record(), create=True)
    with pytest.raises(Conflict) as caught:
        provider.put(a_record(value="2"), create=True)
    assert "version 1 is there and none was expected" in str(caught.value)
    assert value_of(provider.get("db_pass")) == b"s3cret"


def test_an_expected_version_is_compared(provider):
    """Of two writers that read the same version the second gets a Conflict that names both versions."""
    first = provider.put(a_record())
    provider.put(a_record(value="2"), first.version)
    with pytest.raises(Conflict) as caught:
        provider.put(a_record(value="3"), first.version)
    assert "version 1 was expected and version 2 is there" in str(caught.value)
    assert value_of(provider.get("db_pass")) == b"2"


def test_an_expected_version_of_nothing_is_a_conflict(provider):
    with pytest.raises(Conflict) as caught:
        provider.put(a_record(), "7")
    assert "version 7 was expected and none is there" in str(caught.value)
    with pytest.raises(NotFound):
        provider.get("db_pass")


def test_delete_compares_too(provider):
    first = provider.put(a_record())
    second = provider.put(a_record(value="2"))
    with pytest.raises(Conflict):
        provider.delete("db_pass", expected_version=first.version)
    provider.delete("db_pass", expected_version=second.version)


def test_without_an_expectation_a_put_replaces(provider):
    provider.put(a_record())
    provider.put(a_record(value="2"))
    assert value_of(provider.get("db_pass")) == b"2"


def test_older_versions_can_be_read(provider):
    stored = [provider.put(a_record(value=str(number))) for number in range(4)]
    infos = provider.versions("db_pass")
    assert [info.version for info in infos] == [record.version for record in reversed(stored)]
    assert [info.current for info in infos] == [True, False, False, False]
    assert all(newer.created_at >= older.created_at for newer, older in zip(infos, infos[1:]))
    for number, record in enumerate(stored):
        found = provider.get("db_pass", record.version)
        assert (value_of(found), found.version, found.serial) == (str(number).encode(), record.version, record.serial)


def test_only_the_newest_versions_are_kept(provider):
    """The default keeps ten older ones."""
    for number in range(15):
        provider.put(a_record(value=str(number)))
    assert [info.version for info in provider.versions("db_pass")] == [str(serial) for serial in range(15, 4, -1)]
    with pytest.raises(NotFound) as caught:
        provider.get("db_pass", "4")
    assert "version '4' does not exist" in str(caught.value)
    assert "15, 14, " in str(caught.value)


@pytest.mark.parametrize("version", ["0", "2", "-1", "01", "one", "", "../1", "1.0", "9" * 40, "\u0661"])
def test_a_version_that_does_not_exist_is_not_found(provider, version):
    provider.put(a_record())
    with pytest.raises(NotFound) as caught:
        provider.get("db_pass", version)
    assert "db_pass" in str(caught.value)


def test_versions_of_a_deleted_credential_do_not_come_back(provider, backend):
    provider.put(a_record(value="1"))
    provider.put(a_record(value="2"))
    provider.delete("db_pass")
    stored = provider.put(a_record(value="3"))
    assert stored.version == str(3 + backend.serials_of_a_delete)
    assert [info.version for info in provider.versions("db_pass")] == [stored.version]
    with pytest.raises(NotFound):
        provider.get("db_pass", "1")
