# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store's document: its id, the ids of its master keys, and the slots that they are wrapped in (docs/advanced/envelope.md).

JSON around opaque bytes: each slot is one base64 text, decoded strictly. Nothing is derived from the JSON itself; the part that
says which key is active is authenticated in a fixed layout (`ring_mac`).
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime, timezone
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import RESTORE, RETIRED, Slot, read_slot
from ansible_collections.nebula.credential.plugins.module_utils.crypto.master_key import MasterKey
from ansible_collections.nebula.credential.plugins.module_utils.encoding.binary import FALSE, TRUE, write_value
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope_metadata import to_microseconds
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, InvalidConfiguration, Tampered, UnknownFormat

FORMAT = 2
"""Format 1 had no `created_at`; it is still read."""
_LAST_TIME = 253402300800 * 1000000
"""The first microsecond of the year 10000, which no time can have."""
MOST_BYTES = 1024 * 1024
MOST_SOURCES = 16
"""The most slots of key sources. Each may cost a derivation of a gibibyte, so they are counted before any of them."""
_KEYS = {
    1: ["active", "compromised", "format", "keep_until", "mac", "retiring", "slots", "store_id"],
    2: ["active", "compromised", "created_at", "format", "keep_until", "mac", "retiring", "slots", "store_id"],
}
"""The keys of each format."""


class Ring(NamedTuple):
    """The keys of a store.

    Attributes:
        store_id: 16 random bytes, which never change.
        active: the id of the key that encrypts.
        retiring: the id of the key that a running rotation replaces; None without a rotation.
        compromised: the running rotation is to remove the retiring key completely.
        keep_until: microseconds since the epoch: how long to keep the retiring key for backups, 0 for ever.
        created_at: microseconds since the epoch: when the active key was made; None if an earlier release made it.
    """

    store_id: bytes
    active: bytes
    retiring: Optional[bytes] = None
    compromised: bool = False
    keep_until: int = 0
    created_at: Optional[int] = None


class StoreDocument(NamedTuple):
    """A parsed document, and its format."""

    ring: Ring
    slots: Tuple[bytes, ...]
    mac: bytes
    version: int = FORMAT


def read_present() -> int:
    """Return the time now: microseconds since the epoch."""
    return to_microseconds(datetime.now(timezone.utc))


def ring_mac(key: MasterKey, ring: Ring, version: int = FORMAT) -> bytes:
    """Return the MAC of a ring under its active key, so that no one without the key can make an old key active again."""
    retiring = b"\x00" if ring.retiring is None else b"\x01" + ring.retiring
    flags = bytes((TRUE if ring.compromised else FALSE,)) + write_value(ring.keep_until)
    flags += write_value(ring.created_at) if version > 1 else b""
    context = primitives.mac_context(key.subkey(primitives.RING))
    return primitives.mac(context, ring.store_id + ring.active + retiring + flags)


def write_document(key: MasterKey, ring: Ring, slots: Tuple[bytes, ...]) -> bytes:
    """Encode a document, authenticated with its active key.

    Raises:
        InvalidConfiguration: it has more slots of key sources than `read_document` accepts.
    """
    if sum(read_slot(slot).terms.source != RETIRED for slot in slots) > MOST_SOURCES:
        raise InvalidConfiguration(
            "the store would have more than {0} key slots".format(MOST_SOURCES),
            option="key_sources",
            remedy="Name those that are not used any more under 'drop_sources'; 'store_key' lists all.",
        )
    content = {
        "format": FORMAT,
        "store_id": ring.store_id.hex(),
        "active": ring.active.hex(),
        "retiring": None if ring.retiring is None else ring.retiring.hex(),
        "compromised": ring.compromised,
        "keep_until": ring.keep_until,
        "created_at": ring.created_at,
        "slots": [base64.b64encode(slot).decode("ascii") for slot in slots],
        "mac": ring_mac(key, ring).hex(),
    }
    return json.dumps(content, indent=2).encode("ascii") + b"\n"


def check_ring(key: MasterKey, document: StoreDocument) -> None:
    """Authenticate the ring of a document with its active key.

    Raises:
        Tampered: it was changed without the key.
    """
    if not primitives.equal(ring_mac(key, document.ring, document.version), document.mac):
        raise Tampered("the key ring of the store was changed without the key", remedy=RESTORE)


def read_document(data: bytes) -> StoreDocument:
    """Parse a document.

    Raises:
        Damaged: it is not a document, or not complete. Slots are only checked when they are used.
        UnknownFormat: a later release wrote it.
    """
    if len(data) > MOST_BYTES:
        raise Damaged("the store's document is larger than the {0} bytes that it can have".format(MOST_BYTES), remedy=RESTORE)
    try:
        content = json.loads(data.decode("utf-8"), object_pairs_hook=_without_repeats)
        return _read(content)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Damaged("the store's document is damaged", remedy=RESTORE) from None


def _without_repeats(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _read(content: Any) -> StoreDocument:
    version = content["format"]
    if version.__class__ is int and version > FORMAT:
        raise UnknownFormat(
            "the store's document has format {0}; this release reads formats 1 and 2".format(version),
            remedy="Upgrade the collection on this controller.",
        )
    if version.__class__ is not int or sorted(content) != _KEYS.get(version):
        raise ValueError("unexpected or missing keys")
    ring = Ring(
        _identifier(content["store_id"]),
        _identifier(content["active"]),
        None if content["retiring"] is None else _identifier(content["retiring"]),
        _of(bool, content["compromised"]),
        _time(content["keep_until"]),
        None if content.get("created_at") is None else _time(content["created_at"]),
    )
    slots = tuple(_from_base64(slot) for slot in _of(list, content["slots"]))
    return StoreDocument(ring, slots, _from_hex(content["mac"], 32), version)


def _of(kind: type, value: Any) -> Any:
    if value.__class__ is not kind:
        raise ValueError("of another kind")
    return value


def _time(value: Any) -> int:
    if not 0 <= _of(int, value) < _LAST_TIME:
        raise ValueError("out of range")
    return int(value)


def _identifier(text: Any) -> bytes:
    return _from_hex(text, 16)


def _from_hex(text: Any, size: int) -> bytes:
    decoded = bytes.fromhex(_of(str, text))
    if len(decoded) != size or decoded.hex() != text:
        raise ValueError("not written by this collection")
    return decoded


def _from_base64(text: Any) -> bytes:
    """Decode strictly: otherwise three bit flips in 44 characters of base64 would go unnoticed."""
    try:
        decoded = base64.b64decode(_of(str, text).encode("ascii"), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if base64.b64encode(decoded).decode("ascii") != text:
        raise ValueError("not written by this collection")
    return decoded


def store_id_of(data: bytes) -> bytes:
    """Return the store id in a document: 16 bytes. Raises what `read_document` raises."""
    return read_document(data).ring.store_id


def readable_slots(document: StoreDocument) -> Tuple[List[Slot], bool]:
    """Return the intact slots, and whether there are others: the other sources work despite a broken slot.

    Raises:
        Damaged: there are more slots of key sources than a configuration can have.
    """
    found = []
    for data in document.slots:
        try:
            found.append(read_slot(data))
        except Damaged:
            continue
    if sum(slot.terms.source != RETIRED for slot in found) > MOST_SOURCES:
        raise Damaged("the store's document has more than {0} key slots".format(MOST_SOURCES), remedy=RESTORE)
    return found, len(found) < len(document.slots)
