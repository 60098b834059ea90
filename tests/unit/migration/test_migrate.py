# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operation on two stores: credentials are copied or moved, and a source is deleted only once the other store holds the same."""

from __future__ import annotations

import json
import stat
from contextlib import closing
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.migration.migration import ROUNDS
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations import migration_report
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import list_changed_names
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.refresh import refreshing

CALLER = AccessContext(workflow="deploy")


@pytest.fixture
def source(tmp_path):
    with closing(open_store({"backend": "local", "path": str(tmp_path / "source")}, name="source")) as manager:
        for name, tags in (("app/one", {"team": "a"}), ("app/two", {"team": "b"}), ("other", {})):
            wanted = DesiredCredential(name, value=Secret("value of " + name), scope=Scope(workflow="deploy"), tags=tags)
            manager.create(wanted, CALLER)
        yield manager


@pytest.fixture
def destination(tmp_path):
    with closing(open_store({"backend": "local", "path": str(tmp_path / "destination"), "tenant": "prod"}, name="destination")) as manager:
        yield manager


def migrate(source, destination, *names, check_mode=False, **parameters):
    parameters.setdefault("other_tenant", True)
    if names:
        parameters["names"] = list(names)
    return perform(source, "migrate", parameters, CALLER, check_mode, beside={"to": destination}).result


def row_of(result, name):
    return next(row for row in result["results"] if row["name"] == name)


def names_of(manager):
    return sorted(row.name for row in manager.list(context=CALLER))


def test_a_copy_leaves_the_source_and_a_second_one_changes_nothing(source, destination):
    first = migrate(source, destination, "app/one")
    assert (first["changed"], first["names"], first["counts"]["created"]) == (True, ["app/one"], 1)
    assert destination.get("app/one", context=CALLER).token() == source.get("app/one", context=CALLER).token()
    before = destination.get("app/one", context=CALLER).record.etag
    second = migrate(source, destination, "app/one")
    assert (second["changed"], row_of(second, "app/one")["action"]) == (False, "nothing")
    assert destination.get("app/one", context=CALLER).record.etag == before


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ({"all": True}, ["app/one", "app/two", "other"]),
        ({"prefix": "app/"}, ["app/one", "app/two"]),
        ({"tags": {"team": "a"}}, ["app/one"]),
        ({"tags": ["team"]}, ["app/one", "app/two"]),
        ({"type": "opaque", "prefix": "o"}, ["other"]),
        ({"type": "basic"}, []),
        ({"names": ["other", "app/two", "other"]}, ["app/two", "other"]),
    ],
)
def test_each_way_to_select_migrates_these_and_no_others(source, destination, selection, names):
    assert migrate(source, destination, **selection)["total"] == len(names)
    assert names_of(destination) == names


def test_a_move_deletes_what_has_arrived_and_names_it(source, destination):
    result = migrate(source, destination, prefix="app/", after="delete")
    assert (result["names"], result["counts"]["deleted"]) == (["app/one", "app/two"], 2)
    assert names_of(source) == ["other"]
    assert names_of(destination) == ["app/one", "app/two"]


def test_a_move_that_was_killed_after_some_deletes_is_repeated_by_the_same_names(source, destination):
    migrate(source, destination, "app/one", after="delete")
    result = migrate(source, destination, "app/one", "app/two", after="delete")
    assert (row_of(result, "app/one")["action"], row_of(result, "app/two")["action"]) == ("moved", "create")
    assert (result["failed"], result["names"], names_of(source)) == (False, ["app/two"], ["other"])


def test_check_mode_says_what_would_be_done_and_does_nothing(source, destination):
    result = migrate(source, destination, check_mode=True, all=True, after="delete")
    assert (result["changed"], result["counts"]["created"], result["counts"]["deleted"]) == (True, 3, 3)
    assert names_of(destination) == []
    assert names_of(source) == ["app/one", "app/two", "other"]
    assert result["diff"]["after"]["other"] == "as 'other' in store 'source'"


def test_each_store_acts_for_its_own_tenant(source, destination):
    """The scope of the copy has the destination's tenant; the source is read and deleted as its own."""
    migrate(source, destination, "other", after="delete")
    assert destination.get("other", context=CALLER).metadata.scope == Scope("prod", workflow="deploy")
    result = migrate(source, destination, "app/one", other_tenant=False)
    assert (result["failed"], result["code"]) == (True, "access_denied")
    assert "tenant" in result["msg"]


class Forgetful(Layer):
    """Loses the tags of what it is given."""

    def put(self, record, expected=None, *, create=False):
        return self.inner.put(record.with_metadata(tags={"other": "one"}), expected, create=create)


def test_the_source_is_not_deleted_where_the_other_store_holds_something_else(source, destination):
    meddled = CredentialManager(Forgetful(destination.backend), store="destination", tenant="prod")
    result = migrate(source, meddled, "other", after="delete")
    assert "does not hold what was written" in row_of(result, "other")["msg"]
    assert source.exists("other", CALLER)


def test_no_source_is_deleted_if_one_credential_failed(source, destination):
    destination.create(DesiredCredential("app/one", value=Secret("mine")))
    result = migrate(source, destination, all=True, after="delete")
    assert (result["failed"], result["code"], result["counts"]["created"]) == (True, "duplicate", 2)
    assert "No source was deleted" in result["msg"]
    assert names_of(source) == ["app/one", "app/two", "other"]
    assert destination.get("app/one").token().expose() == b"mine"


class Interrupted(Layer):
    """A store in which something else happens after a value was written to it, for the first `times` values."""

    def __init__(self, inner, meanwhile, times=1):
        super().__init__(inner)
        self.meanwhile, self.times = meanwhile, times

    def put(self, record, expected=None, *, create=False):
        stored = self.inner.put(record, expected, create=create)
        if self.times:
            self.times -= 1
            self.meanwhile()
        return stored


def interrupted(manager, meanwhile, times=1):
    return CredentialManager(
        Interrupted(manager.backend, meanwhile, times), store=manager.store, tenant=manager.tenant, clock=manager.clock
    )


def test_a_source_whose_refresh_has_begun_during_the_move_is_not_deleted(monkeypatch):
    """The service's response to that refresh is stored in the source, and the token that was copied is used up."""
    refreshing.register(monkeypatch)
    with refreshing.world() as world, refreshing.world() as other:
        world.create(lives=timedelta(seconds=-1))
        slow = interrupted(other.manager, lambda: refreshing.claim(world, sent=True))
        result = migrate(world.manager, slow, refreshing.NAME, after="delete")
        assert (result["code"], "refreshing" in result["msg"]) == ("unusable", True)
        assert world.manager.exists(refreshing.NAME)


def retag(source):
    return lambda: source.ensure(DesiredCredential("other", tags={"team": "a"}), CALLER)


def replace_value(source):
    return lambda: source.ensure(DesiredCredential("other", value=Secret("newer")), CALLER)


@pytest.mark.parametrize("after", ["keep", "delete"])
@pytest.mark.parametrize("change", [retag, replace_value])
def test_a_source_that_has_changed_meanwhile_is_copied_again(source, destination, after, change):
    result = migrate(source, interrupted(destination, change(source)), "other", after=after)
    assert (result["failed"], row_of(result, "other")["action"], result["counts"]["again"]) == (False, "create", 1)
    arrived = destination.get("other", context=CALLER)
    assert (arrived.metadata.tags == {"team": "a"}) == (change is retag)
    assert (arrived.token().expose() == b"newer") == (change is replace_value)
    assert source.exists("other", CALLER) == (after == "keep")


def test_a_listing_shows_what_has_changed_meanwhile_too(source, destination):
    first = DesiredCredential("app/one", value=Secret("newer"))
    result = migrate(source, interrupted(destination, lambda: source.ensure(first, CALLER)), all=True)
    assert result["counts"]["again"] == 1
    assert destination.get("app/one", context=CALLER).token().expose() == b"newer"


def test_a_source_that_changes_each_time_is_a_failure(source, destination):
    count = iter(range(10))
    slow = interrupted(destination, lambda: source.ensure(DesiredCredential("other", value=Secret(str(next(count)))), CALLER), times=10)
    result = migrate(source, slow, "other", after="delete")
    assert (result["code"], "each time it was copied" in result["msg"]) == ("conflict", True)
    assert source.exists("other", CALLER)
    assert next(count) == ROUNDS + 1


def test_a_value_that_was_written_to_the_other_store_meanwhile_is_not_replaced(source, destination):
    slow = interrupted(destination, lambda: destination.ensure(DesiredCredential("other", value=Secret("mine")), CALLER))
    result = migrate(source, slow, "other", after="delete")
    assert (result["failed"], source.exists("other", CALLER)) == (True, True)
    assert destination.get("other", context=CALLER).token().expose() == b"mine"


def test_a_value_that_was_written_to_the_other_store_before_the_deletes_keeps_the_source(source, destination):
    """It was compared before, and is not what was compared any more."""
    wanted = iter(["app/two"])

    def overwrite():
        for _each in wanted:
            pass
        if destination.exists("app/one", CALLER):
            destination.ensure(DesiredCredential("app/one", tags={"changed": "yes"}), CALLER)

    result = migrate(source, interrupted(destination, overwrite, times=2), "app/one", "app/two", after="delete")
    assert (result["failed"], source.exists("app/one", CALLER)) == (True, True)


def test_a_failure_of_one_does_not_keep_the_others(source, destination):
    destination.create(DesiredCredential("app/one", value=Secret("mine")))
    result = migrate(source, destination, prefix="app/")
    assert (result["names"], row_of(result, "app/one")["code"]) == (["app/two"], "duplicate")


def test_a_name_that_is_not_there_is_a_failure(source, destination):
    assert migrate(source, destination, "nowhere")["code"] == "not_found"


# The transformer's results


def test_two_sources_of_one_name_are_both_refused_and_the_others_are_not(source, destination):
    items = {"app/one": {"to": "same"}, "app/two": {"to": "same"}, "other": {"to": "renamed"}}
    for check_mode in (True, False):
        result = migrate(source, destination, check_mode=check_mode, all=True, items=items)
        assert (result["code"], result["counts"]["failed"]) == ("duplicate", 2)
        assert "2 credentials would get the name 'same': 'app/one', 'app/two'" in result["msg"]
    assert names_of(destination) == ["renamed"]


def test_a_name_a_type_and_tags_can_be_changed(source, destination):
    source.ensure(DesiredCredential("other", value=Secret("second"), tags={"old": "one"}), CALLER)
    items = {"other": {"to": "new/name", "type": "api_key", "tags": ["moved"]}}
    for expected in (True, False):
        assert migrate(source, destination, all=True, items=items)["changed"] is expected
    arrived = destination.get("new/name", context=CALLER)
    assert (arrived.record.type, arrived.metadata.tags) == ("api_key", {"moved": ""})
    assert arrived.token("api_key").expose() == b"second"
    older = destination.get("new/name", version="1", context=CALLER)
    assert (older.record.type, older.token("api_key").expose(), older.metadata.tags) == ("api_key", b"value of other", {})


@pytest.mark.parametrize(
    ("item", "code", "message"),
    [
        ({"to": "not a name"}, "invalid_input", "is not a credential's name"),
        ({"type": "basic"}, "invalid_input", "version 1 is no credential of type 'basic': unknown: 'host'"),
        ({"type": "custom"}, "invalid_input", "declared_fields"),
    ],
)
def test_what_a_credential_cannot_become_is_a_failure_of_it(source, destination, item, code, message):
    source.create(DesiredCredential("wide", fields={"password": Secret("x"), "host": Secret("y")}), CALLER)
    result = migrate(source, destination, all=True, items={"wide": item})
    assert (result["code"], message in result["msg"]) == (code, True), result["msg"]
    assert names_of(destination) == []


def test_the_step_select_describes_what_is_selected_without_a_value(source, destination):
    result = migrate(source, destination, prefix="app/", step="select")
    assert result["selected"][0] == {"name": "app/one", "type": "opaque", "tags": {"team": "a"}, "description": "", "state": "active"}
    assert migrate(source, destination, "other", step="select")["selected"][0]["name"] == "other"
    assert names_of(destination) == []
    with pytest.raises(errors.NotFound):
        migrate(source, destination, "nowhere", step="select")


# The report


def test_the_report_has_every_credential_and_no_value_and_is_private(source, destination, tmp_path, monkeypatch):
    monkeypatch.setattr(migration_report, "SHOWN", 1)
    report = tmp_path / "report.json"
    destination.create(DesiredCredential("app/two", value=Secret("mine")))
    result = migrate(source, destination, all=True, report=str(report))
    written = json.loads(report.read_text())
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert [row["name"] for row in written["results"]] == ["app/one", "app/two", "other"]
    assert ([row["name"] for row in result["results"]], result["truncated"], result["names"]) == (["app/two"], True, None)
    assert (written["counts"], written["source"], written["destination"]) == (result["counts"], "source", "destination")
    assert "value of" not in report.read_text()


def test_a_report_that_cannot_be_written_is_refused_before_anything_is(source, destination, tmp_path):
    for path in (tmp_path / "nowhere" / "report.json", tmp_path, tmp_path / "a\0", tmp_path / ("x" * 300)):
        with pytest.raises(errors.InvalidInput) as refused:
            migrate(source, destination, "other", report=str(path))
        assert refused.value.option == "report"
    assert names_of(destination) == []


# What is refused


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"names": ["other"], "prefix": "app/"},
        {"names": ["other"], "all": True},
        {"all": True, "type": "opaque"},
        {"names": ["other"], "after": "burn"},
        {"type": "nothing"},
    ],
)
def test_parameters_that_do_not_fit_are_refused(source, destination, parameters):
    with pytest.raises((errors.InvalidInput, errors.UnsupportedType)):
        migrate(source, destination, **parameters)


def test_one_place_under_two_names_is_refused_before_anything_is_read(source, tmp_path):
    refusal = pytest.raises(errors.InvalidInput, match="'source' and 'alias' are one place under two names")
    with refusal, closing(open_store({"backend": "local", "path": str(tmp_path / "source")}, name="alias")) as alias:
        migrate(source, alias, all=True, after="delete")


def test_an_operation_takes_exactly_the_stores_that_it_names(source, destination):
    for operation, beside in (("migrate", {}), ("get", {"to": destination})):
        with pytest.raises(errors.InvalidInput) as refused:
            perform(source, operation, {"name": "other"}, CALLER, beside=beside)
        assert refused.value.option == "to"


def test_both_trails_name_the_operation(source, destination, tmp_path):
    migrate(source, destination, "other")
    for store, action in (("source", "read"), ("destination", "write")):
        lines = [json.loads(line) for line in (tmp_path / store / ".nebula" / "audit.jsonl").read_text().splitlines()]
        assert {line["operation"] for line in lines if line.get("name") == "other" and line["action"] == action} >= {"migrate"}


@pytest.mark.parametrize(
    ("parameters", "result", "names"),
    [
        ({"prefix": "app/"}, {"names": ["app/one"]}, ["app/one"]),
        ({"name": "one"}, {"names": ["one", "two"]}, ["one", "two"]),
        ({"prefix": "app/"}, None, None),
        ({"all": True}, None, None),
        ({"name": "one"}, None, ["one"]),
        ({}, {"changed": True}, []),
        ({"all": True}, {"changed": True, "names": None}, None),
    ],
)
def test_the_names_that_changed_come_from_the_result(parameters, result, names):
    assert list_changed_names(parameters, result) == names


@pytest.mark.parametrize(
    ("parameters", "option"),
    [
        ({"names": ["other"], "scope": 3.14}, "scope"),
        ({"names": ["other"], "scope": {"tags": ["a"]}}, "scope.tags"),
        ({"names": ["other"], "other_tenant": "no"}, "other_tenant"),
        ({"names": ["other"], "lossy": 1}, "lossy"),
        ({"names": "other"}, "names"),
        ({"names": ["other", 3]}, "names"),
        ({"prefix": 3}, "prefix"),
        ({"all": "yes"}, "all"),
    ],
)
def test_an_option_of_another_type_is_refused_by_its_name(source, destination, parameters, option):
    with pytest.raises(errors.InvalidInput) as caught:
        migrate(source, destination, **parameters)
    assert (caught.value.option, caught.value.code) == (option, "invalid_input")
    assert names_of(destination) == []
