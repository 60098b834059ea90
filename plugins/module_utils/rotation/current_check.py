# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check before anything is sent: the target accepts the current value, or the task allows that it does not.

The check is a step of its own, before the journal is written: a rotation that is refused leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Mapping, Optional, Union

from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation import places
from ansible_collections.nebula.credential.plugins.module_utils.rotation.course import Course, Following
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import Entry
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import identity_of
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from ansible_collections.nebula.credential.plugins.module_utils.rotation.transitions import MAX_NOTE

_FORTH, _BACK = "check of ", "check before going back of "
"""How the ticket of a check begins; the version of the current value follows."""

_UNSENT = (phases.PREPARING, phases.LISTING, phases.PREPARED)

_REASONS = {
    steps.REFUSED: "the target does not accept the current value",
    steps.UNAVAILABLE: "the current value could not be tried at the target",
    steps.ACCEPTS_ANYTHING: "the target also accepts a random wrong value, so no value can be verified",
}


def start(course: Course, request: Request) -> Following:
    """Write the journal of a new rotation, or return the step that tries the current value first. Raises as `Course.begin`."""
    return course.begin(request) if request.is_checked else build_check(course, request)


def needs_check(entry: Optional[Entry], request: Request) -> bool:
    """Whether the current value has to be tried before this run continues: it is about to send, and nothing was sent yet."""
    is_unsent = entry is None or (entry.journal.phase in _UNSENT and not entry.journal.has_sent)
    return is_unsent and not request.is_checked


def build_check(course: Course, request: Request, *, back: bool = False) -> Step:
    """Return the step that tries the current value, for a rotation or for the way back to the previous value.

    Raises:
        CredentialError: no rotation can begin, as `Course.begin`.
    """
    current = course.check_startable(request) if not back else course.slots(request.name).get(CURRENT)
    return Step(
        steps.CHECK,
        "{}{}".format(_BACK if back else _FORTH, current.version),
        CURRENT,
        current.fields,
        identity=identity_of(current),
        places=request.places,
        summary={"phase": None},
    )


def is_check(ticket: Optional[str]) -> bool:
    """Whether the ticket is that of a check."""
    return ticket is not None and ticket.startswith((_FORTH, _BACK))


def goes_back(ticket: str) -> bool:
    """Whether the check was that of a way back to the previous value."""
    return ticket.startswith(_BACK)


def end_check(
    course: Course,
    request: Request,
    ticket: str,
    outcome: Optional[str],
    outcomes: Optional[Mapping[str, str]],
    note: str,
) -> Union[Request, Step]:
    """Return the request with the outcome of the check; or a step: the last one of a refused rotation, or the check of a newer value.

    A value that one host accepts is verified. If the target accepts anything, the new value could not be verified either.

    Args:
        course: the rotations of the store.
        request: the rotation that was requested.
        ticket: the ticket of the check.
        outcome: the outcome of the check; None if `outcomes` has the outcome at each place.
        outcomes: the outcomes by place.
        note: what the target says about the outcome, without a value.

    Raises:
        InvalidInput: the step has no such outcome, or other places.
    """
    together = places.combine_check(request.places, outcome, outcomes)
    if not ticket.endswith(" of {}".format(course.slots(request.name).get(CURRENT).version)):
        return build_check(course, request, back=goes_back(ticket))
    if together == steps.ACCEPTED or (request.current_unverified and together != steps.ACCEPTS_ANYTHING):
        return replace(request, current_verified=together == steps.ACCEPTED)
    reason = "{} ({})".format(_REASONS[together], note[:MAX_NOTE]) if note else _REASONS[together]
    summary: Dict[str, Any] = {
        "phase": None,
        "target": dict(request.target, kind=request.kind),
        "current_verified": False,
        "reason": reason,
    }
    course.record(steps.REFUSED, request.name, summary["target"])
    return Step(steps.DONE, outcome=steps.REFUSED, summary=summary)
