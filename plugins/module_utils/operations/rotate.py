# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotating: the module `credential_rotate`."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any, Callable, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import (
    AUTO,
    COMMIT,
    FORGET,
    PREPARE,
    ROLLBACK,
    SETTLE,
    STATUS,
    TEST,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import check_takes_writes
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, RotationFailed, RotationLost, RotationParked
from ansible_collections.nebula.credential.plugins.module_utils.layers.read_once import ReadOnce
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import refuse_copy
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import read_schedule
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import RotationPolicy
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.deployments import forget_hosts, read_files
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotation_diff import build_planned_diff, describe_side, foresee
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotation_grace import choose_grace, choose_max_grace
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotation_options import (
    GRACE_OPTIONS,
    check_driver,
    check_flaw,
    check_phase,
    check_policy,
    check_rollback,
    check_target,
    check_target_options,
    wants_validation,
    warn_of_refused,
)
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotation_target import RotationTarget
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotation_value import complete_value, new_value
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal
from ansible_collections.nebula.credential.plugins.module_utils.rotation.engine import RotationEngine
from ansible_collections.nebula.credential.plugins.module_utils.rotation.lease_holder import holder_of, may_live
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate
from ansible_collections.nebula.credential.plugins.module_utils.rotation.summary import describe_consequences
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import handover, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import SERVICE, Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

STEP = "step"
"""The parameter in which a driver reports, and the part of the result that has its next step. Never shown."""

SETTLES = "settles"
"""The part of a driver's step that comes back with the report: this run only finishes what is open."""

LOOK = "look"
"""The driver's first request: how to reach the target, so that it can examine it before anything is written."""

_PREPARED = (journal.PREPARING, journal.PREPARED)
_FAILURES = {
    steps.ROLLED_BACK: RotationFailed,
    steps.REFUSED: RotationFailed,
    steps.PARKED: RotationParked,
    steps.LOST: RotationLost,
}
_REMEDIES = {
    steps.ROLLED_BACK: "The current value is unchanged, and the target accepts it.",
    steps.REFUSED: (
        "Nothing was sent. Correct what stands in the way, or store the value that the target accepts. With 'current_unverified: true' the"
        " rotation begins although the target does not accept the current value; nothing is rolled back to that value then."
    ),
    steps.PARKED: "Both values are kept (stages current and pending). Run phase 'settle', or the rotation again, once the target responds.",
    steps.LOST: "Both values are kept. Set one of them at the target by hand, then run phase 'settle'.",
}


def credential_rotate(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool) -> Outcome:
    """Rotate a credential completely or phase by phase.

    Args:
        manager: the manager of the store.
        parameters: the module's options, and from a driver `step`: `{look: true}` to get the access to
            the target, `{}` to begin, `{ticket, settles, outcome, note, places, made, held}` to report the outcome of a step.
        context: the caller.
        check_mode: change nothing, and return the plan.

    Returns:
        `{changed, name, phase, outcome, rotation, diff}`, in check mode with `plan`. To a driver: `step` with `kind`, `ticket`,
        `stage`, `limit`, `value` and the way to the target (`options`, `credentials`, `current`), until `step.kind` is `done`.

    Raises:
        RotationInProgress: another rotation, or its grace period, is in progress.
        RotationParked, RotationLost, RotationFailed: the rotation ended that way.
        InvalidInput: an option is missing, or does not fit.
    """
    caller = asserting(context, parameters.get("scope"))
    manager.write_deployments()  # a rotation waits for hosts that hold the previous value
    with manager.acting(caller):
        return _Rotation(manager, parameters, caller).answer(check_mode)


class _Rotation:
    """One call of the operation."""

    def __init__(self, manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext) -> None:
        self._parameters = parameters
        self._name, self._caller = check_name(parameters["name"]), context
        self._phase = parameters.get("phase") or AUTO
        self._manager = manager
        holder = holder_of(_controller(context), context.host or "")
        self._backend = ReadOnce(manager.backend, self._name)
        self._engine = RotationEngine(self._backend, manager.clock, holder, alive=may_live, record=self._record)
        self._current = self._backend.get(self._name)
        # Not due: only finish an earlier rotation that is still open.
        waits = self._phase in (AUTO, PREPARE) and bool(parameters.get("only_if_due")) and not self._is_due()
        # A promotion changes what is due, so a driver brings back what was decided when the run began.
        self._tidies = bool((parameters.get(STEP) or {}).get(SETTLES, waits and self._phase == AUTO))
        self._waits = waits and self._phase == PREPARE
        self._target = RotationTarget(lambda name: manager.get(name, context=context), self._current, parameters)

    def _record(self, event: str, name: str, target: Mapping[str, Any]) -> None:
        if self._manager.trail is not None:
            self._manager.trail.record_rotation(event, name, target)

    def answer(self, check_mode: bool) -> Outcome:
        check_target_options(self._parameters)
        check_phase(self._parameters, self._phase)
        check_target(self._parameters, self._target.traits, driven=self._target.driven)
        if self._phase == AUTO and not self._tidies:
            check_policy(self._policy, self._target.traits, driven=self._target.driven)
        outcome = self._perform(self._engine.status(self._name, self._request_of_target(), looks=self._phase == STATUS), check_mode)
        if STEP in self._parameters and STEP not in outcome.result:
            # Also where there was nothing to do, so that a driver needs no other sign of the end.
            outcome.result[STEP] = {"kind": steps.DONE}
        return outcome

    def _perform(self, before: Mapping[str, Any], check_mode: bool) -> Outcome:
        if self._phase == STATUS:
            return Outcome(self._result(False, None, before))
        if self._is_idle(before, check_mode):
            return Outcome(self._result(False, steps.IDLE, before))
        if self._phase == ROLLBACK and not self._is_report():
            check_rollback(self._parameters, before, self._describe_target())
        self._check_value(before)
        if check_mode:
            check_takes_writes(self._manager.backend, self._name)
            refuse_copy(self._current)
            return self._plan(before)
        if self._phase in (AUTO, ROLLBACK, SETTLE):
            check_driver(has_driver=STEP in self._parameters, driven=self._target.driven)
        if (self._parameters.get(STEP) or {}).get(LOOK):
            told, secrets = self._target.build_access()
            diff = {"before": self._describe_side(before)}
            return Outcome(dict(self._result(False, None, {}), diff=diff, **{STEP: dict(told, kind=LOOK)}), secrets)
        if self._phase == FORGET:
            return self._forget(before)
        return self._report_step(_PHASES[self._phase](self), before)

    def _forget(self, before: Mapping[str, Any]) -> Outcome:
        """Forget hosts and ids in the open rotation, and hosts in the record of the files that `deploy` has written."""
        asked = self._parameters.get("forget") or ()
        recorded = {place.host for place in read_files(self._manager, self._name, self._caller)}
        waited = [one for one in asked if one not in recorded or one in before.get("behind", ())]
        if waited or not asked:
            self._engine.forget(self._name, waited)
        forget_hosts(self._manager, self._name, asked, self._caller)
        return Outcome(self._result(True, None, self._engine.status(self._name, looks=True)))

    def _is_idle(self, before: Mapping[str, Any], check_mode: bool) -> bool:
        """Whether there is nothing to do: nothing is due, or nothing is open that could be finished."""
        if self._phase == SETTLE or self._tidies:
            return (before["phase"] is None and not self._is_report()) or (check_mode and self._tidies)
        return self._waits and before["phase"] not in _PREPARED

    def _is_report(self) -> bool:
        return "ticket" in (self._parameters.get(STEP) or {})

    def _request_of_target(self) -> Optional[Request]:
        """Return a request that names the target, for phases in which the target only has to be the one of the open rotation."""
        return self._request() if self._target.driven and self._phase in (STATUS, FORGET) else None

    def _describe_target(self) -> Optional[Dict[str, Any]]:
        """Return the target that the task names, with its kind; None if it names none."""
        return None if self._target.manual else dict(self._target.describe(), kind=self._target.kind)

    def _is_due(self) -> bool:
        return read_schedule(self._current.full_metadata, self._name).is_due(self._manager.clock())

    def _plan(self, before: Mapping[str, Any]) -> Outcome:
        changes = self._phase in (AUTO, PREPARE, COMMIT, ROLLBACK, FORGET)
        plan = self._engine.plan(self._request()) if self._phase in (AUTO, PREPARE) else {}
        after = side = self._describe_side(before)
        if self._phase in (AUTO, PREPARE, COMMIT):
            request = self._request()
            if self._phase == COMMIT and not self._gives_grace():
                request = replace(request, grace=timedelta(seconds=before.get("grace", 0)))
            after = foresee(self._current, side, self._phase, request, self._parameters, self._manager.clock())
        return Outcome(dict(self._result(changes, None, before), plan=plan, diff=build_planned_diff(side, after, plan)))

    def _describe_side(self, rotation: Mapping[str, Any]) -> Dict[str, Any]:
        return describe_side(self._current, rotation, self._manager.clock())

    def _build_diff(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Dict[str, Any]:
        changed = describe_side(self._backend.get(self._name), after, self._manager.clock(), self._current.fields)
        return {"before": self._describe_side(before), "after": changed}

    def _request(self) -> Request:
        return Request(
            name=self._name,
            kind=self._target.kind,
            traits=self._target.traits,
            make=self._make,
            target=self._target.describe(),
            grace=self._choose_grace(),
            max_grace=choose_max_grace(self._parameters, self._policy, self._target, self._choose_grace()),
            manual=self._target.manual,
            places=self._target.places,
            complete=self._complete,
            current_unverified=bool(self._parameters.get("current_unverified")),
            current_verified=self._parameters.get("current_verified"),
            validates=wants_validation(
                self._parameters, self._current.full_metadata.policy, self._target.traits, driven=self._target.driven
            ),
        )

    def _complete(self, base: Record, made: Value) -> Candidate:
        return complete_value(base, made, self._parameters, self._manager.clock())

    def _check_value(self, before: Mapping[str, Any]) -> None:
        """Make a candidate before a rotation begins: a value, or options of `generate`, that is refused must leave none open."""
        if self._phase in (AUTO, PREPARE) and before["phase"] is None and not self._is_report() and self._target.traits.maker != SERVICE:
            self._make(self._current)

    def _make(self, base: Record) -> Any:
        fixed = self._target.next_fields(base)
        made = new_value(self._manager.backend, base, self._parameters, fixed, self._manager.clock(), self._target.read)
        check_flaw(self._parameters, self._target.find_flaw(made.fields))
        return made

    def _choose_grace(self) -> timedelta:
        return choose_grace(self._parameters, self._policy, self._target)

    @property
    def _policy(self) -> RotationPolicy:
        return RotationPolicy.read(self._current.full_metadata.policy)

    def _auto(self) -> Step:
        if self._is_report():
            return self._report(self._parameters[STEP])
        if self._tidies:
            return self._engine.settle(self._name, self._request(), anew=False)
        return self._engine.prepare(self._request())

    def _report(self, reported: Mapping[str, Any]) -> Step:
        request = None if self._tidies or self._phase == SETTLE else self._request()
        return self._engine.report(
            self._name,
            reported["ticket"],
            reported.get("outcome"),
            request,
            made=handover.decode_made(reported.get("made")),
            held=handover.decode_held(reported.get("held")),
            places=reported.get("places"),
            note=reported.get("note") or "",
        )

    def _prepare(self) -> Step:
        return self._engine.prepare(self._request())

    def _test(self) -> Step:
        accepted, refused = bool(self._parameters.get("accepted")), bool(self._parameters.get("wrong_refused"))
        return self._engine.test(self._name, accepted=accepted, wrong_refused=refused)

    def _commit(self) -> Step:
        return self._engine.commit(self._name, self._choose_grace() if self._gives_grace() else None)

    def _gives_grace(self) -> bool:
        return any(self._parameters.get(option) is not None for option in GRACE_OPTIONS)

    def _rollback(self) -> Step:
        if self._is_report():
            return self._report(self._parameters[STEP])
        return self._engine.rollback(self._request(), sent=bool(self._parameters.get("sent", True)))

    def _settle(self) -> Step:
        step = self._report(self._parameters[STEP]) if self._is_report() else self._engine.settle(self._name, self._request())
        if step.kind != steps.DONE and not self._target.driven:
            raise InvalidInput(
                "the target must be checked, and none is named", option="target", remedy="Name the target that the rotation began with."
            )
        return step

    def _report_step(self, step: Step, before: Mapping[str, Any]) -> Outcome:
        if step.kind != steps.DONE:
            return self._hand_out(step)
        fails = step.outcome in _FAILURES and not (self._tidies and step.outcome == steps.ROLLED_BACK)
        if step.outcome == steps.REFUSED or (self._phase == AUTO and fails):
            raise _failure(step)
        warn_of_refused(step.summary, self._name, self._manager.backend.context.warn)
        changed = step.outcome == steps.PROMOTED or step.summary.get("phase") != before.get("phase")
        return Outcome(dict(self._result(changed, step.outcome, step.summary), diff=self._build_diff(before, step.summary)))

    def _hand_out(self, step: Step) -> Outcome:
        told, secrets = self._target.build_instructions(step)
        return Outcome(dict(self._result(True, None, step.summary), **{STEP: dict(told, **{SETTLES: self._tidies})}), secrets)

    def _result(self, changed: bool, outcome: Optional[str], summary: Mapping[str, Any]) -> Dict[str, Any]:
        return {
            "changed": changed,
            "name": self._name,
            "phase": self._phase,
            "outcome": outcome,
            "rotation": dict(summary),
            "location": self._manager.locate(self._name),
        }


def _controller(context: AccessContext) -> int:
    """Return the id of the process whose end ends the lease: the run's controller (`run` begins with its id), else this process."""
    process = (context.run or "").partition("-")[0]
    return int(process) if process.isdigit() else os.getpid()


def _failure(step: Step) -> Exception:
    outcome = str(step.outcome)
    what = "the rotation ended as '{}': {}".format(outcome, step.summary.get("reason") or "no reason was reported")
    return _FAILURES[outcome](what, remedy=_REMEDIES[outcome] + describe_consequences(step.summary, outcome))


_PHASES: Mapping[str, Callable[[_Rotation], Step]] = {
    AUTO: _Rotation._auto,
    PREPARE: _Rotation._prepare,
    TEST: _Rotation._test,
    COMMIT: _Rotation._commit,
    ROLLBACK: _Rotation._rollback,
    SETTLE: _Rotation._settle,
}
