# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets as they are written and read (A7). What Kubernetes does with them is tried in tests/integration."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.limits import (
    MAX_ANNOTATIONS,
    check_annotations,
    check_keys,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.managed_fields import (
    claim_fields,
    find_owned_fields,
    is_foreign,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.manifest import Manifests
from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.secret_types import check_type, fitting_type
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import KeptVersion, ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
    InvalidConfiguration,
    InvalidInput,
    NotEncrypted,
    TooLarge,
    UnknownFormat,
)
from tests.conformance.records import METADATA, NOON, a_record, exposed
from tests.conformance.sealing import seal

PLACE = ObjectKey("db_pass")
PLAIN = Manifests("nebula-", "default", encrypted=False)
ENCRYPTED = Manifests("nebula-", "default", encrypted=True)
each = pytest.mark.parametrize


def stored(**changes):
    record = a_record(serial=7, revision=2, record_id=b"i" * 16)
    content = StoredObject(
        record, older=(KeptVersion(6, NOON), KeptVersion(4)), garbage=(3, 2), written_at=NOON + timedelta(microseconds=5)
    )
    return replace(content, **changes)


def as_server(secret, **metadata):
    """What the server answers after it has taken a Secret."""
    return dict(secret, metadata=dict(secret["metadata"], resourceVersion="12", uid="u", **metadata))


def test_everything_comes_back_as_it_was_written():
    content = stored(foreign_token="9")
    found = PLAIN.read(PLACE, as_server(PLAIN.write(PLACE, content, None)))
    assert (found.token, found.problem) == ("12", None)
    for part in ("older", "garbage", "foreign_token", "written_at"):
        assert getattr(found, part) == getattr(content, part)
    assert exposed(found.record) == exposed(content.record)
    for part in ("type", "metadata", "serial", "revision", "record_id", "name", "stage"):
        assert getattr(found.record, part) == getattr(content.record, part)


def test_a_secret_shows_what_people_look_for():
    secret = PLAIN.write(PLACE, stored(), None)
    assert secret["metadata"]["name"] == "nebula-db.1pass"
    assert set(secret["data"]) == {"username", "password", "nebula.state"}
    assert secret["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "nebula-credential",
        "nebula.credential/stage": "current",
        "nebula.credential/type": "basic",
        "env": "prod",
        "empty": "",
    }
    assert json.loads(secret["metadata"]["annotations"]["nebula.credential/metadata"])["tags"] == METADATA.tags
    assert secret["metadata"]["annotations"]["nebula.credential/older"] == '[[6,"2026-11-22T12:00:00.123456+00:00"],[4,null]]'


def test_an_envelope_says_what_it_is_itself():
    record = a_record(record_id=b"i" * 16, serial=7)
    content = stored(record=replace(record, envelope=seal(record, 7), fields={}, state={}))
    secret = as_server(ENCRYPTED.write(PLACE, content, None))
    found = ENCRYPTED.read(PLACE, secret)
    assert (found.record.serial, found.record.metadata, found.record.envelope) == (7, METADATA, content.record.envelope)
    assert isinstance(PLAIN.read(PLACE, secret).problem, InvalidConfiguration)


def test_a_plain_value_in_an_encrypted_store_is_a_problem_that_leaves_the_rest_readable():
    found = ENCRYPTED.read(PLACE, as_server(PLAIN.write(PLACE, stored(), None)))
    assert isinstance(found.problem, NotEncrypted)
    assert [kept.serial for kept in found.older] == [6, 4]


def test_a_tombstone_is_neither_plain_nor_encrypted():
    place = ObjectKey.of_tombstone("db_pass", "current")
    content = StoredObject(replace(a_record(), fields={}, state={}, metadata=None, type="opaque", serial=9), garbage=(4,))
    for manifests in (PLAIN, ENCRYPTED):
        secret = manifests.write(place, content, None)
        assert (secret["data"], secret["metadata"]["labels"]["nebula.credential/stage"]) == ({}, "deleted")
        found = manifests.read(place, as_server(secret))
        assert (found.record.serial, found.garbage, found.problem) == (9, (4,), None)


@each(
    ("annotation", "value", "kind"),
    [
        ("format", "2", UnknownFormat),
        ("metadata", "{", Damaged),
        ("metadata", "[]", Damaged),
        ("serial", "seven", Damaged),
        ("record-id", "xyz", Damaged),
        ("older", "{}{", Damaged),
        ("older", "[7]", Damaged),
        ("written-at", "yesterday", Damaged),
    ],
)
def test_annotations_that_somebody_changed_are_a_problem(annotation, value, kind):
    """The Secret can be deleted all the same."""
    secret = as_server(PLAIN.write(PLACE, stored(), None))
    secret["metadata"]["annotations"]["nebula.credential/" + annotation] = value
    found = PLAIN.read(PLACE, secret)
    assert isinstance(found.problem, kind)
    assert found.token == "12"


def test_a_state_that_somebody_changed_is_damaged():
    secret = as_server(PLAIN.write(PLACE, stored(), None))
    secret["data"]["nebula.state"] = "e30x"
    assert isinstance(PLAIN.read(PLACE, secret).problem, Damaged)


@each("value", ["{", "{}", "7"])
def test_a_list_of_fields_that_somebody_changed_counts_as_touched(value):
    secret = as_server(PLAIN.write(PLACE, stored(), None))
    secret["metadata"]["annotations"]["nebula.credential/fields"] = value
    assert PLAIN.read(PLACE, secret).foreign_token == "12"


def test_a_foreign_secret_is_opaque_and_its_labels_are_tags():
    secret = {
        "metadata": {
            "name": "nebula-db.1pass",
            "resourceVersion": "5",
            "creationTimestamp": "2026-11-22T12:00:00Z",
            "labels": {"a": "b"},
            "managedFields": [{"manager": "kubectl", "time": "2026-11-22T13:00:00Z", "fieldsV1": {"f:data": {"f:x": {}}}}],
        },
        "type": "Opaque",
        "data": {"x": "AA==", "empty": None},
    }
    found = PLAIN.read(PLACE, secret)
    assert exposed(found.record) == ({"x": b"\x00", "empty": b""}, {})
    assert (found.record.type, found.record.serial, found.foreign_token) == ("opaque", None, "5")
    assert found.record.full_metadata.tags == {"a": "b"}
    assert (found.record.full_metadata.updated_at - found.record.full_metadata.created_at) == timedelta(hours=1)
    assert PLAIN.read(PLACE, {"metadata": {}}).record.full_metadata.created_at.year == 1970


@each(
    ("fields", "kind", "expected"),
    [
        ({"username"}, "basic", "kubernetes.io/basic-auth"),
        ({"username", "password", "host"}, "basic", "Opaque"),
        (set(), "basic", "Opaque"),
        ({"username", "password"}, "custom", "Opaque"),
        ({"tls.crt", "tls.key"}, "opaque", "kubernetes.io/tls"),
        ({"tls.crt"}, "opaque", "Opaque"),
        ({"ssh-privatekey"}, "custom", "kubernetes.io/ssh-auth"),
        ({"ssh-privatekey", "x"}, "custom", "Opaque"),
    ],
)
def test_a_type_fits_exactly_or_not_at_all(fields, kind, expected):
    assert fitting_type(fields, kind) == expected


def test_a_type_that_is_there_takes_what_kubernetes_lets_it_take():
    check_type("kubernetes.io/tls", {"tls.crt", "tls.key", "ca.crt"})
    check_type("bootstrap.kubernetes.io/token", {"anything"})
    for wrong, needed in (("kubernetes.io/tls", "tls.crt and tls.key"), ("kubernetes.io/ssh-auth", "ssh-privatekey")):
        with pytest.raises(InvalidInput) as caught:
            check_type(wrong, {"value"})
        assert "which needs the field {0}".format(needed) in str(caught.value)


@each("field", ["", ".", "..", "..a", "a/b", "a b", "ü", "a" * 254, "nebula.envelope"])
def test_what_is_no_key_is_refused(field):
    with pytest.raises(InvalidInput):
        check_keys([field], ["nebula.envelope"])


def test_annotations_are_checked_to_the_byte():
    """`tests/unit/layers/test_limits.py` checks values."""
    check_annotations({"k": "v" * (MAX_ANNOTATIONS - 1)})
    with pytest.raises(TooLarge):
        check_annotations({"k": "v" * (MAX_ANNOTATIONS - 2) + "ü"})


def noted(manager, **parts):
    fields = {"f:" + part.replace("_", ""): {"f:" + field: {} for field in names} for part, names in parts.items()}
    return {"manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}


def test_whoever_is_noted_for_a_field_has_written_it():
    ours, theirs = noted("nebula-credential", data=["a"]), noted("kubectl-edit", stringData=["b"])
    labels = noted("kubectl-label", metadata=["labels"])
    assert not is_foreign({"managedFields": [ours, labels]})
    assert is_foreign({"managedFields": [ours, theirs]})
    assert find_owned_fields({"managedFields": [ours, theirs, labels]}) == {"a", "b"}
    assert not is_foreign({})


def test_a_write_of_ours_takes_the_value_and_leaves_the_rest_to_others():
    both = noted("kubectl-edit", data=["b"], metadata=["labels"])
    after = claim_fields({"managedFields": [both, noted("gone", data=["c"])]}, ["a", "b"])
    assert [entry["manager"] for entry in after] == ["kubectl-edit", "nebula-credential"]
    assert after[0]["fieldsV1"] == {"f:metadata": {"f:labels": {}}}
    assert set(after[1]["fieldsV1"]["f:data"]) == {".", "f:a", "f:b"}
    assert not is_foreign({"managedFields": after})


def test_nothing_secret_is_in_the_repr_of_what_was_read():
    found = PLAIN.read(PLACE, as_server(PLAIN.write(PLACE, stored(), None)))
    for shown in ("s3cret", "czNjcmV0", "YXBw"):
        assert shown not in repr(found)
