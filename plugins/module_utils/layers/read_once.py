# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One operation on one credential reads each of its values once, and carries them along.

A write puts what it stored in place of what was read, with its etag, so the next write names that state: it is a compare-and-swap,
which fails if another process wrote in between. After a write that fails, nothing counts as read any more.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import Dict, Iterator, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ABSENT, CURRENT, Etag, Record


class ReadOnce(Layer):
    """The stages of one credential, for the length of one operation. Never kept longer: other processes write, too.

    Once the current value was read, the caller's scope was checked against it: the writes that follow do not read it again for that.
    """

    def __init__(self, inner: Backend, name: str) -> None:
        """Take the store in its layers, and the credential's name. Values of other credentials are passed on."""
        super().__init__(inner)
        self._name = name
        self._known: Dict[str, Optional[Record]] = {}
        self._stages: Optional[Sequence[str]] = None

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        if name != self._name or version is not None:
            return self.inner.get(name, version, stage)
        if stage not in self._known:
            self._known[stage] = self._find(stage)
        found = self._known[stage]
        if found is None:
            raise absent(name, stage=stage)
        return found

    def _find(self, stage: str) -> Optional[Record]:
        if stage == CURRENT:  # the backend's own message says more than ours, for example when the value was deleted
            return self.inner.get(self._name)
        if self._stages is None:
            self._stages = self.inner.find_stages(self._name)
        try:
            return self.inner.get(self._name, stage=stage) if stage in self._stages else None
        except NotFound:
            return None

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        if create and record.name == self._name and self._known.get(record.stage, record) is None:
            expected = ABSENT  # it was read that there is none
        with self._writing(record.name):
            stored = self.inner.put(record, expected, create=create)
        self._note(record.name, record.stage, stored)
        return stored

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        with self._writing(record.name):
            stored = self.inner.patch_metadata(record, expected_revision)
        self._note(record.name, record.stage, stored)
        return stored

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        with self._writing(name):
            self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable)
        self._note(name, stage, None)

    def _note(self, name: str, stage: str, stored: Optional[Record]) -> None:
        if name != self._name:
            return
        if stored is None and stage == CURRENT:
            self._forget()
        else:
            self._known[stage] = stored

    def _forget(self) -> None:
        self._known.clear()
        self._stages = None

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """Inside the `with` block a write is made. If it fails, what is stored is not known any more."""
        with ExitStack() as checked:
            if name == self._name and self._known.get(CURRENT) is not None:
                checked.enter_context(scope_checked(name))
            try:
                yield
            except BaseException:
                self._forget()
                raise
