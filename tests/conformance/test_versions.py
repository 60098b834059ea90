# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions, and compare-and-swap on them."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import VersionRemover, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag

from .records import a_record, value_of


def test_create_refuses_what_is_there(backend):
    backend.put(a_record(), create=True)
    with pytest.raises(Conflict) as caught:
        backend.put(a_record(value="2"), create=True)
    assert "version 1 is stored and none was expected" in str(caught.value)
    assert value_of(backend.get("db_pass")) == b"s3cret"


def test_an_expected_version_is_compared(backend):
    """Of two writers that read the same version the second gets a Conflict that names both versions."""
    first = backend.put(a_record())
    backend.put(a_record(value="2"), first.etag)
    with pytest.raises(Conflict) as caught:
        backend.put(a_record(value="3"), first.etag)
    assert "version 1 was expected and version 2 is stored" in str(caught.value)
    assert value_of(backend.get("db_pass")) == b"2"


def test_an_expected_version_of_nothing_is_a_conflict(backend):
    with pytest.raises(Conflict) as caught:
        backend.put(a_record(), Etag("7"))
    assert "version 7 was expected and none is stored" in str(caught.value)
    with pytest.raises(NotFound):
        backend.get("db_pass")


def test_delete_compares_too(backend):
    first = backend.put(a_record())
    second = backend.put(a_record(value="2"))
    with pytest.raises(Conflict):
        backend.delete("db_pass", expected=first.etag)
    backend.delete("db_pass", expected=second.etag)


def test_without_an_expectation_a_put_replaces(backend):
    backend.put(a_record())
    backend.put(a_record(value="2"))
    assert value_of(backend.get("db_pass")) == b"2"


def test_older_versions_can_be_read(backend):
    stored = [backend.put(a_record(value=str(number))) for number in range(4)]
    infos = backend.versions("db_pass")
    assert [info.version for info in infos] == [record.version for record in reversed(stored)]
    assert [info.current for info in infos] == [True, False, False, False]
    assert all(newer.created_at >= older.created_at for newer, older in zip(infos, infos[1:]))
    for number, record in enumerate(stored):
        found = backend.get("db_pass", record.version)
        assert (value_of(found), found.version, found.serial) == (str(number).encode(), record.version, record.serial)


def test_only_the_newest_versions_are_kept(backend):
    """The default keeps ten older ones."""
    for number in range(15):
        backend.put(a_record(value=str(number)))
    assert [info.version for info in backend.versions("db_pass")] == [str(serial) for serial in range(15, 4, -1)]
    with pytest.raises(NotFound) as caught:
        backend.get("db_pass", "4")
    assert "version '4' does not exist" in str(caught.value)
    assert "15, 14, " in str(caught.value)


def test_a_version_that_does_not_exist_is_not_found(backend):
    backend.put(a_record())
    for version in ("0", "2", "-1", "01", "one", "", "../1", "1.0", "9" * 40, "\u0661"):
        with pytest.raises(NotFound) as caught:
            backend.get("db_pass", version)
        assert "db_pass" in str(caught.value)


def test_one_older_version_is_removed_and_all_others_stay(backend):
    """Not the current one, nor one that is not there; its number is not used again."""
    remover = find_protocol(backend, VersionRemover)
    stored = [backend.put(a_record(value=str(number))) for number in range(4)]
    remover.remove_version("db_pass", stored[1].version, check=True)
    assert len(backend.versions("db_pass")) == 4
    remover.remove_version("db_pass", stored[1].version)
    assert [info.version for info in backend.versions("db_pass")] == [stored[number].version for number in (3, 2, 0)]
    for version in (stored[1].version, stored[3].version, "99", "x"):
        with pytest.raises(NotFound):
            remover.remove_version("db_pass", version)
    with pytest.raises(NotFound):
        backend.get("db_pass", stored[1].version)
    assert [value_of(backend.get("db_pass", stored[number].version)) for number in (0, 2, 3)] == [b"0", b"2", b"3"]
    assert backend.get("db_pass").revision == 0
    assert backend.put(a_record(value="4")).serial == 5
    with pytest.raises(NotFound):
        remover.remove_version("absent", "1")


def test_versions_of_a_deleted_credential_do_not_come_back(backend, kind):
    backend.put(a_record(value="1"))
    backend.put(a_record(value="2"))
    backend.delete("db_pass")
    stored = backend.put(a_record(value="3"))
    assert stored.version == str(3 + kind.serials_of_a_delete)
    assert [info.version for info in backend.versions("db_pass")] == [stored.version]
    with pytest.raises(NotFound):
        backend.get("db_pass", "1")
