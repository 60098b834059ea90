# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run that rotates all that is due: one row a credential, as data and as a line. Nothing here holds a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    NotFound,
    RotationInProgress,
    RotationLost,
    RotationParked,
)
from ansible_collections.nebula.credential.plugins.module_utils.operations.failures import NAMED
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps

NO_TARGET_ASSIGNED, NOT_TRIED, PLANNED, CONTINUED = "no_target", "not_tried", "planned", "continued"
PROMOTED, CLOSED, NOT_DUE, OPEN, WAITS, GONE = "promoted", "closed", "not_due", "open", "waits", "gone"
INFORMED = "informed"
FAILED, PARKED, LOST, ORPHANED = "failed", "parked", "lost", "orphaned"
FAILURES = (FAILED, PARKED, LOST, ORPHANED)

_WORDS = {
    NO_TARGET_ASSIGNED: "due, no target",
    NOT_TRIED: "not tried, because of the failures",
    PLANNED: "would be rotated",
    CONTINUED: "open ({phase}), would be continued",
    CLOSED: "the last rotation was finished",
    NOT_DUE: "not due any more",
    OPEN: "open ({phase})",
    GONE: "it was deleted meanwhile",
}

Row = dict[str, Any]


def build_row(listed: Mapping[str, Any], result: str, **more: Any) -> Row:
    """Return a row of the report for a row of the listing."""
    kept = {part: listed[part] for part in ("name", "target", "due_at")}
    return {**kept, "result": result, "changed": False, **more}


def build_failed_row(listed: Mapping[str, Any], error: CredentialError, is_orphaned: Callable[[], bool]) -> Row:
    """Return the row for a rotation that ended with an error. `is_orphaned` reads whether its attempts are used up."""
    more = {"code": error.code, "message": str(error)}
    if isinstance(error, RotationInProgress):
        return build_row(listed, WAITS, **more)
    if isinstance(error, NotFound) and error.option is None:
        return build_row(listed, GONE, **more)
    if isinstance(error, RotationLost):
        return build_row(listed, LOST, **more)
    if isinstance(error, RotationParked):
        return build_row(listed, ORPHANED if is_orphaned() else PARKED, **more)
    return build_row(listed, FAILED, **more)


def build_done_row(listed: Mapping[str, Any], done: Mapping[str, Any], check_mode: bool) -> Row:
    """Return the row for the result of `credential_rotate`."""
    rotation = done.get("rotation") or {}
    phase = rotation.get("phase") or ""
    more = {
        "changed": bool(done["changed"]),
        "phase": phase,
        "readers_refused_for": rotation.get("readers_refused_for") or 0,
        "behind": list(rotation.get("behind") or ()),
        "holders": list(rotation.get("holders") or ()),
        "retire_after": rotation.get("retire_after"),
        **({"previous_accepted": rotation["previous_accepted"]} if "previous_accepted" in rotation else {}),
        **({"mirrors": done["mirrors"]} if "mirrors" in done else {}),
    }
    return build_row(listed, _name_result(listed, done, phase, check_mode), **more)


def _name_result(listed: Mapping[str, Any], done: Mapping[str, Any], phase: str, check_mode: bool) -> str:
    outcome = done.get("outcome")
    if check_mode:
        return CONTINUED if listed["open"] or phase else NOT_DUE if outcome == steps.IDLE else PLANNED
    waits = listed["open"] and (done.get("rotation") or {}).get("holders")
    if outcome == steps.PROMOTED and (not waits or _has_new_version(done)):
        return PROMOTED
    if phase:
        return OPEN
    return CLOSED if (done["changed"] and outcome != steps.IDLE) or listed["open"] else NOT_DUE


def _has_new_version(done: Mapping[str, Any]) -> bool:
    """Whether this run has made another value the current one, by the difference that it reports."""
    before, after = ((done.get("diff") or {}).get(side) or {} for side in ("before", "after"))
    return bool(before.get("version") != after.get("version"))


def write_line(row: Row, widths: Sequence[int]) -> str:
    """Return the line of a row: the credential, its target, and what happened."""
    return "{0:<{1}} {2:<{3}} {4}".format(row["name"], widths[0], row["target"] or "-", widths[1], _describe(row))


def write_holders_line(row: Row) -> str:
    """Return the line that names the hosts which still hold the previous value although their files were to be written."""
    return "{0}: the previous value is kept{1}".format(row["name"], _name_hosts(row["holders"], "hold it"))


def write_consumer_line(row: Row) -> str:
    """Return the line of a consumer that was informed, or could not be."""
    what = "{0} of {1} credentials".format(row["result"], len(row["credentials"])) if row["result"] == INFORMED else row["result"]
    return "consumer {0} of {1}: {2}{3}".format(row["consumer"], row["target"], what, ": " + row["message"] if "message" in row else "")


def measure_widths(listed: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return the widths of the first two columns."""
    return (
        max((len(row["name"]) for row in listed), default=0),
        max((len(row["target"] or "-") for row in listed), default=0),
    )


def _describe(row: Row) -> str:
    if row["result"] == PROMOTED:
        behind = _name_hosts(row["behind"], "lack it") + _name_hosts(row.get("holders"), "hold the previous value")
        refused = ", readers were refused for {0} s".format(row["readers_refused_for"]) if row["readers_refused_for"] else ""
        return PROMOTED + refused + behind + _describe_previous(row)
    if row["result"] in _WORDS:
        return _WORDS[row["result"]].format(phase=row.get("phase")) + _name_hosts(row.get("holders"), "hold the previous value")
    return "{0}: {1}".format(row["result"], row["message"])


def _name_hosts(hosts: Sequence[str] | None, what: str) -> str:
    """Return what is said of some hosts; nothing if there are none."""
    return ", {0} hosts {1}: {2}".format(len(hosts), what, ", ".join(hosts[:NAMED])) if hosts else ""


def _describe_previous(row: Row) -> str:
    """Return what is said of the previous value, if it was to be tried in the grace period."""
    words = {True: "is accepted, too", False: "is refused already", None: "could not be tried"}
    return ", the previous value {0}".format(words[row["previous_accepted"]]) if "previous_accepted" in row else ""


def write_summary(rows: Sequence[Row], listing: Mapping[str, Any], place: str, check_mode: bool) -> str:
    """Return the last line: how many of how many, and what is due next."""
    counts = Counter(row["result"] for row in rows)
    failed = sum(counts[result] for result in FAILURES)
    parts = [
        "{0} {1}".format(counts[PLANNED] + counts[CONTINUED], "would be rotated") if check_mode else "{0} rotated".format(counts[PROMOTED]),
        *(["{0} failed".format(failed)] if failed else []),
        *(["{0} without a target".format(counts[NO_TARGET_ASSIGNED])] if counts[NO_TARGET_ASSIGNED] else []),
        *(["{0} not tried".format(counts[NOT_TRIED])] if counts[NOT_TRIED] else []),
    ]
    said = ", ".join(parts) + " of {0} credentials".format(listing["total"]) if rows else "nothing is due"
    return "{0}: {1}. {2}".format(place, said, _describe_next(listing["next"]))


def _describe_next(later: Sequence[Mapping[str, Any]]) -> str:
    if not later:
        return "No other credential has a time at which it is due."
    shown = ["{0} ({1})".format(row["name"], row["due_at"][:16].replace("T", " ") + " UTC") for row in later[:3]]
    return "Next: {0}.".format(", ".join(shown))
