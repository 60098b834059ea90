# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backend that keeps envelopes does with them, without a layer around it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound

from .kinds import KINDS
from .records import METADATA, a_record
from .sealing import seal

KEEPERS = {kind.label: kind for kind in KINDS if kind.encrypted}


@pytest.fixture(params=KEEPERS.values(), ids=KEEPERS.keys())
def keeper(request, tmp_path):
    """A backend without layers."""
    backend = request.param.raw(tmp_path)
    backend.connect()
    yield backend
    backend.close()


def sealed_record(value, serial, revision=0, **changes):
    """A record as the encrypt layer hands it down: an envelope, and no values."""
    record = a_record(value=value, record_id=b"i" * 16, **changes)
    return replace(record, envelope=seal(record, serial, revision), serial=serial, fields={}, state={})


def test_an_envelope_comes_back_to_the_byte(keeper):
    record = sealed_record("1", 7)
    assert (keeper.put(record).version, keeper.get("db_pass").envelope) == ("7", record.envelope)
    assert keeper.get("db_pass").record_id == b"i" * 16


def test_patched_metadata_comes_in_an_envelope_of_its_own(keeper):
    """The envelope has to be the next revision of the same version."""
    keeper.put(sealed_record("1", 1))
    patched = sealed_record("1", 1, 1, metadata=replace(METADATA, description="new"), version="1")
    assert keeper.patch_metadata(patched, 0).revision == 1
    assert keeper.get("db_pass").envelope == patched.envelope
    with pytest.raises(Conflict):
        keeper.patch_metadata(patched, 0)


def test_an_envelope_can_be_rewritten_in_every_place(keeper):
    """Current, a kept version and a stage each take the same value under another key, and stay the version they are."""
    first, second, pending = sealed_record("1", 1), sealed_record("2", 2), sealed_record("p", 1, stage="pending")
    for record in (first, second, pending):
        keeper.put(record)
    written = [info.created_at for info in keeper.versions("db_pass")]
    for record, version in ((first, "1"), (second, "2"), (pending, "1")):
        moved = seal(replace(a_record("db_pass", "moved"), record_id=b"i" * 16, stage=record.stage), record.serial)
        keeper.rewrite_envelope(replace(record, envelope=moved, version=version), record.envelope)
        found = keeper.get("db_pass", version, record.stage)
        assert (found.envelope, found.version, found.revision) == (moved, version, 0)
    assert [info.created_at for info in keeper.versions("db_pass")] == written


def test_an_envelope_that_was_listed_is_rewritten_unless_it_changed_since(keeper):
    """A listing may hold the envelope, and whatever a rewrite of it needs."""
    keeper.put(sealed_record("1", 1))
    listed = next(iter(keeper.list()))
    listed = keeper.get("db_pass") if listed.envelope is None else listed
    first, second = (seal(replace(a_record("db_pass", value), record_id=b"i" * 16), 1) for value in ("moved", "again"))
    keeper.rewrite_envelope(replace(listed, envelope=first), listed.envelope)
    assert keeper.get("db_pass").envelope == first
    with pytest.raises(Conflict):
        keeper.rewrite_envelope(replace(listed, envelope=second), listed.envelope)
    assert keeper.get("db_pass").envelope == first


def test_kept_envelopes_are_read_together_and_rewritten_unless_they_changed_since(keeper):
    for serial in (1, 2, 3):
        keeper.put(sealed_record(str(serial), serial))
    kept = {record.version: record for record in keeper.read_kept(keeper.get("db_pass"))}
    assert {version: record.envelope for version, record in kept.items()} == {
        version: keeper.get("db_pass", version).envelope for version in ("1", "2")
    }
    first, second = (seal(replace(a_record("db_pass", value), record_id=b"i" * 16), 1) for value in ("moved", "again"))
    keeper.rewrite_envelope(replace(kept["1"], envelope=first), kept["1"].envelope)
    with pytest.raises(Conflict):
        keeper.rewrite_envelope(replace(kept["1"], envelope=second), kept["1"].envelope)
    found = [keeper.get("db_pass", version).envelope for version in ("1", "2", "3")]
    assert found == [first, kept["2"].envelope, keeper.get("db_pass").envelope]


def test_a_first_value_has_no_kept_envelopes(keeper):
    first = keeper.put(sealed_record("1", 1))
    assert keeper.read_kept(first) == keeper.read_kept(replace(first, name="absent", source=None)) == []


def test_an_envelope_that_changed_meanwhile_is_not_rewritten(keeper):
    first = sealed_record("1", 1)
    keeper.put(first)
    with pytest.raises(Conflict):
        keeper.rewrite_envelope(replace(first, version="1"), b"other")
    assert keeper.get("db_pass").envelope == first.envelope
    for absent in (replace(first, version="9"), replace(first, stage="pending", version="1"), replace(first, name="absent")):
        with pytest.raises(NotFound):
            keeper.rewrite_envelope(absent, first.envelope)
