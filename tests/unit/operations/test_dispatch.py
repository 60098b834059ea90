# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lookups and modules ask for, and what they are answered (G1, G2, J2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Damaged,
    InvalidInput,
    InvalidToken,
    NoToken,
    UnsupportedType,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import CANARY, START, Clock, ask, create, cut


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def manager(tmp_path, clock):
    opened = open_store({"backend": "local", "path": str(tmp_path / "store"), "audit": "off"}, name="prod")
    yield CredentialManager(opened.backend, store="prod", clock=clock)
    opened.close()


def test_get_answers_the_primary_field_a_named_one_or_a_mapping(manager):
    create(manager, type="database", fields={"username": Secret("app"), "host": Secret("db.example.com")})
    assert ask(manager, "get", name="db").result["value"] == CANARY
    assert ask(manager, "get", name="db", field="host").result["value"] == "db.example.com"
    assert ask(manager, "get", name="db", fields=["host", "username"]).result["value"] == {"host": "db.example.com", "username": "app"}
    everything = ask(manager, "get", name="db", fields=True)
    assert everything.result["value"]["engine"] == "postgresql"
    assert everything.secrets == (Secret(CANARY),), "a host name is not masked"
    uri = ask(manager, "get", name="db", field="connection_string")
    assert uri.secrets == (Secret("postgresql://app:c4n4ry-c4n4ry@db.example.com"),)
    with pytest.raises(NoToken) as caught:
        ask(manager, "get", name="db", field="port")
    assert (caught.value.name, caught.value.store) == ("db", "prod")


def test_the_name_of_a_user_is_masked_if_the_credential_says_so(manager):
    create(manager, type="database", fields={"username": Secret("app-c4n4ry"), "username_is_secret": Secret("true")})
    assert {each.expose() for each in ask(manager, "get", name="db", fields=True).secrets} == {
        b"app-c4n4ry",
        CANARY.encode(),
    }


def test_binary_values_come_back_as_base64_on_request_and_never_as_text(manager):
    create(manager, value=Secret(b"\xff\x00"))
    with pytest.raises(InvalidToken, match="encoding: base64"):
        ask(manager, "get", name="db")
    assert ask(manager, "get", name="db", encoding="base64").result["value"] == "/wA="


def test_get_many_answers_each_name_with_a_value_or_a_failure(manager):
    create(manager, "one")
    create(manager, "two", value=Secret(b"\xff"))
    result = ask(manager, "get_many", names=["one", "two", "three", "one", "../x"]).result
    assert result["values"] == {"one": CANARY}
    assert {name: failure["code"] for name, failure in result["failures"].items()} == {
        "two": "invalid_token",
        "three": "not_found",
        "../x": "invalid_input",
    }


def test_find_filters_by_every_part_of_the_metadata(manager, clock):
    create(manager, "a", type="basic", tags={"team": "web", "x": "y"}, expires_at=START + timedelta(days=3))
    clock.now += timedelta(hours=1)
    create(manager, "b", type="api_key", tags={"team": "web"})
    create(manager, "c/d")
    manager.revoke("c/d")

    def found(**parameters):
        return [row["name"] for row in ask(manager, "find", **parameters).result["credentials"]]

    assert found() == ["a", "b", "c/d"]
    assert found(type="basic") == ["a"]
    assert found(tags={"team": "web"}) == ["a", "b"]
    assert found(tags={"team": "web", "x": "y"}) == ["a"]
    assert found(tags=["x"]) == ["a"]
    assert found(tags=["team"]) == ["a", "b"]
    assert found(prefix="c/") == ["c/d"]
    assert found(lifecycle=["revoked"]) == ["c/d"]
    assert found(expires_within="3d") == ["a"]
    assert found(expires_within="1d") == []
    assert found(expires_before="2026-12-01T00:00:00Z") == ["a"]
    assert found(created_after="2026-11-22T12:30:00Z") == ["b", "c/d"]
    assert found(created_before="2026-11-22T12:30:00+00:00") == ["a"]
    assert ask(manager, "find", query="[?state=='revoked'].name | [0]").result["credentials"] == "c/d"
    with pytest.raises(InvalidInput, match="option 'query'"):
        ask(manager, "find", query="[?")
    with pytest.raises(InvalidInput, match="option 'created_after'"):
        ask(manager, "find", created_after="yesterday")


def test_info_tells_what_is_missing_and_what_cannot_be_described(manager, tmp_path):
    create(manager, "one")
    create(manager, "broken")
    cut(tmp_path / "store" / "broken.enc")
    result = ask(manager, "credential_info", names=["one", "gone", "broken"], versions=True, health=True).result
    assert [row["name"] for row in result["credentials"]] == ["one"]
    assert [info["version"] for info in result["credentials"][0]["versions"]] == ["1"]
    assert (result["missing"], result["failures"]["broken"]["code"], result["changed"]) == (["gone"], "damaged", False)
    assert result["health"]["store"] == "prod"
    with pytest.raises(Damaged):
        ask(manager, "credential_info", name="broken")


def test_an_unforeseen_exception_leaves_as_its_class_alone(manager, monkeypatch):
    def explode(*_arguments, **_options):
        raise RuntimeError(CANARY)

    monkeypatch.setattr(manager, "get", explode)
    with pytest.raises(Exception, match="RuntimeError") as caught:
        ask(manager, "get", name="db")
    assert caught.value.code == "internal"
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_unknown_operation_is_refused_with_those_there_are(manager):
    with pytest.raises(InvalidInput, match="get_many"):
        ask(manager, "drop")


@pytest.mark.parametrize(("written", "close"), [("bsic", "basic"), ("apikey", "api_key"), ("custo", "custom")])
@pytest.mark.parametrize("operation", ["find", "credential_info"])
def test_a_listing_of_an_unknown_type_is_refused_with_the_closest_one(manager, operation, written, close):
    with pytest.raises(UnsupportedType, match=r"there is no type '{0}'\. Did you mean '{1}'".format(written, close)):
        ask(manager, operation, type=written)
