# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes to KV version 2 that come too late: what they had read was changed, and then deleted recoverably."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import a_record, value_of
from tests.integration.vault_store import VaultStore, before_request
from tests.servers import once
from tests.unit.store.managing import ask


@pytest.fixture
def store():
    return VaultStore(once.openbao())


def put(manager):
    manager.ensure(DesiredCredential("db", value=Secret("three")))


def tag(manager):
    manager.update("db", tags={"a": "b"})


@pytest.mark.parametrize("write", [put, lambda manager: manager.delete("db")], ids=["put", "delete"])
@pytest.mark.parametrize("change", [tag, lambda manager: manager.revoke("db")], ids=["tags", "revoked"])
def test_a_write_that_read_before_a_change_and_a_recoverable_delete_undoes_neither(store, monkeypatch, write, change):
    """The write finds out that the metadata had changed. The value that it would store again was deleted, so it is deleted again."""
    for value in ("one", "two"):
        ask(store.manager(), "credential", name="db", state="present", value=value)

    def overtake():
        change(store.manager())
        store.manager().delete("db", recoverable=True)

    before_request(monkeypatch, "write", overtake)
    with pytest.raises(Conflict):
        write(store.manager())
    with pytest.raises(NotFound):
        store.manager().get("db")
    ask(store.manager(), "credential", name="db", state="restored")
    found = store.manager().inspect("db")
    assert (found.fields["value"].expose(), found.state, found.metadata.tags) in [
        (b"two", "active", {"a": "b"}),
        (b"two", "revoked", {}),
    ]


def test_a_put_that_takes_its_value_away_shows_the_deleted_one_for_no_longer_than_one_request(store, monkeypatch):
    """Only the newest version can be brought back, so the deleted value is stored once more, and deleted before it is described."""
    backend, found = store.backend(), []
    stored = backend.put(a_record(value="1"))

    def look():
        with pytest.raises(NotFound):
            store.backend().get("db_pass")
        found.append("nothing")

    def overtake():
        store.backend().delete("db_pass", recoverable=True)
        before_request(monkeypatch, "describe", look)

    before_request(monkeypatch, "write", overtake)
    with pytest.raises(Conflict):
        backend.put(a_record(value="2"), stored.etag)
    assert found == ["nothing"]
    restored = store.backend().restore("db_pass")
    assert (value_of(restored), restored.full_metadata.tags) == (b"1", stored.full_metadata.tags)


@pytest.mark.parametrize("grace", [0, 3600])
def test_a_rotation_whose_value_gets_other_metadata_before_its_own_is_done_all_the_same(store, monkeypatch, grace):
    """The value is stored in one request and its metadata in a later one. Another run comes in between."""
    manager, other = store.manager(), store.manager()
    ask(manager, "credential", name="db", state="present", value="one")
    before_request(monkeypatch, "sheet", lambda: tag(other))
    done = ask(manager, "credential_rotate", name="db", phase="auto", target="none", grace=grace).result
    found = other.inspect("db")
    assert (done["outcome"], found.version, found.metadata.tags) == ("promoted", "2", {"a": "b"})
    assert found.fields["value"].expose() != b"one"
    assert found.metadata.lifecycle == ("grace_period" if grace else "active")
    assert [step.event for step in found.metadata.history][-1] == ("promoted" if grace else "grace_end")


def test_a_rotation_whose_value_is_revoked_before_it_has_its_metadata_leaves_it_revoked(store, monkeypatch):
    manager, other = store.manager(), store.manager()
    ask(manager, "credential", name="db", state="present", value="one")
    before_request(monkeypatch, "sheet", lambda: other.revoke("db"))
    with pytest.raises(CredentialError):
        ask(manager, "credential_rotate", name="db", phase="auto", target="none")
    assert other.inspect("db").metadata.lifecycle == "revoked"
    assert ask(other, "credential_rotate", name="db", phase="status").result["rotation"]["phase"] is None
