# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The committed vectors: what has to open, and what has to be refused, each for its own stated reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto import envelope as envelopes
from ansible_collections.nebula.credential.plugins.module_utils.crypto import key_slots as slots
from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import derive_from
from ansible_collections.nebula.credential.plugins.module_utils.crypto.envelope_opener import EnvelopeOpener
from ansible_collections.nebula.credential.plugins.module_utils.crypto.high_water_marks import Mark
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey, key_id_of
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import envelope_metadata, read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.errors import EncryptionError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from tests.unit.crypto.sealed_stores import FixedKeyring
from tests.vectors import make_vectors

HERE = Path(make_vectors.__file__).parent
ENVELOPES = json.loads((HERE / "envelopes.json").read_text(encoding="ascii"))
SLOTS = json.loads((HERE / "slots.json").read_text(encoding="ascii"))


def named(case):
    return case["case"]


def opened(case):
    keyring = FixedKeyring(bytes.fromhex(case["key"]))
    mark = case["mark"] and Mark(bytes.fromhex(case["mark"]["record_id"]), *(case["mark"][k] for k in ("serial", "revision", "deleted")))
    opener = EnvelopeOpener(keyring, None, case["tenant"], print)
    record = Record(case["name"], stage=case["stage"], envelope=bytes.fromhex(case["envelope"]))
    if case["version"] is None:
        return opener.open(keyring.reload(), record, mark)
    return opener.open_version(record, mark, case["version"])


@pytest.mark.parametrize("case", [case for case in ENVELOPES if case["refusal"] is None], ids=named)
def test_a_good_envelope_opens(case):
    record = opened(case)
    assert {name: secret.expose().hex() for name, secret in record.fields.items()} == case["fields"]
    assert {name: secret.expose().hex() for name, secret in record.state.items()} == case["state"]
    assert (record.serial, record.revision) == (case["serial"], case["revision"])


@pytest.mark.parametrize("case", [case for case in ENVELOPES if case["refusal"] is None], ids=named)
def test_the_library_writes_a_good_envelope_byte_for_byte(case, monkeypatch):
    """Given the same salt and nonce. The metadata is changed last, so its revision is right too."""
    data = bytes.fromhex(case["envelope"])
    parts = read_envelope(data)
    record, key = opened(case), MasterKey(bytes.fromhex(case["key"]))
    fixed = {32: parts.header.salt, 12: parts.header.nonce}
    monkeypatch.setattr(envelopes.os, "urandom", fixed.__getitem__)
    written = envelopes.seal(key, parts.header, record.fields, record.state, record.metadata)
    assert envelopes.with_metadata(key, read_envelope(written), case["revision"], envelope_metadata(parts)) == data


@pytest.mark.parametrize("case", [case for case in ENVELOPES if case["refusal"]], ids=named)
def test_a_bad_envelope_is_refused_for_its_own_reason(case):
    with pytest.raises(EncryptionError) as refusal:
        opened(case)
    assert refusal.value.code == case["refusal"]


def unwrapped(case):
    slot = slots.read_slot(bytes.fromhex(case["slot"]))
    if "passphrase" in case:
        secret = derive_from(Secret(case["passphrase"]), slot.terms.parameters, slot.terms.salt)
    else:
        secret = bytes.fromhex(case["secret"])
    return slots.unwrap(slot, secret, bytes.fromhex(case["store_id"]))


@pytest.mark.parametrize("case", [case for case in SLOTS if case["refusal"] is None], ids=named)
def test_a_good_slot_opens(case):
    assert unwrapped(case).key_id == key_id_of(bytes.fromhex(case["key"]))


@pytest.mark.parametrize("case", [case for case in SLOTS if case["refusal"]], ids=named)
def test_a_bad_slot_is_refused_for_its_own_reason(case):
    with pytest.raises(EncryptionError) as refusal:
        unwrapped(case)
    assert refusal.value.code == case["refusal"]


def test_the_vectors_are_what_the_script_writes():
    assert make_vectors.good() + make_vectors.broken() + make_vectors.misused() + make_vectors.first_of_two() == ENVELOPES
    assert make_vectors.slots() == SLOTS


def test_every_refusal_has_a_vector():
    told = {case["refusal"] for case in ENVELOPES}
    assert told == {None, "not_encrypted", "damaged", "unknown_format", "wrong_key", "misplaced", "tampered", "rolled_back"}
