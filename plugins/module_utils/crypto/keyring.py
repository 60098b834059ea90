# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key ring of a store: opened by any of its sources, created once, reloaded after changes by others (ENVELOPE rules 9 to 12)."""

from __future__ import annotations

import os
import threading
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives, retired_keys
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_errors import Problem, none_opens
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Slot, Terms, unwrap, wrap
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_source import KeySource
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto.store_document import (
    Ring,
    StoreDocument,
    check_ring,
    read_document,
    read_present,
    readable_slots,
    write_document,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    Damaged,
    InvalidConfiguration,
    InvalidInput,
    MissingKey,
    WrongKey,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import name_source
from ansible_collections.nebula.credential.plugins.module_utils.model.record import STAGES

_ATTEMPTS = 10
_RESTORE = "Restore the store's document (metadata.json) from a backup."


class OpenRing(NamedTuple):
    """A ring whose active key is known. `content` is the document that it was read from."""

    content: bytes
    ring: Ring
    active: MasterKey
    keys: Dict[bytes, MasterKey]
    slots: Tuple[bytes, ...]


class Intended(NamedTuple):
    """The changes of a ring that its configuration requires: slots that stay, slots to remove, and sources that get a slot."""

    kept: Tuple[bytes, ...]
    dropped: Tuple[Slot, ...]
    missing: Tuple[KeySource, ...]


class Keyring:
    """The keys of one store. Opened at the first use; safe to share between threads."""

    def __init__(self, backend: Backend, sources: Sequence[KeySource], drop_sources: Iterable[str] = ()) -> None:
        """Take the backend that keeps the document, the sources in order, and the sources whose slots are to be removed. Opens nothing."""
        self.backend = backend
        self.sources = tuple(sources)
        self.drop_sources = frozenset(drop_sources)
        self._opened: Optional[OpenRing] = None
        self._surveyed: Optional[OpenRing] = None
        self._lock = threading.RLock()
        self._begun = self._read = 0

    def open(self) -> Optional[OpenRing]:
        """Return the ring, or None if the store has none yet.

        Raises:
            EncryptionError: it cannot be opened; each reason has a class of its own.
        """
        return self._opened or self.reload()

    def reload(self) -> Optional[OpenRing]:
        """Return the ring of the current document. Opens the document only if it changed.

        The document is read after this call began: by this caller, or by another one that waited for the same lock.
        """
        asked = self._begun
        with self._lock:
            if self._read > asked:
                return self._opened
            self._begun += 1
            number = self._begun
            content = self.backend.read_store_document()
            if content is None:
                if self._opened is not None:
                    raise MissingKey("the store's document is gone", remedy=_RESTORE)
                return None
            if self._opened is None or self._opened.content != content:
                self._opened, self._surveyed = self._reconcile(self._open_document(content)), None
            self._read = number
            return self._opened

    def peek(self) -> Optional[OpenRing]:
        """Return the stored ring, or None if there is none. Writes nothing: no source gets or loses a slot."""
        with self._lock:
            content = self.backend.read_store_document()
            return None if content is None else self._open_document(content)

    def check_sources(self) -> None:
        """Open the stored document, if there is one, with what the sources hold now, even if this process has opened it before.

        Raises:
            EncryptionError: as `open`.
        """
        with self._lock:
            content = self.backend.read_store_document()
            if content is not None:
                self._open(content)

    def current(self) -> Optional[OpenRing]:
        """Return the ring as last opened, else the stored one."""
        return self._opened or self.peek()

    def is_open(self) -> bool:
        """Return True if `known` returns without reading the document."""
        return self._opened is not None

    def ensure(self) -> OpenRing:
        """Return the current ring with the slots that the configuration requires. Create it if the store is new.

        Raises:
            As `create`, and the errors that `reload` ignores: a source is unavailable, a slot is damaged, nothing can be written.
        """
        for _each in range(_ATTEMPTS):
            with self._lock:
                ring = self.peek()
                try:
                    self._opened = self.create() if ring is None else self._with_wanted_slots(ring)
                except Conflict:
                    continue  # Another run changed it first.
                self._surveyed = None
                return self._opened
        raise Conflict("{0} other runs changed the store's document first".format(_ATTEMPTS), remedy="Repeat when there are fewer.")

    def _open_document(self, content: bytes) -> OpenRing:
        """Open a document, unless it is the one that was opened last: deriving a key from a passphrase is slow."""
        for ring in (self._opened, self._surveyed):
            if ring is not None and ring.content == content:
                return ring
        self._surveyed = self._open(content)
        return self._surveyed

    def create(self) -> OpenRing:
        """Return the current ring. Create it if the store is new.

        Raises:
            MissingKey: there are records but no document. A new key is never made for them.
        """
        with self._lock:
            ring = self.reload()
            if ring is None:
                self._create()
                ring = self.reload()
            return _require_ring(ring)

    def key(self, key_id: bytes) -> MasterKey:
        """Return a key of the ring. Reload the ring once if it lacks the key.

        Raises:
            WrongKey: the store has no such key.
        """
        ring = self._opened
        if ring is None or key_id not in ring.keys:
            ring = self.reload()
        if ring is not None and key_id in ring.keys:
            return ring.keys[key_id]
        raise WrongKey(
            "the envelope was written with a key that this store does not hold",
            remedy="It comes from another store, or from before a rotation of the master key. Restore it from a backup of this store.",
        )

    def write(self, ring: OpenRing, changed: Ring, active: MasterKey, slots: Tuple[bytes, ...]) -> OpenRing:
        """Replace the document.

        Raises:
            Conflict: another run changed it first.
        """
        with self._lock:
            self.backend.write_store_document(write_document(active, changed, slots), ring.content)
            return _require_ring(self.reload())

    def is_dropped(self, terms: Terms, also: Iterable[str] = ()) -> bool:
        """Return True if slots of these terms are to be removed: named by kind, or by `kind:label`."""
        names = self.drop_sources.union(also)
        return terms.source in names or "{0}:{1}".format(terms.source, terms.label) in names

    def new_slots(self, key: MasterKey, store_id: bytes, sources: Iterable[KeySource], *, renew: bool) -> Tuple[bytes, ...]:
        """Return a slot of `key` for each source."""
        return tuple(wrap(key, *source.prepare(store_id, renew=renew), store_id) for source in sources)

    def check_rotatable(self) -> None:
        """Check that the ring can be rotated; that of a store that ends with its process cannot."""

    def check_new(self) -> None:
        """Check that a store without a document may get a key.

        Raises:
            MissingKey: it has records, or no source is configured.
        """
        # Another process may have created the store in the meantime; then this creation fails and uses that store.
        if self._has_records() and self.backend.read_store_document() is None:
            raise MissingKey("the store has records, but its document is gone", remedy=_RESTORE)
        if not self.sources:
            raise MissingKey("no key source is configured", option="key_sources", remedy="Add one to 'key_sources' before writing.")

    def _create(self) -> None:
        """Make the sources' secrets durable, then the document; its exclusive creation decides between processes (rule 11)."""
        self.check_new()
        store_id, key = os.urandom(16), MasterKey.generate()
        try:
            ring, slots = Ring(store_id, key.key_id, created_at=read_present()), self.new_slots(key, store_id, self.sources, renew=False)
            content = write_document(key, ring, slots)
            self.backend.write_store_document(content, None)
            self._opened = OpenRing(content, ring, key, {key.key_id: key}, slots)
        except Conflict:
            for source in self.sources:
                source.abandon(store_id)

    def _has_records(self) -> bool:
        listings = (self.backend.list(Filter(stage=stage, names_only=True)) for stage in STAGES)
        return any(True for listing in listings for _each in listing)

    def _open(self, content: bytes) -> OpenRing:
        """Open a document, or the one that replaced it meanwhile: a rotation may have removed the key of its source."""
        try:
            return self._open_with_any(content)
        except CredentialError:
            latest = self.backend.read_store_document()
            if latest is None or latest == content:
                raise
            return self._open_with_any(latest)

    def _open_with_any(self, content: bytes) -> OpenRing:
        primitives.require_cryptography()
        document = read_document(content)
        slots, broken = readable_slots(document)
        active = self._active(document, slots, broken)
        check_ring(active, document)
        keys = retired_keys.unwrap_retired_keys(active, slots, document.ring.store_id)
        keys[active.key_id] = active
        return OpenRing(content, document.ring, active, keys, document.slots)

    def _active(self, document: StoreDocument, slots: List[Slot], broken: bool) -> MasterKey:
        """Return the active key. Try the sources in order; the first that opens a slot is enough."""
        candidates = [slot for slot in slots if slot.key_id == document.ring.active]
        problems: List[Problem] = []
        for source in self.sources:
            name, fitting = name_source(source.kind, source.label), [slot for slot in candidates if source.fits(slot.terms)]
            for slot in fitting:
                try:
                    return unwrap(slot, source.secret(slot.terms, document.ring.store_id), document.ring.store_id)
                except CredentialError as problem:
                    problems.append((name, problem))
            if not fitting:
                problems.append((name, None))
        raise none_opens(problems, candidates, broken)

    def _reconcile(self, opened: OpenRing) -> OpenRing:
        """Give new sources in the configuration a slot, and remove the slots of dropped sources.

        Failures (read-only, a source that is broken or unavailable) are ignored and retried later: reading does not depend on it.
        """
        try:
            return self._with_wanted_slots(opened)
        except CredentialError:
            return opened

    def _with_wanted_slots(self, opened: OpenRing) -> OpenRing:
        intended = self.read_intended(opened)
        if not intended.dropped and not intended.missing:
            return opened
        slots = intended.kept + self.new_slots(opened.active, opened.ring.store_id, intended.missing, renew=False)
        content = write_document(opened.active, opened.ring, slots)
        self.backend.write_store_document(content, opened.content)
        return opened._replace(content=content, slots=slots)

    def read_intended(self, opened: OpenRing) -> Intended:
        """Return the changes that the configuration requires of this ring. Changes nothing.

        Raises:
            Damaged: a slot or a key file is damaged. The source of a damaged slot is unknown.
            InvalidConfiguration: no slot would be left.
        """
        slots, broken = readable_slots(StoreDocument(opened.ring, opened.slots, b""))
        if broken:
            raise Damaged("a key slot of the store is damaged", remedy=_RESTORE)
        terms = [slot.terms for slot in slots if slot.terms.source != retired_keys.KIND]
        dropped = tuple(slot for slot in slots if self.is_dropped(slot.terms))
        kept = tuple(data for data, slot in zip(opened.slots, slots) if slot not in dropped)
        missing = tuple(source for source in self.sources if not source.is_among(terms, opened.ring.store_id))
        if terms and not missing and all(self.is_dropped(one) for one in terms):
            raise InvalidConfiguration(
                "no key source would be left that opens the store", option="drop_sources", remedy="Add another one to 'key_sources' first."
            )
        return Intended(kept, dropped, missing)


def _require_ring(ring: Optional[OpenRing]) -> OpenRing:
    if ring is None:
        raise MissingKey("the store's document is gone", remedy=_RESTORE)
    return ring


class EphemeralKeyring(Keyring):
    """The ring of a store that does not outlive the process: one random key, stored nowhere."""

    def __init__(self, backend: Backend) -> None:
        """Make the key."""
        super().__init__(backend, ())
        key = MasterKey.generate()
        self._ring = OpenRing(b"", Ring(os.urandom(16), key.key_id), key, {key.key_id: key}, ())

    def reload(self) -> OpenRing:
        """Return the one ring."""
        return self._ring

    def peek(self) -> OpenRing:
        """Return the one ring."""
        return self._ring

    def ensure(self) -> OpenRing:
        """Return the one ring."""
        return self._ring

    def check_rotatable(self) -> None:
        """Refuse: there is no document.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput(
            "the store ends with its process, and its key with it", remedy="Nothing can be rotated: restart the process for a new key."
        )
