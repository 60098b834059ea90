# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation as people read it: the plan before, the report after. Nothing here holds a value."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import SECOND, SKEW_STAMP, Journal, as_time
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    ALTERNATING,
    DUAL,
    MANUAL,
    MULTI,
    NO_TARGET,
    OVERLAP_NONE,
    SERVICE,
    TargetTraits,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import ACCEPTED, REFUSED, ROLLED_BACK


def summarize(journal: Journal, now: int) -> Dict[str, Any]:
    """Return the state of a rotation, JSON-like. Points in time are ISO 8601, durations are seconds.

    `holders` are the hosts whose recorded files hold the previous value, which is kept for them until `retire_by`.
    `current_verified` says whether the target is known to have accepted current before anything was sent; None without a target.
    With several hosts, `behind` names the hosts that lack the value. If the service makes the values, `strays` names the values
    that it may have made and whose response was lost. If previous is tried in the grace period, `previous_accepted` says whether the
    target accepted it; None before that, or if it could not be tried.
    """
    summary = {
        "rotation": journal.rotation,
        "phase": journal.phase,
        "target": dict(journal.target),
        "overlap": journal.overlap,
        "attempts": journal.attempts,
        "tested": journal.tested,
        "current_verified": None if journal.target.get("kind") == NO_TARGET else not journal.unverified,
        "reason": journal.reason,
        "orphaned": journal.orphaned,
        "started_at": _time(journal.started),
        "readers_refused_for": round(journal.gap / SECOND, 3) if journal.gap is not None else 0,
        "readers_maybe_refused": journal.is_driven and journal.interrupts and _is_open(journal),
        "grace": journal.grace,
        "retire_after": _time(journal.retire_after),
        "retire_by": _time(journal.retire_by),
        "holders": list(journal.holders),
        "overdue": overdue(journal, now),
        "may_land_until": _time(journal.quiet_at()),
    }
    if journal.places:
        summary["behind"] = list(journal.behind)
    if journal.is_made_by_service:
        summary["strays"] = list(journal.strays)
    if journal.validates:
        summary["previous_accepted"] = {ACCEPTED: True, REFUSED: False}.get(str(journal.previous_answer))
    return summary


def _is_open(journal: Journal) -> bool:
    """Whether pending was sent, and it is not known whether the target took it for a while."""
    return journal.sent is not None and journal.gap is None and not journal.refused


def describe_consequences(summary: Mapping[str, Any], outcome: str) -> str:
    """Return what a rotation that was not promoted did to readers, and how long pending is kept. Empty if neither."""
    refused_for, pending = summary.get("readers_refused_for"), summary.get("may_land_until")
    told = " Readers of the current value were refused for {} s.".format(refused_for) if refused_for else ""
    if summary.get("readers_maybe_refused"):
        told = " Readers of the current value may have been refused meanwhile."
    kept = " The new value is kept as pending until {}.".format(pending) if pending and outcome == ROLLED_BACK else ""
    return told + kept


def overdue(journal: Journal, now: int) -> bool:
    """Whether the previous value should have been retired and could not be."""
    over = journal.retire_after is None or now - SKEW_STAMP >= journal.retire_after
    return journal.phase in (phases.GRACE, phases.RETIRING) and over and bool(journal.reason)


def plan(kind: str, traits: TargetTraits, standing: Optional[Journal]) -> Dict[str, Any]:
    """Return what a rotation against a target of that kind would do, in order."""
    return {
        "target": kind,
        "overlap": traits.overlap,
        "rollback": traits.rollback,
        "resumes": standing.rotation if standing is not None else None,
        "steps": _describe_plan(kind, traits),
        "readers": _readers(kind, traits),
    }


def _describe_plan(kind: str, traits: TargetTraits) -> List[str]:
    store = ["write the journal and take the lease", "store the new value as pending"]
    if kind not in (NO_TARGET, MANUAL):
        store.insert(0, "try the current value at the target")
    if kind == NO_TARGET:
        return [*store, "promote it: it is sent to no target", "retire the previous value when the grace period is over"]
    if traits.maker == SERVICE:
        store = [*store[:-1], "list what the service holds, and have it make a value (at most {} s)".format(traits.apply_limit)]
        sent = "store the value as pending"
    else:
        sent = "apply it to the target (at most {} s)".format(traits.apply_limit)
    withdraws = traits.overlap in (DUAL, MULTI)
    back = "drop it at the target" if withdraws else traits.rollback
    return [
        *store,
        sent,
        "verify: {}".format(traits.probe),
        "promote it, or roll back ({}) if the target does not accept it".format(back),
        _describe_end(traits),
    ]


def _describe_end(traits: TargetTraits) -> str:
    if traits.grants_last:
        return "have the target drop the previous value when the grace period is over: what was granted with it may be used until then"
    if traits.overlap == OVERLAP_NONE:
        return "retire the previous value at once: the target refuses it since apply"
    if traits.overlap == ALTERNATING:
        return "keep the previous value and its user until the next rotation"
    return "have the target drop the previous value when the grace period is over and the new one was verified again"


def _readers(kind: str, traits: TargetTraits) -> str:
    if kind == NO_TARGET:
        return "no service gets the new value, so a service that uses this credential stops working"
    if traits.overlap == OVERLAP_NONE:
        return "between apply and promote, readers of the current value are refused; the report says how long"
    if traits.overlap == ALTERNATING:
        return "the current user keeps working; readers get the other user once it is promoted"
    return "both values are accepted until the previous one is retired"


def _time(stamped: Optional[int]) -> Optional[str]:
    return as_time(stamped).isoformat(timespec="seconds") if stamped is not None else None
