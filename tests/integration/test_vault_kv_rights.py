# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a token may, what a mount is, how many requests an operation takes, and what reaches a log."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidConfiguration, NotFound, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from tests.conformance.records import METADATA, a_record, value_of
from tests.integration.vault_store import READ_ONLY, READ_WRITE, VaultStore
from tests.servers import once
from tests.unit.store.managing import ask
from tests.unit.store.refresh.refreshing import refuse_a_reader


@pytest.fixture
def store():
    return VaultStore(once.openbao())


@pytest.fixture
def kv1():
    return VaultStore(once.openbao(), mount=once.openbao().enable("kv", "kv1", options={"version": "1"}), kv_version=1)


FOR_ALL = replace(METADATA, scope=Scope())

READS = {
    "get": lambda backend: backend.get("db_pass"),
    "an older version": lambda backend: backend.get("db_pass", "1"),
    "versions": lambda backend: backend.versions("db_pass"),
    "list": lambda backend: list(backend.list()),
    "names": lambda backend: list(backend.list(Filter(prefix="db", names_only=True))),
    "last_serial": lambda backend: backend.last_serial("db_pass"),
    "document": lambda backend: backend.read_store_document(),
    "nothing": lambda backend: backend.get_many(["absent"]),
}
WRITES = {
    "create": (lambda backend: backend.put(a_record("new"), create=True), "create", "data/{0}/new"),
    "put": (lambda backend: backend.put(a_record(), Etag("2")), "update", "data/{0}/db_pass"),
    "patch": (lambda backend: backend.patch_metadata(backend.get("db_pass"), 0), "patch", "metadata/{0}/db_pass"),
    "stage": (lambda backend: backend.put(a_record(stage="pending"), create=True), "create", "data/{0}/.nebula/pending/db_pass"),
    "delete": (lambda backend: backend.delete("db_pass", expected=Etag("2")), "update", "data/{0}/db_pass"),
    "recoverable": (lambda backend: backend.delete("db_pass", recoverable=True), "update", "delete/{0}/db_pass"),
    "document": (lambda backend: backend.write_store_document(b"1", None), "create", "metadata/{0}/.nebula/store"),
}


def two_versions(store):
    backend = store.backend()
    backend.put(a_record())
    backend.put(a_record(value="2"))
    return backend


@pytest.mark.parametrize("operation", READS)
def test_the_policy_for_reading_is_enough_for_reading(store, operation):
    two_versions(store)
    READS[operation](store.backend(auth=store.reads()))


@pytest.mark.parametrize("operation", WRITES)
def test_the_policy_for_reading_is_not_enough_for_writing(store, operation):
    """The denial names the path and the capability that is missing."""
    two_versions(store)
    work, capability, path = WRITES[operation]
    with pytest.raises(AccessDenied) as caught:
        work(store.backend(auth=store.reads()))
    assert 'path "secret/{0}" {{ capabilities = ["{1}"] }}'.format(path.format(store.prefix), capability) in str(caught.value)


@pytest.mark.parametrize("encrypt", [False, True])
def test_the_policy_for_writing_is_enough_for_everything(store, encrypt):
    """Through a whole life, plain and encrypted."""
    manager = store.manager(auth=store.reads(READ_WRITE), encrypt=encrypt)
    with manager.acting():
        backend = manager.backend
        for value in "123":
            backend.put(a_record(value=value, metadata=FOR_ALL))
        backend.put(a_record(stage="pending", metadata=FOR_ALL), create=True)
        backend.patch_metadata(backend.get("db_pass"), 0)
        assert len(backend.versions("db_pass")) == 3
        assert [record.name for record in backend.list()] == ["db_pass"]
        backend.delete("db_pass", stage="pending")
        if not encrypt:
            backend.delete("db_pass", recoverable=True)
            backend.restore("db_pass")
        backend.delete("db_pass", expected=backend.get("db_pass").etag)
        backend.put(a_record(metadata=FOR_ALL), create=True)


def without(policy, capability, path):
    """A policy with one capability less on one of its paths."""
    line = re.search(r'path "[^"]*/{0}/nebula/\*" {{\s*capabilities = \[[^\]]*\]'.format(path), policy).group()
    return policy.replace(line, re.sub(r'"{0}"(, )?'.format(capability), "", line).replace(", ]", "]"))


LIFE = [
    ("data", "create"),
    ("data", "read"),
    ("data", "update"),
    ("metadata", "read"),
    ("metadata", "create"),
    ("metadata", "update"),
    ("metadata", "patch"),
    ("metadata", "list"),
    ("delete", "update"),
    ("undelete", "update"),
    ("destroy", "update"),
]


@pytest.mark.parametrize(("path", "capability"), LIFE)
def test_the_policy_for_writing_has_no_right_too_much(store, tmp_path, path, capability):
    """Without any one of its rights something is denied. (Where the server lists details, one request takes the place of another.)"""
    text = without(READ_WRITE.read_text(), capability, path).replace("secret/detailed-metadata/nebula", "secret/not-there")
    less = tmp_path / "less.hcl"
    less.write_text(text)
    with pytest.raises(AccessDenied) as caught:
        whole_life(store, store.reads(less))
    assert "may not {0} secret/{1}/{2}".format(capability, path, store.prefix) in str(caught.value)


def whole_life(store, auth):
    backend = store.backend(auth=auth)
    backend.put(a_record(), create=True)
    backend.put(a_record(value="2"), Etag("1"))
    backend.get("db_pass")
    backend.patch_metadata(backend.get("db_pass"), 0)
    assert len(list(backend.list())) == 1
    backend.delete("db_pass", recoverable=True)
    backend.restore("db_pass")
    backend.delete("db_pass")
    sealed = store.manager(auth=auth, encrypt=True, prefix=store.prefix + "/sealed", keep_versions=0)
    with sealed.acting():
        for value in "12":
            sealed.backend.put(a_record(value=value, metadata=FOR_ALL))


def test_who_may_not_remove_old_envelopes_is_warned(store, tmp_path):
    """That fails no write, and the next one tries it again."""
    less = tmp_path / "less.hcl"
    less.write_text(without(READ_WRITE.read_text(), "delete", "metadata"))
    told = []
    sealed = store.manager(warn=told.append, auth=store.reads(less), encrypt=True, keep_versions=1)
    with sealed.acting():
        for value in "123":
            sealed.backend.put(a_record(value=value, metadata=FOR_ALL))
    assert any("may not delete secret/metadata/{0}/.nebula/v1/db_pass".format(store.prefix) in warning for warning in told)


def test_a_read_is_one_request_and_a_new_value_two_to_four(store):
    """After the login. Nothing is asked twice, and a listing reads no value."""
    backend = two_versions(store)
    assert store.asked(lambda: backend.get("db_pass")) == ["read data"]
    replaced = ["update data", "read metadata", "patch metadata"]
    read = backend.get("db_pass").etag
    assert store.asked(lambda: backend.put(a_record(value="3"), read)) == replaced
    assert store.asked(lambda: backend.put(a_record(value="4"), Etag("3", 0))) == ["read metadata", *replaced]
    assert store.asked(lambda: backend.put(a_record("new"), create=True)) == ["create data", "patch metadata"]
    changed = ["read metadata", "patch metadata", "read metadata"]
    assert store.asked(lambda: backend.patch_metadata(backend.get("db_pass"), 0)) == ["read data", *changed]
    assert store.asked(lambda: list(backend.list())) == ["list detailed-metadata"]
    deleted = ["read metadata", "update data", "patch metadata", "update destroy"]
    assert store.asked(lambda: backend.delete("new", expected=Etag("1", 0))) == deleted


def test_a_server_without_a_list_of_details_is_asked_name_by_name(store):
    """HashiCorp Vault, or a token that may not: the listing is the same, and no value is read."""
    backend = two_versions(store)
    backend.put(a_record("folder/other"))
    policy = store.server.policy(store.prefix, 'path "secret/metadata/{0}/*" {{ capabilities = ["read", "list"] }}'.format(store.prefix))
    limited = store.backend(auth={"token": store.server.token(policy)})
    assert sorted(record.name for record in limited.list()) == ["db_pass", "folder/other"]
    asked = store.asked(lambda: list(limited.list()))
    assert sorted(asked) == ["list metadata", "list metadata", "read metadata", "read metadata"]


def test_a_mount_that_is_none_is_named(store):
    """Before anything is written, and also where "nothing" is the answer."""
    for work in (lambda backend: backend.get("db_pass"), lambda backend: backend.put(a_record(), create=True)):
        with pytest.raises(InvalidConfiguration) as caught:
            work(store.backend(mount="missing"))
        assert "option 'mount'" in str(caught.value)
        assert "nothing is mounted at 'missing'" in str(caught.value)


WORK = {
    "get": lambda backend: backend.get("db_pass"),
    "put": lambda backend: backend.put(a_record(), create=True),
    "list": lambda backend: list(backend.list()),
    "versions": lambda backend: backend.versions("db_pass"),
    "document": lambda backend: backend.read_store_document(),
}


@pytest.mark.parametrize("operation", WORK)
@pytest.mark.parametrize("version", [1, 2])
def test_the_wrong_version_of_kv_is_named_and_nothing_is_written(store, kv1, version, operation):
    """Either way round; not "not found", and no secret lands at a path of the other version."""
    wrong = (store.backend(kv_version=1, single_writer=True), kv1.backend(kv_version=2))[version - 1]
    with pytest.raises(InvalidConfiguration) as caught:
        WORK[operation](wrong)
    assert "option 'kv_version'" in str(caught.value)
    assert "'kv_version: {0}'".format(3 - version) in str(caught.value)
    with pytest.raises(AssertionError, match="404"):
        kv1.server.call("LIST", "kv1/data")


def test_another_engine_is_no_store(store):
    mount = store.server.enable("transit", "transit-not-kv")
    with pytest.raises(InvalidConfiguration) as caught:
        store.backend(mount=mount).get("db_pass")
    assert "option 'mount'" in str(caught.value)


def test_version_one_is_read_only_until_one_writer_is_promised(kv1):
    kv1.server.call("PUT", "kv1/{0}/db_pass".format(kv1.prefix), {"password": "theirs"})
    backend = kv1.manager().backend
    assert (value_of(backend.get("db_pass")), backend.get("db_pass").type) == (b"theirs", "opaque")
    writes = (
        lambda: backend.put(a_record("new"), create=True),
        lambda: backend.put(a_record()),
        lambda: backend.delete("db_pass"),
        lambda: backend.write_store_document(b"1", None),
    )
    for write in writes:
        with pytest.raises(InvalidConfiguration) as caught:
            write()
        assert "'single_writer: true'" in str(caught.value)
    assert value_of(backend.get("db_pass")) == b"theirs"


def test_version_one_holds_fields_that_other_tools_read(kv1):
    kv1.backend(single_writer=True).put(a_record(state={}))
    data = kv1.server.call("GET", "kv1/{0}/db_pass".format(kv1.prefix))["data"]
    assert {key: value for key, value in data.items() if not key.startswith("nebula.")} == {"username": "app", "password": "s3cret"}


def test_no_rotation_where_nothing_compares_and_swaps(kv1):
    """Refused in so many words, also where one writer is promised (ROTATION)."""
    manager = kv1.manager(single_writer=True)
    ask(manager, "credential", name="db", state="present", value="s3cret")
    with pytest.raises(InvalidConfiguration) as caught:
        ask(manager, "credential_rotate", name="db", target="none")
    assert "compare and swap" in str(caught.value)


def test_too_much_metadata_is_refused_before_anything_is_sent(store):
    backend = two_versions(store)
    big = backend.get("db_pass").with_metadata(description="x" * 20000)

    def refused():
        for work in (lambda: backend.put(big, Etag("2")), lambda: backend.put(big, create=True)):
            with pytest.raises(TooLarge):
                work()

    assert store.asked(refused) == []
    with pytest.raises(TooLarge):
        backend.patch_metadata(big, 0)
    assert backend.get("db_pass").version == "2"


def test_no_value_and_no_token_reaches_a_log(store, caplog, capfd):
    """At DEBUG, where the HTTP library prints what it can; also of what fails."""
    caplog.set_level(logging.DEBUG)
    import http.client

    http.client.HTTPConnection.debuglevel = 0
    backend = store.backend(auth=store.reads(READ_WRITE))
    backend.put(a_record(value="canary-8d1f"), create=True)
    with pytest.raises(NotFound):
        backend.get("absent")
    backend.get("db_pass")
    backend.delete("db_pass")
    printed = caplog.text + "".join(capfd.readouterr())
    assert "urllib3" in caplog.text
    assert "canary-8d1f" not in printed
    assert store.reads(READ_ONLY)["token"] not in printed
    assert not re.search(r"s\.[A-Za-z0-9]{24}", printed)


def test_version_one_holds_envelopes_too(kv1):
    manager = kv1.manager(single_writer=True, encrypt=True)
    for value in ("canary-1", "canary-2"):
        ask(manager, "credential", name="db", state="present", value=value)
    assert manager.token("db").expose() == b"canary-2"
    assert manager.get("db", version="1").fields["value"].expose() == b"canary-1"
    assert "canary" not in str(kv1.server.call("GET", "kv1/{0}/db".format(kv1.prefix)))


def test_a_login_that_may_only_read_is_told_which_right_a_refresh_needs(store, monkeypatch):
    said = refuse_a_reader(store.backend(), store.backend(auth=store.reads()), monkeypatch)
    assert 'path "secret/metadata/{0}/api" {{ capabilities = ["patch"] }}'.format(store.prefix) in said
