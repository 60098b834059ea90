# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`kill -9` of a writer: no acknowledged write is lost, and no file is left that cannot be read.

NEBULA_CRASH_RUNS is the number of kills at random moments for each kind of store: 30, or 1000 in the long profile.
"""

from __future__ import annotations

import os
import random

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from tests.backends.discovery import HARNESSES
from tests.conformance.records import a_record, value_of
from tests.integration.killing import RUNS, killed_at_random, survives

KINDS = HARNESSES["local"].kinds
NAMES = ("one", "two", "three/deep")


def present(store, name):
    """The value, or None where there is none. Anything else fails the test."""
    try:
        return int(value_of(store.get(name)))
    except NotFound:
        return None


def check_readable(store):
    """Every value, every kept version and every listing can be read."""
    for record in list(store.list()):
        for info in store.versions(record.name):
            value_of(store.get(record.name, info.version))


def write_until_killed(store, seed, acknowledgements):
    """Put and delete without end. Each step is told before it starts and after it was acknowledged."""
    choice = random.Random(seed)
    step = seed * 1000
    while True:
        step += 1
        name = choice.choice(NAMES)
        value = None if choice.random() < 0.25 and present(store, name) is not None else step
        os.write(acknowledgements, "begin {0} {1}\n".format(name, value or "").encode())
        if value is None:
            store.delete(name)
        else:
            store.put(a_record(name, str(value)))
        os.write(acknowledgements, "done {0} {1}\n".format(name, value or "").encode())


def told_by_a_killed_writer(backend, directory, seed):
    """What a writer said before it was killed: word, name and value of each step."""
    lines = killed_at_random(seed, lambda told: write_until_killed(backend.open(directory), seed, told))
    return [line.split(" ") for line in lines]


@pytest.mark.parametrize("backend", KINDS, ids=lambda backend: backend.label)
def test_no_acknowledged_write_is_lost_however_the_writer_dies(backend, tmp_path):
    """After each kill every credential is as the last acknowledged step left it, or as the one under way would have."""
    expected = dict.fromkeys(NAMES)
    store = backend.open(tmp_path)
    store.put(a_record("first"))
    for seed in range(RUNS):
        under_way = {}
        for word, name, value in told_by_a_killed_writer(backend, tmp_path, seed):
            under_way = {name: int(value) if value else None} if word == "begin" else {}
            if word == "done":
                expected[name] = int(value) if value else None
        for name in NAMES:
            found = present(store, name)
            assert found in {expected[name], under_way.get(name, expected[name])}, "run {0}, {1}".format(seed, name)
            expected[name] = found
        check_readable(store)
    for name in NAMES:
        store.put(a_record(name, "1"))
        assert present(store, name) == 1


def opened(backend, directory):
    """A store as a writer finds it that has worked for a while."""
    store = backend.open(directory)
    store.list()
    return store


@pytest.mark.parametrize("label", ["local-json", "local-encrypted"])
@pytest.mark.parametrize(("before", "after"), [(None, 8), (7, 8), (7, None)], ids=["create", "put", "delete"])
def test_a_writer_may_die_at_every_system_call(label, before, after, tmp_path):
    """Killed before each single step of a put or delete in turn, it leaves the old or the new state, whole, and no lock."""
    backend = next(backend for backend in KINDS if backend.label == label)
    store = backend.open(tmp_path)
    store.put(a_record("other", "1"))

    def work(writing):
        writing.delete("moving") if after is None else writing.put(a_record("moving", str(after)))

    steps, finished = 0, False
    while not finished:
        steps += 1
        if before is not None:
            store.put(a_record("moving", str(before)))
        elif present(store, "moving") is not None:
            store.delete("moving")
        serial = store.last_serial("moving")
        finished = survives(steps, lambda: opened(backend, tmp_path), work)
        found = present(store, "moving")
        assert found in ({after} if finished else {before, after}), "step {0}".format(steps)
        assert store.last_serial("moving") >= serial
        check_readable(store)
    assert steps > 10
