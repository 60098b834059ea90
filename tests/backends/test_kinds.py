# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of stores that the suites run on."""

from __future__ import annotations

import os
import re

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, backend_class
from tests.backends.database import find_kinds_elsewhere
from tests.backends.discovery import DECLARED, ELSEWHERE, KINDS, READERS
from tests.conftest import CHECKOUT
from tests.unit.mirror.test_write_only_places import SERVICES


def test_every_backend_of_the_registry_runs_the_suite():
    """A new backend needs a harness in tests/backends, with at least one kind of store; one that only reads, with a reader.

    One that is only written has a suite of its own, tests/unit/mirror/test_write_only_places.py.
    """
    only_read = {name for name in BACKENDS if backend_class(name).capabilities.read_only}
    only_written = {name for name in BACKENDS if backend_class(name).capabilities.write_only}
    assert {kind.backend for kind in KINDS} == set(BACKENDS) - only_read - only_written
    assert {reader.backend for reader in READERS} == only_read
    assert set(SERVICES) == only_written


def test_every_backend_that_keeps_envelopes_has_an_encrypted_kind():
    keeping = {name for name in BACKENDS if backend_class(name).capabilities.envelopes}
    assert keeping == {kind.backend for kind in DECLARED if kind.encrypted}


def test_databases_that_are_named_take_part(tmp_path):
    """By NEBULA_TEST_DATABASES: plain and encrypted, each test with tables of its own."""
    named = find_kinds_elsewhere("mysql://a:b@c/d cockroachdb://e/f")
    kinds = ["1-mysql", "1-mysql-encrypted", "2-cockroachdb", "2-cockroachdb-encrypted"]
    assert [each.label.rpartition("elsewhere-")[2] for each in named] == kinds
    assert named[0].options(tmp_path)["url"] == "mysql://a:b@c/d"
    assert named[0].options(tmp_path)["table_prefix"] != named[0].options(tmp_path / "other")["table_prefix"]


@pytest.mark.parametrize("backend", ELSEWHERE)
def test_a_service_that_is_named_takes_part_with_a_place_for_each_test(backend, tmp_path, monkeypatch):
    """By the variables of docs/testing.md and no others."""
    pages = [(CHECKOUT / "docs" / page).read_text(encoding="utf-8") for page in ("testing.md", "development.md")]
    for variable in re.findall(r"NEBULA_TEST_{0}_[A-Z_]+".format(backend.upper()), "".join(pages)):
        monkeypatch.setenv(variable, "value-of-" + variable)
    elsewhere = ELSEWHERE[backend]
    assert elsewhere.variable in "".join(pages)
    assert elsewhere.find_kinds({}) == ()
    for kind in elsewhere.find_kinds({elsewhere.variable: "named://here"}):
        assert kind.label.startswith(backend + "-elsewhere")
        assert kind.options(tmp_path) != kind.options(tmp_path / "other")


def test_each_service_that_is_named_runs_the_suite():
    """None is, unless a variable of docs/testing.md names it."""
    named = [each for each in ELSEWHERE.values() if os.environ.get(each.variable)]
    assert {kind for each in named for kind in each.find_kinds()} == {kind for kind in KINDS if "-elsewhere" in kind.label}
