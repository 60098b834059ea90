# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of a specification, and the options every module has (documented in `doc_fragments/store.py`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

CONTROLLER = "controller"
TARGET = "target"

ArgumentSpec = Dict[str, Dict[str, Any]]


@dataclass(frozen=True)
class Specification:
    """What a module or lookup accepts, as `AnsibleModule` and `ArgumentSpecValidator` take it."""

    argument_spec: Mapping[str, Mapping[str, Any]]
    mutually_exclusive: Sequence[Sequence[str]] = ()
    required_together: Sequence[Sequence[str]] = ()
    required_one_of: Sequence[Sequence[str]] = ()
    required_if: Sequence[Sequence[Any]] = ()
    required_by: Mapping[str, Any] = field(default_factory=dict)
    other_stores: Sequence[str] = ()
    """The options that name further stores, like `store`. Each option is the role of that store in the operation."""
    check: Optional[Callable[[Mapping[str, Any]], None]] = None
    """Checks the validated parameters before any result shows them. Raises InvalidInput."""

    def relations(self) -> Dict[str, Any]:
        """Return the relations between options, by their keywords in ansible-core."""
        return {
            "mutually_exclusive": self.mutually_exclusive,
            "required_together": self.required_together,
            "required_one_of": self.required_one_of,
            "required_if": self.required_if,
            "required_by": self.required_by,
        }


def without_masked_mappings(spec: Mapping[str, Mapping[str, Any]]) -> ArgumentSpec:
    """Return the specification with `no_log` removed from mappings, at any depth.

    ansible-core would mask every leaf of them, and with "localhost" or "5432" half of the output (2.22: of the whole run).
    The library knows which leaves are secret; those are masked as soon as it has named them.
    """
    lighter: ArgumentSpec = {}
    for name, option in spec.items():
        lighter[name] = dict(option)
        if option.get("type") == "dict" and "no_log" in option:
            lighter[name]["no_log"] = False
        if option.get("options"):
            lighter[name]["options"] = without_masked_mappings(option["options"])
    return lighter


def scope_options() -> ArgumentSpec:
    """Return the dimensions of a scope that a play may set; the tenant comes from the store's configuration."""
    return {
        "workflow": {"type": "str"},
        "user": {"type": "str"},
        "tags": {"type": "dict"},
    }


def store_options() -> ArgumentSpec:
    """Return the options that every module has: the store, the caller's asserted scope, and the machine that runs the operation."""
    return {
        "store": {"type": "raw"},
        "scope": {"type": "dict", "options": scope_options()},
        "run_on": {"type": "str", "choices": [CONTROLLER, TARGET], "default": CONTROLLER},
    }
