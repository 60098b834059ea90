# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key ring of a store: opened by any of its sources, made once, reloaded when somebody else changed it (ENVELOPE rules 9 to 12)."""

from __future__ import annotations

import os
import threading
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives, retired_keys
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_source import KeySource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto.slots import Slot, Terms, described, unwrap, wrap
from ansible_collections.nebula.credential.plugins.module_utils.crypto.store_document import (
    Ring,
    StoreDocument,
    check_ring,
    read_document,
    readable_slots,
    write_document,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    Damaged,
    InvalidInput,
    MissingKey,
    WrongKey,
)
from ansible_collections.nebula.credential.plugins.module_utils.providers.base import Filter, Provider
from ansible_collections.nebula.credential.plugins.module_utils.record import STAGES

_RESTORE = "Restore the store's document (metadata.json) from a backup."


class OpenRing(NamedTuple):
    """A ring whose active key is known. `content` is the document it was read from."""

    content: bytes
    ring: Ring
    active: MasterKey
    keys: Dict[bytes, MasterKey]
    slots: Tuple[bytes, ...]


class Keyring:
    """The keys of one store. Opened when first needed; safe to share between threads."""

    def __init__(self, provider: Provider, sources: Sequence[KeySource], drop_sources: Iterable[str] = ()) -> None:
        """Take the provider that keeps the document, the sources in order, and those whose slots are to go. Opens nothing."""
        self.provider = provider
        self.sources = tuple(sources)
        self.drop_sources = frozenset(drop_sources)
        self._opened: Optional[OpenRing] = None
        self._lock = threading.RLock()

    def opened(self) -> Optional[OpenRing]:
        """The ring, or None where the store has none yet.

        Raises:
            EncryptionError: it cannot be opened; each reason is a class of its own.
        """
        return self._opened or self.refreshed()

    def refreshed(self) -> Optional[OpenRing]:
        """The ring as the store's document is now. Reads the document; opens it only where it changed."""
        with self._lock:
            content = self.provider.read_store_document()
            if content is None:
                if self._opened is not None:
                    raise MissingKey("the store's document is gone", remedy=_RESTORE)
                return None
            if self._opened is None or self._opened.content != content:
                self._opened = self._reconciled(self._open(content))
            return self._opened

    def created(self) -> OpenRing:
        """The ring as it is now, made where the store is new.

        Raises:
            MissingKey: there are records and no document. A new key is never made for them.
        """
        with self._lock:
            ring = self.refreshed()
            if ring is None:
                self._create()
                ring = self.refreshed()
            return _there(ring)

    def key(self, key_id: bytes) -> MasterKey:
        """A key of the ring, which is reloaded once where it lacks the key.

        Raises:
            WrongKey: the store has no such key.
        """
        for ring in (self._opened, self.refreshed()):
            if ring is not None and key_id in ring.keys:
                return ring.keys[key_id]
        raise WrongKey(
            "the envelope was written with a key that this store does not hold",
            remedy="It comes from another store, or from before a rotation of the master key. Restore it from a backup of this store.",
        )

    def write(self, ring: OpenRing, changed: Ring, active: MasterKey, slots: Tuple[bytes, ...]) -> OpenRing:
        """Replace the document.

        Raises:
            Conflict: somebody else changed it first.
        """
        with self._lock:
            self.provider.write_store_document(write_document(active, changed, slots), ring.content)
            return _there(self.refreshed())

    def is_dropped(self, terms: Terms, also: Iterable[str] = ()) -> bool:
        """Whether slots of these terms are to go: named by kind, or by `kind:label`."""
        names = self.drop_sources.union(also)
        return terms.source in names or "{0}:{1}".format(terms.source, terms.label) in names

    def new_slots(self, key: MasterKey, store_id: bytes, sources: Iterable[KeySource], *, renew: bool) -> Tuple[bytes, ...]:
        """A slot of `key` for each source."""
        return tuple(wrap(key, *source.prepare(store_id, renew=renew), store_id) for source in sources)

    def _create(self) -> None:
        """Sources first, durably, then the document; its exclusive creation decides between processes (rule 11)."""
        if self._has_records():
            raise MissingKey("the store has records, but its document is gone", remedy=_RESTORE)
        if not self.sources:
            raise MissingKey("no key source is configured", option="key_sources", remedy="Name one, to write.")
        store_id, key = os.urandom(16), MasterKey.generate()
        try:
            ring, slots = Ring(store_id, key.key_id), self.new_slots(key, store_id, self.sources, renew=False)
            content = write_document(key, ring, slots)
            self.provider.write_store_document(content, None)
            self._opened = OpenRing(content, ring, key, {key.key_id: key}, slots)
        except Conflict:
            for source in self.sources:
                source.abandon(store_id)

    def _has_records(self) -> bool:
        listings = (self.provider.list(Filter(stage=stage, names_only=True)) for stage in STAGES)
        return any(True for listing in listings for _ in listing)

    def _open(self, content: bytes) -> OpenRing:
        """Open a document, or the one that took its place meanwhile: a rotation may have taken its source's key away."""
        try:
            return self._open_with_any(content)
        except CredentialError:
            latest = self.provider.read_store_document()
            if latest is None or latest == content:
                raise
            return self._open_with_any(latest)

    def _open_with_any(self, content: bytes) -> OpenRing:
        primitives.require_cryptography()
        document = read_document(content)
        slots, broken = readable_slots(document)
        active = self._active(document, slots, broken)
        check_ring(active, document)
        keys = retired_keys.unwrapped(active, slots, document.ring.store_id)
        keys[active.key_id] = active
        return OpenRing(content, document.ring, active, keys, document.slots)

    def _active(self, document: StoreDocument, slots: List[Slot], broken: bool) -> MasterKey:
        """Try the sources in order; the first that opens a slot is enough."""
        candidates = [slot for slot in slots if slot.key_id == document.ring.active]
        problems = []
        for source in self.sources:
            for slot in candidates:
                if source.fits(slot.terms):
                    try:
                        return unwrap(slot, source.secret(slot.terms, document.ring.store_id), document.ring.store_id)
                    except CredentialError as problem:
                        problems.append(problem)
        if problems:
            raise problems[0] from None
        raise self._without_slot(candidates, broken)

    def _without_slot(self, candidates: List[Slot], broken: bool) -> CredentialError:
        if broken:
            return Damaged("a key slot of the store is damaged", option="key_sources", remedy=_RESTORE)
        there = ", ".join(described(slot.terms) for slot in candidates) or "none"
        return MissingKey(
            "no configured key source has a slot in this store",
            option="key_sources",
            remedy="It can be opened with: {0}.".format(there),
        )

    def _reconciled(self, opened: OpenRing) -> OpenRing:
        """Give sources that are new in the configuration a slot, and take it from those that are to be dropped.

        What cannot be done now (read-only, a source that is broken or not here) is left for later: reading does not depend on it.
        """
        try:
            slots = self._wanted_slots(opened)
            if slots == opened.slots:
                return opened
            content = write_document(opened.active, opened.ring, slots)
            self.provider.write_store_document(content, opened.content)
        except CredentialError:
            return opened
        return opened._replace(content=content, slots=slots)

    def _wanted_slots(self, opened: OpenRing) -> Tuple[bytes, ...]:
        store_id = opened.ring.store_id
        slots, broken = readable_slots(StoreDocument(opened.ring, opened.slots, b""))
        if broken:
            return opened.slots
        terms = [slot.terms for slot in slots if slot.terms.source != retired_keys.KIND]
        kept = tuple(data for data, slot in zip(opened.slots, slots) if not self.is_dropped(slot.terms))
        missing = [source for source in self.sources if not source.is_among(terms, store_id)]
        wanted = kept + self.new_slots(opened.active, store_id, missing, renew=False)
        usable = any(slot.terms.source != retired_keys.KIND for slot in readable_slots(StoreDocument(opened.ring, wanted, b""))[0])
        return wanted if usable else opened.slots


def _there(ring: Optional[OpenRing]) -> OpenRing:
    if ring is None:
        raise MissingKey("the store's document is gone", remedy=_RESTORE)
    return ring


class PassingKeyring(Keyring):
    """The ring of a store that does not outlive the process: one random key, kept nowhere."""

    def __init__(self, provider: Provider) -> None:
        """Make the key."""
        super().__init__(provider, ())
        key = MasterKey.generate()
        self._ring = OpenRing(b"", Ring(os.urandom(16), key.key_id), key, {key.key_id: key}, ())

    def refreshed(self) -> OpenRing:
        """Always the same one."""
        return self._ring

    def write(self, ring: OpenRing, changed: Ring, active: MasterKey, slots: Tuple[bytes, ...]) -> OpenRing:
        """There is no document.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput("the store ends with its process, and its key with it", remedy="There is nothing to rotate: start anew.")
