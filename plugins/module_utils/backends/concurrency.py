# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare-and-swap by hand: what every backend needs that leaves it to us, and the errors for what is absent."""

from __future__ import annotations

from typing import Iterable, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record


def is_serial(text: str) -> bool:
    """Tell whether `text` is a serial as a file name or a version writes it: digits, no sign, no leading zero."""
    return text.isascii() and text.isdigit() and str(int(text)) == text if len(text) <= 20 else False


def check_swap(name: str, found: Optional[Record], expected: Optional[str], create: bool = False) -> None:
    """Compare before a swap, where the backend leaves that to us.

    Args:
        name: the credential.
        found: the value that is there, or None.
        expected: the version that has to be there, or None for any.
        create: nothing may be there.

    Raises:
        Conflict: it is otherwise; the message names both versions.
    """
    if create and found is not None:
        raise Conflict(
            "version {0} is there and none was expected".format(found.version),
            name=name,
            remedy="Another run created it first. Read it, or change it instead of creating it.",
        )
    there = None if found is None else found.version
    if expected is not None and expected != there:
        raise Conflict(
            "version {0} was expected and {1} is there".format(expected, "none" if there is None else "version " + there),
            name=name,
            remedy="Another run changed it first. Read it again and repeat.",
        )


def next_serial(name: str, wanted: Optional[int], last: int) -> int:
    """The serial of a new value: the one it carries, else one more than the last.

    Raises:
        Conflict: the one it carries was used before.
    """
    if wanted is None:
        return last + 1
    if wanted <= last:
        raise Conflict(
            "serial {0} was offered and {1} was used already".format(wanted, last),
            name=name,
            remedy="Another run changed it first. Read it again and repeat.",
        )
    return wanted


def check_revision(found: Record, offered: Record, version: Optional[str], expected: int) -> None:
    """Compare before metadata is replaced: `version` and `expected` are what it replaces, and an envelope has to be the next one.

    Raises:
        Conflict: it is otherwise; the message names both.
    """
    next_one = offered.envelope is None or (offered.serial, offered.revision) == (found.serial, expected + 1)
    if (version, expected) != (found.version, found.revision) or not next_one:
        raise Conflict(
            "version {0}, revision {1} was expected, and version {2}, revision {3} is there".format(
                version, expected, found.version, found.revision
            ),
            name=found.name,
            remedy="Another run changed it first. Read it again and repeat.",
        )


def changed_document() -> Conflict:
    """The error for a store document that is not the one that was to be replaced."""
    return Conflict("the store's document was changed by another run", remedy="Open the store again and repeat.")


def changed_envelope(name: str) -> Conflict:
    """The error for an envelope that is not the one that was to be rewritten."""
    return Conflict("the envelope was changed by another run", name=name, remedy="Read it again and repeat.")


def absent(name: str, version: Optional[str] = None, stage: str = CURRENT, kept: Iterable[str] = ()) -> NotFound:
    """The error for what is not there. Deleted and never-existing are told alike."""
    if version is not None:
        listed = ", ".join(kept)
        remedy = "These versions can be read: {0}.".format(listed) if listed else "No version of it is kept."
        return NotFound("version {0} does not exist or is not kept any more".format(ascii(version)), name=name, remedy=remedy)
    what = "there is no credential of that name" if stage == CURRENT else "there is no {0} value of that credential".format(stage)
    return NotFound(what, name=name, remedy="Check the name and the store ('nebula.credential.find' lists what is there).")
