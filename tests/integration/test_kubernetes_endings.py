# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that are being deleted and that a finalizer still holds: they take no write, which would be lost with them."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, ReadOnly
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from tests.conformance.records import METADATA, a_record, value_of
from tests.integration.kubernetes_store import KubeStore
from tests.servers import once

pytestmark = pytest.mark.server
FOR_ALL = replace(METADATA, scope=Scope())
NAME = "nebula-db.1pass"
FINALIZER = "a.test/cleanup"


@pytest.fixture
def store():
    return KubeStore(once.kubernetes())


def hold(store, name, finalizers=(FINALIZER,)):
    """Set the finalizers of a Secret."""
    secret = store.secret(name)
    secret["metadata"]["finalizers"] = list(finalizers)
    store.server.call("PUT", store.server.secrets_path(store.namespace, name), secret)


def end(store, name):
    """Delete a Secret that a finalizer holds, as another tool does."""
    hold(store, name)
    store.server.call("DELETE", store.server.secrets_path(store.namespace, name))
    assert store.secret(name)["metadata"]["deletionTimestamp"]


def writes(store, work):
    """The requests of `work` that change something."""
    return [each for each in store.asked(work) if each.split()[0] not in ("get", "list")]


def refused(work):
    with pytest.raises(ReadOnly) as caught:
        work()
    assert "is being deleted" in str(caught.value)
    assert FINALIZER in str(caught.value)
    assert caught.value.name == "db_pass"


@pytest.mark.parametrize("encrypt", [False, True])
@pytest.mark.parametrize("stage", ["current", "pending", "previous", "journal"])
def test_no_value_and_no_stage_is_written_to_a_credential_that_ends(store, stage, encrypt):
    manager = store.manager(encrypt=encrypt)
    with manager.acting():
        manager.backend.put(a_record(metadata=FOR_ALL))
        end(store, NAME)
        new = a_record(value="new", stage=stage, metadata=FOR_ALL)
        assert writes(store, lambda: refused(lambda: manager.backend.put(new))) == []
        assert value_of(manager.backend.get("db_pass")) == b"s3cret"


def test_metadata_and_a_delete_are_refused_too(store):
    backend = store.backend()
    stored = backend.put(a_record())
    end(store, NAME)
    refused(lambda: backend.patch_metadata(stored, stored.revision))
    read = backend.get("db_pass")
    assert writes(store, lambda: refused(lambda: backend.patch_metadata(read, read.revision))) == []
    assert writes(store, lambda: refused(lambda: backend.put(a_record(value="new"), read.etag))) == []
    assert writes(store, lambda: refused(lambda: backend.delete("db_pass"))) == []


@pytest.mark.parametrize("stage", ["pending", "previous", "journal"])
def test_a_stage_that_ends_takes_no_write(store, stage):
    backend = store.backend()
    backend.put(a_record())
    backend.put(a_record(stage=stage))
    end(store, NAME + ".9" + stage)
    assert writes(store, lambda: refused(lambda: backend.put(a_record(value="new", stage=stage)))) == []


def test_a_value_is_not_kept_at_a_place_that_ends(store):
    """A copy that a killed writer left there, which is being deleted: the value that is replaced would be lost."""
    backend = store.backend()
    backend.put(a_record())
    secret = store.secret(NAME)
    secret["metadata"] = {"name": NAME + ".9v1", **{part: secret["metadata"][part] for part in ("labels", "annotations")}}
    store.server.call("POST", store.server.secrets_path(store.namespace), secret)
    end(store, NAME + ".9v1")
    refused(lambda: backend.put(a_record(value="new")))
    assert value_of(backend.get("db_pass")) == b"s3cret"


def test_the_document_of_a_store_that_ends_is_not_written(store):
    backend = store.backend()
    backend.write_store_document(b"one", None)
    end(store, "nebula-0.9store")

    def write():
        with pytest.raises(ReadOnly, match=FINALIZER):
            backend.write_store_document(b"two", b"one")

    assert writes(store, write) == []


PATIENCE = "ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.object_store._PATIENCE"


def test_a_delete_waits_until_the_finalizers_are_gone(store, monkeypatch):
    monkeypatch.setattr(PATIENCE, 120)
    backend = store.backend()
    backend.put(a_record())
    hold(store, NAME)
    gone = threading.Event()

    def clean_up():
        while not store.secret(NAME)["metadata"].get("deletionTimestamp") and not gone.wait(0.05):
            pass
        hold(store, NAME, [])

    cleaner = threading.Thread(target=clean_up)
    cleaner.start()
    try:
        backend.delete("db_pass")
    finally:
        gone.set()
        cleaner.join(60)
    with pytest.raises(NotFound):
        backend.get("db_pass")


def test_a_delete_of_what_stays_is_no_success(store, monkeypatch):
    """The value can still be read, so a play must not be told that it is gone. Older values are."""
    monkeypatch.setattr(PATIENCE, 0.5)
    backend = store.backend()
    for value in "12":
        backend.put(a_record(value=value))
    hold(store, NAME)
    refused(lambda: backend.delete("db_pass"))
    assert store.names() == [NAME, NAME + ".9deleted"]
    hold(store, NAME, [])
    with pytest.raises(NotFound):
        backend.delete("db_pass")
    assert backend.put(a_record(value="3")).serial > 2
