# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of credentials in another store: what they hold, when they are written, what is drift, and what happens after a delete."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import ATTRIBUTE, SYNC
from ansible_collections.nebula.credential.plugins.module_utils.model.mirror import Mirror
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY, AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.unit.store.portable_stores import Stores

WORKFLOW = AccessContext(workflow="shop")


class Pair:
    """A store with the credential `db`, and another one that gets copies."""

    def __init__(self, stores):
        self.stores, self.source, self.spare = stores, stores.local("main"), stores.sqlite("spare")
        self.source.create(DesiredCredential("db", type="basic", value=Secret("one"), tags={"env": "prod"}, description="the database"))

    def sync(self, names=None, mirror=None, context=NOBODY, check=False, **options):
        """The rows of a sync by the operation, as a module requests it."""
        parameters = {"mirror": (mirror or Mirror("spare")).write(), "names": names, **options}
        return perform(self.source, SYNC, parameters, context, check, beside={"to": self.spare}).result

    def row(self, *arguments, **options):
        return self.sync(*arguments, **options)["results"][0]

    def write(self, value, **more):
        self.source.ensure(DesiredCredential("db", value=Secret(value), **more))

    def change_outside(self, value=None, **metadata):
        """Change the copy past the guard, as another tool would."""
        with self.spare.acting(operation=SYNC):
            there = self.spare.backend.get("db")
            if value is None:
                self.spare.backend.patch_metadata(there.with_metadata(**metadata), there.revision)
            else:
                self.spare.backend.put(replace(there, fields={"password": Secret(value)}, serial=None), there.etag)

    def value(self):
        return self.spare.get("db").token().expose()


@pytest.fixture
def pair(tmp_path):
    stores = Stores(tmp_path)
    yield Pair(stores)
    for manager in stores.managers:
        manager.close()


def test_a_copy_has_the_value_and_the_description_of_its_source_and_names_it(pair):
    assert pair.row()["action"] == "create"
    copy = pair.spare.get("db")
    assert (copy.token().expose(), copy.metadata.description, dict(copy.metadata.tags)) == (b"one", "the database", {"env": "prod"})
    mark = copy.metadata.attributes[ATTRIBUTE]
    assert (mark["store"], mark["name"], mark["version"]) == ("main", "db", pair.source.get("db").version)


def test_a_second_sync_writes_nothing(pair):
    pair.sync()
    before = pair.spare.get("db").record.etag
    assert (pair.sync()["changed"], pair.row()["action"]) == (False, "nothing")
    assert pair.spare.get("db").record.etag == before


def test_a_new_value_is_copied_and_the_copy_keeps_the_older_one_as_a_version(pair):
    pair.sync()
    pair.write("two")
    assert pair.row()["action"] == "update"
    assert (pair.value(), len(pair.spare.versions("db"))) == (b"two", 2)


def test_changed_metadata_is_copied_without_a_new_version(pair):
    pair.sync()
    pair.source.update("db", description="another one")
    assert pair.row()["action"] == "update"
    assert (pair.spare.get("db").metadata.description, len(pair.spare.versions("db"))) == ("another one", 1)


def test_in_check_mode_nothing_is_written(pair):
    result = pair.sync(check=True)
    assert (result["changed"], result["counts"], pair.spare.exists("db")) == (True, {"create": 1}, False)


def test_the_diff_names_versions_and_no_value(pair):
    diff = pair.sync()["diff"]
    assert diff["before"] == {"db in store 'spare'": "absent"}
    assert diff["after"] == {"db in store 'spare'": "version {0} of 'db' in store 'main'".format(pair.source.get("db").version)}


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.ensure(DesiredCredential("db", value=Secret("other"))),
        lambda store: store.ensure(DesiredCredential("db", value=Secret("other")), check=True),
        lambda store: store.update("db", description="other"),
        lambda store: store.ensure(DesiredCredential("db", description="other"), check=True),
        lambda store: store.revoke("db"),
        lambda store: store.ensurer().ensure_revoked("db", check=True),
        lambda store: store.delete("db"),
        lambda store: store.delete("db", force=True),
        lambda store: store.ensurer().ensure_absent("db", check=True),
        lambda store: store.restore("db", "1"),
        lambda store: perform(store, "credential_rotate", {"name": "db", "target": "none"}, NOBODY),
        lambda store: perform(store, "credential_rotate", {"name": "db", "target": "none"}, NOBODY, check_mode=True),
        lambda store: perform(store, "credential_rotate", {"name": "db", "phase": "prepare"}, NOBODY),
    ],
)
def test_every_other_write_to_a_copy_is_refused_and_names_the_source(pair, write):
    pair.sync()
    pair.write("two")
    pair.sync()
    with pytest.raises(errors.ReadOnly, match="it is a copy of credential 'db' of store 'main'"):
        write(pair.spare)
    assert pair.value() == b"two"


def test_an_unchanged_copy_satisfies_a_task_that_wants_it_as_it_is(pair):
    pair.sync()
    assert not pair.spare.ensure(DesiredCredential("db", value=Secret("one"))).changed


def test_a_value_that_was_changed_outside_is_drift_and_stays(pair):
    pair.sync()
    pair.change_outside("by hand")
    row = pair.row()
    assert (row["failed"], row["drift"], row["code"]) == (True, True, "drift")
    assert pair.value() == b"by hand"


def test_a_changed_value_is_drift_also_if_the_source_has_a_new_one(pair):
    pair.sync()
    pair.change_outside("by hand")
    pair.write("two")
    assert pair.row()["code"] == "drift"


def test_changed_metadata_of_a_copy_is_drift(pair):
    pair.sync()
    pair.change_outside(description="by hand")
    assert pair.row()["code"] == "drift"


def test_drift_is_overwritten_only_if_that_is_written_out(pair):
    pair.sync()
    pair.change_outside("by hand")
    row = pair.row(overwrite_drift=True)
    assert (row["action"], row["drift"], pair.value()) == ("update", True, b"one")


def test_what_cannot_be_compared_any_more_is_no_drift(pair):
    """The source has no older versions, so nothing says what the copy held."""
    pair.sync()
    pair.source.delete("db")
    pair.source.create(DesiredCredential("db", value=Secret("new")))
    assert pair.row()["action"] == "update"


def test_another_credential_of_the_name_is_never_overwritten(pair):
    pair.spare.create(DesiredCredential("db", value=Secret("mine")))
    assert pair.row(overwrite_drift=True)["code"] == "duplicate"
    assert pair.value() == b"mine"


def test_the_copy_of_another_credential_is_never_overwritten(pair):
    pair.sync()
    pair.source.create(DesiredCredential("other", value=Secret("other")))
    rows = pair.sync(["other"], Mirror("spare", names={"other": "db"}), overwrite_drift=True)["results"]
    assert "it is the copy of 'db' of store 'main'" in rows[0]["msg"]


def test_a_copy_gets_the_name_that_the_configuration_gives_it(pair):
    assert pair.row(mirror=Mirror("spare", names={"db": "main/db"}))["to"] == "main/db"
    assert pair.spare.exists("main/db")


def test_two_credentials_with_one_name_for_their_copies_are_both_refused(pair):
    pair.source.create(DesiredCredential("b", value=Secret("b")))
    rows = pair.sync(mirror=Mirror("spare", names={"db": "b", "b": None}))["results"]
    assert [row["code"] for row in rows] == ["duplicate", "duplicate"]
    assert not pair.spare.exists("b")


def test_only_what_the_prefix_selects_is_copied(pair):
    pair.source.create(DesiredCredential("shop/db", value=Secret("shop")))
    assert [row["name"] for row in pair.sync(mirror=Mirror("spare", prefix="shop/"))["results"]] == ["shop/db"]


def test_a_name_that_the_mirror_does_not_select_is_not_copied_by_naming_it(pair):
    for mirror in (Mirror("spare", prefix="shop/"), Mirror("spare", names={"shop/db": None})):
        assert pair.sync(["db"], mirror=mirror)["results"] == []
    assert not pair.spare.exists("db")


def test_after_a_delete_the_copy_stays_unless_it_is_to_be_removed(pair):
    pair.sync()
    pair.source.delete("db")
    assert (pair.row()["action"], pair.row(["db"])["action"]) == ("keep", "keep")
    assert pair.row(on_delete="remove", check=True)["action"] == "remove"
    assert pair.row(mirror=Mirror("spare", on_delete="remove"))["action"] == "remove"
    assert not pair.spare.exists("db")


def test_a_delete_removes_no_credential_that_is_no_copy_of_it(pair):
    pair.source.delete("db")
    pair.spare.create(DesiredCredential("db", value=Secret("mine")))
    assert pair.row(["db"], on_delete="remove")["action"] == "nothing"
    assert pair.value() == b"mine"


def test_a_mark_with_another_name_than_the_mirror_gives_has_nothing_deleted(pair):
    pair.source.create(DesiredCredential("gone", value=Secret("a value")))
    pair.sync()
    pair.source.delete("gone")
    attributes = pair.spare.get("gone").metadata.attributes
    pair.spare.create(DesiredCredential("mine", value=Secret("mine")))
    with pair.spare.acting(operation=SYNC):
        there = pair.spare.backend.get("mine")
        pair.spare.backend.patch_metadata(there.with_metadata(attributes=attributes), there.revision)
    rows = pair.sync(on_delete="remove")["results"]
    assert {(row["to"], row["action"]) for row in rows} == {("gone", "remove"), ("db", "nothing")}
    assert pair.spare.get("mine").token().expose() == b"mine"


@pytest.mark.parametrize(
    "changed",
    [{"name": "db\n\x1b[2Jyour password:"}, {"store": "x" * 10000}, {"version": "1\r2"}, {"place": "elsewhere"}, {"revision": True}],
    ids=["name", "store", "version", "place", "revision"],
)
def test_a_mark_that_no_sync_writes_is_neither_believed_nor_shown(pair, changed):
    pair.sync()
    mark = {**pair.spare.get("db").metadata.attributes[ATTRIBUTE], **changed}
    pair.change_outside(attributes={ATTRIBUTE: mark})
    with pytest.raises(errors.Damaged, match="the mark of this copy is not what was written") as refused:
        pair.spare.update("db", description="other")
    assert str(refused.value).isprintable()
    assert pair.row()["code"] == "damaged"


def test_a_revoked_source_has_a_revoked_copy(pair):
    pair.sync()
    pair.source.revoke("db")
    assert pair.row()["action"] == "update"
    with pytest.raises(errors.Revoked):
        pair.spare.get("db")


def test_the_same_place_under_two_names_is_refused(pair):
    pair.spare = pair.stores.local("main")
    with pytest.raises(errors.InvalidInput, match="are one place under two names"):
        pair.sync()


def test_the_scope_of_the_source_is_checked_and_the_copy_has_it(pair):
    pair.source.create(DesiredCredential("scoped", value=Secret("s"), scope=Scope(workflow="shop")), WORKFLOW)
    assert pair.row(["scoped"])["code"] == "access_denied"
    assert pair.row(["scoped"], context=WORKFLOW)["action"] == "create"
    with pytest.raises(errors.AccessDenied):
        pair.spare.get("scoped")


def test_another_tenant_has_to_be_allowed(pair):
    pair.spare = pair.stores.sqlite("elsewhere", tenant="other")
    with pytest.raises(errors.AccessDenied, match="its tenant is"):
        pair.sync()
    assert pair.row(mirror=Mirror("spare", other_tenant=True))["action"] == "create"


def test_a_copy_is_not_copied_on(pair):
    pair.sync()
    third = pair.stores.sqlite("third")
    pair.source, pair.spare = pair.spare, third
    assert pair.sync()["results"] == []
    assert pair.row(["db"])["code"] == "read_only"


def test_a_value_in_the_grace_period_of_a_rotation_is_copied(pair):
    pair.sync()
    perform(pair.source, "credential_rotate", {"name": "db", "target": "none", "grace": "1h"}, NOBODY)
    assert pair.source.describe("db")["state"] == "grace_period"
    assert pair.row()["action"] == "update"
    assert pair.value() == pair.source.get("db").token().expose()


def test_a_copy_is_not_due_for_rotation(pair):
    pair.source.update("db", policy={"kind": "periodic", "interval": "1d"})
    pair.sync()
    assert dict(pair.spare.get("db").metadata.policy) == {}


def test_a_credential_that_is_refreshed_is_not_copied(pair):
    fields = {"client_id": "app", "client_secret": "s", "token_url": "https://login.example.com/token", "grant": "client_credentials"}
    pair.source.create(DesiredCredential("token", type="oauth2", fields={name: Secret(value) for name, value in fields.items()}))
    row = pair.row(["token"])
    assert (row["code"], "its value is refreshed" in row["msg"]) == ("invalid_input", True)


def test_a_copy_that_is_migrated_becomes_a_credential_of_its_own(pair):
    pair.sync()
    third = pair.stores.sqlite("third")
    third.import_(pair.spare.export("db"))
    assert third.ensure(DesiredCredential("db", value=Secret("free"))).changed


def test_a_migration_over_a_copy_is_refused(pair):
    pair.sync()
    with pytest.raises(errors.Duplicate):
        pair.spare.import_(pair.source.export("db"))


def test_two_syncs_at_once_leave_the_newest_value(pair):
    pair.sync()
    spares = [pair.stores.sqlite("spare") for _number in range(2)]
    sources = [pair.stores.local("main") for _number in range(2)]

    def run(source, spare):
        for _number in range(5):
            parameters = {"mirror": Mirror("spare").write(), "names": ["db"]}
            perform(source, SYNC, parameters, NOBODY, False, beside={"to": spare})

    threads = [threading.Thread(target=run, args=each) for each in zip(sources, spares)]
    for thread in threads:
        thread.start()
    for number in range(5):
        pair.write("value {0}".format(number))
    for thread in threads:
        thread.join()
    assert pair.row()["action"] in ("nothing", "update")
    assert pair.value() == b"value 4"
