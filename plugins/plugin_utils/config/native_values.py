# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert Ansible's own kinds of text and containers to plain ones, decrypt vaulted values, and refuse what a host has set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput

_FACTS, _PREFIX = "ansible_facts", "ansible_"
_OMIT = "_OmitType"
"""The name of the class of `omit`, for which ansible-core has no public name."""


def is_fact(variable: str, variables: Mapping[str, Any]) -> bool:
    """Whether the host has a fact of this name. ansible-core makes variables of facts, which go before those of an inventory."""
    return variable.removeprefix(_PREFIX) in (variables.get(_FACTS) or ())


def refuse_fact(variable: str, variables: Mapping[str, Any]) -> None:
    """Check that a variable which may choose where logins are sent is no fact: a host that was taken over says what it likes.

    Raises:
        InvalidConfiguration: it is one.
    """
    if is_fact(variable, variables):
        what = "a fact of the host has this name, and a host may not choose the store"
        remedy = (
            "Set it in the inventory, the play or nebula.yml, and never with 'cacheable'. If you did not make the fact, look at that host."
        )
        raise InvalidConfiguration(what, option=variable, remedy=remedy)


def is_omit(value: Any) -> bool:
    """Whether a template gave `omit` for this value: the option that has it counts as not given."""
    return type(value).__name__ == _OMIT


def to_native(value: Any, other: Callable[[Any], Any] = str) -> Any:
    """Return `value` as dict, list and Python's own scalars, without the elements that are `omit`.

    Args:
        value: what a task or a template gave.
        other: converts any other scalar, for example a date.
    """
    if isinstance(value, Mapping):
        return {str(name): to_native(element, other) for name, element in value.items() if not is_omit(element)}
    if isinstance(value, (list, tuple, set)):
        return [to_native(element, other) for element in value if not is_omit(element)]
    if value is None or isinstance(value, (bool, bytes)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return str(value) if isinstance(value, str) or hasattr(value, "_ciphertext") else other(value)


def keep(value: Any) -> Any:
    """Return `value`: for `to_native`, so that it leaves other scalars as they are."""
    return value


def read_text(value: Any, what: str) -> str:
    """Return the input of a filter or a test as text.

    Raises:
        InvalidInput: it is none. It is not shown; `what` says what it should be.
    """
    text = to_native(value)
    if not isinstance(text, str):
        raise InvalidInput("{0} is not text".format(what), remedy="Give it as text; for a number write '| string'.")
    return text
