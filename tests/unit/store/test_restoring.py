# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`state: restored`: what lies in the store's directory after somebody put a file back, and how each case is accepted."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    Damaged,
    Misplaced,
    NotFound,
    RolledBack,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY, AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import cut


class Place:
    """A store with backups, and its files."""

    def __init__(self, directory):
        self.path = directory / "bk"
        self.manager = self.open()

    def open(self):
        return open_store({"backend": "local", "path": str(self.path), "backup": True}, name="prod")

    def run(self, state, check=False, context=NOBODY, **parameters):
        return perform(self.manager, "credential", {"name": "x", "state": state, **parameters}, context, check).result

    def write(self, *values, **parameters):
        for value in values:
            self.run("present", value=value, **parameters)

    def value(self):
        """As another process reads it."""
        return self.open().token("x").expose().decode()

    def put_back(self, serial):
        """Copy a backup over the current file."""
        (backup,) = self.path.glob(".nebula/backups/*/x/{0}.enc".format(serial))
        self.file.write_bytes(backup.read_bytes())

    @property
    def file(self):
        return self.path / "x.enc"

    def refusal(self):
        with pytest.raises(RolledBack) as caught:
            self.value()
        return str(caught.value)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


NAMED = pytest.mark.parametrize("named", [{}, {"version": "1"}], ids=["what is there", "by its version"])


def deleted(place):
    place.write("one")
    place.run("absent")
    place.put_back(1)


def deleted_after_a_second(place):
    place.write("one", "two")
    place.run("absent")
    place.put_back(1)


def overwritten(place):
    place.write("one", "two", "three")
    place.put_back(1)


def made_anew(place):
    place.write("one")
    place.run("absent")
    place.write("two")
    place.put_back(1)


def with_older_metadata(place):
    place.write("one")
    old = place.file.read_bytes()
    place.run("present", description="new")
    place.file.write_bytes(old)


CASES = [deleted, deleted_after_a_second, overwritten, made_anew, with_older_metadata]


@NAMED
@pytest.mark.parametrize("case", CASES)
def test_what_was_put_back_is_refused_until_it_is_restored_and_then_is_the_newest_version(place, case, named):
    case(place)
    assert "state: restored" in place.refusal()
    assert place.run("restored", check=True, **named)["changed"]
    assert "state: restored" in place.refusal()
    old = place.file.read_bytes()
    result = place.run("restored", **named)
    highest = {deleted: 1, deleted_after_a_second: 2, overwritten: 3, made_anew: 2, with_older_metadata: 1}[case]
    assert (result["changed"], result["credential"]["serial"]) == (True, highest + 1)
    assert place.value() == "one"
    assert not place.run("restored", **named)["changed"]
    place.file.write_bytes(old)
    place.refusal()


@NAMED
def test_another_controller_that_saw_it_deleted_accepts_what_was_restored(place, named, home):
    deleted(place)
    (marks,) = home.rglob("*.marks")
    its_own = {mark: mark.read_bytes() for mark in marks.iterdir()}
    place.run("restored", **named)
    for mark, content in its_own.items():
        mark.write_bytes(content)
    assert place.value() == "one"


def test_a_version_that_is_not_in_place_is_not_taken_for_the_one_that_is(place):
    deleted_after_a_second(place)
    for version in ("2", "9", "one"):
        with pytest.raises(NotFound, match="read: 1") as caught:
            place.run("restored", version=version)
        assert caught.value.name == "x"
    place.refusal()
    with pytest.raises(Conflict):
        place.run("restored", expected_version="2")
    assert place.run("restored", expected_version="1")["changed"]


def test_a_kept_version_that_was_deleted_comes_back_only_as_the_file_in_place(place):
    place.write("one", "two")
    place.run("absent")
    place.write("three")
    kept = place.path / ".nebula" / "versions" / "x" / "1.enc"
    kept.parent.mkdir(parents=True)
    place.put_back(1)
    kept.write_bytes(place.file.read_bytes())
    place.put_back(2)
    with pytest.raises(NotFound, match="version 2 is in place"):
        place.run("restored", version="1")
    place.put_back(1)
    assert place.run("restored", version="1")["credential"]["version"] == "4"
    assert place.value() == "one"


def test_a_kept_version_is_restored_where_an_older_file_was_put_over_the_current_one(place):
    """The best that is left may be neither what is in place nor what is lost."""
    place.write("one", "two", "three")
    place.put_back(1)
    assert place.run("restored", version="2", check=True)["changed"]
    assert place.run("restored", version="2")["changed"]
    assert place.value() == "two"


def test_a_damaged_value_is_not_accepted_and_a_kept_version_takes_its_place(place):
    place.write("one", "two")
    cut(place.file)
    with pytest.raises(Damaged, match="state: restored"):
        place.run("restored")
    assert place.run("restored", version="1")["changed"]
    assert place.value() == "one"


def test_a_damaged_file_put_back_after_a_delete_is_told_as_damaged(place):
    deleted(place)
    cut(place.file)
    for named in ({}, {"version": "1"}):
        with pytest.raises(Damaged):
            place.run("restored", **named)


def test_a_file_of_another_credential_is_not_accepted(place):
    place.run("present", name="y", value="other")
    place.write("one")
    place.file.write_bytes((place.path / "y.enc").read_bytes())
    for named in ({}, {"version": "1"}):
        with pytest.raises(Misplaced):
            place.run("restored", **named)


def test_where_nothing_was_put_back_there_is_nothing_to_accept(place):
    place.write("one")
    assert not place.run("restored")["changed"]
    place.run("absent")
    for named in ({}, {"version": "1"}):
        with pytest.raises(NotFound):
            place.run("restored", **named)


def test_whoever_is_out_of_the_scope_of_what_was_put_back_does_not_accept_it(place):
    scope = {"workflow": "deploy"}
    place.write("one", scope=scope)
    place.run("absent", scope=scope)
    place.put_back(1)
    for named in ({}, {"version": "1"}):
        for check in (True, False):
            with pytest.raises(AccessDenied):
                place.run("restored", check=check, context=AccessContext(workflow="other"), **named)
    assert place.run("restored", scope=scope)["changed"]


def test_the_library_accepts_what_is_there(place):
    deleted(place)
    assert place.manager.restore("x").version == "2"
    assert place.value() == "one"


def test_the_trail_tells_who_accepted_it(place):
    deleted(place)
    place.run("restored", check=True)
    place.run("restored")
    entries = [json.loads(line) for line in (place.path / ".nebula" / "audit.jsonl").read_text().splitlines()]
    assert [entry["result"] for entry in entries if entry["action"] == "restore"] == ["ok"]


UNREADABLE = {
    "damaged": lambda place: cut(place.file),
    "misplaced": lambda place: place.file.write_bytes((place.path / "y.enc").read_bytes()),
    "plain": lambda place: place.file.write_text("plain"),
    "tampered": lambda place: place.file.write_bytes(b"x" + place.file.read_bytes()),
    "put back": lambda place: (place.run("absent"), place.put_back(1)),
}


@pytest.mark.parametrize("spoil", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_deleted_by_force_and_the_remedy_says_so(place, spoil):
    place.run("present", name="y", value="other")
    place.write("one")
    spoil(place)
    with pytest.raises(Exception, match="force: true") as told:
        place.run("absent", check=True)
    with pytest.raises(type(told.value), match="force: true"):
        place.run("absent")
    with pytest.raises(type(told.value), match="without 'expected_version'"):
        place.run("absent", expected_version="1")
    assert place.file.exists()
    assert place.run("absent", force=True)["changed"]
    assert not place.file.exists()
    assert place.run("present", value="new")["credential"]["serial"] > 1


def test_the_remedy_for_a_missing_key_is_the_key(place, home):
    place.write("one")
    (key,) = home.rglob("*.key")
    key.rename(key.with_suffix(".away"))
    place.manager = place.open()
    with pytest.raises(Exception, match="key file") as caught:
        place.run("absent")
    assert "force" not in str(caught.value)
