# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options of `credential` mean something in which state. Every other one is refused by its name, so none is ignored."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.credential import (
    ABSENT,
    PRESENT,
    RESTORED,
    STATES,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.operations.parameters import is_given

_DESCRIBES = (
    "type",
    "value",
    "value_from",
    "prompt",
    "on_exists",
    "overwrite",
    "fields",
    "generate",
    "declared_fields",
    "description",
    "tags",
    "metadata",
    "expires_at",
    "ttl",
    "policy",
    "rotation",
)
_USED_IN: Mapping[str, Tuple[str, ...]] = {
    **dict.fromkeys((*_DESCRIBES, "allow_empty", "check", "idempotency_key"), (PRESENT,)),
    **dict.fromkeys(("encoding", "return_value"), (PRESENT, RESTORED)),
    **dict.fromkeys(("force", "recoverable", "permanent", "revoke_tokens"), (ABSENT,)),
    "version": (ABSENT, RESTORED),
}
_DEFAULTS: Mapping[str, Any] = {
    **dict.fromkeys(("allow_empty", "check", "force", "permanent", "return_value", "revoke_tokens"), False),
    "encoding": "text",
}


def is_used(option: str, state: str) -> bool:
    """Return True if the option means something in this state."""
    return state in _USED_IN.get(option, STATES)


def check_state(state: str, item: Mapping[str, Any]) -> None:
    """Check that the state exists, and uses every option that is given: who deletes a `version`, for example, must not delete all.

    Raises:
        InvalidInput: it does not. The error names all options to leave out, with the states that they belong to.
    """
    if state not in STATES:
        what = "there is no state {0}".format(ascii(state))
        raise InvalidInput(what, option="state", remedy="Use one of: {0}.".format(", ".join(STATES)))
    unused = [option for option in _USED_IN if is_given(item, option, _DEFAULTS) and not is_used(option, state)]
    if unused:
        what, remedy = "state '{0}' does not use it".format(state), "Leave out: {0}.".format(_list_by_states(unused))
        raise InvalidInput(what, name=item.get("name"), option=unused[0], remedy=remedy)
    for other in ("version", "force"):
        if item.get("revoke_tokens") and item.get(other):
            what = "tokens are not revoked with '{0}'".format(other)
            raise InvalidInput(what, name=item.get("name"), option="revoke_tokens", remedy="Leave one of them out.")
    if item.get("recoverable") and item.get("permanent"):
        what = "it is the opposite of 'recoverable'"
        raise InvalidInput(what, name=item.get("name"), option="permanent", remedy="Leave one of them out.")


def check_inherited(common: Mapping[str, Any], states: Iterable[str]) -> None:
    """Check that at least one element of `credentials` has a state that uses each option of the task.

    Raises:
        InvalidInput: none has.
    """
    there = sorted(set(states))
    for option in common:
        if there and is_given(common, option, _DEFAULTS) and not any(is_used(option, state) for state in there):
            what = "no element of 'credentials' uses it; their states are: {0}".format(", ".join(there))
            raise InvalidInput(what, option=option, remedy="Leave out: {0}.".format(_list_by_states([option])))


def _list_by_states(options: Iterable[str]) -> str:
    groups: Dict[Tuple[str, ...], List[str]] = {}
    for option in options:
        groups.setdefault(_USED_IN[option], []).append(option)
    return "; ".join("{0} (of 'state: {1}')".format(", ".join(names), "' and 'state: ".join(states)) for states, names in groups.items())
