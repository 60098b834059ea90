# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store's document: strict to read, authenticated, and replaced by compare-and-swap."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import (
    LEAST,
    Parameters,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    Damaged,
    MissingKey,
    Tampered,
    UnknownFormat,
    WrongKey,
)
from tests.unit.crypto.sealed_stores import (
    a_record,
    a_store,
    backend,
    change_document,
    document_path,
    keys_directory,
    value_of,
)

CHEAP = Parameters(*LEAST)


@pytest.fixture(autouse=True)
def cheap_derivation(monkeypatch):
    """What a test writes is derived with the least that is accepted, to spare the machine."""
    monkeypatch.setattr("ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.passphrase.RECOMMENDED", CHEAP)


@pytest.mark.parametrize("stage", ["current", "journal"])
def test_records_without_a_document_get_no_new_key(tmp_path, stage):
    a_store(tmp_path).put(a_record(stage=stage))
    document_path(tmp_path).unlink()
    store = a_store(tmp_path)
    for operation in (
        lambda: store.get("db_pass", stage=stage),
        lambda: store.put(a_record("other")),
        lambda: store.restore("db_pass", stage),
    ):
        with pytest.raises(MissingKey):
            operation()
    if stage == "current":
        with pytest.raises(MissingKey):
            store.get_many(["db_pass"])


def test_a_document_that_vanishes_under_an_open_store_is_not_made_anew(tmp_path):
    store = a_store(tmp_path)
    store.put(a_record())
    document_path(tmp_path).unlink()
    with pytest.raises(MissingKey):
        store.put(a_record())


def _bad_documents():
    return {
        "no JSON": lambda text: text[: len(text) // 2],
        "not UTF-8": lambda _text: "\xff",
        "a key too many": lambda text: text.replace('"format"', '"more": 1, "format"'),
        "a key twice": lambda text: text.replace('"format"', '"format": 1, "format"'),
        "a short store id": lambda text: text.replace('"store_id": "', '"store_id": "', 1).replace(json.loads(text)["store_id"], "00"),
        "upper-case digits": lambda text: text.replace(json.loads(text)["mac"], "AB" * 32),
        "slots that are text": lambda text: json.dumps(dict(json.loads(text), slots="x")),
        "a slot that is no base64": lambda text: json.dumps(dict(json.loads(text), slots=["!"])),
        "base64 with stray bits": lambda text: json.dumps(dict(json.loads(text), slots=["eB=="])),
        "a time before 1970": lambda text: json.dumps(dict(json.loads(text), keep_until=-1)),
        "a flag that is a number": lambda text: json.dumps(dict(json.loads(text), compromised=0)),
        "a format that is text": lambda text: json.dumps(dict(json.loads(text), format="1")),
        "a list": lambda _text: "[]",
    }


@pytest.mark.parametrize("case", _bad_documents())
def test_a_damaged_document_is_damaged(tmp_path, case):
    a_store(tmp_path).put(a_record())
    path = document_path(tmp_path)
    path.write_bytes(_bad_documents()[case](path.read_text()).encode("latin-1"))
    with pytest.raises(Damaged):
        a_store(tmp_path).get("db_pass")


def test_a_document_of_a_later_release_is_not_damaged(tmp_path):
    a_store(tmp_path).put(a_record())
    change_document(tmp_path, format=3)
    with pytest.raises(UnknownFormat):
        a_store(tmp_path).get("db_pass")


def test_a_ring_that_was_changed_is_tampered(tmp_path):
    a_store(tmp_path).put(a_record())
    change_document(tmp_path, keep_until=5)
    with pytest.raises(Tampered):
        a_store(tmp_path).get("db_pass")
    change_document(tmp_path, keep_until=0, retiring="00" * 16)
    with pytest.raises(Tampered):
        a_store(tmp_path).get("db_pass")


def test_a_document_of_another_store_does_not_open_this_one(tmp_path):
    shared = {"key_sources": [{"source": "key_file", "path": str(tmp_path / "the.key")}]}
    for directory in ("one", "two"):
        a_store(tmp_path / directory, **shared).put(a_record())
    document_path(tmp_path / "one").write_bytes(document_path(tmp_path / "two").read_bytes())
    with pytest.raises(WrongKey):
        a_store(tmp_path / "one", **shared).get("db_pass")


def test_a_process_that_lost_the_race_for_the_document_takes_the_winners(tmp_path):
    store = a_store(tmp_path)
    inner = backend(tmp_path)

    def late(content, replaces):
        del store.inner.write_store_document
        a_store(tmp_path, inner=inner).put(a_record("theirs"))
        return store.inner.write_store_document(content, replaces)

    store.inner.write_store_document = late
    store.put(a_record("mine"))
    assert sorted(row.name for row in a_store(tmp_path).list(Filter(names_only=True))) == ["mine", "theirs"]
    assert value_of(a_store(tmp_path).get("mine")) == b"correct horse"
    assert len(list(keys_directory().glob("*.key"))) == 1


def test_a_document_that_is_replaced_while_it_is_opened_is_opened_again(tmp_path):
    """A rotation takes the old secret out of the key file after it has replaced the document."""
    store = a_store(tmp_path)
    store.put(a_record())
    stale = document_path(tmp_path).read_bytes()
    store.rotate_master_key()
    reader = a_store(tmp_path)
    read, answers = reader.inner.read_store_document, [stale]
    reader.inner.read_store_document = lambda: answers.pop() if answers else read()
    assert value_of(reader.get("db_pass")) == b"correct horse"


def test_a_document_that_never_comes_to_be_is_told(tmp_path):
    store = a_store(tmp_path)

    def never(content, replaces):
        raise Conflict("somebody was first")

    store.inner.write_store_document = never
    with pytest.raises(MissingKey):
        store.put(a_record())
