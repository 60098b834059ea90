# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dates of a credential: when it was created, when its current version was stored, when its secret value was last replaced, and
when it is due to be rotated.

`Metadata.created_at` is the creation of the credential. The other two dates are an attribute, which a first value does not have, nor
one that an earlier version of the collection stored: then all three are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.model.lifecycle import REVOKED
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import RotationPolicy, moment, shift_time

DATES = "dates"
"""The attribute with the dates of the current version."""
_VERSION, _ROTATED = "version", "rotated"


@dataclass(frozen=True)
class Schedule:
    """When a credential's policy replaces its value, and from when on it is announced. Both are None if the policy names no time.

    `policy` says in which windows a rotation may begin.
    """

    due_at: Optional[datetime] = None
    warning_from: Optional[datetime] = None
    policy: RotationPolicy = RotationPolicy()

    def is_due(self, now: datetime) -> bool:
        """Return True if the value is to be replaced now."""
        return self.is_overdue(now) and self.policy.is_open(now)

    def is_overdue(self, now: datetime) -> bool:
        """Return True if the time at which the value is to be replaced has passed, also outside the windows of the policy."""
        return self.due_at is not None and self.due_at <= now


_NEVER = Schedule()


def version_created_at(metadata: Metadata) -> datetime:
    """Return when the current version was stored."""
    return _read_date(metadata, _VERSION) or metadata.created_at


def read_rotated_at(metadata: Metadata) -> Optional[datetime]:
    """Return when the secret value was last replaced by another, in a rotation or by a write; None if it never was."""
    return _read_date(metadata, _ROTATED)


def value_since(metadata: Metadata) -> datetime:
    """Return since when the secret value has been in use. A change of tags, scope or other fields does not move it."""
    return read_rotated_at(metadata) or metadata.created_at


def date_version(metadata: Metadata, now: datetime, *, is_rotated: bool) -> Metadata:
    """Return the metadata of a version that is stored at `now`; `is_rotated` if its secret value is another one than before."""
    dates = dict(_read_dates(metadata), **{_VERSION: now.isoformat()})
    if is_rotated:
        dates[_ROTATED] = now.isoformat()
    return replace(metadata, attributes=dict(metadata.attributes, **{DATES: dates}))


def read_schedule(metadata: Metadata, name: str = "") -> Schedule:
    """Return when the credential of that name is due. A revoked credential never is, nor one whose stored policy cannot be read.

    Raises:
        MissingLibrary: the policy has a cron line, and cronsim is not installed.
    """
    if not metadata.policy:  # a manual one: most have none, and a listing reads many
        return _NEVER
    try:
        policy = RotationPolicy.read(metadata.policy)
        rotated_at = read_rotated_at(metadata)
        due_at = policy.next_rotation(rotated_at or metadata.created_at, metadata.expires_at, name, is_first=rotated_at is None)
    except MissingLibrary:
        raise
    except InvalidInput:
        return _NEVER
    if due_at is None or metadata.lifecycle == REVOKED:
        return _NEVER
    return Schedule(due_at, shift_time(due_at, -policy.warning), policy)


def _read_dates(metadata: Metadata) -> Dict[str, Any]:
    written = metadata.attributes.get(DATES)
    return dict(written) if isinstance(written, Mapping) else {}


def _read_date(metadata: Metadata, name: str) -> Optional[datetime]:
    dates = metadata.attributes.get(DATES)
    written = dates.get(name) if isinstance(dates, Mapping) else None
    if written is None:
        return None
    try:
        return moment(written, name)
    except InvalidInput:
        return None
