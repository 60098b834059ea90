# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change that comes between the read of a write and the write itself is never undone, on any backend."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, NotFound, Revoked
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate, Slots, candidate_of
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

from .records import a_record, value_of
from .store_kind import LONG

NEXT_YEAR = datetime(2100, 1, 1, tzinfo=timezone.utc)
POLICY = {"kind": "periodic", "every": 86400}
OTHERS = Scope("default", workflow="others")


class Overtaken(Layer):
    """Runs `change` once, ahead of the next write: what was read for that write is then out of date."""

    def __init__(self, inner, change):
        super().__init__(inner)
        self.change = change

    def put(self, record, expected=None, *, create=False):
        self._overtake()
        return self.inner.put(record, expected, create=create)

    def patch_metadata(self, record, expected_revision):
        self._overtake()
        return self.inner.patch_metadata(record, expected_revision)

    def delete(self, name, *, stage="current", expected=None, recoverable=False):
        if stage == "current":
            self._overtake()
        self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable)

    def _overtake(self):
        change, self.change = self.change, None
        if change is not None:
            change(CredentialManager(self.inner))


def rescope(manager):
    with manager.acting():
        found = manager.backend.get("db")
        manager.backend.put(replace(found.with_metadata(scope=OTHERS), serial=None), found.etag)


CHANGES = {
    "revoke": (lambda manager: manager.revoke("db"), lambda known: known.lifecycle == "revoked"),
    "expiry": (lambda manager: manager.update("db", expires_at=NEXT_YEAR), lambda known: known.expires_at == NEXT_YEAR),
    "policy": (lambda manager: manager.update("db", policy=POLICY), lambda known: known.policy == POLICY),
    "tags": (lambda manager: manager.update("db", tags={"a": "b"}), lambda known: known.tags == {"a": "b"}),
    "scope": (rescope, lambda known: known.scope == OTHERS),
}


def promote(manager):
    """The writes of a rotation from the pending value on."""
    slots, now = Slots(manager.backend, "db"), manager.clock()
    with manager.acting():
        base = slots.get("current")
        slots.ensure_pending(lambda _base: Candidate({"password": Secret("two")}), base, now)
        rotating = base.with_metadata(lifecycle="rotating")
        slots.promote(rotating, candidate_of(slots.get("pending")), "r-1", ["promoted"], now)


WRITES = {
    "value": lambda manager: manager.ensure(DesiredCredential("db", value=Secret("two"))),
    "description": lambda manager: manager.ensure(DesiredCredential("db", description="new")),
    "scope": lambda manager: manager.ensure(DesiredCredential("db", value=Secret("two"), scope=Scope(user="root"))),
    "update": lambda manager: manager.update("db", description="new"),
    "restore": lambda manager: manager.restore("db", manager.versions("db")[-1].version),
    "promote": promote,
    "delete": lambda manager: manager.delete("db"),
}


def fill(backend):
    for value in ("zero", "one"):
        backend.put(a_record("db", value, metadata=replace(a_record().full_metadata, scope=Scope(), expires_at=None)))


SAID_ELSEWHERE = () if LONG else ("policy", "tags")
"""Changes of the metadata alone, as `expiry`."""


@pytest.mark.parametrize("change", [change for change in CHANGES if change not in SAID_ELSEWHERE])
def test_no_write_undoes_a_change_that_it_has_not_seen(backend, change):
    make, holds = CHANGES[change]
    for name, write in WRITES.items():
        fill(backend)
        done, problem = None, None
        try:
            done = write(CredentialManager(Overtaken(backend, make)))
        except CredentialError as error:
            problem = error
        try:
            known = backend.get("db").full_metadata
        except NotFound:
            assert name == "delete"  # it was read again, and then deleted as it is now
            continue
        kept = holds(known) or (name, change) == ("scope", "scope")
        assert kept, (name, change, done, problem)
        if change == "revoke":
            assert isinstance(problem, (Revoked, Conflict)) or name in ("update", "promote")
        backend.delete("db")


def test_a_put_and_a_delete_compare_the_revision(backend):
    """The revision counts the changes of the metadata of one version."""
    backend.put(a_record())
    first = backend.get("db_pass")
    backend.patch_metadata(first.with_metadata(description="new"), first.revision)
    for write in (lambda: backend.put(a_record(value="2"), first.etag), lambda: backend.delete("db_pass", expected=first.etag)):
        with pytest.raises(Conflict, match="version 1, revision 0 was expected, and revision 1 is stored"):
            write()
    assert value_of(backend.get("db_pass")) == b"s3cret"
    assert backend.put(a_record(value="2"), backend.get("db_pass").etag).revision == 0
    backend.delete("db_pass", expected=backend.get("db_pass").etag)
