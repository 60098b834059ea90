# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares what a store holds with its high-water mark (ENVELOPE rules 5 and 8)."""

from __future__ import annotations

from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.crypto.high_water_marks import Mark
from ansible_collections.nebula.credential.plugins.module_utils.encoding.envelope import Envelope
from ansible_collections.nebula.credential.plugins.module_utils.errors import RolledBack

_PUT_BACK = "An older value was put back. "
_ELSE = "else find out who can write to the store."


def mark_of(envelope: Envelope) -> Mark:
    """Return the mark of an authentic envelope."""
    return Mark(envelope.header.record_id, envelope.header.serial, envelope.revision)


def _rollback_error(what: str, envelope: Envelope) -> RolledBack:
    """Return the error with a remedy that works: a play can restore only a current value."""
    current = "#" not in envelope.header.identity  # `envelope.identity_of`
    remedy = "If you did this on purpose, accept it with 'state: restored'; " if current else "Put the newest one back; "
    return RolledBack(what, remedy=_PUT_BACK + remedy + _ELSE)


def check_newest(envelope: Envelope, mark: Optional[Mark]) -> bool:
    """Compare the newest stored value with its mark.

    Returns:
        True if it is newer than the mark. The caller then raises the mark.

    Raises:
        RolledBack: it is older, or the mark says that it was deleted.
    """
    if mark is None:
        return True
    serial, revision = envelope.header.serial, envelope.revision
    if serial > mark.serial:
        return True
    if serial < mark.serial:
        raise _rollback_error("version {0} is older than version {1}, which was seen here".format(serial, mark.serial), envelope)
    if mark.deleted:
        raise _rollback_error("version {0} was deleted, and is there again".format(serial), envelope)
    if envelope.header.record_id != mark.record_id:
        raise _rollback_error("version {0} is not the one that was seen here".format(serial), envelope)
    if revision < mark.revision:
        raise _rollback_error("the metadata of version {0} is older than what was seen here".format(serial), envelope)
    return revision > mark.revision


def check_older(envelope: Envelope, mark: Optional[Mark]) -> None:
    """Compare a kept version with the mark: it may be older, but not from before a deletion.

    Raises:
        RolledBack: it is from before a deletion.
    """
    if mark is None or envelope.header.serial > mark.serial:
        return
    if mark.deleted or envelope.header.record_id != mark.record_id:
        raise _rollback_error("version {0} was deleted, and is there again".format(envelope.header.serial), envelope)
