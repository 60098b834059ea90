# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs that move the same credential at once."""

from __future__ import annotations

import contextlib
import itertools
from contextlib import ExitStack, closing

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import MOVING
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conformance.portables import Killed
from tests.unit.migration.test_migrate import CALLER, migrate

STEPS = 6
"""The steps of a move whose copy is there: before and after each of mark, delete and removal of the mark."""


class Steps(Layer):
    """Calls `at` before and after each write, with the number of the step so far."""

    def __init__(self, inner, at):
        super().__init__(inner)
        self._at = at

    def _do(self, work):
        self._at()
        done = work()
        self._at()
        return done

    def put(self, record, expected=None, *, create=False):
        return self._do(lambda: self.inner.put(record, expected, create=create))

    def patch_metadata(self, record, expected_revision):
        return self._do(lambda: self.inner.patch_metadata(record, expected_revision))

    def delete(self, name, *, stage=CURRENT, expected=None, recoverable=False):
        return self._do(lambda: self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable))


class Run:
    """A move of one credential that is killed at a step, or not at all, and that another run overtakes at a step of its own."""

    def __init__(self, source, destination, *, killed_at, overtaken_at=-1, overtake=None):
        self.steps, self._killed_at, self._overtaken_at, self._overtake = 0, killed_at, overtaken_at, overtake
        self._stores = [CredentialManager(Steps(one.backend, self._step), store=one.store) for one in (source, destination)]

    def _step(self):
        self.steps += 1
        if self.steps == self._overtaken_at:
            self._overtake()
        if self.steps == self._killed_at:
            raise Killed

    def run(self):
        with contextlib.suppress(Killed):
            return migrate(*self._stores, "app/one", after="delete")
        return None


def read_values(*stores):
    return [store.get("app/one", context=CALLER).token() for store in stores if store.exists("app/one", CALLER)]


def has_mark(store):
    with store.acting(CALLER):
        return store.exists("app/one", CALLER) and MOVING in store.backend.get("app/one").full_metadata.attributes


@pytest.fixture
def stores():
    options = {"backend": "memory", "encrypt": False, "allow_plaintext": True, "audit": "off"}
    with ExitStack() as opened:
        yield [opened.enter_context(closing(open_store(options, name=name))) for name in ("source", "destination")]


@pytest.mark.parametrize("overtaken_at", range(1, STEPS + 1))
def test_two_moves_there_and_back_never_delete_both_copies_wherever_either_is_killed(stores, overtaken_at):
    """Each has verified the copy that the other one is about to delete. The next move finishes either."""
    source, destination = stores
    wanted = Secret("value of app/one")
    source.create(DesiredCredential("app/one", value=wanted), CALLER)
    for killed_at, other_killed_at in itertools.product((0, overtaken_at, overtaken_at + 1), range(STEPS + 1)):
        # Both hold it, as after the copies of two moves.
        assert "msg" not in migrate(source, destination, "app/one")
        other = Run(destination, source, killed_at=other_killed_at)
        moving = Run(source, destination, killed_at=killed_at, overtaken_at=overtaken_at, overtake=other.run)
        moving.run()
        case = (killed_at, other_killed_at, moving.steps, other.steps)
        assert moving.steps >= overtaken_at, case
        found = read_values(*stores)
        assert found in ([wanted], [wanted] * 2), case
        if not killed_at and not other_killed_at:
            assert (len(found), [store for store in stores if has_mark(store)]) == (1, []), case
        assert "msg" not in migrate(destination, source, "app/one", after="delete"), case
        assert (len(read_values(source)), read_values(destination)) == (1, []), case
