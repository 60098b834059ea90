# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The diff of a rotation: the metadata before and after it, and in check mode the plan. Never a value."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential_rotate import AUTO, COMMIT
from ansible_collections.nebula.credential.plugins.module_utils.model.lifecycle import ACTIVE, GRACE_PERIOD, ROTATING
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Record
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotation_value import find_expiry
from ansible_collections.nebula.credential.plugins.module_utils.rotation import journal as phases
from ansible_collections.nebula.credential.plugins.module_utils.rotation.request import Request
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import DUAL, MULTI
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential, format_time
from ansible_collections.nebula.credential.plugins.module_utils.store.ensure import CHANGED, describe_diff_side, differing
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

NEW_VERSION = "a new one"


def describe_side(record: Record, rotation: Mapping[str, Any], now: datetime, changed: Optional[Fields] = None) -> Dict[str, Any]:
    """Return one side of a diff: the metadata of the current value, its version, and the phase of its rotation.

    Args:
        record: the current value.
        rotation: the state of the rotation, as `RotationEngine.status` returns it.
        now: the time that expiry is compared with.
        changed: the fields of the value before, if this side is the one after; the names of those that differ are marked.
    """
    names = differing(changed, record.fields) if changed is not None else ()
    phase = rotation.get("phase")
    side = describe_diff_side(Credential(record, now), names)
    return dict(side, version=record.version, rotation=None if phase == "closed" else phase)


def foresee(
    record: Record, before: Mapping[str, Any], phase: str, request: Request, parameters: Mapping[str, Any], now: datetime
) -> Dict[str, Any]:
    """Return the side after a phase, as far as it is known before: the new version and its creation are not.

    Args:
        record: the current value.
        before: the side before.
        phase: the phase of the module.
        request: the rotation that was requested.
        parameters: the options of the module.
        now: the time of the rotation.
    """
    if phase not in (AUTO, COMMIT):
        return dict(before, state=ROTATING, rotation=phases.PREPARED)
    kind = type_named(record.type, record.full_metadata.attributes)
    names = {kind.primary_of(record.fields), *(parameters.get("fields") or {})}
    # A target that accepts several values keeps the previous one until no request that carried the new one can land.
    kept = bool(request.grace) or (request.is_driven and request.traits.overlap in (DUAL, MULTI))
    return dict(
        before,
        version=NEW_VERSION,
        state=GRACE_PERIOD if kept else ACTIVE,
        rotation=phases.GRACE if kept else None,
        expires_at=format_time(find_expiry(kind, record.fields, record, parameters, now)),
        fields={name: CHANGED if name in names else shown for name, shown in before["fields"].items()},
    )


def build_planned_diff(before: Mapping[str, Any], after: Mapping[str, Any], plan: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Return the diff of check mode: the metadata, then the plan in order."""
    steps = ["{}. {}".format(number, step) for number, step in enumerate(plan.get("steps") or (), 1)]
    sides = {"before": dict(before), "after": dict(after)}
    if not steps:
        return [sides]
    return [sides, {"prepared": "\n".join(["the rotation, in order:", *steps, plan["readers"], ""])}]
