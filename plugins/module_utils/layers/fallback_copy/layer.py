# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of what was read, on this controller's disk, for the time in which the backend does not respond.

The layer is inside scope and the session's cache: the scope of a copy is checked like that of a value, and no cache keeps a copy. It is
outside encryption: a copy needs nothing of the backend. It may fail at any time: then the answer is that of the backend.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Callable, Dict, Iterable, Iterator, Mapping, NamedTuple, Optional, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CircuitOpen,
    CredentialError,
    Damaged,
    InvalidInput,
    NotFound,
    ReadOnly,
    Timeout,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Keeper
from ansible_collections.nebula.credential.plugins.module_utils.layers.fallback_copy.files import CopyFiles
from ansible_collections.nebula.credential.plugins.module_utils.layers.own_ring import RingPlace
from ansible_collections.nebula.credential.plugins.module_utils.layers.shared_cache.entries import Entries
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, DEPLOYED, Record
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import is_cached, is_refreshable

ANSWERED = (Unavailable, Timeout, CircuitOpen)
"""The failures that a copy may answer: the backend says nothing. A denial, a missing name or a refused login is an answer of its own."""
CLOCK_SKEW = 60.0
"""Seconds by which a copy may come from the future. Beyond that the clock was set back, and its age is not known."""
RENEWED_AFTER = 0.1
"""The share of `max_age` after which an unchanged copy is written again. A run without a session reads a value in each task."""

Answer = TypeVar("Answer")
Wanted = Tuple[str, Optional[str]]


class FallbackCopy(Keeper):
    """Keep a copy of each current value and each version that is read to be used, and return it while the backend does not respond.

    Operations that write, compare or describe, and lookups that read past the caches (`fresh`), never get a copy.
    """

    def __init__(
        self, inner: Backend, files: CopyFiles, entries_of: Callable[[], Entries], max_age: float, keyring: Optional[Keyring] = None
    ) -> None:
        """Wrap `inner`.

        Args:
            inner: the backend within its layers, which returns decrypted records.
            files: the copies.
            entries_of: opens the key of the copies, and returns `Entries` under it.
            max_age: seconds for which a copy may answer.
            keyring: that of the store, if it is encrypted.
        """
        super().__init__(inner)
        self._files = files
        self._entries_of = entries_of
        self._max_age = max_age
        self._keyring = keyring
        self._changes = 0
        self._told: Dict[str, None] = {}
        self._lock = threading.Lock()

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        if stage != CURRENT:
            return self.inner.get(name, version, stage)
        wanted, begun = (name, version), self._changes
        try:
            record = self.inner.get(name, version)
        except ANSWERED:
            found = self._find([wanted]).get(wanted)
            if found is None:
                raise
            return found
        except (NotFound, AccessDenied):
            self._drop(name)
            raise
        self._keep({wanted: record}, begun)
        return record

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        asked, begun = list(names), self._changes
        try:
            found = self.inner.get_many(asked)
        except ANSWERED:
            copies = self._find([(name, None) for name in asked])
            if len(copies) < len(set(asked)):
                raise
            return {name: copies[name, None] for name in asked}
        except AccessDenied as error:
            if error.name is not None:
                self._drop(error.name)
            raise
        self._drop(*(name for name in asked if name not in found))
        self._keep({(name, None): record for name, record in found.items()}, begun)
        return found

    def _find(self, asked: Iterable[Wanted]) -> Dict[Wanted, Record]:
        """Return the copies that may answer, and warn of each."""
        if not current_caller().cacheable:
            return {}
        copies = {wanted: self._attempt(partial(self._open, *wanted), None) for wanted in asked}
        found = {wanted: copy for wanted, copy in copies.items() if copy is not None}
        for (name, _version), record in found.items():
            self.context.warn(self._describe_use(name, record))
        return found

    def _open(self, name: str, version: Optional[str]) -> Optional[Record]:
        entries = self._entries_of()
        content = self._files.find(name_place(entries, name, version))
        if content is None:
            return None
        found = entries.unseal(content, name, version)
        if found is None:
            what = "the copy of credential '{0}' is damaged, or was changed, and is not used".format(name)
            raise Damaged(what, remedy="The next read from the backend replaces it.")
        copied_at, now = found.ends_at - self._max_age, time.time()
        if found.ends_at <= now or copied_at > now + CLOCK_SKEW:
            return None
        return replace(found.record, copied_at=datetime.fromtimestamp(copied_at, timezone.utc))

    def _describe_use(self, name: str, record: Record) -> str:
        copied_at = record.copied_at or datetime.now(timezone.utc)
        return (
            "credential '{0}', store '{1}': the backend does not respond; a copy of its value is used, which was read from it at {2} "
            "('fallback_copy')."
        ).format(name, self.context.store, copied_at.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def _keep(self, records: Mapping[Wanted, Record], begun: int) -> None:
        """Copy these records, unless something was changed here since the read began: it may have been one of them."""
        caller = current_caller()
        if begun != self._changes or not (caller.cacheable or caller.operation in ("get", "get_many")):
            return
        for (name, version), record in records.items():
            if _may_be_copied(record):
                self._attempt(partial(self._write, name, version, record), None)
            else:
                self._drop(name)

    def _write(self, name: str, version: Optional[str], record: Record) -> None:
        entries, now = self._entries_of(), time.time()
        place = name_place(entries, name, version)
        content = self._files.find(place)
        known = None if content is None else entries.unseal(content, name, version)
        if known is not None and known.record == record and now < known.ends_at - self._max_age * (1 - RENEWED_AFTER) < now + self._max_age:
            return
        try:
            sealed = entries.seal(record, version, self._max_age)
        except InvalidInput:  # metadata of another tool that our layout cannot write
            self._drop(name)
            return
        try:
            self._files.keep(place, sealed, now + self._max_age)
        except CredentialError:
            if known is not None and known.record != record:
                self._drop(name)  # a value that was replaced must not answer because the disk is full
            raise
        ring = self._keyring.open() if self._keyring is not None and self._keyring.is_open() else None
        if ring is not None and self._files.find(_document_place(entries)) != ring.content:
            self._files.keep(_document_place(entries), ring.content, now + 2 * self._max_age)

    def read_ring(self) -> Optional[OpenRing]:
        """Return the store's key ring from the copy of its document, as the audit trail needs it; None if there is no copy.

        Raises:
            EncryptionError: no key source opens it.
        """
        content = self._attempt(lambda: self._files.find(_document_place(self._entries_of())), None)
        if content is None or self._keyring is None:
            return None
        return Keyring(RingPlace(self, _Document(content)), self._keyring.sources).peek()

    def _drop(self, *names: str) -> None:
        """Remove all copies of these credentials."""
        for name in names:
            self._attempt(partial(self._remove, name), None)

    def _remove(self, name: str) -> None:
        self._files.drop(name_start(self._entries_of(), name))

    def _attempt(self, work: Callable[[], Answer], otherwise: Answer) -> Answer:
        """Return the result of `work`, or `otherwise` if the copies fail. Their failure never fails a read or a write."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001  # no failure of a copy may fail an operation
            why = str(error) if isinstance(error, CredentialError) else type(error).__name__
            with self._lock:
                is_new = why not in self._told
                self._told[why] = None
            if is_new:
                self.context.warn("store '{0}', fallback copy: {1}.".format(self.context.store, why.rstrip(".")))
            return otherwise

    @contextmanager
    def changing(self, name: str, stage: str) -> Iterator[None]:
        """Surround a write: whatever becomes of it, the copy may be of an older value. A record of files has none."""
        try:
            yield
        finally:
            if stage != DEPLOYED:
                with self._lock:
                    self._changes += 1
                self._drop(name)


class _Document(NamedTuple):
    """A document that is only read."""

    content: bytes

    def document(self) -> Optional[bytes]:
        return self.content

    def replace_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        raise ReadOnly("the copy of a store's document is only read")


def _document_place(entries: Entries) -> str:
    return entries.start.decode("ascii").split(":")[1] + "-document"


def name_start(entries: Entries, name: str) -> str:
    """Return how the places of all copies of a credential begin."""
    return entries.spot(name, None).key.decode("ascii").partition(":")[2].replace(":", "-") + "-"


def name_place(entries: Entries, name: str, version: Optional[str]) -> str:
    """Return the place of the copy of a credential's current value, or of a version. It shows neither."""
    return name_start(entries, name) + entries.spot(name, version).field.decode("ascii")


def _may_be_copied(record: Record) -> bool:
    """Return True for a value that may be used later. One with a short life of its own (a token, a code) may not."""
    known = record.metadata
    if known is None or record.envelope is not None or not is_cached(record.type) or is_refreshable(record.type):
        return False
    ends = [each for each in (known.expires_at, record.ends_at) if each is not None]
    return lifecycle.usable(known.lifecycle, bool(ends) and min(ends) <= datetime.now(timezone.utc))
