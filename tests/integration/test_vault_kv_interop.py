# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other tools on the same secrets, both ways (J3): the real command line `bao kv` beside a store of ours."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import KeyAdmin, require_protocol
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
    InvalidConfiguration,
    NotEncrypted,
    NotFound,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import read_rotated_at, version_created_at
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag
from tests.conformance.records import METADATA, a_record, exposed, value_of
from tests.integration.vault_store import VaultStore
from tests.servers import once
from tests.unit.store.managing import ask


@pytest.fixture
def store():
    return VaultStore(once.openbao())


def test_what_we_write_other_tools_read(store):
    """One key a field, as text, and tags as custom metadata."""
    store.backend().put(a_record(state={}))
    read = store.bao("get", "db_pass")["data"]
    assert read["data"] == {"username": "app", "password": "s3cret"}
    assert read["metadata"]["custom_metadata"]["env"] == "prod"
    assert (read["metadata"]["custom_metadata"]["nebula-type"], read["metadata"]["version"]) == ("basic", 1)
    assert store.bao("metadata", "get", "db_pass")["data"]["max_versions"] == 11


def test_what_other_tools_write_we_read(store):
    store.bao("put", "db_pass username=app password=s3cret")
    found = store.backend().get("db_pass")
    assert exposed(found) == ({"username": b"app", "password": b"s3cret"}, {})
    assert (found.type, found.version, found.serial, found.record_id) == ("opaque", "1", None, None)
    assert found.full_metadata.scope.tenant == "default"
    assert [record.name for record in store.backend().list()] == ["db_pass"]


@pytest.mark.parametrize("options", [{}, {"mount": "kv1", "kv_version": 1}])
def test_a_value_that_is_nested_too_deep_is_damaged_and_named(store, options):
    store.server.enable("kv", "kv1", options={"version": "1"})
    for name, depth in (("kept", 60), ("deep", 70), ("deeper", 200)):
        data = {"value": json.loads("[" * depth + "]" * depth)}
        store.server.call(
            "POST", "kv1/{0}/{1}".format(store.prefix, name) if options else store.path(name), data if options else {"data": data}
        )
    manager = store.manager(**options)
    assert manager.get("kept").fields
    for name in ("deep", "deeper"):
        with pytest.raises(Damaged) as caught:
            manager.inspect(name)
        assert caught.value.name == name
        assert "nested more than 64 deep" in caught.value.what


def test_numbers_and_nested_values_are_read_as_their_json(store):
    data = {"port": 5432, "on": True, "none": None, "hosts": ["a", "b"], "deep": {"a": {"b": "ü"}}, "text": "5432"}
    store.server.call("POST", store.path("db_pass"), {"data": data})
    fields, _state = exposed(store.backend().get("db_pass"))
    assert fields["deep"] == '{"a":{"b":"ü"}}'.encode()
    assert (fields["port"], fields["on"], fields["none"], fields["hosts"], fields["text"]) == (
        b"5432",
        b"true",
        b"",
        b'["a","b"]',
        b"5432",
    )


def test_a_value_that_is_no_text_is_base64_to_other_tools(store):
    store.backend().put(a_record(value=b"\xff\x00", state={}))
    assert store.bao("get", "db_pass")["data"]["data"]["password"] == {"base64": "/wA="}


def test_custom_metadata_set_by_hand_are_tags(store):
    """Of a secret that another tool made, and of one of ours; and a change of ours changes them for other tools."""
    store.bao("put", "theirs password=x")
    store.bao("metadata", "put", "-custom-metadata=owner=dba", "theirs")
    assert store.backend().get("theirs").full_metadata.tags == {"owner": "dba"}
    store.backend().put(a_record("ours"))
    store.bao("metadata", "patch", "-custom-metadata=env=dev", "-custom-metadata=owner=dba", "ours")
    found = store.backend().get("ours")
    assert found.full_metadata.tags == {"env": "dev", "owner": "dba", "empty": ""}
    assert [row.full_metadata.tags for row in store.backend().list(Filter(prefix="ours"))] == [found.full_metadata.tags]
    store.backend().patch_metadata(found.with_metadata(tags={"owner": "ops"}), found.revision)
    assert {key: value for key, value in store.custom("ours").items() if not key.startswith("nebula-")} == {"owner": "ops"}


def test_a_version_of_another_tool_over_ours_keeps_what_is_known_of_the_credential(store):
    """Type, tags, scope, description, policy and state stay; what belonged to the value alone does not."""
    backend = store.backend()
    ours = backend.put(a_record())
    store.bao("put", "db_pass username=app password=theirs")
    found = backend.get("db_pass")
    assert (value_of(found), found.type, found.version, found.serial) == (b"theirs", "basic", "2", None)
    assert found.full_metadata.expires_at is None
    for kept in ("tags", "scope", "description", "policy", "lifecycle", "created_at"):
        assert getattr(found.full_metadata, kept) == getattr(METADATA, kept)
    assert METADATA.attributes.items() <= found.full_metadata.attributes.items()
    assert read_rotated_at(found.full_metadata) == version_created_at(found.full_metadata) == backend.versions("db_pass")[0].created_at
    again = backend.put(a_record(value="ours"), found.etag)
    assert (again.version, again.record_id) == ("3", ours.record_id)
    assert [info.version for info in backend.versions("db_pass")] == ["3", "2", "1"]
    assert value_of(backend.get("db_pass", "1")) == b"s3cret"


def test_what_was_deleted_by_hand_is_gone_until_it_is_undeleted(store):
    backend = store.backend()
    backend.put(a_record())
    store.bao("delete", "db_pass")
    for call in (backend.get, backend.delete, backend.versions):
        with pytest.raises(NotFound):
            call("db_pass")
    assert list(backend.list()) == list(backend.list(Filter(names_only=True))) == []
    store.bao("undelete", "-versions=1", "db_pass")
    assert (value_of(backend.get("db_pass")), len(list(backend.list()))) == (b"s3cret", 1)


def test_state_restored_undeletes_what_was_deleted_by_hand(store):
    """In check mode it says so and leaves it; a version before it comes back as a new one."""
    manager = store.manager()
    for value in ("one", "two"):
        ask(manager, "credential", name="db", state="present", value=value)
    store.bao("delete", "db")
    with pytest.raises(NotFound):
        manager.token("db")
    with manager.acting():
        assert manager.backend.restore("db", check=True).fields == {}
    assert ask(manager, "credential", name="db", state="restored").result["changed"]
    assert manager.token("db").expose() == b"two"
    store.bao("delete", "db")
    ask(manager, "credential", name="db", state="restored", version="1")
    assert manager.token("db").expose() == b"one"
    with pytest.raises(NotFound) as caught:
        ask(manager, "credential", name="db", state="restored", version="9")
    assert "3, 2, 1" in str(caught.value)


def test_a_delete_leaves_no_value_behind(store):
    """Every version is destroyed, and nothing tells what it was; the count goes on."""
    backend = store.backend()
    for value in "123":
        backend.put(a_record(value=value))
    backend.delete("db_pass")
    told = store.server.call("GET", store.path("db_pass", "metadata"))["data"]
    assert {each["destroyed"] for each in told["versions"].values()} == {True}
    assert (told["custom_metadata"], told["current_version"]) == ({"nebula-deleted": "4"}, 4)
    with pytest.raises(NotFound):
        backend.restore("db_pass")
    assert backend.put(a_record(), create=True).version == "5"


def test_a_version_that_was_destroyed_by_hand_is_not_found_and_the_others_are(store):
    backend = store.backend()
    for value in "123":
        backend.put(a_record(value=value))
    store.bao("destroy", "-versions=2", "db_pass")
    assert [info.version for info in backend.versions("db_pass")] == ["3", "1"]
    with pytest.raises(NotFound):
        backend.get("db_pass", "2")
    store.bao("destroy", "-versions=3", "db_pass")
    with pytest.raises(NotFound):
        backend.get("db_pass")


def test_what_was_removed_by_hand_with_its_count_begins_anew(store):
    """`bao kv metadata delete` is the one thing that gives a version number a second time."""
    backend = store.backend()
    backend.put(a_record())
    store.bao("metadata", "delete", "db_pass")
    with pytest.raises(NotFound):
        backend.get("db_pass")
    assert backend.put(a_record(), create=True).version == "1"


def test_a_description_that_somebody_broke_is_told(store):
    backend = store.backend()
    backend.put(a_record())
    store.bao("metadata", "patch", "-custom-metadata=nebula-1-0=broken", "db_pass")
    with pytest.raises(Damaged) as caught:
        backend.get("db_pass")
    for problem in (caught.value, *(row.problem for row in backend.list())):
        assert "nebula-1-0" in str(problem)
    assert backend.put(a_record(), Etag("1")).version == "2"
    assert backend.get("db_pass").metadata == METADATA


def test_names_that_are_no_credentials_are_left_out_of_a_listing(store):
    """A name that is also a folder is both."""
    for name in ("a", "a/b", "a/b/c"):
        store.backend().put(a_record(name))
    for odd in ("b%20c", "a/..x", ".hidden"):
        store.server.call("POST", store.path(odd), {"data": {"x": "1"}})
    assert sorted(record.name for record in store.backend().list()) == ["a", "a/b", "a/b/c"]


def test_a_listing_of_several_pages_is_whole(store):
    """More than the server is asked for at once, folders and odd names of other tools in between."""
    for number in range(430):
        store.server.call("POST", store.path("n{0:03d}{1}".format(number, "/x" if number % 50 == 7 else "")), {"data": {"x": "1"}})
    for odd in ("n199%20b", "n2%26after%3D", "%C3%BC"):
        store.server.call("POST", store.path(odd), {"data": {"x": "1"}})
    names = {record.name for record in store.backend().list(Filter(names_only=True))}
    assert names == {"n{0:03d}{1}".format(number, "/x" if number % 50 == 7 else "") for number in range(430)}


def test_a_whole_mount_can_be_a_store(store):
    """`prefix: ""`."""
    mount = store.server.enable("kv", "whole", options={"version": "2"})
    whole = VaultStore(store.server, mount=mount, prefix="")
    whole.backend().put(a_record("app/db"))
    whole.server.call("POST", "whole/data/theirs", {"data": {"x": "1"}})
    whole.backend().put(a_record("app/db", stage="pending"))
    assert sorted(record.name for record in whole.backend().list()) == ["app/db", "theirs"]


def test_envelopes_and_plain_values_are_not_mistaken_for_each_other(store):
    """Each way it is an error that says what is configured wrongly."""
    sealed = store.manager(encrypt=True)
    ask(sealed, "credential", name="db", state="present", value="s3cret")
    with pytest.raises(InvalidConfiguration) as caught:
        store.manager().token("db")
    assert "encrypt: true" in str(caught.value)
    store.bao("put", "theirs value=plain")
    with pytest.raises(NotEncrypted):
        sealed.token("theirs")


def test_of_an_encrypted_credential_nothing_but_an_envelope_lies_there(store):
    """And one version of it: an envelope under an old key must not stay behind."""
    sealed = store.manager(encrypt=True)
    for value in ("canary-one", "canary-two"):
        ask(sealed, "credential", name="db", state="present", type="basic", fields={"username": "canary-user"}, value=value)
    told = store.server.call("GET", store.path("db"))["data"]
    assert set(told["data"]) == {"nebula.envelope", "nebula.object"}
    assert "canary" not in str(told)
    with sealed.acting():
        require_protocol(sealed.backend, KeyAdmin).rotate_master_key(compromised=True)
    for place in ("db", ".nebula/v1/db", ".nebula/store"):
        versions = store.server.call("GET", store.path(place, "metadata"))["data"]["versions"]
        assert len(versions) == 1
    assert sealed.token("db").expose() == b"canary-two"
