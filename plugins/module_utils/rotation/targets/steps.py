# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words a rotation is driven with: steps that the engine hands out, and outcomes that the driver reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Fields

APPLY = "apply"
"""Send the value of `stage` to the target. Outcomes: applied, refused, unknown, unavailable."""
ASK = "ask"
"""Open the target with the value of `stage` and with a random wrong one. Outcomes: accepted, refused, accepts_anything, unavailable."""
RETIRE = "retire"
"""Make the target drop the value of `stage` (or the one of `identity`). Outcomes as for apply; absent counts as applied."""
LIST = "list"
"""List the values that the service holds. Outcomes: listed, unavailable."""
MAKE = "make"
"""Have the service make a value, once, with `mark` on it. Outcomes as for apply; with applied the value is reported too."""
DONE = "done"
"""Nothing is left to do now. `outcome` says how it ended."""

APPLIED = "applied"
"""The target answered that it took the value."""
REFUSED = "refused"
"""The target answered that it does not take the value."""
UNKNOWN = "unknown"
"""The request was sent, and no answer came. It may land later."""
UNAVAILABLE = "unavailable"
"""The target could not be reached: nothing was sent, or nothing could be asked."""
ACCEPTED = "accepted"
"""The value opens the target, and a random wrong one does not."""
ACCEPTS_ANYTHING = "accepts_anything"
"""A random wrong value opens the target too (trust, peer): nothing can be learned by asking."""

LISTED = "listed"
"""The service said which values it holds."""

SEND_OUTCOMES = (APPLIED, REFUSED, UNKNOWN, UNAVAILABLE)
ASK_OUTCOMES = (ACCEPTED, REFUSED, ACCEPTS_ANYTHING, UNAVAILABLE)
LIST_OUTCOMES = (LISTED, UNAVAILABLE)

ID = "id"
"""The part of an identity by which the target's list of held values names it."""
STRAY = "stray"
"""The stage of a value that is not stored: its identity is all that is known of it."""
ONE_PLACE = ("",)
"""The places of a target that has but one."""

PREPARED = "prepared"
PROMOTED = "promoted"
ROLLED_BACK = "rolled_back"
PARKED = "parked"
LOST = "lost"
SETTLED = "settled"
"""What an earlier run left open has been closed; no new rotation was asked for."""
IDLE = "idle"
"""There was nothing to do."""


@dataclass(frozen=True)
class Step:
    """What to do next.

    Attributes:
        kind: apply, ask, retire, list, make or done.
        ticket: names the journal entry that the outcome belongs to; hand it back with the outcome.
        stage: whose value it is about: current, pending, previous or stray. To make one, current is the base.
        fields: that value, for the driver alone.
        identity: what names it at the service; no secret.
        places: where it is done, one after the other. Outcomes of several places are reported by place.
        mark: the mark of a value that the service makes.
        wait: seconds to wait before the first question, until a change is seen everywhere.
        limit: seconds that the step may take. An apply that takes longer counts as unknown, and one that would begin
            later is not begun. A question is asked again until then while it is not accepted; with 0, once.
        outcome: of a done step: promoted, rolled_back, parked, lost, settled, prepared or idle.
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
