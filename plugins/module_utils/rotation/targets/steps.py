# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that the engine returns, and the outcomes that the driver reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Fields

APPLY = "apply"
"""Send the value of `stage` to the target. Outcomes: applied, refused, unknown, unavailable."""
ASK = "ask"
"""Try the value of `stage` and a random wrong one at the target. Outcomes: accepted, refused, accepts_anything, unavailable."""
CHECK = "check"
"""Before anything is sent: try the current value, and look for what makes the target refuse the next one. Outcomes as for ask."""
RETIRE = "retire"
"""Make the target drop the value of `stage` (or the one of `identity`). Outcomes as for apply; absent counts as applied."""
LIST = "list"
"""List the values that the service holds. Outcomes: listed, unavailable."""
MAKE = "make"
"""Have the service make a value, once, with `mark` on it. Outcomes as for apply; with applied, the report holds the value too."""
DONE = "done"
"""Nothing is left to do now. `outcome` says how the rotation ended."""

APPLIED = "applied"
"""The target confirmed that it has the value."""
REFUSED = "refused"
"""The target refused the value."""
UNKNOWN = "unknown"
"""The request was sent, and no response came. It may land later."""
UNAVAILABLE = "unavailable"
"""The target could not be reached: nothing was sent, or nothing could be tried."""
ACCEPTED = "accepted"
"""The target accepts the value and refuses a random wrong one."""
ACCEPTS_ANYTHING = "accepts_anything"
"""The target also accepts a random wrong value (trust, peer), so a probe shows nothing."""

LISTED = "listed"
"""The service listed the values that it holds."""

SEND_OUTCOMES = (APPLIED, REFUSED, UNKNOWN, UNAVAILABLE)
ASK_OUTCOMES = (ACCEPTED, REFUSED, ACCEPTS_ANYTHING, UNAVAILABLE)
LIST_OUTCOMES = (LISTED, UNAVAILABLE)

ID = "id"
"""The key of an identity that holds the value's id in the target's list of held values."""
STRAY = "stray"
"""The stage of a value that is not stored: only its identity is known."""
ONE_PLACE = ("",)
"""The places of a target that has only one."""

PREPARED = "prepared"
PROMOTED = "promoted"
ROLLED_BACK = "rolled_back"
PARKED = "parked"
LOST = "lost"
SETTLED = "settled"
"""The rotation that an earlier run left open has been closed; no new rotation was requested."""
IDLE = "idle"
"""There was nothing to do."""


@dataclass(frozen=True)
class Step:
    """What to do next.

    Attributes:
        kind: check, apply, ask, retire, list, make or done.
        ticket: identifies the journal entry that the outcome belongs to; the driver returns it with the outcome.
        stage: the stage of the value: current, pending, previous or stray. To make one, current is the base.
        fields: that value, for the driver alone.
        identity: identifies the value at the service; no secret.
        places: where the step is performed, one after the other. Outcomes of several places are reported by place.
        mark: the mark of a value that the service makes.
        wait: seconds to wait before the first probe, until a change is visible everywhere.
        limit: seconds that the step may take. An apply that takes longer counts as unknown, and one that would begin
            later is not begun. A probe is repeated within the limit until the value is accepted; with 0, there is one probe.
        outcome: of a done step: promoted, rolled_back, parked, lost, settled, prepared, refused (nothing was sent) or idle.
        summary: what happened, JSON-like, without a secret.
    """

    kind: str
    ticket: Optional[str] = None
    stage: str = CURRENT
    fields: Fields = field(default_factory=dict, repr=False)
    identity: Mapping[str, str] = field(default_factory=dict)
    places: Tuple[str, ...] = ONE_PLACE
    mark: str = ""
    wait: int = 0
    limit: int = 0
    outcome: Optional[str] = None
    summary: Mapping[str, Any] = field(default_factory=dict)
