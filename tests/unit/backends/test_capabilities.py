# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backend says that it can do is acted upon."""

from __future__ import annotations

import ast
from dataclasses import fields, replace
from pathlib import Path

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends import base, registry
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits
from ansible_collections.nebula.credential.plugins.module_utils.network import http_deadline
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.object_places import MemoryObjects

PLUGINS = next(parent for parent in Path(__file__).resolve().parents if (parent / "galaxy.yml").exists()) / "plugins"
VAULT = {"backend": "vault", "url": "http://127.0.0.1:1", "auth": {"token": "t"}, "audit": "off"}


def capabilities_read(tree):
    """The fields that a file reads of `….capabilities`, directly or by a name that stands for them."""
    nodes = list(ast.walk(tree))
    assigned = [node for node in nodes if isinstance(node, ast.Assign) and is_capabilities(node.value)]
    names = {target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and (is_capabilities(node.value) or getattr(node.value, "id", None) in names):
            yield node.attr


def is_capabilities(node):
    return isinstance(node, ast.Attribute) and node.attr == "capabilities"


def test_every_capability_is_read_by_somebody_who_is_no_backend():
    readers = [path for path in PLUGINS.rglob("*.py") if PLUGINS / "module_utils" / "backends" not in path.parents]
    read = {name for path in readers for name in capabilities_read(ast.parse(path.read_text(encoding="utf-8")))}
    assert [each.name for each in fields(Capabilities) if each.name not in read] == []


@pytest.fixture
def read_warnings(monkeypatch):
    """Open a store and return its warnings; `objects` is a backend of native values."""
    monkeypatch.setitem(registry.BACKENDS, "objects", lambda: (BackendTraits(spec=MemoryObjects.options), lambda: MemoryObjects))

    def read(config):
        told = []
        open_store(config, name="prod", warn=told.append).close()
        return told

    return read


def test_a_store_whose_values_nobody_encrypts_says_so_once(read_warnings):
    assert read_warnings({"backend": "objects", "audit": "off"}) == [Backend.plaintext_warning]


def test_a_store_whose_configuration_has_decided_says_nothing(read_warnings):
    config = {"backend": "objects", "audit": "off"}
    assert [read_warnings(dict(config, encrypt=encrypt)) for encrypt in (False, True)] == [[], []]


def test_a_store_whose_backend_encrypts_says_nothing(read_warnings, monkeypatch):
    assert read_warnings(VAULT) == []
    monkeypatch.setattr(MemoryObjects, "capabilities", replace(MemoryObjects.capabilities, server_side_encryption=True))
    assert read_warnings({"backend": "objects", "audit": "off"}) == []


OFFERED = {
    "vault": (VAULT, 8),
    "few": ({**VAULT, "parallel": 3}, 3),
    "alone": ({**VAULT, "parallel": 1}, None),
    "postgresql": ({"backend": "database", "url": "postgresql://app@127.0.0.1:1/app", "audit": "off"}, 8),
    "small pool": ({"backend": "database", "url": "postgresql://app@127.0.0.1:1/app", "audit": "off", "pool": {"max": 4}}, 4),
    "memory": ({"backend": "memory", "audit": "off"}, None),
}


@pytest.mark.parametrize("name", OFFERED)
def test_a_store_has_as_many_operations_in_flight_as_its_backend_and_its_configuration_say(name):
    config, most = OFFERED[name]
    manager = open_store(config, name="prod")
    assert (None if manager.parallelism is None else manager.parallelism.most) == most


def test_sqlite_does_one_operation_at_a_time(tmp_path):
    manager = open_store({"backend": "database", "url": "sqlite:///{0}/db".format(tmp_path), "audit": "off"}, name="prod")
    assert manager.parallelism is None


def test_no_more_operations_are_in_flight_than_a_client_keeps_connections():
    assert base.CONNECTIONS == http_deadline.CONNECTIONS
