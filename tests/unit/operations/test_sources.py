# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `deploy` and `run` read of a store: fields with their versions, all in one request if the backend has one."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.store.managing import ask


@pytest.fixture
def manager():
    """A store with two versions of one credential, and another one."""
    opened = open_store({"backend": "memory"}, name="prod", warn=lambda _message: None)
    for password in ("one", "two"):
        ask(opened, "credential", name="db", type="basic", state="present", fields={"username": "app", "password": password})
    ask(opened, "credential", name="api", type="api_key", state="present", value="k3y")
    yield opened
    opened.close()


def read(manager, *sources, **more):
    outcome = ask(manager, "deploy", sources=list(sources), **more)
    rows = [
        (row["name"], row["version"], {field: base64.b64decode(value) for field, value in row["fields"].items()})
        for row in outcome.result["sources"]
    ]
    return rows, sorted(secret.expose() for secret in outcome.secrets)


def test_each_source_has_the_fields_that_it_asks_for_in_order(manager):
    rows, secrets = read(
        manager,
        {"name": "api"},
        {"name": "db", "fields": ["username"]},
        {"name": "db", "fields": True},
        {"name": "db", "version": "1"},
        {"name": "db", "first_of": ["bundle", "password"]},
    )
    assert rows == [
        ("api", "1", {"api_key": b"k3y"}),
        ("db", "2", {"username": b"app"}),
        ("db", "2", {"password": b"two", "username": b"app"}),
        ("db", "1", {"password": b"one"}),
        ("db", "2", {"password": b"two"}),
    ]
    assert secrets == [b"k3y", b"one", b"two", b"two"]


def test_current_values_are_read_in_one_request(manager, monkeypatch):
    several, asked = Memory.get_many, []
    monkeypatch.setattr(Memory, "capabilities", replace(Memory.capabilities, batch_get=True))
    monkeypatch.setattr(Memory, "get_many", lambda backend, names: asked.append(list(names)) or several(backend, names))
    read(manager, {"name": "db"}, {"name": "api"}, {"name": "db", "fields": ["username"]})
    assert asked == [["db", "api"]]


def test_equal_values_have_equal_digests_and_others_another(manager):
    def digests(*sources):
        return [row["digest"] for row in ask(manager, "deploy", sources=list(sources)).result["sources"]]

    first, again, older = digests({"name": "db"}, {"name": "db", "fields": ["username"]}, {"name": "db", "version": "1"})
    assert first == again != older


def test_a_missing_credential_and_a_missing_field_are_named(manager):
    with pytest.raises(NotFound, match="credential 'none', store 'prod'"):
        read(manager, {"name": "db"}, {"name": "none"})
    with pytest.raises(NoToken, match=r"credential 'db'.*it has none of the fields bundle, certificate"):
        read(manager, {"name": "db", "first_of": ["bundle", "certificate"]})
