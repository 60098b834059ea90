# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many processes that change one credential at once lose no change."""

from __future__ import annotations

import multiprocessing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict
from tests.backends.discovery import HARNESSES
from tests.conformance.records import a_record, value_of
from tests.conftest import PROFILE

PROCESSES, TIMES = 32, 100 if PROFILE == "long" else 25
KINDS = [kind for kind in HARNESSES["local"].kinds if kind.label in {"local-json", "local-encrypted"}]


def increment(backend, directory, name):
    """Add one by compare-and-swap, again until it holds."""
    store = backend.open(directory)
    done = 0
    while done < TIMES:
        found = store.get(name)
        try:
            store.put(a_record(name, str(int(value_of(found)) + 1)), found.etag)
            done += 1
        except Conflict:
            continue


@pytest.mark.parametrize("backend", KINDS, ids=lambda backend: backend.label)
def test_no_increment_is_lost(backend, tmp_path):
    """32 processes add one many times each: nothing is missing from the sum, and as many values were written."""
    store = backend.open(tmp_path)
    first = store.put(a_record("counter", "0"))
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=increment, args=(backend, tmp_path, "counter")) for _each in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    assert value_of(store.get("counter")) == str(PROCESSES * TIMES).encode()
    assert store.last_serial("counter") == first.serial + PROCESSES * TIMES
