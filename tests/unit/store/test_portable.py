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
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import JOURNAL, PENDING, PREVIOUS, REFRESH, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import CREATE, NOTHING, RESUME
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import with_references
from tests.unit.store.portable_stores import FIRST, KEY, LATER, cut_off


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
