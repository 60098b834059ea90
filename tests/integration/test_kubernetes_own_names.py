# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that another tool made are credentials by their own names, and no name is ever kept twice."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InvalidInput, NotFound
from tests.conformance.records import a_record, value_of
from tests.integration.kubernetes_store import KubeStore, encoded
from tests.servers import once

pytestmark = pytest.mark.server
OWN_NAMES = ["example.com-tls", "db.1pass", "registry.v2.local", "a--b.c"]


@pytest.fixture(params=["", "nebula-"])
def store(request):
    return KubeStore(once.kubernetes(), prefix=request.param)


@pytest.fixture
def backend(store):
    return store.backend()


def create(store, name, value="theirs"):
    """A Secret as another tool makes it."""
    secret = {"metadata": {"name": store.options["prefix"] + name}, "data": {"password": encoded(value)}}
    store.server.call("POST", store.server.secrets_path(store.namespace), secret)


def names(backend):
    return sorted(record.name for record in backend.list())


@pytest.mark.parametrize("name", OWN_NAMES)
def test_it_is_read_and_listed_by_its_own_name(store, backend, name):
    create(store, name)
    assert value_of(backend.get(name)) == b"theirs"
    assert names(backend) == [name]
    assert list(backend.get_many([name])) == [name]


@pytest.mark.parametrize("name", OWN_NAMES)
def test_a_write_replaces_it_and_makes_no_second_secret(store, backend, name):
    create(store, name)
    with pytest.raises(Conflict):
        backend.put(a_record(name), create=True)
    stored = backend.put(a_record(name, "ours"), backend.get(name).etag)
    assert value_of(backend.get(name)) == b"ours"
    assert value_of(backend.get(name, "1")) == b"theirs"
    assert names(backend) == [name]
    assert [each for each in store.names() if ".9" not in each] == [store.options["prefix"] + name]
    backend.put(a_record(name, "ours again"), stored.etag)
    backend.delete(name)
    assert [each for each in store.names() if ".9deleted" not in each] == []
    assert backend.put(a_record(name)).serial > stored.serial


def test_its_location_is_the_secret_that_holds_it(store, backend):
    """Its own name once it was read or listed, and ours where no tool has made one."""
    create(store, "example.com-tls")
    for read in (lambda opened: opened.get("example.com-tls"), lambda opened: list(opened.list())):
        opened = store.backend()
        assert read(opened)
        assert opened.locate("example.com-tls")["secret"] == store.options["prefix"] + "example.com-tls"
    backend.put(a_record("app/db"))
    place = backend.locate("app/db")
    assert place["secret"] in store.names()
    assert place["namespace"] == store.namespace
    assert place["server"].startswith("https://")


def test_one_of_ours_of_that_name_has_it(store, backend):
    """As a release wrote it that did not know the other. The other one is then no credential."""
    backend.put(a_record("example.com-tls", "ours"))
    create(store, "example.com-tls")
    assert value_of(backend.get("example.com-tls")) == b"ours"
    assert names(backend) == ["example.com-tls"]
    backend.delete("example.com-tls")
    assert value_of(backend.get("example.com-tls")) == b"theirs"


def test_a_name_whose_secret_is_taken_is_refused(store, backend):
    """`exampleCom-tls` would be kept in the Secret `example.com-tls`."""
    create(store, "example.com-tls")
    backend.put(a_record("example.com-tls", "ours"))
    with pytest.raises(NotFound):
        backend.get("exampleCom-tls")
    with pytest.raises(InvalidInput) as caught:
        backend.put(a_record("exampleCom-tls"))
    assert "holds the credential 'example.com-tls'" in str(caught.value)
    assert value_of(backend.get("example.com-tls")) == b"ours"


def test_a_secret_of_ours_is_read_by_no_other_name(store, backend):
    backend.put(a_record("exampleCom-tls"))
    backend.put(a_record("db_pass"))
    backend.put(a_record("db_pass", stage="pending"))
    backend.write_store_document(b"document", None)
    for name in ("example.com-tls", "db.1pass", "db.1pass.9pending", "0.9store"):
        with pytest.raises(NotFound):
            backend.get(name)
    assert names(backend) == ["db_pass", "exampleCom-tls"]
    backend.put(a_record("example.com-tls", "another"))
    assert names(backend) == ["db_pass", "example.com-tls", "exampleCom-tls"]


def test_a_name_in_the_documented_form_still_leads_to_it(store, backend):
    """A Secret that a tool made as `db.1pass` is `db_pass` too, and `db_pass` alone once that was written."""
    create(store, "db.1pass")
    assert value_of(backend.get("db_pass")) == b"theirs"
    backend.put(a_record("db_pass", "ours"), backend.get("db_pass").etag)
    assert names(backend) == ["db_pass"]
    with pytest.raises(NotFound):
        backend.get("db.1pass")
