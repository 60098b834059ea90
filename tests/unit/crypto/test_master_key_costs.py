# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rotation of the master key costs, and how it shows how far it is."""

from __future__ import annotations

import os
import threading

from ansible_collections.nebula.credential.plugins.module_utils.context.progress import Progress, reporting_to
from ansible_collections.nebula.credential.plugins.module_utils.encoding import envelope
from tests.unit.crypto.sealed_stores import a_record, a_store


def filled(directory):
    store = a_store(directory)
    for number in range(20):
        store.put(a_record("n{0}".format(number)))
    return store


def test_a_rotation_parses_each_content_once(tmp_path, monkeypatch):
    """What was stored, and what is stored instead: the pass that finds nothing left reads that."""
    store, parsed, parse = filled(tmp_path), [], envelope._read_body
    monkeypatch.setattr(envelope, "_read_body", lambda body: parsed.append(body) or parse(body))
    assert store.rotate_master_key().envelopes == 20
    assert len(parsed) == len(set(parsed)) == 40


def test_a_rotation_syncs_each_file_once_and_each_folder_at_the_end(tmp_path, monkeypatch):
    """Before the document that drops the former key is written. Twenty values and twenty marks."""
    store, events, fsync = filled(tmp_path), [], os.fsync
    folder, write = os.stat(tmp_path / "store").st_ino, store.inner.write_store_document

    def sync(descriptor):
        events.append("folder" if os.fstat(descriptor).st_ino == folder else "other")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    store.inner.write_store_document = lambda *given: events.append("document") or write(*given)
    store.inner.rewrite_envelope = lambda *given, rewrite=store.inner.rewrite_envelope: events.append("moved") or rewrite(*given)
    store.rotate_master_key()
    moving, ending = events[events.index("moved") : events.index("folder")], events[events.index("folder") :]
    assert (moving.count("moved"), moving.count("other"), "document" in moving) == (20, 20, False)
    assert (ending.count("folder"), ending.count("moved"), "document" in ending) == (1, 0, True)


def test_a_rotation_syncs_several_files_at_once(tmp_path, monkeypatch):
    """Each sync of an envelope waits here until seven others have begun."""
    store = a_store(tmp_path)
    for number in range(8):
        store.put(a_record("n{0}".format(number)))
    barrier, rewrite = threading.Barrier(8), store.inner.rewrite_envelope
    moving = threading.local()

    def sync(descriptor, fsync=os.fsync):
        if getattr(moving, "is_first", False):
            moving.is_first = False
            barrier.wait(60)
        fsync(descriptor)

    def move(record, replaces):
        moving.is_first = True
        rewrite(record, replaces)

    monkeypatch.setattr(os, "fsync", sync)
    store.inner.rewrite_envelope = move
    assert store.rotate_master_key().envelopes == 8


def test_a_rotation_counts_how_far_it_is(tmp_path):
    store, progress, seen = filled(tmp_path), Progress(), []
    rewrite = store.inner.rewrite_envelope
    store.inner.rewrite_envelope = lambda record, replaces: seen.append(progress.describe()) or rewrite(record, replaces)
    with reporting_to(progress):
        store.rotate_master_key()
    assert {each["total"] for each in seen} == {20}
    assert [each["done"] for each in seen] == sorted(each["done"] for each in seen)
    assert len(seen) == 20
    assert progress.describe() == {"done": 20, "total": 20}
