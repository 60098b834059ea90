# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fields of other tools that are JSON stay what they are through every operation that writes, in each store that keeps JSON."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.integration.vault_store import VaultStore
from tests.servers import once
from tests.unit.store.managing import ask

THEIRS = {
    "password": "old",
    "port": 5432,
    "tls": True,
    "opts": {"a": [1, None], "b": "ü"},
    "note": None,
    "ratio": 1.5,
    "text": "5432",
    "seal": {"base64": "aGk="},
}
OTHERS = {name: value for name, value in THEIRS.items() if name != "password"}


class Kv:
    """A store of KV, which another tool writes to by the API."""

    def __init__(self, version):
        server = once.openbao()
        server.enable("kv", "kv1", options={"version": "1"})
        options = {"mount": "kv1", "kv_version": 1, "single_writer": True} if version == 1 else {}
        self.store, self.version = VaultStore(server, **options), version
        self.store.mount = options.get("mount", "secret")
        self.manager = self.store.manager()

    def write(self, name, fields):
        self.store.server.call("POST", self._path(name), {"data": fields} if self.version == 2 else fields)

    def read(self, name):
        data = self.store.server.call("GET", self._path(name))["data"]
        fields = data["data"] if self.version == 2 else data
        return {field: value for field, value in fields.items() if not field.startswith("nebula.")}

    def _path(self, name):
        return self.store.path(name) if self.version == 2 else "{0}/{1}/{2}".format(self.store.mount, self.store.prefix, name)


class Rows:
    """A plain database, which another tool writes rows to."""

    def __init__(self, directory):
        self.path = directory / "theirs.db"
        config = {"backend": "database", "url": "sqlite:///{0}".format(self.path), "encrypt": False, "allow_plaintext": True}
        self.manager = open_store(dict(config, audit="off"), name="rows")
        ask(self.manager, "credential", name="first", state="present", value="makes the tables")

    def write(self, name, fields):
        with closing(sqlite3.connect(self.path)) as connection:
            row = "INSERT INTO {0}credentials (name, credential_type, input_data) VALUES (?, 'opaque', ?)"
            connection.execute(row.format(self._prefix(connection)), (name, json.dumps(fields)))
            connection.commit()

    def read(self, name):
        with closing(sqlite3.connect(self.path)) as connection:
            row = "SELECT input_data FROM {0}credentials WHERE name = ?".format(self._prefix(connection))
            return json.loads(connection.execute(row, (name,)).fetchone()[0])

    @staticmethod
    def _prefix(connection):
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return next(name for name in names if name.endswith("credentials"))[: -len("credentials")]


@pytest.fixture(params=["kv2", "kv1", "sqlite"])
def store(request, tmp_path):
    made = Rows(tmp_path) if request.param == "sqlite" else Kv(int(request.param[-1]))
    yield made
    made.manager.close()


@pytest.fixture
def theirs(store):
    store.write("db", THEIRS)
    return store


def test_a_field_that_is_given_leaves_the_others_as_they_are(theirs):
    for value in ("new", "newer"):
        assert ask(theirs.manager, "credential", name="db", state="present", fields={"password": value}).result["changed"]
        assert theirs.read("db") == dict(THEIRS, password=value)


def test_tags_leave_them_as_they_are(theirs):
    ask(theirs.manager, "credential", name="db", state="present", tags={"team": "a"})
    assert theirs.read("db") == THEIRS


def test_a_restored_version_is_what_it_was(theirs):
    version = theirs.manager.inspect("db").version
    ask(theirs.manager, "credential", name="db", state="present", fields={"password": "new", "port": "none", "opts": None})
    version = version if theirs.manager.versions("db")[-1].version == version else theirs.manager.versions("db")[-1].version
    ask(theirs.manager, "credential", name="db", state="restored", version=version)
    assert theirs.read("db") == THEIRS


@pytest.mark.parametrize("store", ["kv2", "sqlite"], indirect=True)
def test_a_rotation_changes_the_secret_alone(theirs):
    done = ask(theirs.manager, "credential_rotate", name="db", target="none", value="rotated")
    assert done.result["outcome"] == "promoted"
    assert theirs.read("db") == dict(THEIRS, password="rotated")


def test_a_copy_in_another_store_of_json_is_the_same(theirs):
    with closing(VaultStore(once.openbao()).manager()) as other:
        assert perform(theirs.manager, "migrate", {"names": ["db"]}, NOBODY, beside={"to": other}).result["changed"]
        assert not perform(theirs.manager, "migrate", {"names": ["db"]}, NOBODY, beside={"to": other}).result["changed"]
        with other.acting():
            stored = {name: (value.expose(), value.form) for name, value in other.backend.get("db").fields.items()}
        with theirs.manager.acting():
            assert stored == {name: (value.expose(), value.form) for name, value in theirs.manager.backend.get("db").fields.items()}


def test_a_store_that_knows_no_json_takes_them_as_text_only_if_that_is_written_out(theirs, tmp_path):
    with closing(open_store({"backend": "local", "path": str(tmp_path / "local"), "audit": "off"})) as local:
        refused = perform(theirs.manager, "migrate", {"names": ["db"]}, NOBODY, beside={"to": local}).result
        assert "it would lose the JSON types of the fields note, opts, port, ratio, tls" in refused["msg"]
        perform(theirs.manager, "migrate", {"names": ["db"], "lossy": True}, NOBODY, beside={"to": local})
        assert local.token("db", "port").expose() == b"5432"
        with pytest.raises(NoToken):
            local.token("db", "note")


def test_null_is_no_value(theirs):
    """Neither the field, nor one of the fields that are all of them; the others have a value."""
    for field in ({"field": "note"}, {"fields": ["note", "port"]}):
        with pytest.raises(NoToken) as caught:
            ask(theirs.manager, "get", name="db", **field)
        assert "note" not in caught.value.remedy
    assert set(ask(theirs.manager, "get", name="db", fields=True).result["value"]) == set(THEIRS) - {"note"}
    assert ask(theirs.manager, "get_many", names=["db"], field="note").result["failures"]["db"]["code"] == "no_token"


def test_a_secret_that_is_null_is_no_value(store):
    store.write("db", {"password": None})
    with pytest.raises(NoToken):
        ask(store.manager, "get", name="db")
    ask(store.manager, "credential", name="db", state="present", fields={"password": "new"})
    assert store.read("db") == {"password": "new"}


def test_value_sets_the_field_that_get_returns(store):
    """The password of a login that another tool wrote; a new credential's `value` beside other fields."""
    store.write("login", {"username": "app", "password": "old"})
    assert ask(store.manager, "get", name="login").result["value"] == "old"
    ask(store.manager, "credential", name="login", state="present", value="new")
    assert store.read("login") == {"username": "app", "password": "new"}
    ask(store.manager, "credential", name="made", state="present", value="word", fields={"note": "for a"})
    assert ask(store.manager, "get", name="made").result["value"] == "word"


def test_numbers_and_booleans_are_json_and_a_second_run_changes_nothing(store):
    fields = {"host": "db", "port": 5433, "tls": False, "password": "word"}
    for changed in (True, False):
        assert ask(store.manager, "credential", name="db", state="present", fields=fields).result["changed"] is changed
    assert store.read("db") == fields


def test_text_becomes_a_number_and_a_number_text(theirs):
    ask(theirs.manager, "credential", name="db", state="present", fields={"text": 5432, "port": "5432"})
    assert theirs.read("db") == dict(THEIRS, text=5432, port="5432")


@pytest.mark.parametrize("name", ["My App/Key_1", "app/user@host", "app/.hidden"])
def test_a_path_of_another_tool_that_is_no_name_is_refused_with_what_to_do(name):
    kv = Kv(2)
    kv.write(name.replace(" ", "%20"), {"password": "theirs"})
    with pytest.raises(InvalidInput, match=r"is not a credential's name.*another tool keeps.*under such a name"):
        ask(kv.manager, "get", name=name)
    failure = ask(kv.manager, "get_many", names=[name]).result["failures"][name]
    assert "another tool keeps" in failure["message"]
    with closing(open_store({"backend": "memory", "audit": "off"}, name="ours")) as ours, pytest.raises(InvalidInput) as caught:
        ask(ours, "get", name=name)
    assert "another tool" not in str(caught.value)
