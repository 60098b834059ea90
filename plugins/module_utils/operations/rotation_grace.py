# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a rotation keeps the previous value."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import (
    SKEW,
    RotationPolicy,
    check_grace,
    check_max_grace,
    duration,
)
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotation_target import RotationTarget
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import OVERLAP_NONE


def choose_grace(parameters: Mapping[str, Any], policy: RotationPolicy, target: RotationTarget) -> timedelta:
    """Return the grace period: the option, else the policy's, else the time that consumers need.

    Raises:
        InvalidInput: the grace period is shorter than consumers need.
    """
    consumers = [duration(parameters.get(option) or 0, option) for option in ("consumer_ttl", "serve_stale")]
    traits = target.traits
    if _lacks_grace(target):
        return timedelta(0)
    wanted = parameters.get("grace")
    needed = target.driven or any(consumers)
    if wanted is None and not policy.grace:
        return max(sum(consumers, SKEW) if needed else timedelta(0), timedelta(seconds=traits.grants_last))
    grace = policy.grace if wanted is None else duration(wanted, "grace")
    if needed:
        check_grace(grace, consumers[0], consumers[1], "grace" if wanted is not None else "policy.grace")
    return grace


def choose_max_grace(parameters: Mapping[str, Any], policy: RotationPolicy, target: RotationTarget, grace: timedelta) -> timedelta:
    """Return how long hosts are waited for at most: the option, else the policy's; 0 if none is waited for.

    Raises:
        InvalidInput: it is not longer than the grace period.
    """
    wanted = parameters.get("max_grace")
    if _lacks_grace(target) or (wanted is None and not policy.max_grace):
        return timedelta(0)
    longest = policy.max_grace if wanted is None else duration(wanted, "max_grace")
    check_max_grace(grace, longest, "max_grace" if wanted is not None else "policy.max_grace")
    return longest


def _lacks_grace(target: RotationTarget) -> bool:
    """Whether the target accepts one value at a time, so that the previous one helps nobody."""
    return not target.manual and target.traits.overlap == OVERLAP_NONE and not target.traits.grants_last
