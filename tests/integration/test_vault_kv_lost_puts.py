# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A put to KV version 2 whose first response is lost, while others write on top of its value: what the store shows is the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.stack import resilient
from tests.conformance.records import a_record, value_of
from tests.integration.vault_store import VaultStore
from tests.servers import front, once
from tests.servers.scripted import Answer

PATIENT = {"read_timeout": 120.0, "write_timeout": 120.0, "base_delay": 0.0}


@pytest.fixture
def store():
    return VaultStore(once.openbao())


def lose_the_first_value(before, overtake):
    """Have the first value that comes stored, overtake it, and send no response."""
    lost = []

    def lose(_number, request):
        if lost or request.method != "POST" or "/data/" not in request.path:
            return None
        lost.append(before.pass_on(request))
        overtake()
        return Answer(hangs_up=True)

    before.refuses = lose


def describe(record, text):
    return record.with_metadata(description=text)


def put_and_be_overtaken(store, values, *, patched=False, delivered=True):
    """Put a value over one that was read. Its first response is lost, and others write `values` on top. Return what the put returns."""
    direct = store.backend()
    stored = direct.put(describe(a_record(value="one"), "first"), create=True)
    if patched:
        stored = direct.patch_metadata(describe(stored, "patched"), stored.revision)

    def overtake():
        for value in values:
            direct.put(describe(a_record(value=value), "theirs"))

    with front.running(store.server.url) as before:
        backend = resilient(store.backend(url=before.url), PATIENT)
        lose_the_first_value(before, overtake)
        return backend.put(describe(a_record(value="two"), "ours"), replace(stored.etag, source=None))


@pytest.mark.parametrize("values", [["three"], ["three", "four", "five"]], ids=["one", "three"])
def test_a_value_that_others_have_replaced_is_stored(store, values):
    put = put_and_be_overtaken(store, values)
    assert put.version == "2"
    kept = store.backend().get("db_pass", "2")
    assert (value_of(kept), kept.metadata.description) == (b"two", "ours")
    current = store.backend().get("db_pass")
    assert (value_of(current), current.metadata.description) == (values[-1].encode(), "theirs")


def test_an_error_says_that_the_outcome_is_unknown_where_the_store_does_not_show_it(store):
    """The metadata that the put replaced was changed once. The store has forgotten it, so nothing shows whether it was the expected one."""
    with pytest.raises(Conflict, match="whether the change was made is not known") as caught:
        put_and_be_overtaken(store, ["three", "four", "five"], patched=True)
    assert caught.value.outcome_unknown
    assert value_of(store.backend().get("db_pass")) == b"five"


def test_a_value_of_others_is_a_conflict(store):
    """They have written another value over the one that the put has read, before the put came."""
    direct = store.backend()
    stored = direct.put(a_record(value="one"), create=True)
    with front.running(store.server.url) as before:
        backend = resilient(store.backend(url=before.url), PATIENT)
        direct.put(a_record(value="three"))
        before.refuses = lambda number, _request: Answer(hangs_up=True) if number == 1 else None
        with pytest.raises(Conflict) as caught:
            backend.put(a_record(value="two"), replace(stored.etag, source=None))
    assert not caught.value.outcome_unknown
