# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A layer handles the rows of a listing in batches."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.memory.backend import Memory
from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers import intercept
from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.retry import Retry
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from tests.conformance.records import a_record


def test_a_listing_is_one_call_of_each_layer_for_many_rows(monkeypatch):
    """The rows that were read together, if they come without a wait."""
    monkeypatch.setattr(intercept, "monotonic", lambda: 0.0)
    below, calls = Memory({}, BackendContext("below")), []
    for number in range(3 * intercept._MOST_IN_BATCH):
        below.put(a_record("name{0}".format(number)))

    class Counting(intercept.InterceptingLayer):
        def intercept(self, call, work):
            calls.append(call.operation)
            return work()

    rows = list(Counting(Counting(Retry(below, 2))).list())
    assert len(rows) == 3 * intercept._MOST_IN_BATCH
    assert calls == ["list"] * 2 * 4  # the last one finds the end


def test_a_row_that_had_to_be_waited_for_ends_its_batch(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(intercept, "monotonic", lambda: float(next(now)))
    rows = intercept.batch_rows(iter([Record("a"), Record("b")]))
    assert [[row.name for row in rows.take()] for _batch in range(3)] == [["a"], ["b"], []]


def test_the_rows_before_a_failure_are_returned_first():
    def list_rows():
        yield Record("a")
        raise Unavailable("broke off")

    rows = intercept.batch_rows(list_rows())
    assert next(rows).name == "a"
    with pytest.raises(Unavailable, match="broke off"):
        next(rows)
    assert list(rows) == []
