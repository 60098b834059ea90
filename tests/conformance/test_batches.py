# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A batch with eight operations in flight ends as one that does one after the other, on every backend."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.context.parallel import Parallelism
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from tests.unit.store.managing import ask

NAMES = ["n{0:02d}".format(each) for each in range(12)]


@pytest.fixture
def manager(backend):
    backend.context.parallelism = Parallelism(8)
    return CredentialManager(backend, store="prod")


def write(manager, **more):
    return ask(manager, "credential", credentials=[{"name": name, **more} for name in NAMES]).result


def test_new_unchanged_and_changed_credentials_are_reported_in_order(manager):
    for value, changed in (("one", True), ("one", False), ("two", True)):
        result = write(manager, value=value, tags={"of": "batch"})
        assert [(row["name"], row["changed"]) for row in result["results"]] == [(name, changed) for name in NAMES]
        read = ask(manager, "get_many", names=NAMES).result
        assert (read["values"], set(read["versions"]), read["failures"]) == (dict.fromkeys(NAMES, value), set(NAMES), {})
    assert [row["name"] for row in ask(manager, "credential_info", names=NAMES, versions=True).result["credentials"]] == NAMES


def test_all_are_gone_after_a_batch_of_deletes(manager):
    write(manager, value="one")
    assert [row["changed"] for row in write(manager, state="absent")["results"]] == [True] * len(NAMES)
    assert ask(manager, "credential_info", names=NAMES).result["missing"] == NAMES
    assert not write(manager, state="absent")["changed"]


def test_those_that_fail_are_named_in_order_and_the_others_are_done(manager):
    ask(manager, "credential", name="n07", type="basic", fields={"username": "u", "password": "p"})
    ask(manager, "credential", name="n10", value="one", state="present")
    ask(manager, "credential", name="n10", state="revoked")
    result = write(manager, value="one", type="opaque")
    assert result["failed"]
    assert [(row["name"], row["code"]) for row in result["results"] if row.get("failed")] == [("n07", "type_mismatch"), ("n10", "revoked")]
    assert [row["name"] for row in result["results"] if row["changed"]] == [name for name in NAMES if name not in {"n07", "n10"}]
    assert result["code"] == "type_mismatch"
