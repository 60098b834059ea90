# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A write over an envelope that was read compares that envelope, not only its version: nothing reads it a second time."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.database import connections
from ansible_collections.nebula.credential.plugins.module_utils.encoding import envelope
from ansible_collections.nebula.credential.plugins.module_utils.errors import Misplaced
from ansible_collections.nebula.credential.plugins.module_utils.layers import intercept
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import value_of
from tests.unit.backends.database.stores import ask, store_in

WRITES = {
    "put": lambda backend, read: backend.put(read.with_metadata(description="new"), read.etag),
    "patch": lambda backend, read: backend.patch_metadata(read.with_metadata(description="new"), read.revision),
    "delete": lambda backend, read: backend.delete(read.name, expected=read.etag),
}


@pytest.fixture
def store(tmp_path):
    store = store_in(tmp_path)
    for name in ("a", "b"):
        store.create(DesiredCredential(name, fields={"password": Secret(name)}, type="basic"))
    yield store
    store.close()


def change_without_version(directory):
    """Put the envelope of another credential into the row of `a`."""
    ask(directory, "UPDATE cred_credentials SET envelope = (SELECT envelope FROM cred_credentials WHERE name = 'b') WHERE name = 'a'")
    return ask(directory, "SELECT * FROM cred_credentials WHERE name = 'a'")


@pytest.mark.parametrize("write", ["put", "patch"])
def test_a_row_that_was_changed_without_its_version_is_not_written_over(store, tmp_path, write):
    with store.acting(AccessContext()):
        read = store.backend.get("a")
        before = ask(tmp_path, "SELECT * FROM cred_credentials WHERE name = 'a'")
        changed = change_without_version(tmp_path)
        with pytest.raises(Misplaced):
            WRITES[write](store.backend, read)
    assert before != changed == ask(tmp_path, "SELECT * FROM cred_credentials WHERE name = 'a'")


def test_it_can_be_deleted(store, tmp_path):
    with store.acting(AccessContext()):
        read = store.backend.get("a")
        change_without_version(tmp_path)
        WRITES["delete"](store.backend, read)
    assert not ask(tmp_path, "SELECT * FROM cred_credentials WHERE name = 'a'")


@pytest.mark.parametrize("write", WRITES)
def test_what_a_write_returns_can_be_written_over(store, write):
    with store.acting(AccessContext()):
        stored = store.backend.put(store.backend.get("a").with_metadata(description="1"), store.backend.get("a").etag)
        stored = store.backend.patch_metadata(stored.with_metadata(description="2"), stored.revision)
        assert value_of(store.backend.get("a")) == b"a"
        WRITES[write](store.backend, stored)
        assert [row.name for row in store.backend.list()] == (["b"] if write == "delete" else ["a", "b"])


def test_a_listing_reads_an_envelope_alone_and_parses_it_once(tmp_path, monkeypatch):
    """Without the columns that repeat what it holds."""
    monkeypatch.setattr(intercept, "monotonic", lambda: 0.0)
    parsed, columns, parse, read = [], [], envelope._read_body, connections.read_column
    monkeypatch.setattr(connections, "read_column", lambda text: columns.append(text) or read(text))
    store = store_in(tmp_path)
    for number in range(2 * envelope.REMEMBERED):
        store.create(DesiredCredential("n{0:03d}".format(number), value=Secret("x")))
    columns.clear()
    monkeypatch.setattr(envelope, "_read_body", lambda body: parsed.append(body) or parse(body))
    assert len(perform(store, "find", {}, AccessContext()).result["credentials"]) == len(parsed) == 2 * envelope.REMEMBERED
    assert columns == []
    store.close()
