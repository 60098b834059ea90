# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats of a local store, and what it does with a file that is not what it wrote."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
    InvalidConfiguration,
    MissingLibrary,
    NotEncrypted,
)
from tests.conformance.records import a_record
from tests.conformance.sealing import seal
from tests.unit.backends.local.stores import opened

PLAIN = {"json": ".json", "yaml": ".yaml", "binary": ".bin"}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


def sealed_record(value="s3cret", serial=1):
    record = a_record(value=value, record_id=b"i" * 16)
    return replace(record, envelope=seal(record, serial), serial=serial, fields={}, state={})


@pytest.mark.parametrize("layout", PLAIN)
def test_a_plain_format_is_refused_until_it_is_written_out(root, layout):
    with pytest.raises(InvalidConfiguration) as caught:
        Local({"path": str(root), "format": layout}, BackendContext("prod"))
    assert "option 'format', store 'prod'" in str(caught.value)
    assert "allow_plaintext: true" in str(caught.value)
    assert not root.exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("format", "xml"), ("keep_versions", -1), ("lock_timeout", -0.5), ("backup_retention", 0)],
)
def test_an_option_out_of_range_is_named(root, option, value):
    with pytest.raises(InvalidConfiguration) as caught:
        Local({"path": str(root), option: value}, BackendContext("test"))
    assert caught.value.option == option
    assert caught.value.remedy


def test_only_the_encrypted_format_says_that_it_keeps_envelopes(root):
    assert opened(root, "encrypted").capabilities.envelopes
    assert not opened(root).capabilities.envelopes


def test_the_file_of_an_encrypted_record_is_its_envelope(root):
    record = sealed_record()
    opened(root, "encrypted").put(record)
    assert (root / "db_pass.enc").read_bytes() == record.envelope


def test_an_encrypted_store_takes_no_plain_value(root):
    """Neither offered nor found in a file."""
    store = opened(root, "encrypted")
    with pytest.raises(NotEncrypted):
        store.put(a_record())
    (root / "db_pass.enc").write_text('{"password": "x"}')
    for read in (lambda: store.get("db_pass"), lambda: store.put(sealed_record())):
        with pytest.raises(NotEncrypted) as caught:
            read()
        assert "db_pass" in str(caught.value)
    assert [type(row.problem) for row in store.list()] == [NotEncrypted]


def test_a_plain_store_takes_no_envelope(root):
    store = opened(root)
    with pytest.raises(InvalidConfiguration):
        store.put(sealed_record())
    for extension, layout in ((".json", "json"), (".yaml", "yaml"), (".bin", "binary")):
        (root / ("x" + extension)).write_bytes(sealed_record().envelope)
        with pytest.raises(NotEncrypted):
            opened(root, layout).get("x")


def test_plain_json_is_for_people(root):
    opened(root).put(a_record(value=b"\xff"))
    document = json.loads((root / "db_pass.json").read_text())
    assert document["fields"] == {"username": "app", "password": {"base64": "/w=="}}
    assert document["metadata"]["created_at"] == "2026-11-22T12:00:00.123456+00:00"


@pytest.mark.parametrize("layout", PLAIN)
def test_a_damaged_plain_file_is_damaged_and_can_be_deleted(root, layout):
    """Every truncation is told; a damaged value can be deleted and its serial stays used."""
    store = opened(root, layout)
    stored = store.put(a_record())
    path = root / ("db_pass" + PLAIN[layout])
    whole = path.read_bytes()
    for size in range(0, len(whole.rstrip()) - 1, 7):
        path.write_bytes(whole[:size])
        with pytest.raises(Damaged) as caught:
            store.get("db_pass")
        assert "db_pass" in str(caught.value)
    path.write_bytes(b"\x00\xffgarbage")
    with pytest.raises(Damaged):
        store.put(a_record())
    with pytest.raises(Damaged):
        store.delete("db_pass", expected=stored.etag)
    store.delete("db_pass")
    assert store.last_serial("db_pass") >= stored.serial
    assert store.put(a_record(), create=True).serial > stored.serial


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"stage": "pending"},
        {"format": 2},
        {"serial": "1"},
        {"serial": -1},
        {"fields": []},
        {"fields": {"a": {"base64": "?"}}},
        {"metadata": {}},
        {"type": None},
        {"record_id": "xyz"},
    ],
)
def test_a_plain_file_that_was_edited_wrongly_is_damaged(root, change):
    store = opened(root)
    store.put(a_record())
    path = root / "db_pass.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(Damaged):
        store.get("db_pass")


def test_yaml_needs_its_library(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingLibrary) as caught:
        opened(root, "yaml").put(a_record())
    assert "pip install PyYAML" in str(caught.value)


def test_yaml_makes_no_objects(root):
    store = opened(root, "yaml")
    (root / "x.yaml").write_text("!!python/object/apply:os.system ['true']")
    with pytest.raises(Damaged):
        store.get("x")


def test_a_directory_in_place_of_a_file_is_told(root):
    store = opened(root)
    (root / "x.json").mkdir()
    with pytest.raises(Damaged) as caught:
        store.get("x")
    assert "but a directory" in str(caught.value)
