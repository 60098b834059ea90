# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog of operations: each operation has a row, and each trait of a row decides something."""

from __future__ import annotations

import ast
import json
from dataclasses import asdict

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache, CacheTerms
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import CATALOG, OperationTraits, traits_of
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.registry import OPERATIONS
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.plugin_utils.session.server.request_handler import RequestHandler
from tests.house.rooms import CHECKOUT

CALLER = AccessContext()
STEPS_OF_ACTIONS = {"rotation_informed", "record_deployment", "list_deployments"}
"""What the actions of `credential_rotate_due` and `deploy` do beside their own operation. No task calls them."""
EITHER = pytest.mark.parametrize("trait", [True, False])


def test_every_operation_has_a_row_and_every_row_an_operation():
    assert set(CATALOG) == set(OPERATIONS)
    assert [name for name, traits in CATALOG.items() if traits.name != name] == []


def test_every_lookup_and_every_module_is_an_operation():
    plugins = {path.stem for kind in ("lookup", "modules") for path in (CHECKOUT / "plugins" / kind).glob("*.py")}
    # The lookup `file` is a `get` whose value the session writes into a file.
    assert plugins - {"file"} == set(CATALOG) - STEPS_OF_ACTIONS


def test_every_trait_is_read():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (CHECKOUT / "plugins").rglob("*.py")]
    read = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert set(OperationTraits._fields) - read == set()


def test_an_operation_without_a_row_is_refused(manager, monkeypatch):
    monkeypatch.setitem(OPERATIONS, "probe", lambda: read_credential)
    with pytest.raises(InvalidInput, match=r"there is no operation 'probe'.*get_many"):
        perform(manager, "probe", {"name": "db"}, CALLER)
    with pytest.raises(InvalidInput):
        traits_of("probe")


@pytest.fixture
def config(tmp_path):
    return {"backend": "local", "path": str(tmp_path / "store")}


def open_cached(config):
    return open_store(config, name="prod", cache=lambda backend, looked_up: Cache(backend, CacheTerms(), lambda work: work(), looked_up))


@pytest.fixture
def manager(config):
    """A store with a trail and a cache, and the credential `db` in it."""
    manager = open_cached(config)
    perform(manager, "credential", {"name": "db", "value": "one", "state": "present"}, CALLER)
    return manager


def read_credential(manager, parameters, _context, _check_mode):
    """An operation that reads a credential, and returns its value and whether it changed anything, as it was told."""
    value = manager.backend.get(parameters["name"]).fields["value"].expose().decode()
    return Outcome({"value": value, "changed": parameters.get("changed", False)})


@pytest.fixture
def probe(monkeypatch):
    """Adds the operation `probe` with the traits given, and all others False."""

    def add(**traits):
        monkeypatch.setitem(OPERATIONS, "probe", lambda: read_credential)
        monkeypatch.setitem(CATALOG, "probe", OperationTraits("probe", **traits))

    return add


@EITHER
def test_what_was_read_before_is_returned_to_a_cacheable_operation_alone(manager, config, probe, trait):
    probe(cacheable=trait)
    perform(manager, "get", {"name": "db"}, CALLER)
    perform(open_cached(config), "credential", {"name": "db", "value": "two", "state": "present"}, CALLER)
    assert perform(manager, "probe", {"name": "db"}, CALLER).result["value"] == ("one" if trait else "two")


@EITHER
def test_only_a_read_by_an_operation_that_counts_as_a_use_is_counted(manager, probe, trait):
    probe(counts_as_use=trait)
    perform(manager, "probe", {"name": "db"}, CALLER)
    (row,) = perform(manager, "credential_info", {"names": ["db"], "usage": True}, CALLER).result["credentials"]
    assert row["usage"]["uses"] == (1 if trait else 0)


@EITHER
def test_only_a_read_only_operation_leaves_the_trail_to_a_process_that_stays(manager, probe, trait):
    """What changes a store is recorded before its caller is answered."""
    probe(read_only=trait)
    manager.trail.leave_to_keeper()
    perform(manager, "probe", {"name": "db"}, CALLER, stays=True)
    with open(manager.trail.path, encoding="ascii") as trail:
        recorded = [entry for entry in map(json.loads, trail) if entry.get("operation") == "probe"]
    assert bool(recorded) != trait


@EITHER
def test_a_session_forgets_what_it_read_before_an_operation_that_is_not_read_only(config, manager, probe, trait):
    probe(read_only=trait)
    desk = RequestHandler({})

    def ask(operation, **parameters):
        asked = {"operation": operation, "parameters": parameters, "store": "prod", "config": config, "context": asdict(CALLER)}
        return desk.handle({**asked, "check_mode": False})["result"]

    ask("get", name="db")
    ask("probe", name="db", changed=True)
    assert ask("cache")["statistics"]["entries"] == (1 if trait else 0)
    desk.close()
