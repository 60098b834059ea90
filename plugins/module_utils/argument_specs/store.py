# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of a specification, and the options every module has (documented in `doc_fragments/store.py`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Sequence

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

    def relations(self) -> Dict[str, Any]:
        """The relations between options, by the keyword each has in ansible-core."""
        return {
            "mutually_exclusive": self.mutually_exclusive,
            "required_together": self.required_together,
            "required_one_of": self.required_one_of,
            "required_if": self.required_if,
            "required_by": self.required_by,
        }


def scope_options() -> ArgumentSpec:
    """The dimensions of a scope that a play may name; the tenant comes from the store's configuration."""
    return {
        "workflow": {"type": "str"},
        "user": {"type": "str"},
        "tags": {"type": "dict"},
    }


def store_options() -> ArgumentSpec:
    """Where a module works: which store, asserted to be for whom, from which machine."""
    return {
        "store": {"type": "raw"},
        "scope": {"type": "dict", "options": scope_options()},
        "run_on": {"type": "str", "choices": [CONTROLLER, TARGET], "default": CONTROLLER},
    }
