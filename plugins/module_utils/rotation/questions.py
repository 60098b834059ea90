# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which stage's value is tried at the target."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PENDING, PREVIOUS
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import BACK, FORWARD, Journal

_SETTLED_BY = {FORWARD: (PENDING, CURRENT), BACK: (CURRENT, PENDING)}


def question(journal: Journal) -> str:
    """Return the stage whose value is tried at the target next."""
    if journal.phase in (phases.VERIFYING, phases.RETIRING):
        return PENDING if journal.phase == phases.VERIFYING else CURRENT
    if journal.phase == phases.GRACE:
        return PREVIOUS
    if journal.phase == phases.DISCARDING:
        # Two users: current belongs to the other user and proves nothing about pending.
        return PENDING if journal.alternating else CURRENT
    if journal.phase == phases.SETTLING:
        answered = {PENDING: journal.pending_answer, CURRENT: journal.current_answer}
        return next(stage for stage in _SETTLED_BY[journal.goal] if answered[stage] is None)
    return CURRENT
