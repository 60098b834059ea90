# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every short sequence of faults, for every write, alone and with another writer at every moment: what is told is true."""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, NotFound, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from tests.conformance.records import NOON, a_record, put_state, value_of
from tests.conformance.sealing import seal
from tests.faults.flaky import Fault, Flaky, scripted

SEQUENCES = [faults for length in range(4) for faults in itertools.product(list(Fault), repeat=length)]
MOMENTS = range(1, 6)
"""Before which request another writer comes."""
SHORT = [(faults, at) for faults in SEQUENCES if len(faults) <= 2 for at in MOMENTS]


def written(value, second=0, **changes):
    """A record as the manager makes it: the time is another one for each write."""
    record = a_record(value=value, **changes)
    return record.with_metadata(updated_at=NOON + timedelta(seconds=second))


class World:
    """A store with the value `old`, and the same one as seen through faults and the layer under test."""

    def __init__(self, faults, *, versions=True, repeats=5, between=None, at=0):
        self.truth = Memory({}, BackendContext("truth"))
        self.truth.capabilities = replace(Memory.capabilities, versions=versions)
        self.old = self.truth.put(written("old"))
        self.flaky = Flaky(self.truth, scripted(faults), self._pause)
        self.store = Retry(self.flaky, repeats, sleep=lambda _seconds: None)
        self._between, self._at = between, at

    def _pause(self):
        if self._between and len(self.flaky.requests) + 1 == self._at:
            self._between(self.truth)

    def tried(self, write):
        """What the layer answered or raised, once everything has arrived that was under way."""
        try:
            outcome = write(self)
        except CredentialError as error:
            outcome = error
        self.flaky.settle()
        return outcome

    def now(self):
        try:
            return value_of(self.truth.get("db_pass")).decode()
        except NotFound:
            return None

    def had(self, value):
        """How many versions with that value there have been."""
        try:
            versions = [self.truth.get("db_pass", info.version) for info in self.truth.versions("db_pass")]
        except NotFound:
            return 0
        return [value_of(version).decode() for version in versions].count(value)


def all_of(cases, holds):
    """Try every case; the first that fails is named."""
    for case in cases:
        try:
            holds(*case)
        except AssertionError as error:
            raise AssertionError("{0}: {1}".format(case, error)) from None


def swap(world):
    return world.store.put(written("new", 1), world.old.etag)


def put_anyway(world):
    return world.store.put(written("new", 1))


def create(world):
    world.truth.delete("db_pass")
    return world.store.put(written("new", 1), create=True)


def failed(outcome):
    return isinstance(outcome, CredentialError)


@pytest.mark.parametrize("write", [swap, put_anyway, create])
def test_a_put_that_is_alone_is_told_as_it_is(write):
    """Acknowledged: there, once. Failed: not there, or said to be unknown. Never a conflict with itself."""

    def holds(faults):
        world = World(faults)
        outcome = world.tried(write)
        if failed(outcome):
            assert write is put_anyway, "a write that names what it replaces can always be settled"
            assert isinstance(outcome, (Unavailable, Timeout))
            assert outcome.outcome_unknown
        else:
            assert (world.now(), world.had("new"), outcome.version) == ("new", 1, world.truth.get("db_pass").version)

    all_of(zip(SEQUENCES), holds)


@pytest.mark.parametrize("repeats", [0, 1, 2])
@pytest.mark.parametrize("write", [swap, put_anyway, create])
def test_a_put_with_too_few_repeats_is_told_as_it_is(write, repeats):
    """What is not said to be unknown has not been carried out, and will not be."""

    def holds(faults):
        world = World(faults, repeats=repeats)
        outcome = world.tried(write)
        if failed(outcome):
            assert isinstance(outcome, (Unavailable, Timeout))
            assert outcome.outcome_unknown or world.had("new") == 0
        else:
            assert world.had("new") == 1

    all_of(zip(SEQUENCES), holds)


def change(truth):
    truth.put(written("other", 2), truth.get("db_pass").etag)


@pytest.mark.parametrize("versions", [True, False])
def test_a_swap_beside_another_writer_is_told_as_it_is(versions):
    """Acknowledged: it was there. A conflict that is certain: it never was, nor will be."""

    def holds(faults, at):
        world = World(faults, versions=versions, between=change, at=at)
        outcome = world.tried(swap)
        if not failed(outcome):
            assert world.had("new") == 1
        else:
            assert isinstance(outcome, Conflict)
            assert world.now() != "new"
            assert outcome.outcome_unknown or world.had("new") == 0
            assert not (versions and outcome.outcome_unknown), "the versions tell"

    all_of(SHORT, holds)


def test_what_another_writer_stores_is_never_taken_for_ours():
    """The same value at another time is another write."""

    def same_value(truth):
        truth.put(written("new", 2), truth.get("db_pass").etag)

    def holds(faults, at):
        world = World(faults, between=same_value, at=at)
        outcome = world.tried(swap)
        if not failed(outcome):
            assert world.truth.get("db_pass", outcome.version).full_metadata.updated_at == NOON + timedelta(seconds=1)

    all_of(SHORT, holds)


def test_of_two_creators_of_the_same_one_is_told_that_it_was_the_other():
    def holds(faults, at):
        made = []

        def same_record(truth):
            with suppress(Conflict):
                made.append(truth.put(written("new", 1), create=True))

        outcome = World(faults, between=same_record, at=at).tried(create)
        assert failed(outcome) == bool(made)
        assert not made or (isinstance(outcome, Conflict) and not outcome.outcome_unknown)

    all_of(SHORT, holds)


def test_a_look_is_no_repeat():
    """Where nothing may be repeated, a lost answer is looked after all the same."""
    for write in (swap, put_anyway, create):
        world = World([Fault.AFTER], repeats=0)
        assert world.tried(write).version == world.truth.get("db_pass").version


def test_a_new_credential_that_was_changed_at_once_is_known_as_ours():
    """Its first version tells; where none is kept, its id does, and the conflict says that the outcome is open."""
    for versions in (True, False):
        world = World([Fault.AFTER], versions=versions, between=change, at=2)
        outcome = world.tried(create)
        assert world.had("new") == 1
        assert not failed(outcome) if versions else (isinstance(outcome, Conflict) and outcome.outcome_unknown)


@pytest.mark.parametrize("named", [True, False])
def test_a_delete_that_is_alone_is_told_as_it_is(named):
    def holds(faults):
        world = World(faults)
        outcome = world.tried(lambda world: world.store.delete("db_pass", expected=world.old.etag if named else None))
        if failed(outcome):
            assert not named
            assert outcome.outcome_unknown
        else:
            assert world.now() is None

    all_of(zip(SEQUENCES), holds)


def test_a_delete_takes_nothing_of_another_writer():
    def change_or_create(truth):
        try:
            change(truth)
        except NotFound:
            truth.put(written("other", 2), create=True)

    def holds(faults, at):
        world = World(faults, between=change_or_create, at=at)
        outcome = world.tried(lambda world: world.store.delete("db_pass", expected=world.old.etag))
        if len(world.flaky.requests) >= at:
            assert world.now() == "other"
        assert outcome is None or isinstance(outcome, Conflict)

    all_of(SHORT, holds)


def described(world):
    changed = world.old.with_metadata(description="changed")
    return world.store.patch_metadata(changed, 0)


def test_a_patch_that_is_alone_is_made_once():
    def holds(faults):
        world = World(faults)
        outcome = world.tried(described)
        found = world.truth.get("db_pass")
        assert (outcome.revision, found.revision, found.full_metadata.description) == (1, 1, "changed")

    all_of(zip(SEQUENCES), holds)


def test_a_patch_beside_another_one_is_told_as_it_is():
    def describe(truth):
        found = truth.get("db_pass")
        truth.patch_metadata(found.with_metadata(description="other"), found.revision)

    def holds(faults, at):
        world = World(faults, between=describe, at=at)
        outcome = world.tried(described)
        found = world.truth.get("db_pass")
        if failed(outcome):
            assert isinstance(outcome, Conflict)
            assert found.full_metadata.description == "other"
            assert outcome.outcome_unknown or found.revision == 1
        else:
            assert outcome.revision == 1

    all_of(SHORT, holds)


def test_a_patch_of_what_was_deleted_is_not_found():
    world = World([Fault.LOST], between=lambda truth: truth.delete("db_pass"), at=2)
    assert isinstance(world.tried(described), NotFound)


def test_the_stores_document_is_written_once_and_over_nothing_else():
    def holds(faults):
        world = World(faults)
        world.truth.write_store_document(b"first", None)
        assert world.tried(lambda world: world.store.write_store_document(b"second", b"first")) is None
        assert world.truth.read_store_document() == b"second"

    all_of(zip(SEQUENCES), holds)


def test_a_document_that_another_run_has_written_is_a_conflict():
    world = World([Fault.LOST], between=lambda truth: truth.write_store_document(b"another", None), at=2)
    assert isinstance(world.tried(lambda world: world.store.write_store_document(b"ours", None)), Conflict)
    assert world.truth.read_store_document() == b"another"


class Sealed(World):
    """A store whose value is an envelope, and that envelope under another key."""

    def __init__(self, faults):
        super().__init__(faults)
        self.envelope, self.rewritten = seal(self.old, 2), seal(replace(self.old, record_id=bytes(16)), 2)
        self.sealed = self.truth.put(replace(self.old, fields={}, state={}, envelope=self.envelope, serial=None), self.old.etag)


def test_an_envelope_is_rewritten_once_and_over_nothing_else():
    def holds(faults):
        world = Sealed(faults)
        moved = replace(world.sealed, envelope=world.rewritten)
        assert world.tried(lambda world: world.store.rewrite_envelope(moved, world.envelope)) is None
        assert world.truth.get("db_pass").envelope == world.rewritten

    all_of(zip(SEQUENCES), holds)


def test_an_envelope_that_is_neither_is_a_conflict():
    world = Sealed([Fault.LOST])
    moved = replace(world.sealed, envelope=b"another")
    assert isinstance(world.tried(lambda world: world.store.rewrite_envelope(moved, b"what was there long ago")), Conflict)
    assert world.truth.get("db_pass").envelope == world.envelope


def test_an_envelope_is_known_as_ours_by_its_bytes():
    def holds(faults):
        world = Sealed(faults)
        offered = replace(world.sealed, envelope=seal(replace(world.old, fields={}), 3), serial=3)
        assert world.tried(lambda world: world.store.put(offered, world.sealed.etag)).version == "3"
        assert world.truth.get("db_pass").envelope == offered.envelope

    all_of(zip(SEQUENCES), holds)


def test_a_state_is_updated_by_a_read_and_a_swap():
    def holds(faults):
        world = World(faults)
        state = {"token": world.old.fields["password"]}
        outcome = world.tried(lambda world: put_state(world.store, "db_pass", state, world.old.etag))
        assert (outcome.version, outcome.serial) == (world.truth.get("db_pass").version, world.old.serial + 1)
        assert world.truth.get("db_pass").state["token"].expose() == b"old"

    all_of(zip(SEQUENCES), holds)
