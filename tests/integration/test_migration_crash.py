# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations that are killed, before and after each write, or by `kill -9`, and run again, while others write to the source."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from tests.conformance.portables import Killed
from tests.conftest import PROFILE
from tests.integration.killing import killed_at_random
from tests.integration.migrated import CALLER, RING, STORES, migrate, open_kind

pytestmark = pytest.mark.server
LONG = PROFILE == "long"
KILLS = 20 if LONG else 3
NUMBER = 12
KIND = {kind.label: kind for kind in STORES}
PAIRS = RING if LONG else ((KIND["local-encrypted"], KIND["vault-kv2"]), (KIND["vault-kv2"], KIND["database-sqlite"]))


class Deadly(Layer):
    """Ends the process before or after its write number `deadly`, counted over both stores."""

    def __init__(self, inner, counter):
        super().__init__(inner)
        self._counter = counter

    def put(self, record, expected=None, *, create=False):
        with self._counter:
            return self.inner.put(record, expected, create=create)

    def patch_metadata(self, record, expected_revision):
        with self._counter:
            return self.inner.patch_metadata(record, expected_revision)

    def delete(self, name, *, stage="current", expected=None, recoverable=False):
        with self._counter:
            self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable)


class Counter:
    """Counts writes. One is two steps: before it, and after it."""

    def __init__(self, deadly):
        self._left = deadly

    def __enter__(self):
        self._count()

    def __exit__(self, *failure):
        self._count()

    def _count(self):
        self._left -= 1
        if self._left < 0:
            raise Killed


def kill_at(deadly, source, destination):
    """Move everything, in a process that ends at that step. Return whether it came to its end."""
    counter = Counter(deadly)
    deadly_ones = [CredentialManager(Deadly(one.backend, counter), store=one.store) for one in (source, destination)]
    try:
        assert migrate(*deadly_ones, names=["db"], after="delete").get("msg") is None
    except Killed:
        return False
    return True


def find_value(source, destination):
    """Return the value that the source has; if it has none, the destination's, which must be whole then."""
    try:
        return source.get("db", context=CALLER).token().expose()
    except NotFound:
        return destination.get("db", context=CALLER).token().expose()


def write_versions(manager, *values):
    for value in values:
        manager.ensure(DesiredCredential("db", type="basic", value=Secret(value), tags={"last": value}), CALLER)


@pytest.mark.parametrize("is_written", [False, True], ids=["source-at-rest", "source-written-to"])
@pytest.mark.parametrize(("source", "destination"), PAIRS, ids=lambda kind: kind.label)
def test_a_move_that_is_killed_at_each_step_is_finished_by_the_next_run(source, destination, is_written, tmp_path):
    """At no step is there no value; the source may have got another one before the next run, which arrives as well."""
    deadly, is_done = 0, False
    while not is_done:
        with ExitStack() as opened:
            here, there = (open_kind(kind, tmp_path / "{0}{1}".format(kind.label, deadly), kind.label) for kind in (source, destination))
            opened.callback(here.close)
            opened.callback(there.close)
            write_versions(here, "one", "two", "three")
            is_done = kill_at(deadly, here, there)
            assert find_value(here, there) == b"three"
            newest = b"three"
            if is_written and here.exists("db", CALLER):
                write_versions(here, "four", "five")
                newest = b"five"
            finished = migrate(here, there, names=["db"], after="delete")
            assert finished.get("msg") is None, (deadly, finished)
            assert (here.exists("db", CALLER), there.get("db", context=CALLER).token().expose()) == (False, newest)
            deadly += 1


class Telling(Layer):
    """Tells each value that is stored."""

    def __init__(self, inner, told):
        super().__init__(inner)
        self._told = told

    def put(self, record, expected=None, *, create=False):
        stored = self.inner.put(record, expected, create=create)
        os.write(self._told, b"stored\n")
        return stored


def keep_writing(manager, is_over):
    """Give one credential after the other a new value."""
    number = 0
    while not is_over.is_set():
        name = "n{0:02d}".format(number % NUMBER)
        manager.ensure(DesiredCredential(name, value=Secret("value {0}".format(number))), CALLER)
        number += 1
        is_over.wait(0.01)


def migrate_until_killed(told, open_here, open_there):
    """Migrate while a thread writes to the source."""
    here, there = open_here(), open_there()
    threading.Thread(target=keep_writing, args=(open_here(), threading.Event()), daemon=True).start()
    telling = CredentialManager(Telling(there.backend, told), store=there.store)
    migrate(here, telling)
    os.write(told, b"all\n" * 100)
    while True:
        pass


@pytest.mark.parametrize(("source", "destination"), PAIRS[:1], ids=lambda kind: kind.label)
def test_after_kill_9_each_credential_is_whole_or_refused_and_the_next_runs_finish(source, destination, tmp_path):
    def open_here():
        return open_kind(source, tmp_path / "here", "here")

    for kill in range(1, KILLS + 1):

        def open_there(kill=kill):
            return open_kind(destination, tmp_path / "there{0}".format(kill), "there")

        with ExitStack() as opened:
            here, there = open_here(), open_there()
            opened.callback(here.close)
            opened.callback(there.close)
            names = ["n{0:02d}".format(number) for number in range(NUMBER)]
            for name in names:
                here.ensure(DesiredCredential(name, value=Secret("value of {0} {1}".format(name, kill))), CALLER)
            killed_at_random(kill, lambda told, there=open_there: migrate_until_killed(told, open_here, there), lines=NUMBER)
            check_each(here, there, names)
            finished = migrate(here, there)
            assert finished.get("msg") is None, finished
            assert not migrate(here, there)["changed"]
            assert all(there.get(name, context=CALLER).token() == here.get(name, context=CALLER).token() for name in names)


def check_each(here, there, names):
    """What is there of a credential is a value that the source has or had, or it is refused."""
    for name in names:
        known = [record.fields["value"].expose() for record in here.export(name, CALLER).versions]
        try:
            assert there.get(name, context=CALLER).token().expose() in known
        except (NotFound, Unusable):
            continue
