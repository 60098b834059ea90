# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every key source: it opens a store, and what goes wrong with it is said as what it is."""

from __future__ import annotations

import base64
import json
import logging

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto import key_slots as slots
from ansible_collections.nebula.credential.plugins.module_utils.crypto import store_document
from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import LEAST, Parameters
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import KINDS, build_sources
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    Damaged,
    InvalidConfiguration,
    KeySourceUnavailable,
    WrongPassphrase,
)
from tests.key_source_conformance.on_devices import KeyringHarness, Pkcs11Harness
from tests.key_source_conformance.on_servers import AwsKmsHarness, AzureKeyVaultHarness, GcpKmsHarness, TransitHarness
from tests.key_source_conformance.on_this_machine import (
    AgeHarness,
    KeyFileHarness,
    MemoryHarness,
    PassphraseHarness,
    VaultPasswordHarness,
)
from tests.unit.crypto.sealed_stores import a_record, a_store, document_path, value_of

HARNESSES = (
    AgeHarness,
    AwsKmsHarness,
    AzureKeyVaultHarness,
    GcpKmsHarness,
    KeyFileHarness,
    KeyringHarness,
    MemoryHarness,
    PassphraseHarness,
    Pkcs11Harness,
    TransitHarness,
    VaultPasswordHarness,
)
STORE_ID, OTHER_STORE_ID = bytes(range(16)), bytes(16)


def each(*happening):
    """Run a test for every source to which all of this can happen."""
    able = [harness for harness in HARNESSES if all(harness.has(what) for what in happening)]
    return pytest.mark.parametrize("made", able, ids=[harness.kind for harness in able])


@pytest.fixture(autouse=True)
def cheap_derivation(monkeypatch):
    """A derivation of what a test writes takes the least that is accepted."""
    monkeypatch.setattr(
        "ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.passphrase.RECOMMENDED", Parameters(*LEAST)
    )


@pytest.fixture
def source(made, tmp_path, monkeypatch, request):
    """The harness of a source, with a key of this test's own."""
    directory = tmp_path / "keys"
    directory.mkdir(mode=0o700)
    harness = made(directory, "k{0:x}".format(hash(request.node.nodeid) & 0xFFFFFFFF), monkeypatch)
    yield harness
    harness.end()


def opened(source, directory, *entries, **options):
    """The store of the test, with these sources in this order."""
    return a_store(directory, source.vault_password, key_sources=list(entries), **options)


def read(store):
    return value_of(store.get("db_pass"))


def build(source, entry):
    (built,) = build_sources([entry], print, source.vault_password)
    return built


def slots_of(directory, kind):
    document = store_document.read_document(document_path(directory).read_bytes())
    return [slot for slot in map(slots.read_slot, document.slots) if slot.terms.source == kind]


def test_every_source_is_declared_built_and_tested():
    assert set(SOURCES) == set(KINDS) == {harness.kind for harness in HARNESSES}


@each()
def test_it_alone_opens_what_it_made(source, tmp_path):
    opened(source, tmp_path, source.entry()).put(a_record())
    assert read(opened(source, tmp_path, source.entry())) == b"correct horse"


@each()
def test_its_slot_has_its_kind_and_its_label(source, tmp_path):
    opened(source, tmp_path, source.entry()).put(a_record())
    (slot,) = slots_of(tmp_path, source.kind)
    assert slot.terms.label == source.label if source.label else slot.terms.label


@each()
def test_each_of_its_slots_has_a_secret_or_a_salt_of_its_own(source):
    built = build(source, source.entry())
    first, second = (built.prepare(STORE_ID, renew=False) for _each in range(2))
    assert first[0].salt != second[0].salt
    assert [built.secret(terms, STORE_ID) for terms, _secret in (first, second)] == [first[1], second[1]]


@each()
def test_a_slot_opens_no_other_store(source):
    built, key = build(source, source.entry()), MasterKey.generate()
    terms, secret = built.prepare(STORE_ID, renew=False)
    slot = slots.read_slot(slots.wrap(key, terms, secret, STORE_ID))
    assert slots.unwrap(slot, built.secret(terms, STORE_ID), STORE_ID).key_id == key.key_id
    with pytest.raises(CredentialError):
        slots.unwrap(slot, built.secret(terms, OTHER_STORE_ID), OTHER_STORE_ID)


@each("other")
def test_a_wrong_key_is_told_from_a_damaged_slot(source, tmp_path):
    opened(source, tmp_path, source.entry()).put(a_record())
    with pytest.raises(WrongPassphrase):
        read(opened(source, tmp_path, source.other()))
    path = document_path(tmp_path)
    document = json.loads(path.read_text())
    slot = bytearray(base64.b64decode(document["slots"][0]))
    slot[-40] ^= 1
    path.write_text(json.dumps(dict(document, slots=[base64.b64encode(slot).decode()])))
    with pytest.raises(Damaged):
        read(opened(source, tmp_path, source.entry()))


@each("lose")
def test_a_lost_key_is_never_replaced(source, tmp_path):
    entry = source.entry()
    opened(source, tmp_path, entry).put(a_record())
    before = document_path(tmp_path).read_bytes()
    source.lose()
    with pytest.raises(source.after_loss) as loss:
        read(opened(source, tmp_path, entry))
    assert loss.type is source.after_loss
    assert document_path(tmp_path).read_bytes() == before


@each("unreachable")
def test_one_that_cannot_be_reached_leaves_the_store_to_the_next(source, tmp_path):
    spare = {"source": "key_file", "path": str(tmp_path / "spare.key")}
    opened(source, tmp_path, source.entry(), spare).put(a_record())
    entry = source.unreachable()
    with pytest.raises(KeySourceUnavailable, match="'{0}".format(source.kind)) as problem:
        read(opened(source, tmp_path, entry))
    assert (problem.value.option, bool(problem.value.remedy)) == ("key_sources", True)
    assert read(opened(source, tmp_path, entry, spare)) == b"correct horse"


@each("stalled")
def test_one_that_says_nothing_takes_no_longer_than_it_is_given(source):
    terms, _secret = build(source, source.entry()).prepare(STORE_ID, renew=False)
    with source.stalled() as entry, pytest.raises(KeySourceUnavailable, match=r"within 0\.3 s"):
        build(source, dict(entry, read_timeout=0.3)).secret(terms, STORE_ID)


@each("revoke")
def test_a_login_whose_right_was_taken_away_opens_nothing(source, tmp_path):
    entry = source.entry()
    opened(source, tmp_path, entry).put(a_record())
    source.revoke()
    with pytest.raises(KeySourceUnavailable, match="'{0}[^']*' cannot be used".format(source.kind)):
        read(opened(source, tmp_path, entry))


@each("rotate")
def test_a_slot_from_before_a_rotation_of_its_key_still_opens_the_store(source, tmp_path):
    store = opened(source, tmp_path, source.entry())
    store.put(a_record())
    source.rotate()
    assert read(opened(source, tmp_path, source.entry())) == b"correct horse"
    (before,) = slots_of(tmp_path, source.kind)
    store.rotate_master_key(compromised=True)
    (after,) = slots_of(tmp_path, source.kind)
    assert after.terms.salt != before.terms.salt
    assert read(opened(source, tmp_path, source.entry())) == b"correct horse"


@each()
def test_a_rotation_of_the_master_key_wraps_the_new_one(source, tmp_path):
    store = opened(source, tmp_path, source.entry())
    store.put(a_record())
    (before,) = slots_of(tmp_path, source.kind)
    store.rotate_master_key(compromised=True)
    (after,) = slots_of(tmp_path, source.kind)
    assert after.key_id != before.key_id
    assert read(opened(source, tmp_path, source.entry())) == b"correct horse"


@each()
def test_it_can_be_added_to_a_store_and_dropped_again(source, tmp_path):
    spare = {"source": "passphrase", "passphrase": "open sesame", "label": "spare"}
    opened(source, tmp_path, spare).put(a_record())
    opened(source, tmp_path, spare, source.entry()).get("db_pass")
    assert read(opened(source, tmp_path, source.entry())) == b"correct horse"
    (slot,) = slots_of(tmp_path, source.kind)[-1:]
    name = "{0}:{1}".format(source.kind, slot.terms.label)
    assert read(opened(source, tmp_path, spare, drop_sources=[name])) == b"correct horse"
    assert name not in ["{0}:{1}".format(each.terms.source, each.terms.label) for each in slots_of(tmp_path, source.kind)]


@each()
def test_check_writes_no_slot_and_refuses_nothing_that_works(source, tmp_path):
    built = build(source, source.entry())
    built.prepare(STORE_ID, renew=False)
    built.check(STORE_ID)
    assert not document_path(tmp_path).exists()


@each()
def test_an_option_that_it_does_not_have_is_refused_by_name(source):
    with pytest.raises(InvalidConfiguration, match=r"key_sources\.colour"):
        build(source, dict(source.entry(), colour="blue"))


@each("other")
def test_nothing_secret_is_in_an_error_a_repr_a_log_or_the_document(source, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    entry = source.entry()
    opened(source, tmp_path, entry).put(a_record())
    built = build(source, entry)
    terms, secret = built.prepare(STORE_ID, renew=False)
    built.secret(terms, STORE_ID)
    shown = [repr(built), repr(vars(built)), repr(vars(built._inner)), document_path(tmp_path).read_text()]
    hidden = [*source.secrets(), secret.hex(), base64.b64encode(secret).decode(), repr(secret), "canary-text"]
    for act in _list_failures(source, tmp_path, entry):
        with pytest.raises(CredentialError) as problem:
            act()
        shown += [str(problem.value), repr(problem.value), repr(vars(problem.value)), repr(problem.value.__cause__)]
    shown.append(caplog.text)
    assert [text for text in hidden for place in shown if text in place] == []


def _list_failures(source, directory, entry):
    """Yield functions that fail, each for another reason, in an order in which one does not hide the next."""
    wrong = source.other()
    yield lambda: read(opened(source, directory, wrong))
    if source.has("revoke"):
        source.revoke()
        yield lambda: read(opened(source, directory, entry))
    if source.has("lose") and source.can_be_lost_when_revoked:
        source.lose()
        yield lambda: read(opened(source, directory, entry))
    if source.has("unreachable"):
        gone = source.unreachable()
        yield lambda: read(opened(source, directory, gone))
