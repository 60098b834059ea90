# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The targets by their names. `catalog.py` has a row for each; on a host there are none.

A third party's target has another name: a full one of a collection (`acme.vaulty.appliance`), or that of an entry point. The controller
adds it to its own process if the configuration lists it.
"""

from __future__ import annotations

from typing import Dict, Mapping, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, suggest
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET, Target

try:
    from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import catalog
except ImportError:  # on a host
    catalog = None  # type: ignore[assignment]

TARGETS: Mapping[str, Type[Target]] = {} if catalog is None else catalog.TARGETS

KINDS = (NO_TARGET, *TARGETS)
"""The values of the option `target`, without third parties' targets."""

_added: Dict[str, Type[Target]] = {}


def add_target(kind: str, target: Type[Target]) -> None:
    """Register a third party's target in this process."""
    _added[kind] = target


def is_third_party(kind: str) -> bool:
    """Whether a kind, if there is such a target, is a third party's."""
    return kind not in KINDS


def option_of(kind: str) -> str:
    """Return the name of the option that holds a target's options."""
    return "target_options" if is_third_party(kind) else kind


def host_error(kind: str) -> InvalidInput:
    """Return the error for a target that a host is to reach, which has none."""
    what = "the target '{}' is loaded on the controller only".format(kind)
    remedy = "Leave 'run_on: target' out. A target's own modules and programs run on the task's host anyway."
    return InvalidInput(what, option="run_on", remedy=remedy)


def find_target(kind: str) -> Type[Target]:
    """Return the target of a kind.

    Raises:
        InvalidInput: there is none, or it is a third party's that this process has not loaded.
    """
    found = TARGETS.get(kind) or _added.get(kind)
    if found is not None:
        return found
    raise host_error(kind) if "." in kind else unknown_error(kind)


def unknown_error(kind: str) -> InvalidInput:
    """Return the error for a target that does not exist."""
    remedy = "{}Allowed: {}, or a third party's: namespace.collection.name, or the name of an entry point.".format(
        suggest(kind, KINDS), ", ".join(KINDS)
    )
    return InvalidInput("there is no target {}".format(ascii(kind)), option="target", remedy=remedy)
