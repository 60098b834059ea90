# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An import finds something in the store already: the same credential, an earlier state or a part of it, or another one."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage import read_usage
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import VersionRemover, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import list_administrative
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import COLLIDES, NOTHING, RESUME, UPDATE
from tests.unit.store.portable_stores import KEY, LATER, cut_off


def test_another_credential_of_the_name_is_left_alone(source, stores):
    destination = stores.sqlite()
    destination.create(DesiredCredential("db", value=Secret("mine"), scope=Scope(workflow="later")), LATER)
    assert destination.plan_import(source.export("db", LATER), KEY, LATER).action == COLLIDES
    with pytest.raises(errors.Duplicate):
        destination.import_(source.export("db", LATER), LATER)
    assert destination.get("db", context=LATER).token().expose() == b"mine"


def values_of(manager):
    return [record.fields["password"].expose() for record in manager.export("db", LATER).versions]


def change_metadata(source):
    source.update("db", LATER, description="changed")


def add_versions(source):
    for value in ("four", "five"):
        source.ensure(DesiredCredential("db", value=Secret(value)), LATER)


def drop_every_version_that_was_written(source):
    add_versions(source)
    with source.acting(LATER):
        for version in ("1", "2"):
            require_protocol(source.backend, VersionRemover).remove_version("db", version)


@pytest.mark.parametrize("change", [change_metadata, add_versions, drop_every_version_that_was_written])
def test_an_import_of_a_source_that_has_changed_since_is_continued(source, stores, change):
    destination = stores.sqlite()
    cut_off(destination, source.export("db", LATER), writes=2)
    change(source)
    portable = source.export("db", LATER)
    assert destination.plan_import(portable, KEY, LATER).action == RESUME
    destination.import_(portable, LATER)
    assert destination.plan_import(portable, KEY, LATER).action == NOTHING
    assert values_of(destination)[-len(portable.versions) :] == values_of(source)


def test_an_import_of_another_credential_is_not_continued(source, stores):
    destination = stores.sqlite()
    cut_off(destination, source.export("db", LATER), writes=2)
    other = stores.local("other")
    other.create(DesiredCredential("db", type="basic", value=Secret("x"), scope=Scope(workflow="later")), LATER)
    assert destination.plan_import(other.export("db", LATER), KEY, LATER).action == COLLIDES


def test_a_mark_of_an_earlier_release_is_continued_by_its_values(source, stores):
    destination = stores.sqlite()
    cut_off(destination, source.export("db", LATER), writes=2)
    with destination.acting(LATER):
        record = destination.backend.get("db")
        mark = {name: part for name, part in record.full_metadata.attributes["importing"].items() if name != "source"}
        destination.backend.patch_metadata(record.with_metadata(attributes={"importing": mark}), record.revision)
    assert destination.plan_import(source.export("db", LATER), KEY, LATER).action == RESUME


def test_an_earlier_state_of_the_same_credential_is_brought_up_to_date(source, stores):
    destination = stores.sqlite()
    destination.import_(source.export("db", LATER), LATER)
    add_versions(source)
    portable = source.export("db", LATER)
    assert destination.plan_import(portable, KEY, LATER).action == UPDATE
    assert destination.import_(portable, LATER) == {str(number): str(number) for number in range(1, 6)}
    assert destination.plan_import(portable, KEY, LATER).action == NOTHING


def test_a_value_that_was_written_here_after_an_import_is_not_replaced(source, stores):
    destination = stores.sqlite()
    destination.import_(source.export("db", LATER), LATER)
    destination.ensure(DesiredCredential("db", value=Secret("mine")), LATER)
    add_versions(source)
    with pytest.raises(errors.Duplicate):
        destination.import_(source.export("db", LATER), LATER)
    assert destination.get("db", context=LATER).token().expose() == b"mine"


@pytest.fixture
def half(source, stores):
    """A store in which an import was cut off before its last write."""
    destination = stores.sqlite()
    cut_off(destination, source.export("db", LATER), writes=2)
    return destination


INCOMPLETE = {
    "get": lambda manager: manager.get("db", context=LATER),
    "get of a version": lambda manager: manager.get("db", "2", context=LATER),
    "token": lambda manager: manager.token("db", context=LATER),
    "new value": lambda manager: manager.ensure(DesiredCredential("db", value=Secret("x")), LATER),
    "update": lambda manager: manager.update("db", LATER, description="x"),
    "revoke": lambda manager: manager.revoke("db", LATER),
    "rotate": lambda manager: perform(manager, "credential_rotate", {"name": "db", "target": "none"}, LATER),
    "export": lambda manager: manager.export("db", LATER),
}


@pytest.mark.parametrize("use", INCOMPLETE.values(), ids=INCOMPLETE)
def test_an_incomplete_import_is_neither_used_nor_changed(half, use):
    with pytest.raises(errors.Unusable, match="import from another store is not complete"):
        use(half)


def test_an_incomplete_import_says_that_it_is_not_usable_and_can_be_deleted(half):
    assert half.describe("db", context=LATER)["usable"] is False
    half.delete("db", LATER)
    assert not half.exists("db", LATER)


def test_a_batch_refuses_an_incomplete_import_too(half):
    half.create(DesiredCredential("other", value=Secret("x")))
    results = {result.name: result.error for result in half.batch_get(["db", "other"], LATER)}
    assert (results["db"].code, results["other"]) == ("unusable", None)


def uses_of(manager):
    manager.flush()
    return read_usage(manager.trail, ["db"], list_administrative()).of("db")["uses"]


def test_an_export_is_no_use_of_the_credential(source):
    before = uses_of(source)
    source.export("db", LATER)
    assert uses_of(source) == before
