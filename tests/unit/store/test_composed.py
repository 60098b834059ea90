# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials that are made of others: all of them together (C13), or the first valid one of a list (S4)."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.database.backend import Database
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Expired,
    InvalidInput,
    NotFound,
    NoToken,
    Revoked,
    Unavailable,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY, AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store import composed
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.backends.database.stores import url_in
from tests.unit.store.managing import CANARY, Clock, ask


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def manager(tmp_path, clock):
    """A store in memory that audits every access, with a login of a database and a key."""
    config = {"backend": "memory", "audit_path": str(tmp_path / "audit.jsonl")}
    with closing(open_store(config, name="test")) as opened:
        timed = CredentialManager(opened.backend, store="test", clock=clock, trail=opened.trail)
        write(timed, "db", type="database", value=Secret(CANARY), fields={"username": Secret("app"), "host": Secret("db.example")})
        write(timed, "key", type="api_key", value=Secret(CANARY + "-key"))
        yield timed


def write(manager, name, context=NOBODY, **wanted):
    return manager.ensure(DesiredCredential(name, **wanted), context)


def combine(manager, name="app", **fields):
    return write(manager, name, type="composite", fields={part: Secret(named) for part, named in fields.items()})


def chain(manager, name, *names):
    return write(manager, name, type="chain", value=Secret(", ".join(names)))


def get(manager, name="app", **parameters):
    return ask(manager, "get", name=name, **parameters).result["value"]


def audited(tmp_path, action="read"):
    entries = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text(encoding="ascii").splitlines()]
    return [(entry["name"], entry["result"]) for entry in entries if entry.get("action") == action]


def test_a_composite_gives_values_of_the_credentials_that_it_names(manager):
    combine(manager, password="db", user="db:username", url="db:connection_string", api="key", header="key:header")
    assert get(manager, field="password") == CANARY
    assert get(manager, field="user") == "app"
    assert get(manager, field="url") == "postgresql://app:{0}@db.example".format(CANARY)
    assert get(manager, fields=["api", "header"]) == {
        "api": CANARY + "-key",
        "header": "Authorization: Bearer {0}-key".format(CANARY),
    }
    assert set(get(manager, fields=True)) == {"password", "user", "url", "api", "header"}


def test_what_is_masked_is_what_the_named_credentials_hide(manager):
    combine(manager, password="db", user="db:username", host="db:host")
    found = ask(manager, "get", name="app", fields=True)
    assert [secret.expose().decode() for secret in found.secrets] == [CANARY]


def test_a_composite_follows_its_credentials(manager):
    combine(manager, password="db")
    write(manager, "db", value=Secret("another"))
    assert get(manager) == "another"
    assert get(manager, version="1") == "another"


def test_the_only_part_is_read_without_a_field_and_of_several_one_must_be_named(manager):
    combine(manager, api="key")
    assert get(manager) == CANARY + "-key"
    combine(manager, password="db")
    with pytest.raises(InvalidInput, match="several") as caught:
        get(manager)
    assert "api, password" in caught.value.remedy
    with pytest.raises(NoToken):
        get(manager, field="nothing")


def test_a_part_is_removed_by_null_and_added_by_a_task(manager):
    combine(manager, password="db")
    assert combine(manager, api="key").changed
    assert not combine(manager, api="key").changed
    write(manager, "app", fields={"password": None})
    assert get(manager, fields=True) == {"api": CANARY + "-key"}


@pytest.mark.parametrize("name", ["gone", "denied", "old"])
def test_a_part_that_cannot_be_read_fails_the_whole_and_the_error_names_both(manager, clock, name):
    write(manager, "denied", value=Secret("x"), scope=Scope(workflow="another"), context=AccessContext(workflow="another"))
    write(manager, "old", value=Secret("x"), expires_at=clock.now + timedelta(seconds=1))
    clock.now += timedelta(seconds=2)
    combine(manager, api="key", other=name)
    expected = {"gone": NotFound, "denied": AccessDenied, "old": Expired}[name]
    with pytest.raises(expected, match=r"'{0}'.*\('app' reads it\)".format(name)):
        get(manager, field="api")


def test_each_part_is_audited_by_its_name(manager, tmp_path):
    combine(manager, password="db", api="key")
    manager.flush()
    before = len(audited(tmp_path))
    get(manager, field="api")
    manager.flush()
    assert sorted(audited(tmp_path)[before:]) == [("app", "ok"), ("db", "ok"), ("key", "ok")]


def test_the_parts_are_read_in_one_request_where_the_store_has_one(tmp_path, monkeypatch):
    asked = []
    one, several = Database.get, Database.get_many
    monkeypatch.setattr(Database, "get", lambda backend, name, *rest, **more: asked.append(name) or one(backend, name, *rest, **more))
    monkeypatch.setattr(Database, "get_many", lambda backend, names: asked.append(tuple(names)) or several(backend, names))
    with closing(open_store({"backend": "database", "url": url_in(tmp_path), "audit": "off"}, name="test")) as manager:
        for name in ("a", "b", "c"):
            write(manager, name, value=Secret(name))
        combine(manager, x="a", y="b", z="c", again="a:value")
        asked.clear()
        assert get(manager, fields=True) == {"x": "a", "y": "b", "z": "c", "again": "a"}
    assert asked == ["app", ("a", "b", "c")]


def test_a_circle_is_refused_and_shown(manager):
    combine(manager, "one", next="two")
    combine(manager, "two", next="three")
    chain(manager, "three", "gone", "one")
    with pytest.raises(Unusable, match="one > two > three > one"):
        get(manager, "one")


def test_a_credential_that_names_itself_is_refused_when_it_is_written(manager):
    for wanted in ({"type": "chain", "value": Secret("a,app")}, {"type": "composite", "value": Secret("app:value")}):
        with pytest.raises(InvalidInput, match="'app' names itself"):
            write(manager, "app", **wanted)


def test_the_depth_is_bounded(manager):
    combine(manager, "level0", value="db")
    for level in range(1, composed.DEEPEST + 1):
        combine(manager, "level{0}".format(level), value="level{0}".format(level - 1))
    assert get(manager, "level{0}".format(composed.DEEPEST - 1)) == CANARY
    with pytest.raises(Unusable, match="{0} times in a row".format(composed.DEEPEST)):
        get(manager, "level{0}".format(composed.DEEPEST))


def test_the_number_of_reads_is_bounded(manager):
    """Each level reads the one below six times, by way of a chain each: 1, 18, 120, 732."""
    combine(manager, "level0", value="db")
    for level in range(1, 4):
        below = "level{0}".format(level - 1)
        names = ["{0}-{1}".format(below, each) for each in range(6)]
        for name in names:
            chain(manager, name, below)
        combine(manager, "level{0}".format(level), **dict(zip("abcdef", names)))
    assert get(manager, "level1", field="a") == CANARY
    with pytest.raises(Unusable, match="more than {0} credentials".format(composed.MOST_READ)):
        get(manager, "level3", field="a")


def test_a_chain_gives_the_first_credential_that_is_there_and_has_not_expired(manager, clock):
    write(manager, "old", type="basic", value=Secret("old"), expires_at=clock.now + timedelta(seconds=1))
    chain(manager, "app", "gone", "old", "db", "key")
    assert get(manager) == "old"
    clock.now += timedelta(seconds=2)
    assert get(manager) == CANARY
    assert get(manager, fields=["username", "answered_by"]) == {"username": "app", "answered_by": "db"}
    assert get(manager, field="credentials") == "gone,old,db,key"
    assert set(get(manager, fields=True)) == {"password", "username", "host", "engine", "answered_by"}


def test_a_chain_reads_no_more_than_it_needs_and_each_attempt_is_audited(manager, tmp_path):
    chain(manager, "app", "gone", "db", "key")
    manager.flush()
    before = len(audited(tmp_path))
    get(manager)
    manager.flush()
    assert audited(tmp_path)[before:] == [("app", "ok"), ("gone", "not_found"), ("db", "ok")]


def test_a_chain_passes_over_nothing_else(manager):
    write(manager, "denied", value=Secret("x"), scope=Scope(workflow="another"), context=AccessContext(workflow="another"))
    write(manager, "revoked", value=Secret("x"))
    manager.revoke("revoked")
    for name, error in (("denied", AccessDenied), ("revoked", Revoked)):
        chain(manager, "app", name, "db")
        with pytest.raises(error, match="'app' reads it"):
            get(manager)


def test_a_chain_does_not_pass_over_a_store_that_is_down(monkeypatch):
    with closing(open_store({"backend": "memory", "audit": "off"}, name="test")) as manager:
        write(manager, "db", value=Secret("x"))
        chain(manager, "app", "first", "db")
        original = Memory.get

        def fail(backend, name, *rest, **more):
            if name == "first":
                raise Unavailable("the backend is down")
            return original(backend, name, *rest, **more)

        monkeypatch.setattr(Memory, "get", fail)
        with pytest.raises(Unavailable):
            get(manager)


def test_a_chain_of_which_none_is_valid_says_why_of_each(manager, clock):
    chain(manager, "app", "gone", "lost")
    with pytest.raises(NotFound, match=r"gone \(not_found\), lost \(not_found\)"):
        get(manager)
    write(manager, "gone", value=Secret("old"), expires_at=clock.now + timedelta(seconds=1))
    clock.now += timedelta(seconds=2)
    with pytest.raises(Expired, match=r"gone \(expired\), lost \(not_found\)"):
        get(manager)


def test_a_part_of_a_composite_may_be_a_chain(manager):
    chain(manager, "either", "gone", "db")
    combine(manager, password="either", user="either:username", which="either:answered_by")
    assert get(manager, fields=True) == {"password": CANARY, "user": "app", "which": "db"}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"type": "composite"}, "cannot be generated"),
        ({"type": "composite", "fields": {"a": Secret("no name!")}}, "'a' of type 'composite' names no credential"),
        ({"type": "composite", "fields": {"a": Secret("db:")}}, "ends with a colon"),
        ({"type": "composite", "fields": {"a b": Secret("db")}}, "no proper name"),
        ({"type": "composite", "fields": {"p{0}".format(each): Secret("db") for each in range(65)}}, "65 fields"),
        ({"type": "composite", "generate": {"length": 20}}, "cannot be generated"),
        ({"type": "chain"}, "cannot be generated"),
        ({"type": "chain", "value": Secret("a,,b")}, "'credentials' of type 'chain' names no credential"),
        ({"type": "chain", "value": Secret("a,b,a")}, "one twice"),
        ({"type": "chain", "value": Secret(",".join("c{0}".format(each) for each in range(17)))}, "more than 16"),
        ({"type": "chain", "value": Secret("a"), "fields": {"b": Secret("b")}}, "unknown: 'b'"),
    ],
)
def test_what_names_no_credential_is_refused(manager, wanted, says):
    with pytest.raises(InvalidInput, match=says):
        write(manager, "app", **wanted)


def test_a_value_of_its_own_is_neither_returned_nor_rotated(manager):
    with pytest.raises(NoToken, match="no value of its own"):
        ask(manager, "credential", name="app", state="present", type="chain", value="db", return_value=True)
    with pytest.raises(InvalidInput, match="'chain' is not rotated"):
        ask(manager, "credential_rotate", name="app", target="none")


def test_a_field_that_a_part_does_not_have_is_an_error_that_names_both(manager):
    combine(manager, other="db:nothing")
    with pytest.raises(NoToken, match=r"credential 'db'.*'nothing'.*\('app' reads it\)"):
        get(manager, field="other")
