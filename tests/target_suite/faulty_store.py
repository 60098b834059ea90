# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store whose controller dies at one of its writes, or that does not respond from one of its calls on."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record


class Crash(BaseException):
    """The controller died. Not an Exception, so nothing catches it on the way."""


def refuse(_call: Callable[[], Any]) -> Any:
    """Fail as a store does that does not respond.

    Raises:
        Unavailable: always.
    """
    raise Unavailable("the store is down", option="store", remedy="This is a test.")


class FaultyStore(Layer):
    """Counts the writes and all calls of a rotation. `dies_at` and `fails_at` count from 1; 0 is never."""

    def __init__(self, inner: Backend, written: Callable[[], None]) -> None:
        """Wrap a store. `written` is called after every write that was done."""
        super().__init__(inner)
        self._written = written
        self.fail = refuse
        """Called in place of each call from `fails_at` on, with the call: raises, or does the call in a store that fails by itself."""
        self.mend()

    def mend(self) -> None:
        """Work again, and count from the beginning."""
        self.writes = self.calls = 0
        self.dies_at, self.after = 0, False
        self.fails_at = 0
        self.fired = False

    def _call(self, act: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.fails_at and self.calls >= self.fails_at:
            self.fired = True
            return self.fail(act)
        return act()

    def _write(self, act: Callable[[], Any]) -> Any:
        self.writes += 1
        dies = self.writes == self.dies_at
        self.fired = self.fired or dies
        if dies and not self.after:
            raise Crash
        done = self._call(act)
        self._written()
        if dies:
            raise Crash
        return done

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        return self._call(lambda: self.inner.get(name, version, stage))

    def find_stages(self, name: str) -> Sequence[str]:
        return self._call(lambda: self.inner.find_stages(name))

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        assert create or expected is not None, "every write of a rotation is a compare-and-swap"
        return self._write(lambda: self.inner.put(record, expected, create=create))

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        return self._write(lambda: self.inner.patch_metadata(record, expected_revision))

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        self._write(lambda: self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable))
