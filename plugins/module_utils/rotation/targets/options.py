# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a rotation target: one description for the argument spec, the documentation and the controller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple


@dataclass(frozen=True)
class Option:
    """One option, in the words of ansible-core's argument spec.

    Attributes:
        type: str, int, bool, path, dict or list.
        description: its paragraphs, in Ansible's documentation markup.
        no_log: the value is secret. Must be False, not None, if the option's name looks like that of a secret.
        credential: the value names a credential of the same store. The target gets that credential's fields.
        aliases: other names that users know from the modules of the target.
        hosts: the value is a pattern of the inventory for one host (type str), or patterns (type list); the target gets the name or the
            names. Without a value, that is the task's host, or the hosts of the play.
        hosts_default: whether an option with `hosts` has a value without one. If not, the target then acts on the task's host.
    """

    type: str
    description: Tuple[str, ...]
    elements: Optional[str] = None
    required: bool = False
    default: Any = None
    choices: Tuple[str, ...] = ()
    no_log: Optional[bool] = None
    credential: bool = False
    aliases: Tuple[str, ...] = ()
    hosts: bool = False
    hosts_default: bool = True

    def argument(self) -> Dict[str, Any]:
        """Return the option as an argument spec has it."""
        parts = {
            "type": self.type,
            "elements": self.elements,
            "required": self.required or None,
            "default": self.default,
            "choices": list(self.choices) or None,
            "no_log": self.no_log,
        }
        return {name: part for name, part in parts.items() if part is not None}


def read_aliases(options: Mapping[str, Option]) -> Dict[str, str]:
    """Return the other names of a target's options, and the option that each stands for."""
    return {alias: name for name, option in options.items() for alias in option.aliases}


def build_argument(options: Mapping[str, Option], exclusive: Sequence[Sequence[str]]) -> Dict[str, Any]:
    """Return the argument spec of the mapping that holds a target's options."""
    # A target may have any name: `valkey` is not secret because it ends with "key". Its options say for themselves whether they are.
    spec: Dict[str, Any] = {"type": "dict", "no_log": False, "options": {name: option.argument() for name, option in options.items()}}
    if exclusive:
        spec["mutually_exclusive"] = [list(group) for group in exclusive]
    return spec
