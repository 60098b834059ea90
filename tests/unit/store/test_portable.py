# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential goes from one store to another as it is, or not at all."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage import read_usage
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import JOURNAL, PENDING, PREVIOUS, REFRESH, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import list_administrative
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import COLLIDES, CREATE, NOTHING, RESUME
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import with_references

KEY = bytes(range(32))
FIRST, LATER = AccessContext(workflow="first"), AccessContext(workflow="later")


class Stores:
    """Stores in the test's directory, closed at its end."""

    def __init__(self, directory):
        self.directory, self.managers = directory, []

    def open(self, name, **config):
        self.managers.append(open_store(config, name=name))
        return self.managers[-1]

    def local(self, name="source", **options):
        return self.open(name, backend="local", path=str(self.directory / name), **options)

    def sqlite(self, name="destination", **options):
        (self.directory / name).mkdir(mode=0o700, exist_ok=True)
        return self.open(name, backend="database", url="sqlite:///{0}/store.db".format(self.directory / name), **options)


@pytest.fixture
def stores(tmp_path):
    made = Stores(tmp_path)
    yield made
    for manager in made.managers:
        manager.close()


@pytest.fixture
def source(stores):
    """A local encrypted store whose `db` has three versions of two scopes, and a `previous`."""
    manager = stores.local()
    manager.create(DesiredCredential("db", type="basic", value=Secret("one"), scope=Scope(workflow="first"), tags={"env": "prod"}), FIRST)
    manager.ensure(DesiredCredential("db", value=Secret("two"), scope=Scope(workflow="later"), policy={"kind": "manual"}), FIRST)
    manager.ensure(DesiredCredential("db", value=Secret("three"), description="the newest"), LATER)
    with manager.acting(LATER):
        before = manager.backend.get("db", "2")
        kept = Record(
            "db", "basic", before.fields, metadata=replace(before.full_metadata, attributes={"source_version": "2"}), stage=PREVIOUS
        )
        manager.backend.put(kept, create=True)
    return manager


def test_all_of_a_credential_arrives(source, stores):
    """Versions, serials, dates, tags, policy, history, scopes and `previous`."""
    destination = stores.sqlite()
    portable = source.export("db", LATER)
    assert destination.import_(portable, LATER) == {"1": "1", "2": "2", "3": "3"}
    arrived = destination.export("db", LATER)
    for there, here in zip([*arrived.versions, arrived.previous], [*portable.versions, portable.previous]):
        assert (there.full_metadata, there.type, there.fields, there.serial) == (here.full_metadata, here.type, here.fields, here.serial)


def test_a_pinned_version_reads_the_same_after_an_import(source, stores):
    """Also where the oldest kept version is not the first: a higher serial is kept."""
    small = stores.local("small", keep_versions=1)
    small.create(DesiredCredential("pinned", value=Secret("1")))
    for value in "2345":
        small.ensure(DesiredCredential("pinned", value=Secret(value)))
    destination = stores.sqlite()
    assert destination.import_(small.export("pinned")) == {"4": "4", "5": "5"}
    assert destination.get("pinned", version="5").token().expose() == b"5"


def test_serials_that_were_used_here_are_not_used_again_and_references_follow(source, stores):
    destination = stores.sqlite()
    destination.create(DesiredCredential("db", value=Secret("x")))
    destination.delete("db")
    versions = destination.import_(source.export("db", LATER), LATER)
    assert versions == {"1": "2", "2": "3", "3": "4"}
    assert destination.inspect("db", stage=PREVIOUS, context=LATER).metadata.attributes == {"source_version": "3"}


def test_a_reference_within_what_is_known_of_a_refresh_follows_too(source):
    current = source.export("db", LATER).current.with_metadata(attributes={REFRESH: {"input_version": "1", "refreshed_at": 5}})
    assert with_references(current, {"1": "7"}).full_metadata.attributes == {REFRESH: {"input_version": "7", "refreshed_at": 5}}
    assert with_references(current, {}).full_metadata.attributes == {REFRESH: {"refreshed_at": 5}}


def test_an_import_into_a_plain_store_is_plain_and_back_is_encrypted(source, stores):
    plain, encrypted = stores.local("plain", format="json", encrypt=False, allow_plaintext=True), stores.sqlite()
    plain.import_(source.export("db", LATER), LATER)
    encrypted.import_(plain.export("db", LATER), LATER)
    assert b"three" in (stores.directory / "plain" / "db.json").read_bytes()
    assert b"three" not in (stores.directory / "destination" / "store.db").read_bytes()
    assert encrypted.export("db", LATER).digest(KEY, "default") == source.export("db", LATER).digest(KEY, "default")


def test_a_digest_shows_any_difference_and_depends_on_the_key(source):
    portable = source.export("db", LATER)
    others = [
        replace(portable, previous=None),
        portable.reduce_to(2, previous=True),
        replace(portable, versions=(*portable.versions[:-1], replace(portable.current, fields={"password": Secret("3")}))),
        replace(portable, versions=(*portable.versions[:-1], portable.current.with_metadata(tags={}))),
    ]
    digests = {one.digest(KEY, "default") for one in (portable, *others)} | {portable.digest(bytes(32), "default")}
    assert len(digests) == len(others) + 2


# The scope


def test_the_scope_is_checked_on_the_current_value_alone(source, stores):
    """Version 1 has another scope: its own says nothing, neither here nor when an import is continued."""
    destination = stores.sqlite()
    with pytest.raises(errors.AccessDenied):
        source.export("db", FIRST)
    portable = source.export("db", LATER)
    with pytest.raises(errors.AccessDenied):
        destination.import_(portable, FIRST)
    cut_off(destination, portable, writes=1)
    assert destination.plan_import(portable, KEY, LATER).action == RESUME
    destination.import_(portable, LATER)
    arrived = destination.export("db", LATER).versions
    assert [record.fields["password"].expose() for record in arrived] == [b"one", b"two", b"three"]


def test_the_check_of_one_credential_lets_no_other_pass(source):
    source.create(DesiredCredential("other", value=Secret("x"), scope=Scope(workflow="first")), FIRST)
    with pytest.raises(errors.AccessDenied):
        source.export("other", LATER)


# The tenant


def test_another_tenant_is_refused_unless_it_is_asked_for(source, stores):
    destination = stores.sqlite(tenant="other")
    portable = source.export("db", LATER)
    assert destination.plan_import(portable, KEY, LATER).tenants == ("default", "other")
    with pytest.raises(errors.AccessDenied, match="other_tenant"):
        destination.import_(portable, LATER)
    destination.import_(portable, LATER, other_tenant=True)
    assert destination.get("db", context=LATER).metadata.scope == Scope("other", workflow="later")
    assert destination.export("db", LATER).digest(KEY, "other") == portable.digest(KEY, "other")


# One place under two names


def link(stores, _source):
    os.symlink(stores.directory / "source", stores.directory / "alias")
    return stores.local("alias")


def plain_link(stores, source):
    del source
    os.symlink(stores.directory / "plain", stores.directory / "alias")
    return stores.local("alias", format="json", encrypt=False, allow_plaintext=True)


def copy_without_the_credential(stores, source):
    """The store's id tells alone: there is no such record any more, and the copy is in another directory."""
    source.flush()
    shutil.copytree(stores.directory / "source", stores.directory / "copy")
    copied = stores.local("copy")
    copied.delete("db", LATER)
    return copied


@pytest.mark.parametrize("alias", [link, copy_without_the_credential])
def test_one_encrypted_store_under_two_names_is_refused(source, stores, alias):
    portable = source.export("db", LATER)
    destination = alias(stores, source)
    for use in (lambda: destination.plan_import(portable, KEY, LATER), lambda: destination.import_(portable, LATER)):
        with pytest.raises(errors.InvalidInput, match="one place under two names"):
            use()


def test_one_plain_place_under_two_names_is_refused(source, stores):
    """There is no store document, and nothing is stored under the name either: the location tells."""
    plain = stores.local("plain", format="json", encrypt=False, allow_plaintext=True)
    plain.create(DesiredCredential("db", value=Secret("x")))
    portable = plain.export("db")
    plain.delete("db")
    with pytest.raises(errors.InvalidInput, match="one place under two names"):
        plain_link(stores, plain).plan_import(portable, KEY)


def test_the_same_record_shows_one_place_where_no_location_does(source, stores):
    """As behind another URL of one server: an import never takes over the record's id."""
    plain = stores.local("plain", format="json", encrypt=False, allow_plaintext=True)
    plain.create(DesiredCredential("db", value=Secret("x")))
    shutil.copytree(stores.directory / "plain", stores.directory / "elsewhere")
    elsewhere = stores.local("elsewhere", format="json", encrypt=False, allow_plaintext=True)
    with pytest.raises(errors.InvalidInput, match="one place under two names"):
        elsewhere.plan_import(plain.export("db"), KEY)


def test_one_database_file_under_two_urls_is_refused(stores):
    options = {"encrypt": False, "allow_plaintext": True}
    first = stores.sqlite("first", **options)
    first.create(DesiredCredential("db", value=Secret("x")))
    portable = first.export("db")
    first.delete("db")
    os.symlink(stores.directory / "first", stores.directory / "second")
    with pytest.raises(errors.InvalidInput, match="one place under two names"):
        stores.sqlite("second", **options).plan_import(portable, KEY)


# What is not at rest


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        ("rotating", errors.RotationInProgress),
        ("grace_period", errors.RotationInProgress),
        ("refreshing", errors.Unusable),
        ("pending_interaction", errors.Unusable),
        ("authenticating", errors.Unusable),
    ],
)
def test_a_credential_in_such_a_state_is_not_exported(source, state, refusal):
    with source.acting(LATER):
        record = source.backend.get("db")
        source.backend.patch_metadata(record.with_metadata(lifecycle=state), record.revision)
    with pytest.raises(refusal, match=state):
        source.export("db", LATER)


@pytest.mark.parametrize("stage", [PENDING, JOURNAL])
def test_a_credential_with_a_value_in_such_a_stage_is_not_exported(source, stage):
    with source.acting(LATER):
        current = source.backend.get("db")
        source.backend.put(Record("db", metadata=current.full_metadata, stage=stage), create=True)
    with pytest.raises(errors.RotationInProgress, match=stage):
        source.export("db", LATER)


class ChangedMeanwhile(Layer):
    """Somebody else changes the description before the last read of an export."""

    def __init__(self, inner):
        super().__init__(inner)
        self.reads = 0

    def get(self, name, version=None, stage="current"):
        if version is None and stage == "current":
            self.reads += 1
            if self.reads == 2:
                record = self.inner.get(name)
                self.inner.patch_metadata(record.with_metadata(description="new"), record.revision)
        return self.inner.get(name, version, stage)


def test_what_changes_during_an_export_is_noticed(source):
    with pytest.raises(errors.Conflict, match="changed while it was exported"):
        CredentialManager(ChangedMeanwhile(source.backend)).export("db", LATER)


# What a store cannot keep


def test_older_versions_that_a_store_does_not_keep_are_said_and_written_off_only_on_request(source, stores):
    destination = stores.sqlite(keep_versions=0)
    portable = source.export("db", LATER)
    plan = destination.plan_import(portable, KEY, LATER)
    assert (plan.action, plan.lost) == (CREATE, ("2 older versions",))
    assert plan.not_kept == ("revisions of metadata", "the times at which the versions were stored")
    with pytest.raises(errors.InvalidInput, match="lossy"):
        destination.import_(portable, LATER)
    assert not destination.exists("db", LATER)
    assert destination.import_(portable, LATER, lossy=True) == {"3": "3"}
    assert destination.plan_import(portable, KEY, LATER).action == NOTHING


class Narrow(Layer):
    """A store that keeps the current value and nothing else."""

    @property
    def capabilities(self):
        return replace(self.inner.capabilities, versions=False, stages=False)


def test_without_stages_previous_is_a_loss(source, stores):
    destination = CredentialManager(Narrow(stores.sqlite().backend))
    assert destination.plan_import(source.export("db", LATER), KEY, LATER).lost == ("2 older versions", "the value of stage 'previous'")
    destination.import_(source.export("db", LATER), LATER, lossy=True)
    with destination.acting(LATER), pytest.raises(errors.NotFound):
        destination.backend.get("db", stage=PREVIOUS)


# What is there already


def test_another_credential_of_the_name_is_left_alone(source, stores):
    destination = stores.sqlite()
    destination.create(DesiredCredential("db", value=Secret("mine"), scope=Scope(workflow="later")), LATER)
    assert destination.plan_import(source.export("db", LATER), KEY, LATER).action == COLLIDES
    with pytest.raises(errors.Duplicate):
        destination.import_(source.export("db", LATER), LATER)
    assert destination.get("db", context=LATER).token().expose() == b"mine"


class Cut(Layer):
    """Ends after so many puts."""

    def __init__(self, inner, writes):
        super().__init__(inner)
        self.left = writes

    def put(self, record, expected=None, *, create=False):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return self.inner.put(record, expected, create=create)


def cut_off(destination, portable, writes):
    with pytest.raises(KeyboardInterrupt):
        CredentialManager(Cut(destination.backend, writes)).import_(portable, LATER)


def test_an_import_of_a_source_that_has_changed_since_is_not_continued(source, stores):
    destination = stores.sqlite()
    cut_off(destination, source.export("db", LATER), writes=2)
    source.update("db", LATER, description="changed")
    assert destination.plan_import(source.export("db", LATER), KEY, LATER).action == COLLIDES


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
