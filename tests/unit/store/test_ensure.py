# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`state: present` and its siblings: change what differs, nothing else, and tell so without values."""

from __future__ import annotations

import base64
from datetime import datetime, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    Revoked,
    TypeMismatch,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY, AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from tests.unit.store.managing import run

CANARY = "c4n4ry-c4n4ry"
NEVER = "n3v3r-sh0wn"


def value(manager, field=None, name="db"):
    return manager.token(name, field).expose().decode()


def stored(manager):
    """Everything that a run could have changed."""
    return [(row.name, row.version, row.record.revision) for row in manager.list()]


CASES = {
    "a value": {"value": CANARY},
    "fields": {"type": "basic", "fields": {"username": "app", "password": CANARY}},
    "nothing: generated": {"type": "api_key"},
    "a username: its password generated": {"type": "basic", "fields": {"username": "app"}},
    "a database with a port as a number": {"type": "database", "value": CANARY, "fields": {"port": 5433, "host": "h"}},
    "a database with a pool": {"type": "database", "value": CANARY, "fields": {"pool": {"min_connections": 1, "max_connections": "9"}}},
    "a connection string": {"type": "database", "fields": {"connection_string": "postgresql://app:x@h:1/d"}},
    "own fields": {
        "type": "custom",
        "declared_fields": [{"name": "pin"}, {"name": "host", "secret": False}],
        "fields": {"pin": "1", "host": "h"},
    },
    "metadata": {
        "value": CANARY,
        "description": "d",
        "tags": {"a": 1, "b": True},
        "expires_at": "2027-01-01T00:00:00Z",
        "policy": {"kind": "periodic", "every": "90d", "grace": None},
    },
    "a generated value with a lifetime": {"ttl": "30d", "generate": {"length": 20, "symbols": 2}},
    "a binary value": {"value": base64.b64encode(b"\xff\x00").decode(), "encoding": "base64"},
    "an empty value": {"value": "", "allow_empty": True},
}


@pytest.mark.parametrize("parameters", CASES.values(), ids=CASES)
def test_the_first_run_changes_and_the_second_does_not(manager, parameters):
    assert run(manager, **parameters)["changed"]
    before = stored(manager)
    again = run(manager, **parameters)
    assert not again["changed"]
    assert not again["generated"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert stored(manager) == before


@pytest.mark.parametrize("parameters", CASES.values(), ids=CASES)
def test_check_mode_answers_the_same_and_writes_nothing(manager, parameters):
    expected = run(manager, check=True, **parameters)
    assert stored(manager) == []
    done = run(manager, **parameters)
    for part in ("changed", "generated", "state", "diff"):
        assert _timeless(expected[part]) == _timeless(done[part])
    assert run(manager, check=True, **parameters)["changed"] is False


def _timeless(part):
    """What a lifetime comes to depends on when it was counted."""
    return {**part, "after": {**part["after"], "expires_at": None}} if isinstance(part, dict) else part


def test_a_value_that_differs_is_a_new_version(manager):
    run(manager, value="one")
    result = run(manager, value="two")
    assert (result["changed"], result["credential"]["version"]) == (True, "2")
    assert value(manager) == "two"


def test_fields_are_put_over_what_is_stored_and_none_removes_one(manager):
    run(manager, type="database", value="one", fields={"host": "a", "username": "app"})
    run(manager, fields={"host": "b", "username": None})
    assert value(manager) == "one"
    assert manager.describe("db")["field_names"] == ["engine", "host", "password"]
    assert value(manager, "host") == "b"


def test_a_generated_value_survives_a_change_of_other_fields(manager):
    run(manager, type="basic")
    generated = value(manager)
    assert run(manager, type="basic", fields={"username": "app"})["changed"]
    assert value(manager) == generated


def test_metadata_alone_is_no_new_version(manager):
    run(manager, value="one")
    result = run(manager, description="new", tags={"a": "b"})
    assert (result["changed"], result["credential"]["version"], result["credential"]["revision"]) == (True, "1", 1)
    assert run(manager, tags={})["credential"]["tags"] == {}


def test_what_is_not_said_stays(manager):
    run(
        manager,
        value="one",
        description="d",
        tags={"a": "b"},
        expires_at="2030-01-01T00:00:00Z",
        policy={"kind": "periodic", "every": "1d"},
    )
    run(manager, value="two")
    described = manager.describe("db")
    assert (described["description"], described["tags"], described["expires_at"]) == ("d", {"a": "b"}, "2030-01-01T00:00:00Z")
    assert described["policy"]["every"] == 86400


def test_an_expiry_that_has_passed_goes_with_its_value(manager):
    run(manager, value="one")
    run(manager, expires_at="2020-01-01T00:00:00Z")
    assert not manager.describe("db")["usable"]
    run(manager, value="two")
    described = manager.describe("db")
    assert (described["expires_at"], described["usable"], described["state"]) == (None, True, "active")


def test_a_lifetime_counts_from_the_write(manager):
    fixed = datetime(2026, 1, 1, tzinfo=timezone.utc)
    at_a_time = CredentialManager(manager.backend, store="prod", clock=lambda: fixed)
    assert run(at_a_time, ttl="1d")["credential"]["expires_at"] == "2026-01-02T00:00:00Z"


def test_another_type_than_the_stored_one_is_refused(manager):
    run(manager, type="basic", value="one")
    with pytest.raises(TypeMismatch, match="stored as type 'basic', not 'api_key'"):
        run(manager, type="api_key", value="one")
    assert not run(manager, value="one")["changed"], "no type said: the stored one"


def test_a_declaration_is_kept_and_can_be_changed(manager):
    run(manager, type="custom", declared_fields=[{"name": "pin"}], fields={"pin": "1"})
    assert run(manager, fields={"pin": "2"})["changed"], "later runs need not repeat it"
    result = run(manager, declared_fields=[{"name": "pin", "secret": False}])
    assert (result["changed"], result["credential"]["version"]) == (True, "2")
    assert manager.describe("db")["declared_fields"][0]["secret"] is False


def test_absent_removes_once(manager):
    run(manager, value="one")
    assert run(manager, check=True, state="absent")["changed"]
    assert manager.exists("db")
    removed = run(manager, state="absent")
    assert (removed["changed"], removed["credential"], removed["diff"]["after"]) == (True, None, {})
    assert not run(manager, state="absent")["changed"]


def test_revoked_revokes_once_and_there_is_no_way_back(manager):
    with pytest.raises(NotFound):
        run(manager, state="revoked")
    run(manager, value="one")
    assert run(manager, check=True, state="revoked")["credential"]["state"] == "revoked"
    assert value(manager) == "one"
    assert run(manager, state="revoked")["changed"]
    assert not run(manager, state="revoked")["changed"]
    with pytest.raises(Revoked):
        run(manager)


def test_restored_puts_an_old_version_in_front_once(manager):
    run(manager, value="one", description="d")
    run(manager, value="two", description="e")
    assert run(manager, check=True, state="restored", version="1")["changed"]
    result = run(manager, state="restored", version="1")
    assert (result["changed"], result["credential"]["version"], result["credential"]["description"]) == (True, "3", "e")
    assert value(manager) == "one"
    assert not run(manager, state="restored", version="1")["changed"]
    with pytest.raises(NotFound):
        run(manager, state="restored", version="9")
    assert not run(manager, state="restored")["changed"]


@pytest.mark.parametrize("wanted", [{"state": "present", "value": "two"}, {"state": "absent"}, {"state": "revoked"}])
def test_another_version_than_expected_is_a_conflict(manager, wanted):
    run(manager, value="one")
    with pytest.raises(Conflict, match="1, not 7"):
        run(manager, expected_version="7", **wanted)
    assert run(manager, expected_version="1", **wanted)["changed"]


def test_a_diff_tells_what_changed_and_no_value(manager):
    run(manager, type="database", value=NEVER, fields={"host": "h0st-name"}, description="old")
    diff = run(manager, value=CANARY, description="new")["diff"]
    assert (diff["before"]["description"], diff["after"]["description"]) == ("old", "new")
    assert diff["before"]["fields"]["password"] == "[REDACTED]"
    assert diff["after"]["fields"] == {"engine": "[REDACTED]", "host": "[REDACTED]", "password": "[REDACTED] (changed)"}
    assert not any(secret in repr(diff) for secret in (NEVER, CANARY, "h0st-name"))


def test_no_result_holds_a_value_unless_it_is_asked_for(manager):
    assert CANARY not in repr(run(manager, value=CANARY))
    assert run(manager, return_value=True)["value"] == CANARY


def test_secrets_that_pass_are_named_for_masking_and_host_names_are_not(manager):
    parameters = {"name": "db", "type": "database", "fields": {"password": CANARY, "host": "h"}, "return_value": True}
    outcome = perform(manager, "credential", parameters, NOBODY)
    assert set(map(Secret.expose, outcome.secrets)) == {CANARY.encode()}
    assert CANARY not in repr(outcome)


def test_a_list_has_a_result_each_and_one_failure_hides_nothing(manager):
    result = run(
        manager,
        name=None,
        credentials=[
            {"name": "one", "value": "x"},
            {"name": "two", "type": "nonsense"},
            {"name": "three", "type": "basic"},
            {"name": "four", "state": "absent"},
        ],
    )
    assert [(row["name"], row.get("failed", False), row["changed"]) for row in result["results"]] == [
        ("one", False, True),
        ("two", True, False),
        ("three", False, True),
    ]
    assert (result["changed"], result["failed"], result["code"], len(result["diff"])) == (True, True, "unsupported_type", 2)
    assert result["msg"].startswith("1 of 4 failed: 'two' (unsupported_type). The first: ")
    assert result["unchanged"] == 1


def test_a_failed_list_returns_what_failed_or_changed_and_a_successful_one_all_in_order(manager):
    known = [{"name": "known{0}".format(number)} for number in range(50)]
    assert [row["name"] for row in run(manager, name=None, credentials=known)["results"]] == [one["name"] for one in known]
    again = run(manager, name=None, credentials=known)
    assert [(row["name"], row["changed"]) for row in again["results"]] == [(one["name"], False) for one in known]
    result = run(manager, name=None, credentials=[*known, {"name": "bad", "type": "nonsense"}, {"name": "new"}])
    assert [row["name"] for row in result["results"]] == ["bad", "new"]
    assert result["unchanged"] == 50


def test_a_failure_names_ten_at_most(manager):
    result = run(manager, name=None, credentials=[{"name": "bad{0}".format(number), "type": "nonsense"} for number in range(12)])
    assert "'bad9' (unsupported_type) and 2 more. The first: " in result["msg"]
    assert "bad10" not in result["msg"]
    assert len(result["results"]) == 12


def test_a_list_returns_each_difference_once(manager):
    result = run(manager, name=None, credentials=[{"name": "one"}, {"name": "two"}])
    assert [diff["after"]["name"] for diff in result["diff"]] == ["one", "two"]
    assert all("diff" not in row for row in result["results"])


def test_what_stands_outside_a_list_holds_for_each_that_says_nothing_else(manager):
    run(manager, name=None, credentials=[{"name": "a", "value": "x"}, {"name": "b", "value": "x"}])
    result = run(manager, name=None, state="absent", credentials=[{"name": "a", "state": None}, {"name": "b", "state": "present"}])
    assert [row["changed"] for row in result["results"]] == [True, False]


def test_a_credentials_scope_asserts_what_the_caller_does_not(manager):
    run(manager, value="x", scope={"workflow": "deploy", "user": None, "tags": None})
    assert not run(manager, scope={"workflow": "deploy"})["changed"]
    changed = run(manager, context=AccessContext(workflow="deploy"), scope={"workflow": "release"})
    assert changed["credential"]["scope"]["workflow"] == "release"


@pytest.mark.parametrize(
    ("parameters", "option"),
    [
        ({"value": "x", "fields": {"value": "y"}}, "value"),
        ({"fields": {"a": ["x"]}}, "fields.a"),
        ({"fields": {"a": {"b": "c"}}}, "fields.a"),
        ({"tags": {"a": ["x"]}}, "tags.a"),
        ({"value": "n0t base64!", "encoding": "base64"}, "value"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"ttl": "forever"}, "ttl"),
        ({"policy": {"kind": "sometimes"}}, "policy.kind"),
        ({"type": "basic", "declared_fields": [{"name": "a"}]}, "declared_fields"),
        ({"state": "gone"}, "state"),
        ({"state": "absent", "recoverable": True}, "recoverable"),
        ({"state": "present", "version": "1"}, "version"),
        ({"state": "present", "permanent": True}, "permanent"),
        ({"state": "absent", "recoverable": True, "permanent": True}, "permanent"),
        ({"state": "revoked", "version": "1"}, "version"),
        ({"recoverable": True}, "recoverable"),
        ({"generate": {"lenght": 9}}, "generate"),
        ({"name": "../etc/passwd"}, "name"),
    ],
)
def test_what_cannot_be_accepted_names_its_option_and_writes_nothing(manager, parameters, option):
    with pytest.raises(InvalidInput) as caught:
        run(manager, **parameters)
    assert caught.value.option == option
    assert "n0t" not in str(caught.value)
    assert stored(manager) == []


class Meddling(Layer):
    """Another writer who comes in between, a given number of times."""

    def __init__(self, inner, times):
        super().__init__(inner)
        self.times = times

    def patch_metadata(self, record, expected_revision):
        self._meddle(record.name)
        return super().patch_metadata(record, expected_revision)

    def put(self, record, expected=None, *, create=False):
        if not create:
            self._meddle(record.name)
        return super().put(record, expected, create=create)

    def _meddle(self, name):
        if self.times:
            self.times -= 1
            found = self.inner.get(name)
            self.inner.put(found, found.etag)


def test_a_conflict_is_met_by_reading_again_and_deciding_anew(manager):
    run(manager, value="one")
    meddled = CredentialManager(Meddling(manager.backend, 3), store="prod")
    assert run(meddled, value="two")["credential"]["version"] == "5"
    meddled.backend.times = 2
    assert run(meddled, description="new")["changed"]


def test_the_tries_are_bounded_and_none_is_made_against_an_expected_version(manager):
    run(manager, value="one")
    meddled = CredentialManager(Meddling(manager.backend, 100), store="prod")
    with pytest.raises(Conflict):
        run(meddled, value="two")
    assert meddled.backend.times == 95
    meddled.backend.times = 1
    with pytest.raises(Conflict):
        run(meddled, value="two", expected_version=manager.describe("db")["version"])
