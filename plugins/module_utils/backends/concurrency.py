# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare-and-swap in Python, for backends without their own, and the errors for missing values."""

from __future__ import annotations

from datetime import datetime
from typing import Iterable, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record


def is_serial(text: str) -> bool:
    """Return True if `text` is a serial as file names and versions write it: digits, no sign, no leading zero."""
    return text.isascii() and text.isdigit() and str(int(text)) == text if len(text) <= 20 else False


def check_swap(name: str, found: Optional[Record], expected: Optional[Etag], create: bool = False) -> None:
    """Check the stored state before a swap, for backends that do not compare themselves.

    Args:
        name: the credential.
        found: the stored value, or None.
        expected: the state that must be stored, or None for any.
        create: no value may be stored.

    Raises:
        Conflict: the check fails; the message names both states.
    """
    if create and found is not None:
        raise Conflict(
            "version {0} is stored and none was expected".format(found.version),
            name=name,
            remedy="Another run created it first. Read it, or change it instead of creating it.",
        )
    if expected is not None and not expected.matches(found):
        raise swap_conflict(name, expected, found)


def swap_conflict(name: str, expected: Etag, found: Optional[Record]) -> Conflict:
    """Return the error for a stored value that is not the expected one. It names the revisions if only they differ."""
    if found is not None and found.version == expected.version:
        what = "version {0}, revision {1} was expected, and revision {2} is stored".format(
            expected.version, expected.revision, found.revision
        )
    else:
        there = "none" if found is None else "version {0}".format(found.version)
        what = "version {0} was expected and {1} is stored".format(expected.version, there)
    return Conflict(what, name=name, remedy="Another run changed it first. Read it again and repeat.")


def next_serial(name: str, wanted: Optional[int], last: int) -> int:
    """Return the serial of a new value: its own, else one more than the last.

    Raises:
        Conflict: its own serial was used before.
    """
    if wanted is None:
        return last + 1
    if wanted <= last:
        raise Conflict(
            "serial {0} was requested and {1} is already used".format(wanted, last),
            name=name,
            remedy="Another run changed it first. Read it again and repeat.",
        )
    return wanted


def check_revision(found: Record, offered: Record, version: Optional[str], expected: int) -> None:
    """Check before metadata is replaced: `version` and `expected` are the replaced state, and an envelope must be the next revision.

    Raises:
        Conflict: the check fails; the message names both states.
    """
    next_one = offered.envelope is None or (offered.serial, offered.revision) == (found.serial, expected + 1)
    if (version, expected) != (found.version, found.revision) or not next_one:
        raise Conflict(
            "version {0}, revision {1} was expected, and version {2}, revision {3} is stored".format(
                version, expected, found.version, found.revision
            ),
            name=found.name,
            remedy="Another run changed it first. Read it again and repeat.",
        )


def document_conflict() -> Conflict:
    """Return the error for a store document that is not the one to be replaced."""
    return Conflict("the store's document was changed by another run", remedy="Open the store again and repeat.")


def envelope_conflict(name: str) -> Conflict:
    """Return the error for an envelope that is not the one to be rewritten."""
    return Conflict("the envelope was changed by another run", name=name, remedy="Read it again and repeat.")


def absent(
    name: str, version: Optional[str] = None, stage: str = CURRENT, kept: Iterable[str] = (), deleted_at: Optional[datetime] = None
) -> NotFound:
    """Return the error for a missing value. `deleted_at` is given for a current value that `state: restored` brings back."""
    if deleted_at is not None:
        what = "it was deleted at {0}".format(deleted_at.isoformat().replace("+00:00", "Z"))
        return NotFound(what, name=name, remedy="Bring it back with 'state: restored', or write a new value with 'state: present'.")
    if version is not None:
        listed = ", ".join(kept)
        remedy = "These versions can be read: {0}.".format(listed) if listed else "No version of it is kept."
        return NotFound("version {0} does not exist or is not kept any more".format(ascii(version)), name=name, remedy=remedy)
    what = "there is no credential of that name" if stage == CURRENT else "there is no {0} value of that credential".format(stage)
    return NotFound(what, name=name, remedy="Check the name and the store ('nebula.credential.find' lists all names).")
