# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every backend gives a credential as it is, and takes one as it is."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context.caller import acting_as
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.store.exporter import read_portable
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import CREATE, NOTHING, RESUME
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Reader

from .portables import CALLER, KEY, LOCAL, VALUES, Killed, Watched, fill, import_whole, importer_of
from .records import value_of


@pytest.fixture(autouse=True)
def caller():
    with acting_as(CALLER):
        yield


@pytest.fixture
def other(tmp_path):
    """The store at the other end: a local encrypted one."""
    directory = tmp_path / "other"
    directory.mkdir()
    store = LOCAL.open(directory)
    yield store
    store.close()


@pytest.fixture
def portable(other):
    fill(other)
    return read_portable(other, "db_pass", "source", "default")


def test_a_credential_is_imported_with_every_version_and_previous(backend, portable):
    versions = import_whole(backend, portable)
    there = read_portable(backend, "db_pass", "destination", "default")
    assert there.digest(KEY, "default") == portable.digest(KEY, "default")
    assert [value_of(backend.get("db_pass", versions[str(record.version)])) for record in portable.versions] == list(VALUES)


def test_a_credential_is_exported_with_every_version_and_previous(backend, other):
    fill(backend)
    exported = read_portable(backend, "db_pass", "source", "default")
    import_whole(other, exported)
    there = read_portable(other, "db_pass", "destination", "default")
    assert there.digest(KEY, "default") == exported.digest(KEY, "default")
    assert [value_of(record) for record in there.versions] == list(VALUES)


def test_a_complete_import_is_left_alone(backend, portable):
    first = import_whole(backend, portable)
    before = backend.get("db_pass")
    assert importer_of(backend).plan(portable, KEY).action == NOTHING
    assert import_whole(backend, portable) == first
    after = backend.get("db_pass")
    assert (after.version, after.revision) == (before.version, before.revision)


def test_an_import_that_is_killed_before_any_write_is_continued(kind, tmp_path, portable):
    """Four writes: three versions and `previous`."""
    for deadly in range(4):

        def kill(number, deadly=deadly):
            if number == deadly:
                raise Killed

        directory = tmp_path / str(deadly)
        directory.mkdir()
        backend = kind.open(directory)
        with pytest.raises(Killed):
            import_whole(Watched(backend, kill), portable)
        assert importer_of(backend).plan(portable, KEY).action == (CREATE if deadly == 0 else RESUME)
        versions = import_whole(backend, portable)
        there = read_portable(backend, "db_pass", "destination", "default")
        assert there.digest(KEY, "default") == portable.digest(KEY, "default")
        assert list(versions) == [str(record.version) for record in portable.versions]
        backend.close()


def test_nothing_is_read_before_the_last_version_is_there(backend, portable):
    read = []

    def look(_number):
        try:
            read.append(Reader(backend).get("db_pass").fields["password"].expose())
        except (NotFound, Unusable) as refused:
            read.append(refused.code)

    import_whole(Watched(backend, look), portable)
    assert read == ["not_found", "unusable", "unusable", "unusable"]
    assert Reader(backend).get("db_pass").fields["password"].expose() == VALUES[-1]


def test_an_older_version_does_not_say_that_it_was_imported(backend, portable):
    versions = import_whole(backend, portable)
    older = Reader(backend).get("db_pass", versions[str(portable.versions[0].version)])
    assert "importing" not in older.metadata.attributes
