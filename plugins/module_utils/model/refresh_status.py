# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The refresh status in a credential's metadata: the claim on the next refresh, and the result of the last one. No secret."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.model.record import REFRESH, Record

SINGLE_USE = "refresh_single_use"
"""The attribute that records that a refresh has brought another token. It belongs to the credential: the next value keeps it."""

LOST = "lost"
DENIED = "denied"
INTERACTION = "interaction"
PROBLEMS = (LOST, DENIED, INTERACTION)
"""The reasons why a value is not refreshed again until a person has acted."""


_TYPES = {"input_version": str, "refreshed_at": int, "holder": str, "until": int, "sent": bool, "problem": str}


@dataclass(frozen=True)
class RefreshStatus:
    """The refresh status of one value.

    Attributes:
        input_version: the version that a person or a rotation wrote, and that this one refreshes; None before the first refresh.
        refreshed_at: when the last refresh was stored, in seconds since the epoch.
        holder: the process that has claimed the next refresh (`rotation.lease_holder`); None if none has.
        until: when the claim ends, in seconds since the epoch, by the holder's clock.
        sent: the holder may have sent its request, and so used up the token in it.
        problem: one of `PROBLEMS`, or None.
    """

    input_version: Optional[str] = None
    refreshed_at: Optional[int] = None
    holder: Optional[str] = None
    until: Optional[int] = None
    sent: bool = False
    problem: Optional[str] = None

    def with_claim(self, holder: str, until: int) -> RefreshStatus:
        """Return this status with a claim whose request is not sent yet. A refusal of the last request is forgotten."""
        return replace(self, holder=holder, until=until, sent=False, problem=None)

    def without_claim(self, problem: Optional[str] = None) -> RefreshStatus:
        """Return this status without its claim."""
        return replace(self, holder=None, until=None, sent=False, problem=problem)

    def write(self, attributes: Mapping[str, Any]) -> Dict[str, Any]:
        """Return `attributes` with this status in them, without its unset parts."""
        return dict(attributes, **{REFRESH: {name: value for name, value in asdict(self).items() if value}})


def read_refresh_status(record: Record) -> RefreshStatus:
    """Return the status in a record's metadata; an empty status if there is none.

    Raises:
        Damaged: a part of it has another type than this collection writes.
    """
    written = record.full_metadata.attributes.get(REFRESH)
    if not isinstance(written, Mapping):
        return RefreshStatus()
    known = {name: value for name, value in written.items() if name in _TYPES}
    if any(value is not None and value.__class__ is not _TYPES[name] for name, value in known.items()):
        raise Damaged(
            "the refresh status in the metadata is not what was written",
            name=record.name,
            remedy="Write a new value: it begins without one.",
        )
    return RefreshStatus(**known)


def input_version(record: Record) -> Optional[str]:
    """Return the version in which a record's input was written: its own, or the first one that it refreshes."""
    return read_refresh_status(record).input_version or record.version
