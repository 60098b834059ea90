# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Envelopes: what goes in comes out, and nothing else does."""

from __future__ import annotations

import importlib.util
import itertools
import pickle
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ansible_collections.nebula.credential.plugins.module_utils.crypto import argon2id, primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto import envelope as envelopes
from ansible_collections.nebula.credential.plugins.module_utils.crypto.envelope_opener import EnvelopeOpener
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto.payload import read_payload, write_payload
from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import I64, Malformed, write_text, write_value
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import identity_of, public_record, read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope_metadata import read_metadata, write_metadata
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
    EncryptionError,
    InvalidInput,
    Misplaced,
    MissingLibrary,
    NotEncrypted,
    Tampered,
    WrongKey,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import STAGES, Metadata, Record, Transition
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.unit.crypto.sealed_stores import KEY, NOW, FixedKeyring

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TAGS = st.dictionaries(TEXT, TEXT, max_size=3)
TIMES = st.integers(-(10**15), 10**17).map(lambda count: NOW + timedelta(microseconds=count))
SCOPES = st.builds(Scope, tenant=TEXT, workflow=st.none() | TEXT, user=st.none() | TEXT, tags=TAGS)
PLAIN_DATA = st.dictionaries(TEXT, st.none() | st.booleans() | st.integers(0, 99) | TEXT | st.lists(TEXT, max_size=2), max_size=3)
METADATA = st.builds(
    Metadata,
    created_at=TIMES,
    updated_at=TIMES,
    expires_at=st.none() | TIMES,
    description=TEXT,
    tags=TAGS,
    scope=SCOPES,
    lifecycle=TEXT,
    history=st.lists(st.builds(Transition, TEXT, TEXT, TEXT, TIMES), max_size=3).map(tuple),
    policy=PLAIN_DATA,
    attributes=PLAIN_DATA,
)
VALUES = st.dictionaries(TEXT, st.binary(max_size=80), max_size=4)
MASTER = MasterKey(KEY)
SMALL = Metadata(NOW, NOW, tags={"env": "prod"})


def secrets_of(values):
    return {name: Secret(value) for name, value in values.items()}


def sealed(name="db_pass", *, stage="current", serial=3, metadata=SMALL, values=None, key=MASTER, kind="basic"):
    place = envelopes.new_place(identity_of(name, stage), bytes(16), serial, kind, metadata.scope)
    return envelopes.seal(key, place, secrets_of(values or {"password": b"correct horse"}), {}, metadata)


def opened(data, name="db_pass", *, stage="current", tenant="default", version=None, key=KEY):
    keyring = FixedKeyring(key)
    record = Record(name, stage=stage, envelope=data)
    opener = EnvelopeOpener(keyring, None, tenant, print)
    return opener.open(keyring.reload(), record, None) if version is None else opener.open_version(record, None, version)


@given(METADATA, VALUES, VALUES, st.sampled_from(STAGES), st.integers(1, 2**63))
def test_everything_comes_back_as_it_was_sealed(metadata, fields, state, stage, serial):
    place = envelopes.new_place(identity_of("a/b", stage), b"r" * 16, serial, "basic", metadata.scope)
    data = envelopes.seal(MASTER, place, secrets_of(fields), secrets_of(state), metadata)
    record = opened(data, "a/b", stage=stage, tenant=metadata.scope.tenant)
    assert {name: secret.expose() for name, secret in record.fields.items()} == fields
    assert {name: secret.expose() for name, secret in record.state.items()} == state
    assert (record.metadata, record.serial, record.type, record.revision) == (metadata, serial, "basic", 0)


@given(METADATA)
def test_the_public_part_needs_no_key_and_says_that_it_is_unverified(metadata):
    data = sealed(metadata=metadata, serial=7)
    record = public_record("db_pass", "current", data)
    assert (record.metadata, record.version, record.serial, record.verified) == (metadata, "7", 7, False)
    assert (record.fields, record.envelope) == ({}, data)


def test_one_that_is_too_large_to_be_remembered_is_read_each_time():
    data = sealed(values={"password": b"x" * 20000})
    for _each in range(2):
        assert opened(data).fields["password"].expose() == b"x" * 20000
        assert public_record("db_pass", "current", data).metadata == SMALL


def test_every_flipped_bit_is_refused():
    data = sealed()
    for position, bit in itertools.product(range(len(data)), range(8)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << bit
        with pytest.raises((Damaged, NotEncrypted)):
            opened(bytes(flipped))


def test_every_flipped_bit_is_refused_by_the_key_too():
    """The checksum, which anybody can make anew, is not what protects."""
    from tests.vectors.plain_format import checked

    body = sealed()[:-32]
    for position, bit in itertools.product(range(len(body)), range(8)):
        flipped = bytearray(body)
        flipped[position] ^= 1 << bit
        with pytest.raises(EncryptionError):
            opened(checked(bytes(flipped)))


def test_every_truncation_is_refused():
    data = sealed()
    for end in range(len(data)):
        with pytest.raises(Damaged):
            opened(data[:end])


@given(st.binary(min_size=1, max_size=30))
def test_nothing_may_follow(tail):
    with pytest.raises(Damaged):
        opened(sealed() + tail)


@given(st.binary(max_size=200))
def test_other_bytes_are_never_an_envelope(data):
    with pytest.raises((Damaged, NotEncrypted)):
        opened(data)


def test_swaps_between_names_and_stages_are_refused():
    """Each of them is genuine, and each opens in its own place only."""
    places = [(name, stage) for name in ("a", "b", "a/b") for stage in STAGES]
    for (name, stage), (other, another) in itertools.permutations(places, 2):
        with pytest.raises(Misplaced):
            opened(sealed(name, stage=stage), other, stage=another)


def test_swaps_between_tenants_versions_and_stores_are_refused():
    with pytest.raises(Misplaced):
        opened(sealed(), tenant="other")
    with pytest.raises(Misplaced):
        opened(sealed(serial=3), version="2")
    with pytest.raises(WrongKey):
        opened(sealed(), key=bytes(32))


def test_two_encryptions_of_one_value_share_nothing():
    first, second = (read_envelope(sealed()) for _each in range(2))
    assert first.header.salt != second.header.salt
    assert first.header.nonce != second.header.nonce
    assert first.ciphertext != second.ciphertext


@given(METADATA)
def test_metadata_changes_without_touching_the_ciphertext(metadata):
    metadata = replace(metadata, scope=SMALL.scope)
    before = read_envelope(sealed())
    after = envelopes.with_metadata(MASTER, before, 1, metadata)
    parts = read_envelope(after)
    assert (parts.header_bytes, parts.ciphertext) == (before.header_bytes, before.ciphertext)
    record = opened(after)
    assert (record.metadata, record.revision) == (metadata, 1)


def test_metadata_of_one_value_does_not_fit_another_value_of_the_same_place():
    first, second = read_envelope(sealed()), read_envelope(sealed())
    mixed = first._replace(metadata=second.metadata, mac=second.mac)
    with pytest.raises(Tampered):
        envelopes.check_metadata(MASTER, mixed)


def test_under_another_key_the_value_is_the_same():
    other = MasterKey(bytes(32))
    patched = envelopes.with_metadata(MASTER, read_envelope(sealed(serial=9)), 4, SMALL)
    moved = envelopes.under_key(MASTER, read_envelope(patched), other)
    record = opened(moved, key=bytes(32))
    assert (record.serial, record.revision, record.metadata) == (9, 4, SMALL)
    with pytest.raises(Tampered):
        envelopes.under_key(other, read_envelope(patched), MASTER)


@given(VALUES, VALUES)
def test_a_payload_has_one_writing(fields, state):
    data = write_payload(secrets_of(fields), secrets_of(state))
    assert [{n: s.expose() for n, s in part.items()} for part in read_payload(data)] == [fields, state]
    assert write_payload(*read_payload(data)) == data


def test_a_payload_whose_names_do_not_rise_is_damaged():
    twice = b"\x00\x00\x00\x02" + 2 * (write_text("a") + bytes(4))
    with pytest.raises(Damaged):
        read_payload(twice + bytes(4))


@settings(max_examples=20)
@given(st.binary(max_size=60))
def test_other_bytes_are_no_metadata(data):
    with pytest.raises(Malformed):
        read_metadata(data, Scope())


def wrong_metadata():
    times = I64.pack(0) + I64.pack(0)
    text, empty, nothing = write_text("active"), write_value({}), write_value([])
    rest = nothing + empty + empty
    return {
        "an expiry that is text": times + write_value("soon") + text + text + empty + rest,
        "an expiry that is a bool": times + write_value(True) + text + text + empty + rest,
        "a time after the year 9999": I64.pack(2**62) + I64.pack(0) + write_value(None) + text + text + empty + rest,
        "a tag that is a number": times + write_value(None) + text + text + write_value({"a": 1}) + rest,
        "a history that is a mapping": times + write_value(None) + text + text + empty + empty + empty + empty,
        "a step of three parts": times + write_value(None) + text + text + empty + write_value([["a", "b", "c"]]) + empty + empty,
        "a step that is text": times + write_value(None) + text + text + empty + write_value(["abcd"]) + empty + empty,
        "a step whose time is a bool": times + write_value(None) + text + text + empty + write_value([["a", "b", "c", True]]) + empty * 2,
        "a policy that is a list": times + write_value(None) + text + text + empty + nothing + nothing + empty,
    }


@pytest.mark.parametrize("case", wrong_metadata())
def test_metadata_of_another_shape_is_refused(case):
    with pytest.raises(Malformed):
        read_metadata(wrong_metadata()[case], Scope())


@pytest.mark.parametrize(
    "change",
    [
        {"tags": {"a": 1}},
        {"attributes": {"a": 0.5}},
        {"created_at": datetime(2026, 1, 1)},  # noqa: DTZ001  # a time without a zone is the point
        {"description": "\ud800"},
        {"scope": Scope(tags={"a": 1})},  # type: ignore[dict-item]
    ],
    ids=lambda change: next(iter(change)),
)
def test_metadata_that_has_no_writing_is_refused_before_anything_is_stored(change):
    with pytest.raises(InvalidInput):
        sealed(metadata=replace(SMALL, **change))


def test_times_keep_their_microseconds_and_come_back_in_utc():
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    assert read_metadata(write_metadata(replace(SMALL, created_at=elsewhere)), Scope()).created_at == NOW


def test_a_master_key_shows_itself_nowhere():
    assert repr(MASTER) == "[REDACTED]"
    with pytest.raises(TypeError):
        pickle.dumps(MASTER)


def test_keys_for_different_purposes_are_different():
    labels = [primitives.RECORD, primitives.METADATA, primitives.DRIFT, primitives.AUDIT, primitives.WRAP, primitives.RING, primitives.MARK]
    keys = {MASTER.subkey(label) for label in [*labels, primitives.KEY_ID]}
    assert len(keys) == len(labels) + 1
    assert MASTER.key_id not in {key[:16] for key in keys - {MASTER.subkey(primitives.KEY_ID)}}


@pytest.mark.parametrize("module", [primitives, argon2id], ids=lambda module: module.__name__.rpartition(".")[2])
def test_without_the_package_the_file_can_still_be_imported(module, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    specification = importlib.util.spec_from_file_location("without_the_package", module.__file__)
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    assert not (loaded.HAS_CRYPTOGRAPHY if module is primitives else loaded.HAS_ARGON2ID)


def test_a_missing_library_is_named_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(primitives, "HAS_CRYPTOGRAPHY", False)
    with pytest.raises(MissingLibrary, match="pip install 'cryptography>=44'"):
        MasterKey.generate()
