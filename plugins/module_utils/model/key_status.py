# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The public facts about a store's master key and its rotation. Values only: no key, no passphrase."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Optional, Tuple


class KeySlot(NamedTuple):
    """A source that opens the store: its kind, its label ("" if it has none), and whether it is configured."""

    source: str
    label: str
    configured: bool

    @property
    def name(self) -> str:
        """The name that `drop_sources` uses: `kind:label`, or the kind alone."""
        return name_source(self.source, self.label)


class FormerKey(NamedTuple):
    """A key from before a rotation, kept for backups: its id (hex), and until when it is kept (UTC; None for ever)."""

    key_id: str
    keep_until: Optional[datetime]


class StoreKey(NamedTuple):
    """The key of a store.

    Attributes:
        store_id, key_id: hex; None if the store has no key yet.
        slots: the sources that open it.
        former: keys from before a rotation, kept for backups.
        rotating: a rotation was started and is not finished.
        created_at: when the key was made; None if it is not known.
        default_key_file: the path of the key file if the configuration names none; None for a store without a document.
    """

    store_id: Optional[str] = None
    key_id: Optional[str] = None
    slots: Tuple[KeySlot, ...] = ()
    former: Tuple[FormerKey, ...] = ()
    rotating: bool = False
    default_key_file: Optional[str] = None
    created_at: Optional[datetime] = None


class EnsuredKey(NamedTuple):
    """The key before and after its slots were updated, and the names of the sources that got or lost a slot.

    In check mode `after` is the expected result; its ids are None if a key would be made.
    """

    before: StoreKey
    after: StoreKey
    added: Tuple[str, ...]
    removed: Tuple[str, ...]


class Rotated(NamedTuple):
    """The result of a rotation of the master key, or of its dry run.

    Attributes:
        before, after: the key. In check mode `after` is the expected result; its key id is None if it would be a new one.
        envelopes: how many envelopes were moved, or would be.
        marks: how many high-water marks were moved; 0 in check mode.
        resumed: whether this run resumed a rotation that was killed.
        dropped: names of the sources that had a slot and get none of the new key; empty if the rotation was resumed.
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


def name_source(source: str, label: str) -> str:
    """Return the name of a source in the form of `drop_sources`: `kind:label`, or the kind alone."""
    return "{0}:{1}".format(source, label) if label else source
