# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document and a serial hold at most. A forged one costs no derivation, and a message says where the number comes from."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto import argon2id
from ansible_collections.nebula.credential.plugins.module_utils.crypto.store_document import MOST_BYTES, MOST_SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidConfiguration, InvalidInput, Tampered
from tests.unit.crypto.sealed_stores import a_record, a_store, document_path

PASSPHRASE = {"source": "passphrase", "passphrase": "correct horse"}


def test_a_document_with_too_many_slots_derives_nothing(tmp_path, monkeypatch):
    a_store(tmp_path, key_sources=[PASSPHRASE]).put(a_record())
    path = document_path(tmp_path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(content, slots=content["slots"] * (MOST_SOURCES + 1))))
    derived = []
    monkeypatch.setattr(argon2id, "Argon2id", lambda **_parameters: derived.append(1))
    with pytest.raises(Damaged, match="more than 16 key slots"):
        a_store(tmp_path, key_sources=[PASSPHRASE]).get("db_pass")
    assert not derived


def test_a_large_document_is_not_parsed(tmp_path):
    a_store(tmp_path).put(a_record())
    path = document_path(tmp_path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(content, slots=[base64.b64encode(bytes(MOST_BYTES)).decode()])))
    with pytest.raises(Damaged, match="larger than"):
        a_store(tmp_path).get("db_pass")


def test_more_sources_than_a_document_takes_are_refused(tmp_path):
    sources = [dict(PASSPHRASE, label=str(number)) for number in range(MOST_SOURCES + 1)]
    with pytest.raises(InvalidConfiguration, match="17 sources"):
        a_store(tmp_path, key_sources=sources)


def test_a_serial_that_is_asked_for_and_too_high_is_the_callers(tmp_path):
    with pytest.raises(InvalidInput, match="Give a lower serial"):
        a_store(tmp_path).put(replace(a_record(), serial=2**63))


def test_a_serial_of_a_tombstone_that_is_too_high_names_the_tombstone(tmp_path):
    store = a_store(tmp_path)
    store.put(a_record())
    store.delete("db_pass")
    (tombstone,) = (document_path(tmp_path).parent / "tombstones" / "current").iterdir()
    tombstone.write_text(json.dumps({"serial": 2**63 - 1}))
    with pytest.raises(Tampered, match="tombstone"):
        store.put(a_record())
