# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many writers and readers at once, and many records."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import Counter

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound

from .records import a_record, value_of
from .store_kind import LONG

FORK = multiprocessing.get_context("fork")
MANY = 10000 if LONG else 2000


def increment(backend, times):
    """Add one to a counter by compare-and-swap, again until it holds."""
    for _each in range(times):
        while True:
            found = backend.get("counter")
            try:
                backend.put(a_record("counter", str(int(value_of(found)) + 1)), found.etag)
                break
            except Conflict:
                continue


def run_all(workers):
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)


def test_a_crowd_of_threads_loses_no_update(kind, backend):
    backend.put(a_record("counter", "0"))
    run_all([threading.Thread(target=increment, args=(backend, 2)) for _each in range(kind.crowd)])
    assert value_of(backend.get("counter")) == str(2 * kind.crowd).encode()
    assert backend.last_serial("counter") == 2 * kind.crowd + 1


def test_processes_lose_no_update(kind, backend, open_again):
    backend.put(a_record("counter", "0"))
    times = kind.crowd // 3

    def work():
        increment(open_again(), times)

    workers = [FORK.Process(target=work) for _each in range(5)]
    run_all(workers)
    assert [worker.exitcode for worker in workers] == [0] * 5
    assert value_of(backend.get("counter")) == str(5 * times).encode()


def test_one_of_many_creators_wins(backend):
    """However many create the same name at once, one does and the others are told."""
    outcomes = []

    def create(number):
        try:
            backend.put(a_record("shared", str(number)), create=True)
            outcomes.append(number)
        except Conflict:
            outcomes.append(None)

    run_all([threading.Thread(target=create, args=(number,)) for number in range(8)])
    winners = [number for number in outcomes if number is not None]
    assert len(outcomes) == 8
    assert [str(winner).encode() for winner in winners] == [value_of(backend.get("shared"))]


def test_readers_see_whole_values_only(backend, kind, tmp_path):
    """While values of different lengths replace each other and go, a reader gets one of them whole, or NotFound."""
    most = kind.raw(tmp_path).capabilities.max_bytes or 200000
    values = [letter * min(size, most // share) for letter, size, share in (("a", 1, 1), ("b", 5000, 4), ("c", 60000, 2), ("d", 17, 1))]
    stop = threading.Event()
    seen, failures = Counter(), []

    def read():
        while not stop.is_set():
            try:
                seen[value_of(backend.get("moving")).decode()] += 1
            except NotFound:
                seen["absent"] += 1
            except Exception as error:  # noqa: BLE001  # whatever it is, it is what the test is about
                failures.append(repr(error))
                return

    readers = [threading.Thread(target=read) for _each in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(20):
        backend.put(a_record("moving", values[turn % 4]))
        if turn % 5 == 4:
            backend.delete("moving")
    stop.set()
    for reader in readers:
        reader.join(60)
    assert failures == []
    assert set(seen) <= {*values, "absent"}


def test_listing_while_others_write_shows_what_stays(backend):
    """Records that nobody touches are in every listing, whole; the others may be."""
    for number in range(20):
        backend.put(a_record("stays/{0}".format(number)))
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            backend.put(a_record("goes/{0}".format(number % 7)))
            if number % 3 == 0:
                backend.delete("goes/{0}".format(number % 7))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _each in range(15):
            names = [record.name for record in backend.list(Filter(type="basic"))]
            assert len(names) == len(set(names))
            assert sum(name.startswith("stays/") for name in names) == 20
    finally:
        stop.set()
        writer.join(60)


@pytest.mark.backends(lambda kind: kind.many)
def test_thousands_of_records(backend, monkeypatch):
    """All can be stored, listed, read and narrowed. (What is durable is tested elsewhere: syncing is left out here.)"""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    for number in range(MANY):
        backend.put(a_record("group{0}/item{1}".format(number % 10, number), str(number), type="basic" if number % 100 else "database"))
    assert sum(1 for _each in backend.list(Filter(names_only=True))) == MANY
    assert sum(1 for _each in backend.list(Filter(prefix="group3/", names_only=True))) == MANY / 10
    assert sum(record.type == "database" for record in backend.list(Filter(type="database"))) == MANY / 100
    assert value_of(backend.get("group7/item1997")) == b"1997"
