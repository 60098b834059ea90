# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotation of the master key (E2, ENVELOPE rule 12): re-encrypts everything under a new key, resumable at any point.

1. Write a new key to the store's document, wrapped for every source and wrapping the former key. Once durable, it encrypts.
2. Move every envelope of every stage, every kept version and every mark, in passes until one finds nothing left; then every copy that
      the store keeps of an older value. The key ids alone
      show what is left; there is no cursor to trust, and a killed rotation is simply run again.
3. Remove the former key from the sources. Wrapped by the new key it stays for backups, unless it is compromised.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Iterable, Iterator, List, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    BackupCopy,
    BackupKeeper,
    find_protocol,
    flush_backend,
    require_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.context.progress import count_each
from ansible_collections.nebula.credential.plugins.module_utils.crypto import retired_keys
from ansible_collections.nebula.credential.plugins.module_utils.crypto.envelope_mover import (
    EnvelopeMover,
    list_kept_versions,
    list_names,
    put_under_active_key,
)
from ansible_collections.nebula.credential.plugins.module_utils.crypto.high_water_marks import HighWaterMarks
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Slot, describe_source, unwrap
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.registry import check_dropped
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_status import describe_key, foreseen_slots
from ansible_collections.nebula.credential.plugins.module_utils.crypto.keyring import Keyring, OpenRing
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.crypto.store_document import (
    Ring,
    StoreDocument,
    read_present,
    readable_slots,
)
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import read_envelope
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope_metadata import to_microseconds
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    Damaged,
    EncryptionError,
    KeySourceUnavailable,
    MissingKey,
    NotFound,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import FormerKey, Rotated, name_source
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES, Record


def rotate_master_key(
    keyring: Keyring,
    marks: Optional[HighWaterMarks],
    tenant: str,
    *,
    compromised: bool = False,
    drop_sources: Iterable[str] = (),
    keep_until: Optional[datetime] = None,
) -> Rotated:
    """Rotate, or resume a rotation that was killed.

    Args:
        keyring: the store's keys.
        marks: this user's marks, or None if the store has none.
        tenant: the store's tenant.
        compromised: remove all former keys. Backups outside the store that need them cannot be read afterwards.
        drop_sources: sources (`kind` or `kind:label`) that get no slot of the new key, although they have one of the old key. A
                resumed rotation keeps the choice that it began with.
        keep_until: when the last backup that needs the former key expires; None keeps it until the next compromised rotation.

    Raises:
        MissingKey: the store has no key yet.
        InvalidInput: the store ends with its process, or `drop_sources` names a configured source or something that is not a source.
        KeySourceUnavailable: a source that has a slot is not configured, or unavailable, and not dropped.
        WrongPassphrase, MissingKey: a source does not open its slot, and is not dropped.
        EncryptionError: an envelope cannot be moved. The others were; the former key stays until that one is restored or deleted.
        Conflict: another rotation began at the same time.
    """
    dropped = frozenset(drop_sources)
    ring = _rotatable(keyring, keyring.reload(), dropped)
    before, resumed = describe_key(keyring, ring), ring.ring.retiring is not None
    left = () if resumed else _check_sources(keyring, ring, dropped)
    if not resumed:
        ring = _begin(keyring, ring, compromised, keep_until)
    elif compromised and not ring.ring.compromised:
        ring = keyring.write(ring, ring.ring._replace(compromised=True), ring.active, ring.slots)
    envelopes = EnvelopeMover(keyring, ring, tenant).move_all() + _move_backups(keyring, ring, tenant)
    moved_marks = marks.rewrite_all(ring) if marks is not None else 0
    after = describe_key(keyring, _finish(keyring, ring))
    return Rotated(before, after, envelopes, moved_marks, resumed, left)


def plan_rotation(
    keyring: Keyring, *, compromised: bool = False, drop_sources: Iterable[str] = (), keep_until: Optional[datetime] = None
) -> Rotated:
    """Return what `rotate_master_key` would do now. Writes nothing. Raises the same errors, as far as they can be known before."""
    dropped = frozenset(drop_sources)
    ring = _rotatable(keyring, keyring.peek(), dropped)
    before, resumed = describe_key(keyring, ring), ring.ring.retiring is not None
    left = () if resumed else _check_sources(keyring, ring, dropped)
    after = before._replace(rotating=False, former=() if compromised else before.former)
    if not resumed:
        for source in keyring.sources:
            source.check(ring.ring.store_id)
        former = () if compromised else (*before.former, FormerKey(ring.active.key_id.hex(), keep_until))
        after = after._replace(key_id=None, created_at=None, slots=foreseen_slots(keyring.sources), former=former)
    envelopes = sum(not resumed or _is_left(keyring, ring, record) for record in _everything(keyring.backend))
    copies = [_read_key_id(copy) for copy in _read_backups(keyring.backend)]
    envelopes += sum(key in ring.keys and not (resumed and key == ring.active.key_id) for key in copies)
    return Rotated(before, after, envelopes, 0, resumed, left)


def _rotatable(keyring: Keyring, ring: Optional[OpenRing], dropped: Iterable[str]) -> OpenRing:
    keyring.check_rotatable()
    check_dropped(dropped, keyring.sources)
    if ring is None:
        raise MissingKey("the store has no key yet", remedy="Write a credential first, or make the key with 'store_key'.")
    return ring


def _begin(keyring: Keyring, ring: OpenRing, compromised: bool, keep_until: Optional[datetime]) -> OpenRing:
    """Step 1. If several processes start at once, the document's compare-and-swap lets one through."""
    slots, store_id = _whole_slots(ring), ring.ring.store_id
    new, until = MasterKey.generate(), 0 if keep_until is None else to_microseconds(keep_until)
    wanted = keyring.new_slots(new, store_id, keyring.sources, renew=True)
    needed = retired_keys.still_needed(slots, to_microseconds(datetime.now(timezone.utc)))
    former = [(ring.active, until), *((ring.keys[slot.key_id], retired_keys.keep_until(slot)) for slot in needed)]
    retired = (retired_keys.build_retired_slot(new, key, keep, store_id) for key, keep in former)
    changed = Ring(store_id, new.key_id, ring.active.key_id, compromised, until, read_present())
    return keyring.write(ring, changed, new, (*wanted, *retired))


def _whole_slots(ring: OpenRing) -> List[Slot]:
    slots, broken = readable_slots(StoreDocument(ring.ring, ring.slots, b""))
    if broken:
        raise Damaged("a key slot of the store is damaged", remedy="Restore the store's document (metadata.json) from a backup first.")
    return slots


def _check_sources(keyring: Keyring, ring: OpenRing, dropped: Iterable[str]) -> Tuple[str, ...]:
    """Check that every source that opens the store now opens it afterwards. Return the sources that are dropped explicitly."""
    left = []
    for slot in _whole_slots(ring):
        if slot.terms.source == retired_keys.KIND:
            continue
        if keyring.is_dropped(slot.terms, dropped):
            left.append(name_source(slot.terms.source, slot.terms.label))
        else:
            _check_source(keyring, slot, ring.ring.store_id)
    return tuple(left)


def _check_source(keyring: Keyring, slot: Slot, store_id: bytes) -> None:
    """Check that a configured source opens a slot. Without this, a mistyped passphrase would replace the right one in the new slot."""
    problem: CredentialError = KeySourceUnavailable(
        "the key source {0} opens the store and is not configured here".format(describe_source(slot.terms)),
        option="key_sources",
        remedy="Add it to 'key_sources'.",
    )
    for source in keyring.sources:
        if source.is_among([slot.terms], store_id):
            try:
                unwrap(slot, source.secret(slot.terms, store_id), store_id)
                return
            except CredentialError as found:
                problem = found
    name = "{0}:{1}".format(slot.terms.source, slot.terms.label)
    problem.remedy = "{0} To rotate without it, name it under 'drop_sources' ('{1}').".format(problem.remedy, name).strip()
    raise problem from None


def _everything(backend: Backend) -> Iterator[Record]:
    """Yield name, stage and version of everything that holds an envelope. A version of None means the stage's own value.

    Each credential counts as progress.
    """
    for stage in STAGES:
        names = list_names(backend, stage)
        for name in count_each(names) if stage == CURRENT else names:
            yield Record(name, stage=stage)
            kept = list_kept_versions(backend, name) if stage == CURRENT else []
            yield from (Record(name, version=version) for version in kept)


def _is_left(keyring: Keyring, ring: OpenRing, wanted: Record) -> bool:
    """Return True if a killed rotation has yet to move this. True as well if it cannot be read: the rotation reports why."""
    try:
        content = keyring.backend.get(wanted.name, wanted.version, wanted.stage).envelope
        return content is None or read_envelope(content).header.key_id != ring.active.key_id
    except NotFound:
        return False
    except CredentialError:
        return True


def _move_backups(keyring: Keyring, ring: OpenRing, tenant: str) -> int:
    """Step 2 for the store's own backups. Every value has been moved, so a copy that is made from now on has the new key.

    A copy under no key of the store was given up by an earlier rotation, or is damaged: it stays as it is.
    """
    total = 0
    for copy in _read_backups(keyring.backend):
        if _read_key_id(copy) not in ring.keys:
            continue
        try:
            moved = put_under_active_key(keyring, ring, tenant, Record(copy.name, envelope=copy.envelope))
        except CredentialError as problem:
            problem.remedy = "It is a backup: delete {}, then run this again.".format(copy.place)
            raise problem.within(name=copy.name, store=keyring.backend.context.store) from None
        if moved is not None and moved[0].envelope is not None:
            require_protocol(keyring.backend, BackupKeeper, copy.name).rewrite_backup(copy, moved[0].envelope)
            total += 1
    return total


def _read_backups(backend: Backend) -> Iterator[BackupCopy]:
    keeper = find_protocol(backend, BackupKeeper)
    return keeper.read_backups() if keeper is not None else iter(())


def _read_key_id(copy: BackupCopy) -> Optional[bytes]:
    try:
        return read_envelope(copy.envelope).header.key_id
    except EncryptionError:
        return None


def _finish(keyring: Keyring, ring: OpenRing) -> OpenRing:
    """Step 3. Write the document first: a source loses its old secret only when no slot needs it.

    Before that every envelope is durable under the new key. Until then a power cut brings back one under the old key at worst.
    """
    flush_backend(keyring.backend)
    slots, _each = readable_slots(StoreDocument(ring.ring, ring.slots, b""))
    former = [] if ring.ring.compromised else retired_keys.still_needed(slots, to_microseconds(datetime.now(timezone.utc)))
    kept = {slot.slot_id for slot in former}
    wanted = tuple(data for data, slot in zip(ring.slots, slots) if slot.terms.source != retired_keys.KIND or slot.slot_id in kept)
    finished = keyring.write(ring, Ring(ring.ring.store_id, ring.active.key_id, created_at=ring.ring.created_at), ring.active, wanted)
    labels = frozenset(slot.terms.label for slot in slots)
    for source in keyring.sources:
        source.forget_all_but(labels, ring.ring.store_id)
    return finished
