# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operation on two stores: credentials are copied or moved, and a source is deleted only once the other store holds the same."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
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
        for name in ("app/one", "app/two", "other"):
            manager.create(DesiredCredential(name, value=Secret("value of " + name), scope=Scope(workflow="deploy")), CALLER)
        yield manager


@pytest.fixture
def destination(tmp_path):
    with closing(open_store({"backend": "local", "path": str(tmp_path / "destination"), "tenant": "prod"}, name="destination")) as manager:
        yield manager


def transfer(source, destination, check_mode=False, **parameters):
    parameters.setdefault("other_tenant", True)
    return perform(source, "transfer", parameters, CALLER, check_mode, beside={"to": destination}).result


def test_a_copy_leaves_the_source_and_a_second_one_changes_nothing(source, destination):
    first = transfer(source, destination, name="app/one")
    assert (first["changed"], first["names"]) == (True, ["app/one"])
    assert first["transfers"]["app/one"]["versions"] == {"1": "1"}
    assert destination.get("app/one", context=CALLER).token() == source.get("app/one", context=CALLER).token()
    assert transfer(source, destination, name="app/one")["changed"] is False


def test_a_move_by_prefix_deletes_what_has_arrived_and_names_it(source, destination):
    result = transfer(source, destination, prefix="app/", after="delete")
    assert result["names"] == ["app/one", "app/two"]
    assert [row.name for row in source.list(context=CALLER)] == ["other"]
    assert sorted(row.name for row in destination.list(context=CALLER)) == ["app/one", "app/two"]


def test_check_mode_says_what_would_be_done_and_does_nothing(source, destination):
    result = transfer(source, destination, check_mode=True, prefix="", after="delete")
    assert (result["changed"], len(result["names"])) == (True, 3)
    assert list(destination.list(context=CALLER)) == []
    assert len(list(source.list(context=CALLER))) == 3


def test_each_store_acts_for_its_own_tenant(source, destination):
    """The scope of the copy has the destination's tenant; the source is read and deleted as its own."""
    transfer(source, destination, name="other", after="delete")
    assert destination.get("other", context=CALLER).metadata.scope == Scope("prod", workflow="deploy")
    with pytest.raises(errors.AccessDenied, match="tenant"):
        transfer(source, destination, name="app/one", other_tenant=False)


class Forgetful(Layer):
    """Loses the tags of what it is given."""

    def put(self, record, expected=None, *, create=False):
        return self.inner.put(record.with_metadata(tags={"other": "one"}), expected, create=create)


def test_the_source_is_not_deleted_where_the_other_store_holds_something_else(source, destination):
    meddled = CredentialManager(Forgetful(destination.backend), store="destination", tenant="prod")
    with pytest.raises(errors.Conflict, match="does not hold what was written"):
        transfer(source, meddled, name="other", after="delete")
    assert source.exists("other", CALLER)


class Interrupted(CredentialManager):
    """A store to which an import takes so long that something else happens to the source."""

    def import_(self, *arguments, **options):
        versions = super().import_(*arguments, **options)
        self.meanwhile()
        return versions


def test_a_source_whose_refresh_has_begun_during_the_move_is_not_deleted(monkeypatch):
    """The service's response to that refresh is stored in the source, and the token that was copied is used up."""
    refreshing.register(monkeypatch)
    with refreshing.world() as world, refreshing.world() as other:
        world.create(lives=timedelta(seconds=-1))
        slow = Interrupted(other.backend, store="slow", clock=world.clock)
        slow.meanwhile = lambda: refreshing.claim(world, sent=True)
        with pytest.raises(errors.Unusable, match="refreshing"):
            transfer(world.manager, slow, name=refreshing.NAME, after="delete")
        assert world.manager.exists(refreshing.NAME)


def test_a_source_whose_metadata_has_changed_during_the_move_is_not_deleted(source, destination):
    slow = Interrupted(destination.backend, store="destination", tenant="prod")
    slow.meanwhile = lambda: source.ensure(DesiredCredential("other", tags={"team": "a"}), CALLER)
    with pytest.raises(errors.Conflict, match="changed in store 'source' while it was moved"):
        transfer(source, slow, name="other", after="delete")
    assert source.get("other", context=CALLER).metadata.tags == {"team": "a"}


def test_a_failure_of_one_does_not_keep_the_others(source, destination):
    destination.create(DesiredCredential("app/one", value=Secret("mine")))
    result = transfer(source, destination, prefix="app/")
    assert (result["names"], result["failures"]["app/one"]["code"]) == (["app/two"], "duplicate")


def test_a_failure_of_the_one_that_is_named_is_raised(source, destination):
    with pytest.raises(errors.NotFound):
        transfer(source, destination, name="nowhere")


@pytest.mark.parametrize("parameters", [{}, {"name": "other", "prefix": "app/"}, {"name": "other", "after": "burn"}])
def test_parameters_that_do_not_fit_are_refused(source, destination, parameters):
    with pytest.raises(errors.InvalidInput):
        transfer(source, destination, **parameters)


def test_an_operation_takes_exactly_the_stores_that_it_names(source, destination):
    for operation, beside in (("transfer", {}), ("get", {"to": destination})):
        with pytest.raises(errors.InvalidInput) as refused:
            perform(source, operation, {"name": "other"}, CALLER, beside=beside)
        assert refused.value.option == "to"


def test_both_trails_name_the_operation(source, destination, tmp_path):
    transfer(source, destination, name="other")
    for store in ("source", "destination"):
        lines = (tmp_path / store / ".nebula" / "audit.jsonl").read_text().splitlines()
        assert json.loads(lines[-1])["operation"] == "transfer"


@pytest.mark.parametrize(
    ("parameters", "result", "names"),
    [
        ({"prefix": "app/"}, {"names": ["app/one"]}, ["app/one"]),
        ({"name": "one"}, {"names": ["one", "two"]}, ["one", "two"]),
        ({"prefix": "app/"}, None, None),
        ({"name": "one"}, None, ["one"]),
        ({}, {"changed": True}, []),
    ],
)
def test_the_names_that_changed_come_from_the_result(parameters, result, names):
    assert list_changed_names(parameters, result) == names


@pytest.mark.parametrize(
    ("parameters", "option"),
    [
        ({"name": "other", "scope": 3.14}, "scope"),
        ({"name": "other", "scope": {"tags": ["a"]}}, "scope.tags"),
        ({"name": "other", "other_tenant": "no"}, "other_tenant"),
        ({"name": "other", "lossy": 1}, "lossy"),
        ({"name": 3.14}, "name"),
        ({"names": "other"}, "names"),
        ({"names": ["other", 3]}, "names"),
        ({"prefix": 3}, "prefix"),
    ],
)
def test_an_option_of_another_type_is_refused_by_its_name(source, destination, parameters, option):
    with pytest.raises(errors.InvalidInput) as caught:
        transfer(source, destination, **parameters)
    assert (caught.value.option, caught.value.code) == (option, "invalid_input")
    assert list(destination.list(context=CALLER)) == []
