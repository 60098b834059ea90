# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store that is read only by its configuration: each way to write is refused, and the backend gets none of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import keys_directory
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    InvalidConfiguration,
    NotFound,
    ReadOnly,
    StorageError,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from tests.unit.store.managing import CANARY, ask, create

WRITES = {
    "a new credential": ("credential", {"name": "other", "state": "present", "value": "x"}),
    "a new value": ("credential", {"name": "db", "state": "present", "value": "x"}),
    "a tag": ("credential", {"name": "db", "state": "present", "tags": {"a": "b"}}),
    "a delete": ("credential", {"name": "db", "state": "absent"}),
    "a delete by force": ("credential", {"name": "db", "state": "absent", "force": True}),
    "a delete of a version": ("credential", {"name": "db", "state": "absent", "version": "1"}),
    "a revocation": ("credential", {"name": "db", "state": "revoked"}),
    "an old version": ("credential", {"name": "db", "state": "restored", "version": "1"}),
    "a rotation": ("credential_rotate", {"name": "db", "target": "none"}),
    "a rotation by hand": ("credential_rotate", {"name": "db", "phase": "prepare"}),
}


@pytest.fixture(params=["local", "sqlite"])
def store(request, stores):
    """A store of two versions of `db`, opened read only."""
    make = getattr(stores, request.param)
    manager = make("store")
    create(manager)
    ask(manager, "credential", name="db", state="present", value="second")
    return make("store", read_only=True)


@pytest.fixture
def calls(store, monkeypatch):
    """What reaches the backend: the names of the calls that write."""
    found, backend = [], store.backend
    while backend.inner is not None:
        backend = backend.inner
    for name in ("put", "patch_metadata", "delete", "write_store_document", "remove_version", "rewrite_envelope"):

        def record(*_given, _name=name, check=False, **_options):
            found.extend([] if check else [_name])

        monkeypatch.setattr(backend, name, record, raising=False)
    return found


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
@pytest.mark.parametrize(("operation", "parameters"), WRITES.values(), ids=WRITES)
def test_a_write_is_refused_before_it_reaches_the_backend(store, calls, operation, parameters, check):
    with pytest.raises(ReadOnly) as caught:
        perform(store, operation, parameters, NOBODY, check)
    assert "this store is read only by its configuration" in str(caught.value)
    assert calls == []


def test_reads_work(store):
    assert store.token("db").expose() == b"second"
    assert ask(store, "get", name="db", version="1").result["value"] == CANARY
    assert [row["name"] for row in ask(store, "find").result["credentials"]] == ["db"]


def test_what_is_as_wanted_already_is_no_write(store):
    assert not ask(store, "credential", name="db", state="present", value="second").result["changed"]


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
def test_the_key_of_a_store_stays_as_it_is(store, calls, check):
    """Its source, too: a key file gets no other key."""
    assert store.token("db").expose() == b"second"
    before = {path: path.read_bytes() for path in Path(keys_directory()).glob("*.key")}
    assert before
    with pytest.raises(ReadOnly):
        perform(store, "store_key", {"state": "rotated"}, NOBODY, check)
    assert calls == []
    assert {path: path.read_bytes() for path in Path(keys_directory()).glob("*.key")} == before


def test_a_migration_into_it_is_refused(store, calls, stores):
    source = stores.local("source")
    create(source, "moved")
    result = perform(source, "migrate", {"names": ["moved"]}, NOBODY, False, beside={"to": store}).result
    assert "read only by its configuration" in str(result)
    assert calls == []


def test_no_tables_are_made(stores):
    store = stores.sqlite("empty", read_only=True)
    with pytest.raises(StorageError) as caught:
        store.token("db")
    assert not isinstance(caught.value, NotFound)
    assert "no tables" in str(caught.value) or "store_schema" in str(caught.value)


def test_a_refresh_is_refused_before_its_request(stores):
    given = {"client_id": "id", "client_secret": "word", "token_url": "https://127.0.0.1:1/token", "grant": "client_credentials"}
    stores.local("tokens").create(_wanted("robot", given))
    store = stores.local("tokens", read_only=True)
    with pytest.raises(AccessDenied, match=r"a refresh has to be written, .*: this store is read only by its configuration"):
        store.token("robot")


def _wanted(name, fields):
    from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential

    return DesiredCredential(name, type="oauth2", fields={field: Secret(value) for field, value in fields.items()})


@pytest.mark.parametrize(
    ("options", "option"),
    [({"rules": {"min_length": 8}}, "rules"), ({"single_writer": True}, "single_writer")],
)
def test_an_option_that_would_mean_nothing_is_refused(stores, options, option):
    with pytest.raises(InvalidConfiguration) as caught:
        stores.local("other", read_only=True, **options)
    assert caught.value.option == option
