# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of backends/base, call by call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import DEGRADED, HEALTHY, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    AuditSink,
    Limited,
    Located,
    Recoverable,
    Renewable,
    find_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import JOURNAL, PENDING, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

from .records import METADATA, NOON, a_record, exposed, put_state, value_of


def test_what_a_backend_says_that_it_can_do_has_its_protocol(kind, tmp_path):
    """Where a capability stands for calls beside the contract, the backend takes them."""
    backend = kind.raw(tmp_path)
    able = backend.capabilities
    needed = {
        AuditSink: able.audit_log,
        Recoverable: able.soft_delete,
        Limited: {able.max_bytes, able.max_tags} != {None},
        Renewable: able.leased,
    }
    assert [protocol.__name__ for protocol, is_needed in needed.items() if is_needed and not isinstance(backend, protocol)] == []


def test_every_backend_says_where_a_credential_is(kind, tmp_path):
    """Before anything is stored, and without a login in it."""
    located = find_protocol(kind.raw(tmp_path), Located)
    if located is None:
        assert kind.backend not in BACKENDS
        return
    places = [located.locate(name) for name in ("app/db", "app/other")]
    assert all(isinstance(text, str) and text for place in places for text in place.values())
    assert (places[0] != places[1]) == (kind.backend != "memory")


def test_what_is_put_is_what_get_returns(backend):
    """Fields, state, type and metadata come back to the byte and the microsecond."""
    stored = backend.put(a_record(), create=True)
    found = backend.get("db_pass")
    assert exposed(found) == exposed(a_record())
    assert (found.name, found.type, found.metadata, found.stage) == ("db_pass", "basic", METADATA, "current")
    assert (found.version, found.serial, found.record_id, found.revision) == (stored.version, 1, stored.record_id, 0)
    assert len(found.record_id) == 16


BYTES = (b"", b"\x00", b"\xff\xfe", bytes(range(256)), "ü\u2028\U0001f511".encode())
TEXTS = ("null", "true", "1e3", "{{ x }}", "- a", "---", "# c", "'", '"', "a: b", " lead", "tail \n", "!!int 3", "\r\n", "\x85")


@pytest.mark.parametrize("values", [BYTES, TEXTS], ids=["bytes", "text that looks like syntax"])
def test_any_bytes_are_a_value(backend, values):
    """All of them are fields of one record."""
    fields = {"field_{0}".format(number): Secret(value) for number, value in enumerate(values)}
    backend.put(a_record(fields=fields))
    assert exposed(backend.get("db_pass"))[0] == {name: value.expose() for name, value in fields.items()}


def test_a_long_value_is_kept(backend, kind, tmp_path):
    """64 KiB, or half of what has room where the backend has less."""
    most = kind.raw(tmp_path).capabilities.max_bytes
    value = b"x" * min(65536, 65536 if most is None else most // 2)
    backend.put(a_record(value=value))
    assert value_of(backend.get("db_pass")) == value


def test_a_record_without_fields_is_kept(backend):
    backend.put(a_record(fields={}, state={}))
    assert exposed(backend.get("db_pass")) == ({}, {})


def test_a_stored_value_is_not_the_callers(backend):
    """Wiping a secret that was put or got leaves the store's own alone."""
    record = a_record()
    backend.put(record)
    record.fields["password"].wipe()
    backend.get("db_pass").fields["password"].wipe()
    assert value_of(backend.get("db_pass")) == b"s3cret"


def test_nothing_is_not_found(backend):
    for call in (backend.get, backend.delete, backend.versions):
        with pytest.raises(NotFound) as caught:
            call("absent")
        assert "absent" in str(caught.value)


def test_get_many_leaves_out_what_is_absent(backend):
    backend.put(a_record("a", "1"))
    backend.put(a_record("b", "2"))
    assert {name: value_of(found) for name, found in backend.get_many(["a", "b", "c"]).items()} == {"a": b"1", "b": b"2"}


def test_a_new_state_leaves_the_fields_and_the_metadata(backend):
    """Input and state are apart in a record: a refresh replaces the state."""
    stored = backend.put(a_record())
    updated = put_state(backend, "db_pass", {"token": Secret("new")}, stored.etag)
    found = backend.get("db_pass")
    assert exposed(found) == ({"username": b"app", "password": b"s3cret"}, {"token": b"new"})
    assert found.version == updated.version != stored.version
    assert (found.metadata, found.record_id) == (METADATA, stored.record_id)
    with pytest.raises(Conflict):
        put_state(backend, "db_pass", {}, stored.etag)


def test_patch_metadata_changes_metadata_alone(backend):
    """The value and its version stay, the revision counts one up, and of two patches of one revision the second loses."""
    backend.put(a_record())
    found = backend.get("db_pass")
    wanted = found.with_metadata(description="new", tags={"a": "b"})
    assert backend.patch_metadata(wanted, 0).revision == 1
    after = backend.get("db_pass")
    assert (after.metadata, after.revision, after.version, after.serial) == (wanted.metadata, 1, found.version, found.serial)
    assert exposed(after) == exposed(found)
    with pytest.raises(Conflict) as caught:
        backend.patch_metadata(wanted, 0)
    assert "revision 0 was expected, and version 1, revision 1 is stored" in str(caught.value)
    assert len(backend.versions("db_pass")) == 1


def test_patch_metadata_of_another_version_is_a_conflict(backend):
    backend.put(a_record())
    old = backend.get("db_pass")
    backend.put(a_record(value="2"))
    with pytest.raises(Conflict):
        backend.patch_metadata(old, 0)


def test_patch_metadata_of_nothing_is_not_found(backend):
    with pytest.raises(NotFound):
        backend.patch_metadata(a_record(version="1", serial=1), 0)


def test_a_new_value_starts_at_revision_zero(backend):
    backend.put(a_record())
    backend.patch_metadata(backend.get("db_pass"), 0)
    backend.put(a_record(value="2"))
    assert backend.get("db_pass").revision == 0


def test_stages_are_objects_of_their_own(backend, kind):
    """Each stage has its value, version and serial; none shows in `list` of another."""
    for stage in (PENDING, PREVIOUS, JOURNAL):
        with pytest.raises(NotFound):
            backend.get("db_pass", stage=stage)
    backend.put(a_record())
    backend.put(a_record(value="next", stage=PENDING), create=True)
    backend.put(a_record(value="next2", stage=PENDING))
    assert value_of(backend.get("db_pass")) == b"s3cret"
    assert value_of(backend.get("db_pass", stage=PENDING)) == b"next2"
    assert (backend.last_serial("db_pass"), backend.last_serial("db_pass", PENDING), backend.last_serial("db_pass", JOURNAL)) == (
        1,
        2,
        0,
    )
    assert [record.stage for record in backend.list(Filter(stage=PENDING))] == [PENDING]
    backend.delete("db_pass", stage=PENDING)
    with pytest.raises(NotFound):
        backend.get("db_pass", stage=PENDING)
    assert value_of(backend.get("db_pass")) == b"s3cret"
    assert backend.last_serial("db_pass", PENDING) == 2 + kind.serials_of_a_delete


def test_deleting_current_leaves_the_other_stages(backend):
    backend.put(a_record())
    backend.put(a_record(stage=JOURNAL))
    backend.delete("db_pass")
    assert backend.get("db_pass", stage=JOURNAL).stage == JOURNAL


def test_delete_takes_every_version(backend):
    for value in "123":
        backend.put(a_record(value=value))
    backend.delete("db_pass")
    for version in (None, "1", "2", "3"):
        with pytest.raises(NotFound):
            backend.get("db_pass", version)
    assert list(backend.list()) == []


def test_a_serial_is_never_used_again(backend, kind):
    """A delete is remembered: the next value gets the next serial and an identity of its own."""
    taken = kind.serials_of_a_delete
    first = backend.put(a_record())
    backend.put(a_record())
    backend.delete("db_pass")
    assert backend.last_serial("db_pass") == 2 + taken
    again = backend.put(a_record(), create=True)
    assert again.serial == 3 + taken
    assert again.record_id != first.record_id
    backend.delete("db_pass")
    assert backend.last_serial("db_pass") == 3 + 2 * taken
    assert backend.last_serial("never") == 0


@pytest.mark.backends(lambda kind: kind.counts_serials)
def test_a_serial_that_was_used_is_a_conflict(backend):
    """Where no layer above the backend counts them."""
    backend.put(a_record(serial=5))
    assert backend.last_serial("db_pass") == 5
    for used in (4, 5):
        with pytest.raises(Conflict):
            backend.put(a_record(serial=used))
    backend.delete("db_pass")
    with pytest.raises(Conflict):
        backend.put(a_record(serial=5))
    assert backend.put(a_record(serial=9)).serial == 9


def test_list_yields_metadata_and_no_value(backend):
    backend.put(a_record("a/b"))
    backend.put(a_record("c", type="database"))
    listed = {record.name: record for record in backend.list()}
    assert set(listed) == {"a/b", "c"}
    assert [dict(record.fields) or dict(record.state) for record in listed.values()] == [{}, {}]
    assert (listed["a/b"].metadata, listed["c"].type, listed["a/b"].version) == (METADATA, "database", "1")


def test_list_by_name_only_holds_no_metadata(backend):
    backend.put(a_record("a"))
    assert [(record.name, record.metadata) for record in backend.list(Filter(names_only=True))] == [("a", None)]


def test_list_never_yields_less_than_the_filter_asks_for(backend):
    """Prefix holds exactly; type and times may be left to the one who asks."""
    days = {"x/1": 1, "x/2": 2, "y/1": 3}
    for name, day in days.items():
        metadata = replace(METADATA, created_at=NOON + timedelta(days=day))
        backend.put(a_record(name, type="basic" if day < 3 else "database", metadata=metadata))
    for _each in range(2):
        assert {record.name for record in backend.list(Filter(prefix="x/"))} == {"x/1", "x/2"}
        assert {record.name for record in backend.list(Filter(type="database"))} >= {"y/1"}
        after = Filter(created_after=NOON + timedelta(days=2))
        assert {record.name for record in backend.list(after)} >= {"x/2", "y/1"}
        between = Filter(created_after=NOON + timedelta(days=1), created_before=NOON + timedelta(days=2), type="basic")
        assert {record.name for record in backend.list(between)} >= {"x/1"}


def test_a_new_store_is_empty_and_healthy(backend):
    assert list(backend.list()) == []
    assert backend.health().status in {HEALTHY, DEGRADED}


def test_the_store_document_is_compared_and_swapped(backend):
    assert backend.read_store_document() is None
    backend.write_store_document(b"one", None)
    for wrong in (None, b"other"):
        with pytest.raises(Conflict):
            backend.write_store_document(b"two", wrong)
    backend.write_store_document(b"two", b"one")
    assert backend.read_store_document() == b"two"


def test_closing_twice_is_allowed(backend):
    backend.close()
    backend.close()


def test_everything_survives_a_new_start(backend, kind, open_again):
    """Values, versions, stages, serials of the deleted and the store's document are there for the next process."""
    backend.put(a_record("gone"))
    backend.delete("gone")
    for value in "12":
        backend.put(a_record(value=value))
    backend.put(a_record(value="p", stage=PENDING))
    if backend.read_store_document() is None:  # or the encrypt layer's own is there
        backend.write_store_document(b"document", None)
    document = backend.read_store_document()
    backend.close()
    again = open_again()
    assert value_of(again.get("db_pass")) == b"2"
    assert value_of(again.get("db_pass", "1")) == b"1"
    assert value_of(again.get("db_pass", stage=PENDING)) == b"p"
    assert (again.last_serial("gone"), again.last_serial("db_pass")) == (1 + kind.serials_of_a_delete, 2)
    assert again.read_store_document() == document
    again.close()
