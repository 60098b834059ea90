# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of stores that the suites run on."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import BACKENDS, backend_class
from tests.backends.database import kinds_elsewhere
from tests.backends.discovery import DECLARED, KINDS


def test_every_backend_of_the_registry_runs_the_suite():
    """A new backend needs a harness in tests/backends, with at least one kind of store."""
    assert {kind.backend for kind in KINDS} == set(BACKENDS)


def test_every_backend_that_keeps_envelopes_has_an_encrypted_kind():
    keeping = {name for name in BACKENDS if backend_class(name).capabilities.envelopes}
    assert keeping == {kind.backend for kind in DECLARED if kind.encrypted}


def test_databases_that_are_named_take_part(tmp_path):
    """By NEBULA_TEST_DATABASES: plain and encrypted, each test with tables of its own."""
    named = kinds_elsewhere("mysql://a:b@c/d cockroachdb://e/f")
    kinds = ["1-mysql", "1-mysql-encrypted", "2-cockroachdb", "2-cockroachdb-encrypted"]
    assert [each.label.rpartition("elsewhere-")[2] for each in named] == kinds
    assert named[0].options(tmp_path)["url"] == "mysql://a:b@c/d"
    assert named[0].options(tmp_path)["table_prefix"] != named[0].options(tmp_path / "other")["table_prefix"]
