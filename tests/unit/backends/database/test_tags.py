# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listing by name and by tag reads the rows that match, whoever wrote them, and tables of an earlier release stay usable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.database import schema
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import METADATA, a_record
from tests.unit.backends.database.stores import ask, backend_in, store_in

PROD = (("env", "prod"),)


def tagged(name, **tags):
    return a_record(name, metadata=replace(METADATA, tags=tags))


def names(backend, *tags, prefix=""):
    return [row.name for row in backend.list(Filter(prefix=prefix, tags=tags))]


def plans_of(directory, backend, wanted):
    """SQLite's plan of each statement of a listing."""
    from sqlalchemy import event

    said = []
    engine = backend._connections._find_engine()

    def watch(_connection, _cursor, statement, parameters, *_more):
        said.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", watch)
    list(backend.list(wanted))
    event.remove(engine, "before_cursor_execute", watch)
    return [[row[3] for row in ask(directory, "EXPLAIN QUERY PLAN " + statement, *parameters)] for statement, parameters in said]


@pytest.mark.parametrize("wanted", [Filter(prefix="app/"), Filter(tags=PROD), Filter(tags=(("env", None),)), Filter(prefix="a", tags=PROD)])
def test_a_listing_by_name_or_tag_scans_no_table(tmp_path, wanted):
    """Each step of the plan searches an index, and none sorts."""
    backend = backend_in(tmp_path)
    for number in range(3):
        backend.put(tagged("app/{0}".format(number), env="prod"))
    (plan,) = plans_of(tmp_path, backend, wanted)
    searches = [step for step in plan if step.startswith("SEARCH")]
    assert all(" USING " in step and " INDEX " in step for step in searches)
    assert len(searches) == (3 if wanted.tags else 1)
    assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step], plan


def test_the_index_follows_each_write(tmp_path):
    backend = backend_in(tmp_path)
    stored = backend.put(tagged("a", env="prod", tier="1"))
    backend.put(tagged("b", env="test"))
    assert names(backend, *PROD) == ["a"]
    assert names(backend, ("env", None)) == ["a", "b"]
    assert names(backend, *PROD, ("tier", "1")) == ["a"]
    assert names(backend, *PROD, ("tier", "2")) == []
    stored = backend.patch_metadata(replace(stored, metadata=replace(METADATA, tags={"env": "test"})), 0)
    assert (names(backend, *PROD), names(backend, ("tier", None))) == ([], [])
    backend.put(tagged("a", env="prod"), stored.etag)
    assert names(backend, *PROD, prefix="a") == ["a"]
    backend.delete("a")
    assert names(backend, *PROD) == []
    assert ask(tmp_path, "SELECT name, tag FROM cred_tags") == [("b", "env")]


def test_other_stages_have_tags_of_their_own(tmp_path):
    backend = backend_in(tmp_path)
    backend.put(tagged("a", env="test"))
    backend.put(replace(tagged("a", env="prod"), stage="pending"))
    assert names(backend, *PROD) == []
    assert [row.name for row in backend.list(Filter(stage="pending", tags=PROD))] == ["a"]


@pytest.mark.parametrize("tags", ['{"env": "prod"}', '{"env": 5, "x": [1]}', '{"env": true}', '["env"]', "5", "null"])
def test_a_row_that_was_written_by_hand_is_found_by_what_is_read_of_it(tmp_path, tags):
    backend = backend_in(tmp_path, encrypt=False)
    backend.put(a_record("other"))
    statement = "INSERT INTO cred_credentials (name, credential_type, metadata) VALUES ('a', 'basic', ?)"
    ask(tmp_path, statement, '{{"tags": {0}}}'.format(tags))
    (row,) = backend.list(Filter(prefix="a"))
    for tag in row.full_metadata.tags.items():
        assert names(backend, tag, prefix="a") == ["a"]


def make_old(directory):
    """Take away what the second version of the tables has added."""
    for trigger in ("insert", "update", "delete"):
        ask(directory, "DROP TRIGGER cred_tags_" + trigger)
    ask(directory, "DROP TABLE cred_tags")
    ask(directory, "UPDATE cred_store SET version = 1 WHERE item = 'schema'")


@pytest.mark.parametrize("mode", ["auto", "manual", "validate"])
def test_tables_without_the_index_stay_usable_and_are_changed_only_on_request(tmp_path, mode):
    first = store_in(tmp_path)
    first.create(DesiredCredential("a", fields={"password": Secret("1")}, type="basic", tags={"env": "prod"}))
    first.create(DesiredCredential("b", fields={"password": Secret("1")}, type="basic"))
    first.close()
    make_old(tmp_path)
    store = store_in(tmp_path, migration=mode)
    found = perform(store, "find", {"tags": {"env": "prod"}}, AccessContext()).result["credentials"]
    assert [row["name"] for row in found] == ["a"]
    store.update("b", tags={"env": "prod"})
    assert ask(tmp_path, "SELECT version FROM cred_store WHERE item = 'schema'") == [(1,)]
    planned = perform(store, "store_schema", {}, AccessContext(), True).result
    assert (planned["found"], planned["version"], planned["changed"]) == (1, schema.VERSION, True)
    assert perform(store, "store_schema", {}, AccessContext()).result["changed"]
    assert sorted(ask(tmp_path, "SELECT name, tag, value FROM cred_tags")) == [("a", "env", "prod"), ("b", "env", "prod")]
    found = perform(store, "find", {"tags": {"env": "prod"}}, AccessContext()).result["credentials"]
    assert [row["name"] for row in found] == ["a", "b"]
    store.close()
