# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`kill -9` of a writer: no acknowledged write is lost, and no file is left that cannot be read.

NEBULA_CRASH_RUNS is the number of kills at random moments for each kind of store: 60, or 1000 in the long profile.
"""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from tests.conformance.backends import BACKENDS
from tests.conformance.records import a_record, value_of

PROFILE = os.environ.get("NEBULA_TEST_PROFILE", "fast")
RUNS = int(os.environ.get("NEBULA_CRASH_RUNS", "1000" if PROFILE == "long" else "60"))
KINDS = [backend for backend in BACKENDS if backend.backend == "local"]
NAMES = ("one", "two", "three/deep")
SYSTEM_CALLS = ("open", "write", "fsync", "rename", "link", "unlink", "mkdir", "rmdir", "listdir", "close")


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


def killed_writer(backend, directory, seed):
    """Run a writer in a process of its own, kill it at a random moment, and return what it said."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        try:
            write_until_killed(backend.open(directory), seed, write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    choice = random.Random(-seed - 1)
    said = b""
    while said.count(b"\n") < choice.randint(1, 12):
        said += os.read(read_end, 4096)
    until = time.perf_counter() + choice.random() * 0.004
    while time.perf_counter() < until:
        pass
    os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    while piece := os.read(read_end, 65536):
        said += piece
    os.close(read_end)
    return [line.split(" ") for line in said.decode().splitlines()]


@pytest.mark.parametrize("backend", KINDS, ids=lambda backend: backend.label)
def test_no_acknowledged_write_is_lost_however_the_writer_dies(backend, tmp_path):
    """After each kill every credential is as the last acknowledged step left it, or as the one under way would have."""
    expected = dict.fromkeys(NAMES)
    store = backend.open(tmp_path)
    store.put(a_record("first"))
    for seed in range(RUNS):
        under_way = {}
        for word, name, value in killed_writer(backend, tmp_path, seed):
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


def die_at(count):
    """Kill this process before its system call number `count` that touches files."""
    seen = 0

    def watched(call):
        def step(*arguments, **options):
            nonlocal seen
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return step

    for name in SYSTEM_CALLS:
        setattr(os, name, watched(getattr(os, name)))


def survives(backend, directory, count, work):
    """Do `work` on the store in a process that dies at its system call number `count`. Tells whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        try:
            store = backend.open(directory)
            store.list()
            die_at(count)
            work(store)
            os._exit(0)
        finally:
            os._exit(1)
    outcome = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert outcome in {0, -signal.SIGKILL}
    return outcome == 0


@pytest.mark.parametrize("label", ["local-json", "local-encrypted"])
@pytest.mark.parametrize(("before", "after"), [(None, 8), (7, 8), (7, None)], ids=["create", "put", "delete"])
def test_a_writer_may_die_at_every_system_call(label, before, after, tmp_path):
    """Killed before each single step of a put or delete in turn, it leaves the old or the new state, whole, and no lock."""
    backend = next(backend for backend in KINDS if backend.label == label)
    store = backend.open(tmp_path)
    store.put(a_record("other", "1"))

    def work(opened):
        opened.delete("moving") if after is None else opened.put(a_record("moving", str(after)))

    steps, finished = 0, False
    while not finished:
        steps += 1
        if before is not None:
            store.put(a_record("moving", str(before)))
        elif present(store, "moving") is not None:
            store.delete("moving")
        serial = store.last_serial("moving")
        finished = survives(backend, tmp_path, steps, work)
        found = present(store, "moving")
        assert found in ({after} if finished else {before, after}), "step {0}".format(steps)
        assert store.last_serial("moving") >= serial
        check_readable(store)
    assert steps > 10
