# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A delete against other writers: whatever is broken off, no value that was acknowledged is deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws import claims
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, NotFound, Unavailable
from tests.conformance.records import a_record, value_of
from tests.integration.aws_store import AwsStore
from tests.servers import aws_front, once
from tests.servers.scripted import Answer

CLAIM, END = 2, 8
"""The numbers of the request before the claim (the two that note the last serial come first), and after the last one of a delete."""


@pytest.fixture
def store():
    return AwsStore(once.server("moto"))


@pytest.fixture
def client(store):
    return store.server.client()


def pass_on(send):
    return send()


def drop(_send):
    """As if the process were gone: nothing that it sends arrives, not even what takes the delete back."""
    return Answer(hangs_up=True)


def read_current(client, store):
    return client.get_secret_value(SecretId=store.secret("db"), VersionStage="AWSCURRENT")


def write_as_another_run(store):
    """Return True if a new value was acknowledged."""
    backend = store.backend()
    try:
        try:
            backend.put(a_record("db", "theirs"), backend.get("db").etag)
        except NotFound:
            backend.put(a_record("db", "theirs"), create=True)
    except (Conflict, Unavailable):
        return False
    return True


@pytest.mark.parametrize("recoverable", [True, False], ids=["recoverable", "for good"])
@pytest.mark.parametrize("killed", [True, False], ids=["killed", "not killed"])
@pytest.mark.parametrize("step", range(CLAIM, END))
def test_a_value_that_was_acknowledged_is_never_deleted(store, recoverable, killed, step):
    """Another run writes before each request of a delete, whose process then ends or does not."""
    first = store.backend().put(a_record("db", "ours"), create=True)
    written = []

    def overtaken(send):
        written.append(write_as_another_run(store))
        return drop(send) if killed else send()

    script = [pass_on] * step + [overtaken] + [drop] * 50 * killed
    with aws_front.running(store.server, {"*": script}) as front:
        try:
            store.backend(**front.login).delete("db", expected=first.etag, recoverable=recoverable)
        except CredentialError:
            pass
    if written == [True]:
        assert value_of(store.backend().get("db")) == b"theirs"
        store.backend().put(a_record("db", "next"), store.backend().get("db").etag)


@pytest.mark.parametrize("recoverable", [True, False], ids=["recoverable", "for good"])
def test_a_claim_that_was_left_behind_is_read_as_before_and_takes_writes_again_later(store, client, monkeypatch, recoverable):
    backend = store.backend()
    first = backend.put(a_record("db", "ours"), create=True)
    gone = {"DeleteSecret": [drop] * 9, "UpdateSecretVersionStage": [pass_on] + [drop] * 9}
    with aws_front.running(store.server, gone) as front, pytest.raises(CredentialError):
        store.backend(**front.login).delete("db", recoverable=recoverable)
    found = backend.get("db")
    assert claims.read_claim(read_current(client, store)["VersionId"])
    assert (value_of(found), found.etag.version, found.revision, found.metadata) == (b"ours", "1", first.revision, first.metadata)
    assert [row.version for row in backend.list()] == ["1"]
    for refused in (lambda: backend.put(a_record("db", "two"), found.etag), lambda: backend.delete("db")):
        with pytest.raises(Conflict, match="another run is deleting the secret"):
            refused()
    monkeypatch.setattr(claims, "LIFETIME", timedelta(0))
    assert backend.put(a_record("db", "two"), found.etag).serial == 2
    assert value_of(backend.get("db")) == b"two"


@pytest.mark.parametrize("kind", ["moto", "ministack"])
def test_a_delete_that_was_taken_back_leaves_the_version_current_that_was_it_before(kind):
    store = AwsStore(once.server(kind))
    backend, client = store.backend(), store.server.client()
    backend.put(a_record("db", "ours"), create=True)
    before, version_id = backend.get("db"), read_current(client, store)["VersionId"]
    backend.delete("db", recoverable=True)
    assert backend.restore("db").etag == before.etag
    assert read_current(client, store)["VersionId"] == version_id
    backend.put(a_record("db", "two"), before.etag)
    assert value_of(backend.get("db")) == b"two"


def test_a_secret_that_another_run_is_deleting_for_good_is_not_restored(store):
    """It would be deleted all the same, with what was written since."""
    backend = store.backend()
    backend.put(a_record("db", "ours"), create=True)
    gone = {"DeleteSecret": [pass_on] + [drop] * 9, "RestoreSecret": [drop] * 9}
    with aws_front.running(store.server, gone) as front, pytest.raises(CredentialError):
        store.backend(**front.login).delete("db")
    with pytest.raises(Conflict, match="another run is deleting the secret"):
        backend.restore("db")


@pytest.mark.parametrize("value", [{"SecretString": "a text"}, {"SecretString": '{"a":"b"}'}, {"SecretBinary": b"\x00\xff"}])
def test_a_value_of_another_tool_is_deleted_and_restored_as_it_was(store, client, value):
    client.create_secret(Name=store.secret("db"), **value)
    backend = store.backend()
    before = backend.get("db")
    backend.delete("db", expected=before.etag, recoverable=True)
    with pytest.raises(NotFound):
        backend.get("db")
    assert backend.restore("db").etag == before.etag
    answer = read_current(client, store)
    assert {key: answer[key] for key in value} == value
