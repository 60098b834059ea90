# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation of the master key between what an operation has read and what it writes: the state is the same, so the write succeeds.

A database compares the envelope that was read, which the rotation replaces.
"""

from __future__ import annotations

from contextlib import closing, contextmanager

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import ask, create, run

OPERATIONS = {
    "present": lambda manager: run(manager, value="new")["changed"],
    "this version": lambda manager: run(manager, value="new", expected_version="1")["changed"],
    "described": lambda manager: run(manager, description="new", expected_version="1")["changed"],
    "revoked": lambda manager: run(manager, state="revoked", expected_version="1")["changed"],
    "absent": lambda manager: run(manager, state="absent")["changed"],
    "rotate": lambda manager: ask(manager, "credential_rotate", name="db", phase="auto", target="none").result["outcome"] == "promoted",
    "prepare": lambda manager: ask(manager, "credential_rotate", name="db", phase="prepare").result["outcome"] == "prepared",
}


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return {"backend": "database", "url": "sqlite:///{}/credentials.db".format(tmp_path), "audit": "off"}


@contextmanager
def doing_before_write(number, act):
    """Do something once, before that write of a store. Yields a list that is empty once it was done."""
    left, writes = [act], []

    def watch(write):
        def watched(backend, *arguments, **more):
            writes.append(write)
            if left and len(writes) > number:
                left.pop()()
            return write(backend, *arguments, **more)

        return watched

    with pytest.MonkeyPatch.context() as patched:
        for write in ("put", "patch_metadata", "delete"):
            patched.setattr(Database, write, watch(getattr(Database, write)))
        yield left


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_write_succeeds_although_the_master_key_was_rotated_before_it(config, operation):
    for number in range(20):
        config["table_prefix"] = "of_{}_".format(number)
        with closing(open_store(config)) as manager, closing(open_store(config)) as other:
            create(manager)
            with doing_before_write(number, lambda other=other: ask(other, "store_key", state="rotated")) as left:
                assert operation(manager)
        if left:
            assert number, "nothing was written"
            return
    pytest.fail("it never ended")


@pytest.mark.parametrize("operation", ["this version", "described", "revoked", "absent"])
def test_a_write_that_another_one_overtook_is_still_a_conflict(config, operation):
    with closing(open_store(config)) as manager, closing(open_store(config)) as other:
        create(manager)
        with doing_before_write(0, lambda: other.update("db", tags={"by": "other"})), pytest.raises(Conflict):
            OPERATIONS[operation](manager)
        found = manager.inspect("db")
        assert (found.version, found.metadata.tags, found.state) == ("1", {"by": "other"}, "active")
