# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of other tools, and what other tools do to ours."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.secret_state import ALIAS, ANNOTATION
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    Damaged,
    InvalidConfiguration,
    InvalidInput,
    NotEncrypted,
    NotFound,
    StorageError,
    TooLarge,
    UnknownFormat,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import METADATA, a_record, exposed, value_of
from tests.integration.gcp_store import GoogleStore
from tests.servers import once
from tests.servers.secret_manager import LOCATION
from tests.unit.store.managing import ask

OURS = "nebula-db_pass"
KEY = "projects/p/locations/{0}/keyRings/r/cryptoKeys/k"


@pytest.fixture
def store():
    return GoogleStore(once.server("secret_manager"))


@pytest.fixture
def theirs(store):
    client = store.theirs()
    yield client
    client.close()


def test_other_tools_read_our_fields_as_json_by_the_alias(store, theirs):
    store.backend().put(a_record(), create=True)
    read = json.loads(theirs.payload(OURS, ALIAS))
    assert (read["username"], read["password"]) == ("app", "s3cret")
    assert set(read) == {"username", "password", "nebula.credential"}
    assert theirs.payload(OURS, "latest") == theirs.payload(OURS, ALIAS)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"plain text\n", {"value": b"plain text\n"}),
        (b"\xff\x00", {"value": b"\xff\x00"}),
        (b'{"user": "a", "port": 5432}', {"user": b"a", "port": b"5432"}),
        (b"[1, 2]", {"value": b"[1, 2]"}),
    ],
)
def test_a_secret_of_another_tool_is_opaque(store, theirs, data, fields):
    theirs.make("nebula-theirs", labels={"team": "shop"})
    theirs.add("nebula-theirs", data)
    found = store.backend().get("theirs")
    assert (found.type, found.serial, found.version) == ("opaque", None, "+1")
    assert exposed(found)[0] == fields
    assert [(row.name, row.full_metadata.tags) for row in store.backend().list()] == [("theirs", {"team": "shop"})]


def test_a_disabled_latest_falls_back_to_the_newest_enabled_version(store, theirs):
    theirs.make("nebula-theirs")
    for data in (b"1", b"2", b"3", b"4"):
        theirs.add("nebula-theirs", data)
    theirs.change("nebula-theirs", 4, "disable")
    theirs.change("nebula-theirs", 3, "destroy")
    assert value_of_opaque(store.backend().get("theirs")) == b"2"
    theirs.change("nebula-theirs", 2, "disable")
    theirs.change("nebula-theirs", 1, "disable")
    with pytest.raises(NotFound):
        store.backend().get("theirs")


def value_of_opaque(record):
    """The value of a secret that is no JSON object."""
    return record.fields["value"].expose()


def test_a_secret_of_another_tool_is_replaced_where_it_is_and_kept(store, theirs):
    theirs.make("nebula-theirs", labels={"team": "shop"}, annotations={"owner": "them"})
    theirs.add("nebula-theirs", b"old")
    backend = store.backend()
    stored = backend.put(a_record("theirs", "new"), backend.get("theirs").etag)
    assert value_of(backend.get("theirs")) == b"new"
    assert value_of_opaque(backend.get("theirs", "1")) == b"old"
    assert stored.version == "2"
    secret = theirs.secret("nebula-theirs")
    assert (secret.labels["team"], secret.annotations["owner"]) == ("shop", "them")
    assert store.backend().get("theirs").metadata == METADATA


def test_an_empty_secret_takes_its_first_value(store, theirs):
    theirs.make(OURS, labels={"made-by": "terraform"})
    with pytest.raises(NotFound):
        store.backend().get("db_pass")
    store.backend().put(a_record(), create=True)
    assert value_of(store.backend().get("db_pass")) == b"s3cret"
    assert theirs.secret(OURS).labels["made-by"] == "terraform"


def test_labels_annotations_and_aliases_of_others_stay_and_tags_come_and_go(store, theirs):
    backend = store.backend()
    backend.put(a_record(metadata=replace(METADATA, tags={"team": "a", "No Label": "x"})))
    secret = theirs.secret(OURS)
    labels, annotations, aliases = (dict(getattr(secret, part)) for part in ("labels", "annotations", "version_aliases"))
    assert (labels["team"], "No Label" in labels) == ("a", False)
    theirs.update(OURS, labels={**labels, "cost": "1"}, annotations={**annotations, "x": "y"}, version_aliases={**aliases, "blue": 1})
    found = backend.get("db_pass")
    backend.patch_metadata(found.with_metadata(tags={"stage": "b"}), 0)
    secret = theirs.secret(OURS)
    assert {key: secret.labels.get(key) for key in ("cost", "team", "stage")} == {"cost": "1", "team": None, "stage": "b"}
    assert secret.annotations["x"] == "y"


def test_a_version_that_others_add_over_ours_is_not_passed_over(store, theirs):
    """It is not read, because the alias is not there; a write says so, and what to do, and leaves nothing behind."""
    backend = store.backend()
    backend.put(a_record(value="ours"))
    theirs.add(OURS, b"theirs")
    assert value_of(backend.get("db_pass")) == b"ours"
    with pytest.raises(StorageError) as caught:
        backend.put(a_record(value="new"), backend.get("db_pass").etag)
    assert caught.value.code == "conflict"
    assert "added version 2 to the secret 'nebula-db_pass'" in str(caught.value)
    states = theirs.states(OURS)
    assert (states[1], states[2], {states[number] for number in states if number > 2}) == ("ENABLED", "ENABLED", {"DESTROYED"})
    theirs.change(OURS, 2, "destroy")
    backend.put(a_record(value="new"), backend.get("db_pass").etag)
    assert value_of(store.backend().get("db_pass")) == b"new"


def test_the_alias_moved_by_hand_is_another_value_of_the_same_credential(store, theirs):
    backend = store.backend()
    first = backend.put(a_record(value="ours"))
    theirs.add(OURS, b"theirs")
    theirs.update(OURS, version_aliases={**dict(theirs.secret(OURS).version_aliases), ALIAS: 2})
    found = store.backend().get("db_pass")
    assert (value_of_opaque(found), found.version) == (b"theirs", "1+2")
    with pytest.raises(Conflict):
        backend.put(a_record(value="late"), first.etag)
    stored = backend.put(a_record(value="new"), found.etag)
    assert value_of(store.backend().get("db_pass")) == b"new"
    assert stored.serial > first.serial


@pytest.mark.parametrize("verb", ["disable", "destroy"])
def test_a_current_version_that_was_disabled_is_an_error_and_never_missing(store, theirs, verb):
    backend = store.backend()
    backend.put(a_record())
    theirs.change(OURS, 1, verb)
    with pytest.raises(Unusable) as caught:
        store.backend().get("db_pass")
    assert "names a version that is disabled or destroyed" in str(caught.value)
    backend.delete("db_pass")
    with pytest.raises(NotFound):
        store.backend().get("db_pass")


def test_a_secret_without_a_usable_version_is_deleted_by_force_as_its_error_says(store, theirs):
    manager = store.manager()
    wanted = DesiredCredential("db_pass", value=Secret("new"))
    manager.ensure(wanted)
    theirs.change(OURS, 1, "destroy")
    with pytest.raises(Unusable, match="To delete it unread: 'state: absent' with 'force: true'"):
        manager.ensurer().ensure_absent("db_pass")
    assert manager.ensurer().ensure_absent("db_pass", force=True).changed
    manager.ensure(wanted)
    assert manager.token("db_pass") == Secret("new")


def test_an_alias_that_was_removed_is_an_error_and_never_missing(store, theirs):
    store.backend().put(a_record())
    theirs.update(OURS, version_aliases={})
    with pytest.raises(Unusable) as caught:
        store.backend().get("db_pass")
    assert "the alias 'nebula-current' of the secret 'nebula-db_pass' is missing" in str(caught.value)


def test_a_secret_that_was_made_again_by_others_is_not_the_one_that_was_read(store, theirs):
    """The versions of the new one count from 1 again."""
    backend = store.backend()
    found = backend.put(a_record(value="first"))
    backend.delete("db_pass")
    again = store.backend().put(a_record(value="again"), create=True)
    assert again.serial == 2
    with pytest.raises(Conflict):
        store.backend().put(a_record(value="late"), found.etag)
    assert value_of(backend.get("db_pass")) == b"again"


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b'{"a": "b", "nebula.credential": {"format": 2}}', UnknownFormat),
        (b'{"a": "b", "nebula.credential": []}', Damaged),
        (b'{"a": "b", "nebula.credential": {"format": 1, "name": "other"}}', Damaged),
    ],
)
def test_what_was_spoiled_in_the_payload_is_an_error_of_its_own(store, theirs, payload, error):
    store.backend().put(a_record())
    number = theirs.add(OURS, payload)
    theirs.update(OURS, version_aliases={ALIAS: number})
    with pytest.raises(error):
        store.backend().get("db_pass")


def test_a_spoiled_annotation_is_a_row_with_a_problem_and_the_value_is_read(store, theirs):
    store.backend().put(a_record())
    theirs.update(OURS, annotations={ANNOTATION: "{"})
    rows = list(store.backend().list())
    assert [(row.name, row.problem.code) for row in rows] == [("db_pass", "damaged")]
    assert value_of(store.backend().get("db_pass")) == b"s3cret"
    store.backend().put(a_record(value="new"))
    assert [row.problem for row in store.backend().list()] == [None]


def test_a_plain_value_and_an_envelope_are_told_apart(store, theirs):
    store.backend().put(a_record())
    with pytest.raises(NotEncrypted):
        store.backend(encrypt=True).get("db_pass")
    ask(store.manager(encrypt=True, prefix="other-"), "credential", name="db", state="present", value="x")
    assert b"nebula.credential" in theirs.payload("other-db", ALIAS)
    with pytest.raises(InvalidConfiguration) as caught:
        store.backend(prefix="other-").get("db")
    assert caught.value.option == "encrypt"


@pytest.mark.parametrize("record", [a_record(value="x" * 65536), a_record(metadata=replace(METADATA, description="d" * 17000))])
def test_limits_are_checked_before_anything_is_sent(store, record):
    """Of the payload, and of the annotations."""
    backend, said = store.backend(), []
    backend.put(a_record("opened"))

    def put():
        with pytest.raises(TooLarge) as caught:
            backend.put(record)
        said.append(str(caught.value))

    sent = store.asked(put)
    assert {method.partition(" ")[0] for method in sent} <= {"access_secret_version", "get_secret"}
    assert "at most" in said[0]


def test_a_field_with_the_name_of_our_key_is_refused(store):
    with pytest.raises(InvalidInput):
        store.backend().put(a_record(fields={"nebula.credential": Secret("x")}))


def test_a_regional_store_uses_the_endpoint_of_its_location_and_no_replication(store):
    server = store.server
    regional = {"location": LOCATION, "endpoint": server.regional_url}
    key = "projects/p/locations/{0}/keyRings/r/cryptoKeys/k".format(LOCATION)
    backend = store.backend(kms_key=key, **regional)
    backend.put(a_record(value="1"))
    backend.put(a_record(value="2"))
    assert value_of(store.backend(**regional).get("db_pass")) == b"2"
    assert backend.locate("db_pass") == {"project": store.project, "location": LOCATION, "secret": OURS}
    assert {each["resource"].split("/")[2] for each in server.requests(store.parent)} == {"locations"}


@pytest.mark.parametrize(
    ("options", "kind", "keys"),
    [
        ({}, "automatic", []),
        ({"kms_key": "projects/p/locations/global/keyRings/r/cryptoKeys/k"}, "automatic", ["global"]),
        ({"replica_locations": ["europe-west1", "europe-west3"]}, "user_managed", []),
        (
            {
                "replica_locations": ["europe-west1", "us-east1"],
                "kms_keys": {each: KEY.format(each) for each in ("europe-west1", "us-east1")},
            },
            "user_managed",
            ["europe-west1", "us-east1"],
        ),
    ],
)
def test_a_new_secret_has_the_replication_and_the_keys_of_the_store(store, theirs, options, kind, keys):
    store.backend(**options).put(a_record())
    found = type(theirs.secret(OURS)).pb(theirs.secret(OURS)).replication
    assert found.WhichOneof("replication") == kind
    replicas = [found.automatic] if kind == "automatic" else list(found.user_managed.replicas)
    named = [each.customer_managed_encryption.kms_key_name for each in replicas]
    assert [name.split("/")[3] for name in named if name] == keys


def test_a_destroyed_version_stays_disabled_where_the_store_says_so(store, theirs):
    backend = store.backend(version_destroy_ttl=86400, keep_versions=0)
    backend.put(a_record(value="1"))
    backend.put(a_record(value="2"))
    assert theirs.states(OURS) == {2: "ENABLED", 1: "DISABLED"}
    backend.put(a_record(value="3"))
    assert value_of(store.backend().get("db_pass")) == b"3"


def test_a_delete_is_for_good(store, theirs):
    """A name that is used again goes on with its versions, from a secret without a value that holds the last one."""
    manager = store.manager()
    ask(manager, "credential", name="db", state="present", value="x")
    ask(manager, "credential", name="db", state="absent")
    assert theirs.secrets() == ["nebula-db__kdeleted"]
    assert theirs.states("nebula-db__kdeleted") == {}
    assert not manager.backend.capabilities.soft_delete
