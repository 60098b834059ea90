# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotating: the module `credential_rotate`."""

from __future__ import annotations

import os
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
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    InvalidInput,
    RotationFailed,
    RotationLost,
    RotationParked,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import read_schedule
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import SKEW, RotationPolicy, check_grace, duration
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotation_target import RotationTarget
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotation_value import complete_value, new_value
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal
from ansible_collections.nebula.credential.plugins.module_utils.rotation.engine import RotationEngine
from ansible_collections.nebula.credential.plugins.module_utils.rotation.lease_holder import holder_of, may_live
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import Candidate
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import handover, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import OVERLAP_NONE, SERVICE, Value
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager

STEP = "step"
"""The parameter in which a driver reports, and the part of the result that has its next step. Never shown."""

LOOK = "look"
"""The driver's first request: how to reach the target, so that it can examine it before anything is written."""

_PREPARED = (journal.PREPARING, journal.PREPARED)
_FAILURES = {steps.ROLLED_BACK: RotationFailed, steps.PARKED: RotationParked, steps.LOST: RotationLost}
_REMEDIES = {
    steps.ROLLED_BACK: "The current value is unchanged, and the target accepts it.",
    steps.PARKED: "Both values are kept (stages current and pending). Run phase 'settle', or the rotation again, once the target responds.",
    steps.LOST: "Both values are kept. Set one of them at the target by hand, then run phase 'settle'.",
}


def credential_rotate(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, check_mode: bool) -> Outcome:
    """Rotate a credential completely or phase by phase.

    Args:
        manager: the manager of the store.
        parameters: the module's options, and from a driver `step`: `{look: true}` to get the access to
            the target, `{}` to begin, `{ticket, outcome, places, made, held}` to report the outcome of a step.
        context: the caller.
        check_mode: change nothing, and return the plan.

    Returns:
        `{changed, name, phase, outcome, rotation}`, in check mode with `plan`. To a driver: `step` with `kind`, `ticket`,
        `stage`, `limit`, `value` and the way to the target (`options`, `credentials`, `current`), until `step.kind` is `done`.

    Raises:
        RotationInProgress: another rotation, or its grace period, is in progress.
        RotationParked, RotationLost, RotationFailed: the rotation ended that way.
        InvalidInput: an option is missing, or does not fit.
    """
    caller = asserting(context, parameters.get("scope"))
    with manager.acting(caller):
        return _Rotation(manager, parameters, caller).answer(check_mode)


class _Rotation:
    """One call of the operation."""

    def __init__(self, manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext) -> None:
        self._parameters = parameters
        self._name = check_name(parameters["name"])
        self._phase = parameters.get("phase") or AUTO
        self._manager = manager
        holder = holder_of(_controller(context), context.host or "")
        self._engine = RotationEngine(manager.backend, manager.clock, holder, alive=may_live)
        self._current = manager.backend.get(self._name)
        # Not due: only finish an earlier rotation that is still open.
        waits = self._phase in (AUTO, PREPARE) and bool(parameters.get("only_if_due")) and not self._is_due()
        self._tidies = waits and self._phase == AUTO
        self._idles = waits and self._phase == PREPARE and self._engine.status(self._name)["phase"] not in _PREPARED
        self._target = RotationTarget(lambda name: manager.get(name, context=context), self._current, parameters)

    def answer(self, check_mode: bool) -> Outcome:
        if self._phase == AUTO and self._target.manual:
            raise InvalidInput(
                "without a target, the service that takes this credential would keep the old value and refuse the new one",
                option="target",
                remedy="Name the target ({}), or write 'target: none' if no service takes it.".format(", ".join(TARGETS)),
            )
        self._check_target_options()
        self._check_maker()
        if self._phase == STATUS:
            return Outcome(self._result(False, None, self._engine.status(self._name)))
        if self._idles or (self._tidies and (check_mode or self._engine.status(self._name)["phase"] is None)):
            return Outcome(self._result(False, steps.IDLE, self._engine.status(self._name)))
        if check_mode:
            return self._plan()
        if (self._parameters.get(STEP) or {}).get(LOOK):
            told, secrets = self._target.build_access()
            return Outcome(dict(self._result(False, None, {}), **{STEP: dict(told, kind=LOOK)}), secrets)
        before = self._engine.status(self._name)
        if self._phase == FORGET:
            return Outcome(self._result(True, None, self._engine.forget(self._name, self._parameters.get("forget") or ())))
        step = _PHASES[self._phase](self)
        return self._report_step(step, before)

    def _is_due(self) -> bool:
        if self._parameters.get(STEP):
            return True
        return read_schedule(self._current.full_metadata).is_due(self._manager.clock())

    def _plan(self) -> Outcome:
        changes = self._phase in (AUTO, PREPARE, COMMIT, ROLLBACK, FORGET)
        plan = self._engine.plan(self._request()) if self._phase in (AUTO, PREPARE) else {}
        return Outcome(dict(self._result(changes, None, self._engine.status(self._name)), plan=plan))

    def _request(self) -> Request:
        return Request(
            name=self._name,
            kind=self._target.kind,
            traits=self._target.traits,
            make=self._make,
            target=self._target.describe(),
            grace=self._grace(),
            manual=self._target.manual,
            places=self._target.places,
            complete=self._complete,
        )

    def _complete(self, base: Record, made: Value) -> Candidate:
        return complete_value(base, made, self._parameters, self._manager.clock())

    def _check_target_options(self) -> None:
        """Raise InvalidInput for the options of a target that the task does not name."""
        kind = self._parameters.get("target")
        for other in TARGETS:
            if other != kind and self._parameters.get(other) is not None:
                named = "the target is {}".format(ascii(kind)) if kind else "no target is named"
                raise InvalidInput(named, option=other, remedy="Leave this option out, or write 'target: {}'.".format(other))

    def _check_maker(self) -> None:
        given = [option for option in ("value", "fields", "generate") if self._parameters.get(option)]
        if given and self._target.traits.maker == SERVICE:
            raise InvalidInput("the service makes the value of this target", option=given[0], remedy="Leave it out.")

    def _make(self, base: Record) -> Any:
        return new_value(base, self._parameters, self._target.next_fields(base), self._manager.clock())

    def _grace(self) -> timedelta:
        """Return the grace period: the option, else the policy's, else the time that consumers need.

        Raises:
            InvalidInput: the grace period is shorter than consumers need.
        """
        consumers = [duration(self._parameters.get(option) or 0, option) for option in ("consumer_ttl", "serve_stale")]
        wanted = self._parameters.get("grace")
        policy = RotationPolicy.read(self._current.full_metadata.policy).grace
        overlaps = self._target.traits.overlap != OVERLAP_NONE
        if wanted is None and not policy:
            return consumers[0] + consumers[1] + SKEW if overlaps and (self._target.driven or any(consumers)) else timedelta(0)
        grace = policy if wanted is None else duration(wanted, "grace")
        if overlaps and (self._target.driven or any(consumers)):
            check_grace(grace, consumers[0], consumers[1], "grace" if wanted is not None else "policy.grace")
        return grace

    def _auto(self) -> Step:
        reported = self._parameters.get(STEP)
        if self._target.driven and reported is None:
            raise InvalidInput(
                "only the action on the controller reaches a target",
                option="run_on",
                remedy="Leave 'run_on: target' out; the task's host is where the target's modules run.",
            )
        if reported:
            return self._report(reported)
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
        )

    def _prepare(self) -> Step:
        self._refuse_target()
        return self._engine.prepare(self._request())

    def _test(self) -> Step:
        accepted, refused = bool(self._parameters.get("accepted")), bool(self._parameters.get("wrong_refused"))
        return self._engine.test(self._name, accepted=accepted, wrong_refused=refused)

    def _commit(self) -> Step:
        return self._engine.commit(self._name)

    def _rollback(self) -> Step:
        reported = self._parameters.get(STEP)
        if reported:
            return self._report(reported)
        return self._engine.rollback(self._request(), sent=bool(self._parameters.get("sent", True)))

    def _settle(self) -> Step:
        reported = self._parameters.get(STEP)
        step = self._report(reported) if reported else self._engine.settle(self._name, self._request())
        if step.kind != steps.DONE and not self._target.driven:
            raise InvalidInput(
                "the target must be checked, and none is named", option="target", remedy="Name the target that the rotation began with."
            )
        return step

    def _refuse_target(self) -> None:
        if self._target.driven:
            raise InvalidInput("a phase that is run by hand takes no target", option="target", remedy="Leave it out, or run phase 'auto'.")

    def _report_step(self, step: Step, before: Mapping[str, Any]) -> Outcome:
        if step.kind != steps.DONE:
            return self._hand_out(step)
        if self._phase == AUTO and step.outcome in _FAILURES and not (self._tidies and step.outcome == steps.ROLLED_BACK):
            raise _failure(step)
        changed = step.outcome == steps.PROMOTED or step.summary.get("phase") != before.get("phase")
        result = self._result(changed, step.outcome, step.summary)
        return Outcome(dict(result, **{STEP: {"kind": steps.DONE}}) if STEP in self._parameters else result)

    def _hand_out(self, step: Step) -> Outcome:
        told, secrets = self._target.build_instructions(step)
        return Outcome(dict(self._result(True, None, step.summary), **{STEP: told}), secrets)

    def _result(self, changed: bool, outcome: Optional[str], summary: Mapping[str, Any]) -> Dict[str, Any]:
        return {"changed": changed, "name": self._name, "phase": self._phase, "outcome": outcome, "rotation": dict(summary)}


def _controller(context: AccessContext) -> int:
    """Return the id of the process whose end ends the lease: the run's controller (`run` begins with its id), else this process."""
    process = (context.run or "").partition("-")[0]
    return int(process) if process.isdigit() else os.getpid()


def _failure(step: Step) -> Exception:
    outcome = str(step.outcome)
    what = "the rotation ended as '{}': {}".format(outcome, step.summary.get("reason") or "no reason was reported")
    refused_for = step.summary.get("readers_refused_for")
    told = " Readers of the current value were refused for {} s.".format(refused_for) if refused_for else ""
    pending = step.summary.get("may_land_until")
    kept = " The new value is kept as pending until {}.".format(pending) if pending and outcome == steps.ROLLED_BACK else ""
    return _FAILURES[outcome](what, remedy=_REMEDIES[outcome] + told + kept)


_PHASES: Mapping[str, Callable[[_Rotation], Step]] = {
    AUTO: _Rotation._auto,
    PREPARE: _Rotation._prepare,
    TEST: _Rotation._test,
    COMMIT: _Rotation._commit,
    ROLLBACK: _Rotation._rollback,
    SETTLE: _Rotation._settle,
}
