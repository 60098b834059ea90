# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every backend gives a credential as it is, and takes one as it is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2 import Kv2
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import asked_by
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.store.exporter import read_portable
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import CREATE, NOTHING, RESUME, Importer
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Reader
from tests.conformance.backends import HARNESSES
from tests.conformance.records import METADATA, NOON, a_record, value_of

LOCAL = next(harness for harness in HARNESSES if harness.label == "local-encrypted")
KEY = bytes(range(32))
CALLER = AccessContext(workflow="deploy", tags={"team": "a"})
VALUES = (b"one", b"two", b"three")


class Killed(BaseException):
    """The process ended."""


class Watched(Layer):
    """Calls `before` ahead of each put."""

    def __init__(self, inner, before):
        super().__init__(inner)
        self.before, self.puts = before, 0

    def put(self, record, expected_version=None, *, create=False):
        self.before(self.puts)
        self.puts += 1
        return self.inner.put(record, expected_version, create=create)


@pytest.fixture(autouse=True)
def caller():
    with asked_by(CALLER):
        yield


def fill(backend):
    """Three versions of two scopes, each with its own times and tags, and the one before the last as `previous`."""
    version = None
    for number, value in enumerate(VALUES):
        metadata = replace(
            METADATA,
            created_at=NOON + timedelta(days=number),
            tags={"number": str(number)},
            scope=Scope(workflow="other" if number == 0 else "deploy"),
        )
        stored = backend.put(a_record(value=value, metadata=metadata), version, create=version is None)
        before, version = version, stored.version
    attributes = {"source_version": before}
    kept = a_record(value=VALUES[1], stage=PREVIOUS, metadata=replace(METADATA, history=(), attributes=attributes))
    backend.put(kept, create=True)


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


def importer_of(backend):
    return Importer(backend, "destination", "default")


def import_whole(backend, portable):
    return importer_of(backend).write(portable, other_tenant=False, lossy=False)


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


def test_an_import_that_is_killed_before_any_write_is_continued(harness, tmp_path, portable):
    """Four writes: three versions and `previous`."""
    for deadly in range(4):

        def kill(number, deadly=deadly):
            if number == deadly:
                raise Killed

        directory = tmp_path / str(deadly)
        directory.mkdir()
        backend = harness.open(directory)
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


@pytest.mark.backends(lambda harness: harness.label == "vault-kv2")
def test_a_version_that_its_writer_could_not_describe_is_not_read_either(backend, portable, monkeypatch):
    """KV version 2 takes a value and its metadata in two requests. The writer is killed between them, at each version."""
    described = Kv2._described
    for deadly in range(len(VALUES)):
        calls = []

        def kill(*arguments, deadly=deadly, calls=calls, **options):
            if arguments[2].stage == "current":
                calls.append(None)
            if len(calls) > deadly:
                raise Killed
            return described(*arguments, **options)

        monkeypatch.setattr(Kv2, "_described", kill)
        with pytest.raises(Killed):
            import_whole(backend, portable)
        monkeypatch.setattr(Kv2, "_described", described)
        with pytest.raises(Unusable):
            Reader(backend).get("db_pass")
        if deadly < len(VALUES) - 1:
            import_whole(backend, portable)
            there = read_portable(backend, "db_pass", "destination", "default")
            assert there.digest(KEY, "default") == portable.digest(KEY, "default")
        else:
            with pytest.raises(Conflict, match="import it anew"):
                import_whole(backend, portable)
        for stage in (PREVIOUS, CURRENT):
            with suppress(NotFound):
                backend.delete("db_pass", stage=stage)
