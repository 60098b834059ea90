# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writers that are killed, or overtaken, at every request that a backend of objects makes (A9)."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    InvalidConfiguration,
    NotEncrypted,
    NotFound,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, Etag
from tests.conformance.object_places import MemoryPlaces
from tests.conformance.records import a_record, value_of
from tests.unit.backends.objects.situations import (
    KEEP,
    OPERATIONS,
    SITUATIONS,
    WatchedPlaces,
    check_whole,
    deaths,
    delete,
    foreign,
    killed_at,
    opened,
    patch,
    put,
    state_of,
    touched,
    with_history,
)

each = pytest.mark.parametrize


@each("moment", ["before", "after"])
@each("operation", OPERATIONS)
@each("situation", SITUATIONS)
def test_a_writer_that_is_killed_leaves_the_old_or_the_new(situation, operation, moment):
    """And loses no version, and uses no serial twice; the next write removes what was left behind."""
    for number in range(deaths(situation, operation)):
        places = SITUATIONS[situation]()
        before, last = state_of(opened(places)), opened(places).last_serial("db_pass")
        whole = SITUATIONS[situation]()
        OPERATIONS[operation](opened(whole))
        after = state_of(opened(whole))
        killed_at(places, operation, number, moment)
        found = state_of(opened(places))
        assert found in (before, after)
        assert opened(places).last_serial("db_pass") >= last
        stored = opened(places).put(a_record(value="next"))
        assert stored.serial > opened(whole).last_serial("db_pass") or found != after or operation == "patch"
        assert stored.serial > last
        next_state = state_of(opened(places))
        assert next_state.pop(stored.version) == b"next"
        assert {value for version, value in next_state.items()} <= set(found.values())
        assert len(next_state) == min(KEEP, len(found))
        check_whole(places)


@each("operation", ["put", "delete"])
@each("moment", ["before", "after"])
@each("killed", ["put", "delete"])
def test_two_killed_writers_in_a_row_leave_nothing_behind(killed, moment, operation):
    """Another is killed while it would clean up after the first; the third does."""
    for first in range(deaths("all versions", killed)):
        for second in range(9):
            places = with_history("12345")
            killed_at(places, killed, first, moment)
            killed_at(places, operation, second, moment)
            stored = opened(places).put(a_record(value="next"))
            assert value_of(opened(places).get("db_pass")) == b"next"
            assert stored.serial >= 6
            state_of(opened(places))
            check_whole(places)


@each("operation", OPERATIONS)
@each("other", OPERATIONS)
@each("situation", SITUATIONS)
def test_a_writer_that_is_overtaken_loses_nothing(situation, operation, other):
    """Between any two requests of a writer another one does all of its own; both were carried out, one after the other."""
    for number in range(deaths(situation, operation)):
        places = SITUATIONS[situation]()

        def overtake(count, _kind, number=number, places=places):
            if count == number:
                OPERATIONS[other](opened(places))

        before = opened(places).last_serial("db_pass")
        OPERATIONS[operation](opened(WatchedPlaces(places, before=overtake)))
        state_of(opened(places))
        check_whole(places)
        puts = [operation, other].count("put")
        assert opened(places).last_serial("db_pass") >= before + puts
        if "delete" not in (operation, other) and puts:
            assert value_of(opened(places).get("db_pass")) == b"new"


def test_a_slow_writer_does_not_bring_back_older_metadata_of_a_version():
    """It copied the value before its metadata was changed, and its copy is not what the version comes to be."""
    places = with_history("1")

    def overtake(count, kind):
        if kind == "create" and count == 1:
            patch(opened(places))
            killed_at(places, "put", 2, "before")

    opened(WatchedPlaces(places, before=overtake)).put(a_record(value="2"))
    assert opened(places).get("db_pass", "1").metadata.description == "new"


def test_requests_of_each_operation():
    """Reading is one request; a write reads, copies and swaps, and removes what is kept no longer."""
    kinds = {}
    for name, work in {
        "get": lambda backend: backend.get("db_pass"),
        "put": put,
        "patch": lambda backend: backend.patch_metadata(a_record(version="2", serial=2), 0),
        "older": lambda backend: backend.get("db_pass", "1"),
        "versions": lambda backend: backend.versions("db_pass"),
        "stage": lambda backend: backend.put(a_record(stage=PENDING)),
    }.items():
        watched = WatchedPlaces(with_history("12"))
        work(opened(watched))
        kinds[name] = [kind for kind, *_place in watched.requests]
    assert kinds == {
        "get": ["read"],
        "put": ["read", "create", "replace"],
        "patch": ["read", "replace"],
        "older": ["read", "read"],
        "versions": ["read"],
        "stage": ["read", "read", "create"],
    }


def test_no_older_value_is_kept_where_none_is_wanted():
    places = MemoryPlaces()
    for value in "12":
        opened(places, keep=0).put(a_record(value=value))
    assert list(places.objects) == [ObjectKey("db_pass")]
    assert state_of(opened(places)) == {"2": b"2"}


def test_fewer_versions_are_kept_from_the_next_write_on():
    places = with_history("123")
    opened(places, keep=0).put(a_record(value="4"))
    assert list(places.objects) == [ObjectKey("db_pass")]


def test_keep_versions_is_checked():
    with pytest.raises(InvalidConfiguration) as caught:
        opened(MemoryPlaces(), keep=-1)
    assert caught.value.option == "keep_versions"


def test_another_tools_value_is_read_and_replaced_under_its_own_version():
    """It has no serial; its version changes with every write of that tool, so none of them is overwritten unseen."""
    places = foreign()
    found = opened(places).get("db_pass")
    assert (value_of(found), found.serial, found.version) == (b"theirs", None, "+t1")
    places.meddle("db_pass", password="again")
    with pytest.raises(Conflict):
        opened(places).put(a_record(), found.etag)
    stored = opened(places).put(a_record(), Etag("+t2"))
    assert state_of(opened(places)) == {stored.version: b"s3cret", "1": b"again"}


def test_another_tools_write_over_ours_is_noticed():
    places = with_history("12")
    places.meddle("db_pass", password="theirs")
    backend = opened(places)
    assert backend.get("db_pass").version == "2+t4"
    with pytest.raises(Conflict) as caught:
        backend.put(a_record(), Etag("2"))
    assert "version 2 was expected and version 2+t4 is stored" in str(caught.value)
    backend.put(a_record(value="ours"), Etag("2+t4"))
    assert state_of(backend) == {"4": b"ours", "3": b"theirs", "1": b"1"}


def test_metadata_of_another_tools_value_can_be_changed_and_its_version_stays():
    for places in (foreign(), touched()):
        backend = opened(places)
        found = backend.get("db_pass")
        assert backend.patch_metadata(found.with_metadata(description="new"), 0).version == found.version
        after = backend.get("db_pass")
        assert (after.version, after.metadata.description, value_of(after)) == (found.version, "new", b"theirs")


def test_a_serial_that_a_foreign_value_would_take_may_be_claimed():
    """Then the foreign value is not kept: no serial stands for two values."""
    places = foreign()
    opened(places).put(a_record(serial=1))
    assert state_of(opened(places)) == {"1": b"s3cret"}


def test_what_cannot_be_read_can_be_deleted_and_its_older_versions_read():
    places = with_history("12")
    backend = opened(MemoryPlaces(places.objects, encrypted=True), encrypt=True)
    for call in (backend.get, lambda name: backend.put(a_record(name))):
        with pytest.raises(NotEncrypted):
            call("db_pass")
    assert [type(row.problem) for row in backend.list(Filter(prefix="db_pass"))] == [NotEncrypted]
    assert [info.version for info in backend.versions("db_pass")] == ["1"]
    with pytest.raises(NotEncrypted):
        backend.delete("db_pass", expected=Etag("2"))
    backend.delete("db_pass")
    assert backend.last_serial("db_pass") == 2
    check_whole(places)


def failing(kind, error, number=0):
    """Fail the request of that kind, `number` times spared."""
    spared = [number]

    def fail(_count, this):
        if this == kind:
            spared[0] -= 1
            if spared[0] < 0:
                raise error

    return fail


def test_what_cannot_be_swept_fails_no_write():
    """The value is stored. A role that may not delete is told; an outage is not worth a word, for the next write sweeps."""
    for error, warnings in ((AccessDenied("no"), 2), (Unavailable("gone"), 0)):
        places = with_history("12345")
        backend = opened(WatchedPlaces(places, before=failing("remove", error)))
        assert backend.put(a_record(value="new")).serial == 6
        assert len(backend.warnings) == warnings
        assert len(places.objects) == KEEP + 2
        assert places.read(ObjectKey("db_pass")).garbage
        opened(places).put(a_record(value="newer"))
        check_whole(places)


def test_what_fails_before_the_write_itself_has_no_unknown_outcome():
    """So the layer above may repeat it; a failing write itself keeps its own word."""
    lost = Unavailable("gone").annotate(outcome_unknown=True)
    for kind, work, unknown in (("create", put, False), ("replace", put, True), ("create", delete, False), ("remove", delete, True)):
        lost.outcome_unknown = True
        with pytest.raises(Unavailable) as caught:
            work(opened(WatchedPlaces(with_history("1"), before=failing(kind, lost))))
        assert caught.value.outcome_unknown is unknown


def test_a_kept_version_that_is_gone_is_not_found():
    places = with_history("12")
    del places.objects[ObjectKey.of_version("db_pass", 1)]
    with pytest.raises(NotFound):
        opened(places).get("db_pass", "1")
    assert places.read(ObjectKey("db_pass", CURRENT)) is not None


def test_a_write_that_always_loses_ends():
    """A hundred lost races are told as such."""
    places = with_history("1")

    class Busy(MemoryPlaces):
        def replace(self, place, content, found):
            raise Conflict("another")

    for work in (put, lambda backend: backend.patch_metadata(backend.get("db_pass"), 0)):
        with pytest.raises(Conflict) as caught:
            work(opened(Busy(places.objects), keep=0))
        assert "100 other writes came first" in str(caught.value)
