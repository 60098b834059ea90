# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operation `store_key`: what is told of a store's key, and what is done with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.local.backend import Local
from ansible_collections.nebula.credential.plugins.module_utils.crypto.argon2id import LEAST, Parameters
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    Damaged,
    InsecurePermissions,
    InvalidInput,
    KeySourceUnavailable,
    MissingKey,
    ReadOnly,
    WrongPassphrase,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import moment
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import utc_now
from tests.unit.crypto.sealed_stores import change_document, document_path, keys_directory, the_key_file
from tests.unit.operations.store_keys import checked, present, reopening, rotated
from tests.unit.store.managing import CANARY, create

OFFICE = {"source": "passphrase", "passphrase": CANARY, "label": "office"}
DEFAULT = {"source": "key_file"}
BOTH = {"key_sources": [DEFAULT, OFFICE]}


@pytest.fixture(autouse=True)
def cheap_derivation(monkeypatch):
    """What a test writes is derived with the least that is accepted, to spare the machine."""
    monkeypatch.setattr(
        "ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.passphrase.RECOMMENDED", Parameters(*LEAST)
    )


@pytest.fixture
def opened(tmp_path):
    """Opens the test's one store, as another process would."""
    with reopening(tmp_path) as open_again:
        yield open_again


def names(result):
    return sorted(source["name"].split(":")[0] if source["source"] == "key_file" else source["name"] for source in result["key"]["sources"])


def everything(*places):
    return {path: path.read_bytes() for place in places for path in Path(place).rglob("*") if path.is_file()}


def stop_in_the_middle(manager, monkeypatch, after=1):
    """Begin a rotation that goes no further than so many envelopes."""
    moved = []

    def rewrite(self, record, replaces):
        if len(moved) == after:
            raise KeyboardInterrupt
        moved.append(record)
        genuine(self, record, replaces)

    genuine = Local.rewrite_envelope
    with monkeypatch.context() as patch:
        patch.setattr(Local, "rewrite_envelope", rewrite)
        with pytest.raises(KeyboardInterrupt):
            rotated(manager)


def test_the_key_of_a_new_store_is_made_and_told(opened, home):
    first, again = present(opened()), present(opened())
    assert (first["changed"], first["added"], first["removed"]) == (True, ["key_file"], [])
    assert (again["changed"], again["added"], again["key"]) == (False, [], first["key"])
    key = first["key"]
    assert key["default_key_file"] == str(the_key_file())
    assert the_key_file().stem == key["store_id"]
    assert (key["former"], key["rotating"]) == ([], False)
    assert moment(key["created_at"], "created_at") <= utc_now()
    (source,) = key["sources"]
    assert (source["source"], source["configured"], source["name"]) == ("key_file", True, "key_file:" + source["label"])
    assert first["diff"]["before"]["key_id"] is None
    assert again["diff"]["before"] == again["diff"]["after"]


@pytest.mark.parametrize("audit", ["batched", "strict", "off"])
def test_a_new_source_gets_its_slot_and_that_is_a_change(opened, audit):
    create(opened())
    done, again = present(opened(audit=audit, **BOTH)), present(opened(audit=audit, **BOTH))
    assert (done["changed"], done["added"], names(done)) == (True, ["passphrase:office"], ["key_file", "passphrase:office"])
    assert (again["changed"], again["added"]) == (False, [])
    assert CANARY not in str((done, again))
    assert opened(key_sources=[OFFICE]).get("db").name == "db"


def test_a_source_that_is_not_configured_is_told_as_such_and_a_dropped_one_goes(opened):
    create(opened(**BOTH))
    told = present(opened())
    assert [source["configured"] for source in told["key"]["sources"] if source["source"] == "passphrase"] == [False]
    done = present(opened(drop_sources=["passphrase"]))
    assert (done["changed"], done["removed"], names(done)) == (True, ["passphrase:office"], ["key_file"])


def test_what_opening_would_have_left_for_later_is_an_error(opened, tmp_path):
    """A read goes on without the new source; whoever asks for its slot is told why there is none."""
    create(opened())
    absent = {"key_sources": [DEFAULT, {"source": "passphrase", "passphrase_env": "NOT_SET_ANYWHERE", "label": "ci"}]}
    for ask_for_it in (present, checked):
        with pytest.raises(
            KeySourceUnavailable, match=r"key_sources', store 'prod': .*'passphrase:ci'.*NOT_SET_ANYWHERE.*remove the source"
        ):
            ask_for_it(opened(**absent))
    slots = json.loads(document_path(tmp_path).read_text())["slots"]
    change_document(tmp_path, slots=[slots[0], "AAAA"])
    with pytest.raises(Damaged, match=r"a key slot of the store is damaged\. Restore"):
        present(opened())


def test_check_mode_tells_all_and_writes_nothing(opened, tmp_path):
    path = tmp_path / "second.key"
    new = checked(opened(key_sources=[DEFAULT, {"source": "key_file", "path": str(path)}, OFFICE]))
    assert (new["changed"], new["added"], new["key"]["key_id"]) == (True, ["key_file", "key_file", "passphrase:office"], None)
    assert not keys_directory().exists()
    assert not document_path(tmp_path).exists()
    create(opened(), "one")
    create(opened(), "two")
    before = everything(tmp_path / "store", keys_directory())
    slots = checked(opened(**BOTH))
    assert (slots["changed"], slots["added"], names(slots)) == (True, ["passphrase:office"], ["key_file", "passphrase:office"])
    assert checked(opened())["changed"] is False
    rotation = checked(opened(**BOTH), state="rotated", keep_until="2099-01-01T00:00:00Z")
    assert rotation["changed"] is True
    assert rotation["rotation"] == {"resumed": False, "envelopes": 2, "marks": 0, "dropped": []}
    assert (rotation["key"]["key_id"], names(rotation)) == (None, ["key_file", "passphrase:office"])
    assert rotation["key"]["former"][0]["keep_until"] == "2099-01-01T00:00:00Z"
    assert checked(opened(), state="rotated", compromised=True)["key"]["former"] == []
    assert everything(tmp_path / "store", keys_directory()) == before
    path.write_text("not a key")
    path.chmod(0o644)
    with pytest.raises(InsecurePermissions, match=r"second\.key"):
        checked(opened(key_sources=[DEFAULT, {"source": "key_file", "path": str(path)}]))


def test_a_rotation_moves_everything_and_tells_what_it_did(opened, tmp_path):
    manager = opened()
    create(manager, "one")
    create(manager, "two")
    was = present(manager)["key"]
    done = rotated(manager, keep_until="2099-01-01T00:00:00Z")
    assert done["changed"] is True
    assert done["rotation"] == {"resumed": False, "envelopes": 2, "marks": 2, "dropped": []}
    assert done["key"]["key_id"] != was["key_id"]
    assert done["key"]["former"] == [{"key_id": was["key_id"], "keep_until": "2099-01-01T00:00:00Z"}]
    assert (done["diff"]["before"], done["diff"]["after"]) == (was, done["key"])
    kept = rotated(manager)["key"]["former"]
    assert [former["keep_until"] for former in kept] == [None, "2099-01-01T00:00:00Z"]
    assert rotated(manager, compromised=True)["key"]["former"] == []
    assert opened().get("one").token().expose() == CANARY.encode()


def test_a_rotation_that_was_stopped_is_told_and_taken_up(opened, monkeypatch, tmp_path):
    create(opened(), "one")
    create(opened(), "two")
    stop_in_the_middle(opened(), monkeypatch)
    told = present(opened())
    assert (told["changed"], told["key"]["rotating"]) == (False, True)
    planned = checked(opened(), state="rotated", compromised=True)
    assert planned["rotation"] == {"resumed": True, "envelopes": 1, "marks": 0, "dropped": []}
    assert (planned["key"]["key_id"], planned["key"]["rotating"], planned["key"]["former"]) == (told["key"]["key_id"], False, [])
    done = rotated(opened())
    assert (done["rotation"]["resumed"], done["rotation"]["envelopes"]) == (True, 1)
    assert (done["key"]["rotating"], done["key"]["key_id"]) == (False, told["key"]["key_id"])
    ids = {read_envelope(path.read_bytes()).header.key_id.hex() for path in (tmp_path / "store").glob("*.enc")}
    assert ids == {told["key"]["key_id"]}


def test_check_mode_counts_what_is_damaged_or_goes_meanwhile(opened, monkeypatch, tmp_path):
    for name in ("one", "two", "three"):
        create(opened(), name)
    stop_in_the_middle(opened(), monkeypatch, after=0)
    (tmp_path / "store" / "two.enc").write_bytes(b"cut")
    manager = opened()
    backend = manager.backend.inner.inner.inner
    listed = backend.list
    backend.list = lambda wanted: [*listed(wanted), Record("gone", stage=wanted.stage)]
    assert checked(manager, state="rotated")["rotation"]["envelopes"] == 3


def test_drop_sources_needs_neither_the_source_nor_its_secret(opened):
    create(opened(**BOTH))
    for refused in (rotated, lambda manager: checked(manager, state="rotated")):
        with pytest.raises(KeySourceUnavailable, match=r"'passphrase' \(office\).*Add it to 'key_sources'.*\('passphrase:office'\)"):
            refused(opened())
    assert checked(opened(), state="rotated", drop_sources=["passphrase"])["rotation"]["dropped"] == ["passphrase:office"]
    done = rotated(opened(), drop_sources=["passphrase:office"])
    assert (done["rotation"]["dropped"], names(done)) == (["passphrase:office"], ["key_file"])
    with pytest.raises(MissingKey, match="It can be opened with: 'key_file'"):
        opened(key_sources=[OFFICE]).get("db")


def test_a_mistyped_passphrase_does_not_take_the_place_of_the_right_one(opened, tmp_path):
    """The key file opens the store, so nothing else would notice."""
    create(opened(**BOTH))
    before = document_path(tmp_path).read_bytes()
    mistyped = {"key_sources": [DEFAULT, dict(OFFICE, passphrase=CANARY + "x")]}
    with pytest.raises(WrongPassphrase, match=r"'passphrase' \(office\) does not open the store.*\('passphrase:office'\)") as caught:
        rotated(opened(**mistyped))
    assert CANARY not in str(caught.value)
    assert document_path(tmp_path).read_bytes() == before


def test_a_passphrase_is_changed_by_another_label(opened):
    create(opened(**BOTH))
    changed = {"source": "passphrase", "passphrase": "another one", "label": "office-2"}
    done = rotated(opened(key_sources=[DEFAULT, changed]), drop_sources=["passphrase:office"])
    assert names(done) == ["key_file", "passphrase:office-2"]
    assert opened(key_sources=[changed]).get("db").name == "db"


def test_a_key_file_that_is_lost_is_replaced_on_request_only(opened):
    """Another source opens the store; the lost one is named by its label."""
    create(opened(**BOTH))
    label = the_key_file().read_text().split()[1]
    the_key_file().unlink()
    with pytest.raises(MissingKey, match="is gone.*'key_file:" + label):
        rotated(opened(**BOTH))
    assert not list(keys_directory().glob("*.key"))
    rotated(opened(**BOTH), drop_sources=["key_file:" + label])
    assert opened().get("db").name == "db"


def test_who_comes_second_finds_what_the_first_has_done(opened, monkeypatch):
    """On several hosts at once, each gives the new source its slot, and one is enough."""
    create(opened())
    second = opened(**BOTH)
    write = Local.write_store_document

    def late(self, *arguments):
        monkeypatch.setattr(Local, "write_store_document", write)
        present(opened(**BOTH))
        write(self, *arguments)

    monkeypatch.setattr(Local, "write_store_document", late)
    assert names(present(second)) == ["key_file", "passphrase:office"]


def test_endless_changes_by_others_are_an_error(opened, monkeypatch):
    create(opened())

    def always(*_arguments):
        raise Conflict("changed")

    monkeypatch.setattr(Local, "write_store_document", always)
    with pytest.raises(Conflict, match="10 other runs"):
        present(opened(**BOTH))


def entries(tmp_path):
    lines = (tmp_path / "store" / ".nebula" / "audit.jsonl").read_text().splitlines()
    return [(entry["action"], entry["result"]) for entry in map(json.loads, lines)]


def test_the_audit_trail_tells_of_it_and_stays_whole(opened, tmp_path):
    manager = opened()
    create(manager)
    present(manager)
    rotated(manager)
    assert entries(tmp_path)[-2:] == [("keys", "ok"), ("keys", "ok")]
    before = len(entries(tmp_path))
    checked(manager, state="rotated")
    assert len(entries(tmp_path)) == before
    with pytest.raises(InvalidInput):
        rotated(manager, drop_sources=["key_file"])
    assert entries(tmp_path)[-1] == ("keys", "invalid_configuration")
    assert manager.trail.verify() == []
    assert opened().trail.verify() == []
    rotated(opened(audit="strict"))
    assert entries(tmp_path)[-2:] == [("keys", "begun"), ("keys", "ok")]
    assert opened().trail.verify() == []


def test_a_store_that_cannot_be_written_is_read_and_says_why_there_is_no_slot(opened, monkeypatch):
    create(opened())

    def read_only(*_arguments):
        raise ReadOnly("the store's document cannot be written")

    monkeypatch.setattr(Local, "write_store_document", read_only)
    assert opened(**BOTH).get("db").name == "db"
    with pytest.raises(ReadOnly, match="store 'prod'"):
        present(opened(**BOTH))
    assert present(opened())["changed"] is False
