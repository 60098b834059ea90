# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to a rotation, for the audit trail: found by comparing a journal with the one that replaces it, so each counts once."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import Journal
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps

BEGUN = "begun"
RETIRED = "retired"
"""The previous value is gone, and the rotation closed."""

RecordEvent = Callable[[str, str, Mapping[str, Any]], None]
"""Records an event of the rotation of a credential (event, name, the target without secrets)."""

_GIVEN_UP = (phases.DISCARDING, phases.SWEEPING)
_ALREADY_GIVEN_UP = (*_GIVEN_UP, phases.WITHDRAWING, phases.PARKED)


def ignore_event(_event: str, _name: str, _target: Mapping[str, Any]) -> None:
    """Record nothing."""


def find_event(before: Journal, after: Journal) -> Optional[str]:
    """Return what the second journal says and the first does not: promoted, parked, lost or rolled_back. None if it is none of these."""
    if before.promoted is None and after.promoted is not None:
        return steps.PROMOTED
    if before.phase == after.phase:
        return None
    if after.phase in _GIVEN_UP:
        return steps.ROLLED_BACK if _is_given_up_now(before, after) else None
    return {phases.PARKED: steps.PARKED, phases.LOST: steps.LOST}.get(after.phase)


def _is_given_up_now(before: Journal, after: Journal) -> bool:
    """Whether the value is given up by this change. A search for a value whose response was lost may be resumed, and is no second one."""
    if before.phase == phases.PARKED:
        return after.phase == phases.DISCARDING
    return before.phase not in _ALREADY_GIVEN_UP
