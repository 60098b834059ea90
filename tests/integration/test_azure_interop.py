# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other tools see of a store in a vault, and what it makes of theirs."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InvalidInput, NotFound, ReadOnly, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ABSENT
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from tests.conformance.records import METADATA, a_record, value_of
from tests.integration.azure_store import AzureStore
from tests.servers import once
from tests.unit.store.managing import ask

pytestmark = pytest.mark.server


@pytest.fixture
def store():
    made = AzureStore(once.server("azure_vault"))
    yield made
    made.recover()


@pytest.fixture
def backend(store):
    made = store.backend()
    made.connect()
    yield made
    made.close()


def plain(name, value="v4lue", **changes):
    """A record with one field and no state."""
    return a_record(name, fields={"password": Secret(value)}, state={}, **changes)


def test_a_value_is_the_secret_itself_with_tags_content_type_and_expiry(store, backend):
    backend.put(plain("db"), create=True)
    secret = store.secret("db")
    assert (secret["value"], secret["contentType"]) == ("v4lue", "text/plain")
    assert secret["attributes"]["exp"] == int(METADATA.expires_at.timestamp())
    assert secret["tags"]["env"] == "prod"


def test_several_fields_are_json(store, backend):
    backend.put(a_record("db", state={}), create=True)
    secret = store.secret("db")
    assert json.loads(secret["value"]) == {"username": "app", "password": "s3cret"}
    assert secret["contentType"] == "application/json"


def test_a_secret_of_another_tool_is_opaque(store, backend):
    store.set("theirs", "a text", tags={"team": "shop"}, attributes={"exp": 4102444800})
    found = backend.get("theirs")
    assert (found.type, value_of(found, "value"), dict(found.metadata.tags)) == ("opaque", b"a text", {"team": "shop"})
    assert found.metadata.expires_at.year == 2100
    store.set("object", '{"user": "u", "port": 5432}', contentType="application/json")
    found = backend.get("object")
    assert (value_of(found, "user"), value_of(found, "port")) == (b"u", b"5432")


def test_a_secret_of_another_tool_is_taken_over_and_its_value_kept_as_a_version(store, backend):
    store.set("theirs", "first", tags={"team": "shop"}, contentType="x/y")
    found = backend.get("theirs")
    backend.put(plain("theirs", "second"), found.etag)
    assert [each.version for each in backend.versions("theirs")] == ["2", "1"]
    assert value_of(backend.get("theirs", "1"), "value") == b"first"
    secret = store.secret("theirs")
    assert (secret["value"], secret["tags"]["team"], secret["contentType"]) == ("second", "shop", "x/y")


def test_a_value_that_another_tool_writes_over_ours_is_another_version(store, backend):
    """A writer that has read ours gets a Conflict; our older values stay, and no serial is used twice."""
    backend.put(plain("db", "1"), create=True)
    ours = backend.put(plain("db", "2"))
    store.set("db", "theirs")
    assert value_of(backend.get("db"), "value") == b"theirs"
    with pytest.raises(Conflict):
        backend.put(plain("db", "3"), ours.etag)
    stored = backend.put(plain("db", "4"), backend.get("db").etag)
    assert stored.serial == 4
    assert [each.version for each in backend.versions("db")] == ["4", "3", "2", "1"]
    assert value_of(backend.get("db", "3"), "value") == b"theirs"


def test_tags_and_an_expiry_that_others_set_stay(store, backend):
    backend.put(plain("db"), create=True)
    tags = store.secret("db")["tags"]
    store.change("db", tags={**tags, "cost-center": "42"}, attributes={"exp": 4102444800})
    found = backend.get("db")
    assert (found.metadata.expires_at.year, found.metadata.tags) == (2100, METADATA.tags)
    backend.put(plain("db", "2").with_metadata(tags={"env": "test"}), found.etag)
    tags = store.secret("db")["tags"]
    assert (tags["cost-center"], tags["env"], "empty" in tags) == ("42", "test", False)


def test_an_expiry_that_is_taken_away_is_gone(store, backend):
    """Key Vault takes none away from a version, so there is a new one of the same serial."""
    found = backend.put(plain("db"), create=True)
    backend.patch_metadata(found.with_metadata(expires_at=None), 0)
    assert "exp" not in store.secret("db")["attributes"]
    found = backend.get("db")
    assert (found.metadata.expires_at, found.version, found.revision) == (None, "1", 1)
    assert [each.version for each in backend.versions("db")] == ["1"]


def test_a_certificate_of_key_vault_is_read_and_not_written(store, backend):
    store.set("web", "-----BEGIN CERTIFICATE-----", contentType="application/x-pem-file")
    store.server.order(manage=store.prefix + "web")
    found = backend.get("web")
    assert value_of(found, "value").startswith(b"-----BEGIN")
    for write in (lambda: backend.put(plain("web"), found.etag), lambda: backend.delete("web", recoverable=True)):
        with pytest.raises(ReadOnly, match="certificate"):
            write()


def test_a_disabled_secret_has_no_usable_value(store, backend):
    backend.put(plain("db"), create=True)
    store.change("db", attributes={"enabled": False})
    with pytest.raises(Unusable, match="disabled in Key Vault"):
        backend.get("db")
    assert [row.problem.code for row in backend.list()] == ["unusable"]


def test_a_disabled_secret_is_deleted_by_force_as_its_error_says(store):
    store.set("db", "old", attributes={"enabled": False})
    manager, wanted = store.manager(), DesiredCredential("db", value=Secret("new"))
    with pytest.raises(Unusable, match="To delete it unread: 'state: absent' with 'force: true'"):
        manager.ensurer().ensure_absent("db")
    assert manager.ensurer().ensure_absent("db", force=True).changed
    manager.ensure(wanted)
    assert manager.token("db") == Secret("new")


def test_a_disabled_version_is_no_version(store, backend):
    backend.put(plain("db", "1"), create=True)
    version = store.secret("db")["id"].rpartition("/")[2]
    backend.put(plain("db", "2"))
    status, _body = store.server.call("PATCH", "/secrets/{0}db/{1}".format(store.prefix, version), {"attributes": {"enabled": False}})
    assert status == 200
    assert [each.version for each in backend.versions("db")] == ["2"]


def test_what_is_deleted_is_recovered_by_restored(store):
    """With its older values; the result says until then that it can be."""
    manager = store.manager()
    for value in ("one", "two"):
        manager.ensure(DesiredCredential("db", value=Secret(value)))
    assert ask(manager, "credential", name="db", state="absent").result["recoverable"] is True
    with pytest.raises(NotFound):
        manager.get("db")
    assert ask(manager, "credential", name="db", state="restored").result["changed"]
    assert manager.get("db").fields["value"].expose() == b"two"
    assert [each.version for each in manager.versions("db")] == ["2", "1"]


def test_present_takes_the_name_of_a_deleted_secret_over(store, backend):
    """It is recovered, then set; what was deleted is no version of it."""
    for value in "12":
        backend.put(plain("db", value))
    backend.delete("db", recoverable=True)
    stored = backend.put(plain("db", "3"), ABSENT, create=True)
    assert (stored.version, [each.version for each in backend.versions("db")]) == ("3", ["3"])
    with pytest.raises(NotFound):
        backend.get("db", "2")


def test_a_secret_that_another_tool_deleted_gives_its_serials_to_nobody(store, backend):
    for value in "12":
        backend.put(plain("db", value))
    assert store.server.call("DELETE", "/secrets/{0}db".format(store.prefix))[0] == 200
    assert backend.put(plain("db", "3"), ABSENT, create=True).serial == 3


def test_permanent_leaves_nothing_behind(store):
    """Neither the secret nor those of its stages; a second run has nothing to do."""
    manager = store.manager()
    manager.ensure(DesiredCredential("db", value=Secret("one")))
    ask(manager, "credential", name="db", state="absent")
    for is_changed in (True, False):
        assert ask(manager, "credential", name="db", state="absent", permanent=True).result["changed"] is is_changed
    assert store.server.call("GET", "/deletedsecrets/{0}db".format(store.prefix))[0] == 404


def test_a_secret_whose_own_name_holds_capitals_or_two_dashes_is_found_by_it(store, backend):
    store.set("ConnectionStrings--Default", "theirs")
    assert value_of(backend.get("ConnectionStrings--Default"), "value") == b"theirs"
    assert [row.name for row in backend.list()] == ["ConnectionStrings--Default"]
    backend.put(plain("ConnectionStrings--Default", "ours"), backend.get("ConnectionStrings--Default").etag)
    assert store.secret("ConnectionStrings--Default")["value"] == "ours"
    assert [row.name for row in backend.list()] == ["ConnectionStrings--Default"]


def test_two_credentials_never_share_a_secret(store, backend):
    """Key Vault does not tell capitals from small letters."""
    store.set("DbPass", "theirs")
    backend.put(plain("DbPass", "one"), backend.get("DbPass").etag)
    with pytest.raises(InvalidInput, match="holds the credential 'DbPass'"):
        backend.put(plain("dbpass", "two"), create=True)
    assert value_of(backend.get("DbPass")) == b"one"


def test_spoiled_tags_are_damage_that_ends_no_listing(store, backend):
    backend.put(plain("db"), create=True)
    backend.put(plain("other"), create=True)
    store.change("db", tags={"nebula": "{"})
    assert sorted((row.name, row.problem and row.problem.code) for row in backend.list()) == [("db", "damaged"), ("other", None)]
    backend.delete("db", recoverable=True)


def back_up(store, name):
    """As `az keyvault secret backup` does."""
    status, body = store.server.call("POST", "/secrets/{0}{1}/backup".format(store.prefix, name))
    assert status == 200, body
    return body["value"]


def test_a_backup_of_key_vault_brings_a_purged_credential_back_with_its_versions_and_metadata(store):
    manager = store.manager()
    for value in ("one", "two"):
        ask(manager, "credential", name="db", state="present", value=value, tags={"team": "shop"}, description="kept")
    known, blob = manager.get("db").describe(), back_up(store, "db")
    ask(manager, "credential", name="db", state="absent", permanent=True)
    assert not manager.exists("db")
    status, body = store.server.call("POST", "/secrets/restore", {"value": blob})
    assert status == 200, body
    assert manager.token("db") == Secret("two")
    assert value_of(manager.backend.get("db", "1"), "value") == b"one"
    assert manager.get("db").describe() == known
    ask(manager, "credential", name="db", state="present", value="three")
    assert manager.get("db").describe()["version"] == "3"
