# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options of `credential_rotate` mean something in which phase. Every other one is refused by its name, so none is ignored."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional, Tuple

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
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import BLUE_GREEN, RotationPolicy
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import is_given
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    MANUAL,
    NO_TARGET,
    OVERLAP_NONE,
    SERVICE,
    TargetTraits,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import TARGETS

GRACE_OPTIONS = ("grace", "consumer_ttl", "serve_stale")
MAX_GRACE = "max_grace"
VALIDATE = "validate_rotated"
_VALUE_OPTIONS = ("value", "fields", "generate")

_NO_GRACE = "the target accepts one value at a time, so there is no grace period"
_NO_DRIVER = "no target is named that a value could be tried at"

_BEGINS = (AUTO, PREPARE)
_USED_IN: Mapping[str, Tuple[str, ...]] = {
    "target": (AUTO, ROLLBACK, SETTLE, STATUS, FORGET),
    **dict.fromkeys((*_VALUE_OPTIONS, "allow_empty", "ttl", "only_if_due"), _BEGINS),
    **dict.fromkeys(GRACE_OPTIONS, (*_BEGINS, COMMIT, ROLLBACK)),
    MAX_GRACE: (*_BEGINS, ROLLBACK),
    **dict.fromkeys(("accepted", "wrong_refused"), (TEST,)),
    "forget": (FORGET,),
    "sent": (ROLLBACK,),
    "current_unverified": (AUTO, ROLLBACK),
    VALIDATE: (AUTO, ROLLBACK),
    "current_verified": (PREPARE,),
}
_DEFAULTS: Mapping[str, Any] = {"allow_empty": False, "only_if_due": False, "current_unverified": False, "sent": True}


def check_target_options(parameters: Mapping[str, Any]) -> None:
    """Check that only the named target has options.

    Raises:
        InvalidInput: another target has.
    """
    kind = parameters.get("target")
    for other in TARGETS:
        if other != kind and parameters.get(other) is not None:
            named = "the target is {}".format(ascii(kind)) if kind else "no target is named"
            raise InvalidInput(named, option=other, remedy="Leave this option out, or write 'target: {}'.".format(other))


def check_phase(parameters: Mapping[str, Any], phase: str) -> None:
    """Check that every option that is given means something in the phase, and that a whole rotation names its target.

    Raises:
        InvalidInput: one does not, or no target is named.
    """
    if phase == AUTO and not parameters.get("target"):
        raise InvalidInput(
            "without a target, the service that takes this credential would keep the old value and refuse the new one",
            option="target",
            remedy="Name the target ({}), or write 'target: none' if no service takes it.".format(", ".join(TARGETS)),
        )
    for option, used_in in _USED_IN.items():
        if phase not in used_in and is_given(parameters, option, _DEFAULTS):
            named = ", ".join(used_in)
            raise InvalidInput(
                "phase '{}' does not use it".format(phase),
                option=option,
                remedy="Leave it out. Phases that use it: {}.".format(named),
            )


def check_target(parameters: Mapping[str, Any], traits: TargetTraits, *, driven: bool) -> None:
    """Check that every option that is given means something with the target.

    Raises:
        InvalidInput: one does not.
    """
    if driven and traits.overlap == OVERLAP_NONE and not traits.grants_last:
        _refuse(parameters, (*GRACE_OPTIONS, MAX_GRACE, VALIDATE), _NO_GRACE)
    if traits.maker == SERVICE:
        _refuse(parameters, _VALUE_OPTIONS, "the service makes the value of this target")
    if not driven:
        _refuse(parameters, ("current_unverified", VALIDATE), _NO_DRIVER)


def check_policy(policy: RotationPolicy, traits: TargetTraits, *, driven: bool) -> None:
    """Check that the target can rotate as the credential's policy demands.

    Raises:
        InvalidInput: the policy demands that both values are accepted for a while, or that the previous one is tried, and the target
            accepts one at a time.
    """
    if policy.validate_rotated and (not driven or traits.overlap == OVERLAP_NONE):
        what = _NO_GRACE if driven else _NO_DRIVER
        remedy = "Have two users take turns at the target, or leave it out of the policy."
        raise InvalidInput(what, option="policy." + VALIDATE, remedy=remedy)
    if policy.strategy == BLUE_GREEN and driven and traits.overlap == OVERLAP_NONE:
        remedy = "Have two users take turns at the target, or change the policy's 'strategy' to 'replace'."
        raise InvalidInput("it is blue_green, and the target accepts one value at a time", option="policy.strategy", remedy=remedy)


def check_driver(*, has_driver: bool, driven: bool) -> None:
    """Check that a driver takes the steps of a target: they hold values, and only it can act.

    Raises:
        InvalidInput: there is none.
    """
    if driven and not has_driver:
        raise InvalidInput(
            "only the action on the controller reaches a target",
            option="run_on",
            remedy="Leave 'run_on: target' out; the task's host is where the target's modules run.",
        )


def wants_validation(parameters: Mapping[str, Any], policy: Mapping[str, Any], traits: TargetTraits, *, driven: bool) -> bool:
    """Whether the previous value is tried in the grace period. The option wins over the stored policy; without grace it is not tried."""
    given = parameters.get(VALIDATE)
    return driven and traits.overlap != OVERLAP_NONE and bool(policy.get(VALIDATE) if given is None else given)


def warn_of_refused(summary: Mapping[str, Any], name: str, warn: Callable[[str], None]) -> None:
    """Warn if the target refused the previous value in the grace period."""
    if summary.get("previous_accepted") is False:
        what = "'{}': the target refuses the previous value already, in its grace period. What still uses that value is refused."
        warn(what.format(name))


def check_flaw(parameters: Mapping[str, Any], flaw: str) -> None:
    """Check that the target can take the new value. `flaw` is why it cannot; empty if it can.

    Raises:
        InvalidInput: it cannot. The error names the option that the value came from.
    """
    if flaw:
        given = next((option for option in _VALUE_OPTIONS if is_given(parameters, option, _DEFAULTS)), "target")
        raise InvalidInput(flaw, option=given, name=parameters["name"], remedy="Give another value, or have one generated.")


def check_rollback(parameters: Mapping[str, Any], standing: Mapping[str, Any], named: Optional[Mapping[str, Any]]) -> None:
    """Check that the options fit what there is to roll back.

    Args:
        parameters: the module's options.
        standing: the state of the rotation, as `RotationEngine.status` returns it.
        named: the target that the task names, with its kind; None if it names none.

    Raises:
        InvalidInput: an option means nothing there, or the target that the previous value goes back to is missing or another one.
    """
    began = standing.get("target") or {}
    if standing["phase"] != phases.GRACE:
        _refuse(
            parameters, (*GRACE_OPTIONS, MAX_GRACE, "current_unverified", VALIDATE), "a prepared value is given up, and nothing is begun"
        )
    if began.get("kind") != MANUAL or standing["phase"] == phases.GRACE:
        _refuse(parameters, ("sent",), "it applies to a value that was prepared by hand")
    if standing["phase"] == phases.GRACE or (standing["phase"] == phases.PROMOTING and _is_driven(began)):
        _check_way_back(began, named)


def _is_driven(began: Mapping[str, Any]) -> bool:
    return began.get("kind") not in (MANUAL, NO_TARGET)


def _check_way_back(began: Mapping[str, Any], named: Optional[Mapping[str, Any]]) -> None:
    driven = _is_driven(began)
    if named is None:
        remedy = "Name the target that the rotation was made with: {}.".format(_describe(began))
        if not driven:
            remedy = "Set the previous value at the service, and write 'target: none'; or name the target that is to get it."
        raise InvalidInput("no target is named that the old value goes back to", option="target", remedy=remedy)
    if driven and dict(named) != dict(began):
        remedy = "To go back, name exactly that target: {}.".format(_describe(began))
        raise InvalidInput("the rotation was made with another target", option="target", remedy=remedy)


def _describe(target: Mapping[str, Any]) -> str:
    return ", ".join("{} {}".format(key, value) for key, value in sorted(target.items()))


def _refuse(parameters: Mapping[str, Any], options: Tuple[str, ...], what: str) -> None:
    for option in options:
        if is_given(parameters, option, _DEFAULTS):
            raise InvalidInput(what, option=option, remedy="Leave it out.")
