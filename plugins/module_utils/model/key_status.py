# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be told of a store's master key, and of its rotation. Values alone: no key, no passphrase."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Optional, Tuple


class KeySlot(NamedTuple):
    """A source that opens the store: its kind, its label ("" where it has none), and whether it is among the configured ones."""

    source: str
    label: str
    configured: bool

    @property
    def name(self) -> str:
        """As `drop_sources` names it: `kind:label`, or the kind alone."""
        return named(self.source, self.label)


class FormerKey(NamedTuple):
    """A key from before a rotation, kept for backups: its id (hex), and until when (UTC); None for no end."""

    key_id: str
    keep_until: Optional[datetime]


class StoreKey(NamedTuple):
    """The key of a store.

    Attributes:
        store_id, key_id: hex; None where the store has no key yet.
        slots: the sources that open it.
        former: keys from before.
        rotating: a rotation was begun and is not finished.
        default_key_file: the path of a key file whose configuration names none; None for a store without a document.
    """

    store_id: Optional[str] = None
    key_id: Optional[str] = None
    slots: Tuple[KeySlot, ...] = ()
    former: Tuple[FormerKey, ...] = ()
    rotating: bool = False
    default_key_file: Optional[str] = None


class EnsuredKey(NamedTuple):
    """The key before and after its slots were seen to, and the names of the sources that got a slot or lost it.

    In check mode `after` is what it would be, its ids None where a key would be made.
    """

    before: StoreKey
    after: StoreKey
    added: Tuple[str, ...]
    removed: Tuple[str, ...]


class Rotated(NamedTuple):
    """What a rotation of the master key did, or would do.

    Attributes:
        before, after: the key. In check mode `after` is what it would be, its key id None where it would be a new one.
        envelopes: how many were moved, or are to be.
        marks: how many high-water marks were; 0 in check mode.
        resumed: whether it took up one that was killed.
        dropped: names of the sources that had a slot and get none of the new key; empty where it was taken up.
    """

    before: StoreKey
    after: StoreKey
    envelopes: int
    marks: int
    resumed: bool
    dropped: Tuple[str, ...] = ()

    @property
    def key_id(self) -> Optional[str]:
        """The new key's id."""
        return self.after.key_id


def named(source: str, label: str) -> str:
    """A source by kind and label, in the words of `drop_sources`."""
    return "{0}:{1}".format(source, label) if label else source
