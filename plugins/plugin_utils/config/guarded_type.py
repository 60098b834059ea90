# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a third party's type must not do to a run: hang, raise anything, return anything, or show a value in an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Internal
from ansible_collections.nebula.credential.plugins.module_utils.layers.third_party import attempt_in_thread, hide_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, RefreshAnswer

SECONDS = 30.0
"""How long a call may take."""
_REMEDY = "Report it to the author of that type, without any value."
_IS_INSIDE: ContextVar[bool] = ContextVar("nebula_credential_inside_type", default=False)
"""Whether a guarded call is under way: what a type calls of itself is not guarded again."""


def guard_type(kind: type[CredentialType], name: str) -> type[CredentialType]:
    """Return a class whose methods are those of `kind`, each in a thread with a time limit, its errors translated, its answer checked."""
    methods = [method for method in _SHAPES if hasattr(kind, method)]
    return type(kind.__name__, (kind,), {method: _guard_method(getattr(kind, method), method, name) for method in methods})


def _guard_method(original: Callable[..., Any], method: str, name: str) -> Callable[..., Any]:
    def call(kind: CredentialType, *given: Any, **named: Any) -> Any:
        if _IS_INSIDE.get():
            return original(kind, *given, **named)
        with deadline.within(SECONDS, method):
            work = _run_inside(lambda: original(kind, *given, **named))
            found, failure = attempt_in_thread(work, "the type '{0}'".format(name), outcome_unknown=method == "refresh")
        if failure is not None:
            raise _translate(failure, method, name, _list_values(given)) from None
        if not _SHAPES[method](found):
            what = "the type '{0}' returned from '{1}' what its contract does not say".format(name, method)
            raise Internal(what, remedy=_REMEDY).annotate(outcome_unknown=method == "refresh")
        return found

    return call


def _run_inside(work: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        _IS_INSIDE.set(True)  # in the context of the thread, which ends with it
        return work()

    return run


def _translate(failure: BaseException, method: str, name: str, values: list[str]) -> CredentialError:
    if isinstance(failure, CredentialError):
        return hide_values(failure, values)
    what = "the type '{0}' raised {1} in '{2}'".format(name, type(failure).__name__, method)
    return Internal(what, remedy=_REMEDY).annotate(outcome_unknown=method == "refresh")


def _list_values(given: tuple[Any, ...]) -> list[str]:
    """Return the values among the arguments of a call, as a message could show them."""
    mappings = [each for each in given if isinstance(each, Mapping)]
    return [value.expose().decode("utf-8", "replace") for each in mappings for value in each.values() if isinstance(value, Secret)]


def _are_fields(found: Any) -> bool:
    return isinstance(found, Mapping) and all(isinstance(name, str) and isinstance(value, Secret) for name, value in found.items())


def _is_time(found: Any) -> bool:
    return found is None or (isinstance(found, datetime) and found.utcoffset() is not None)


def _is_flag(found: Any) -> bool:
    return isinstance(found, bool)


def _is_text(found: Any) -> bool:
    return isinstance(found, str)


_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("expand", "validate", "complete", "generate"), _are_fields),
    **dict.fromkeys(("is_secret", "is_hidden", "is_known_secret", "lacks_value"), _is_flag),
    **dict.fromkeys(("can_refresh", "keeps_state"), _is_flag),
    **dict.fromkeys(("primary_of", "choose_field", "explain_restart", "explain_no_refresh", "explain_no_rotation"), _is_text),
    **dict.fromkeys(("check_given", "try_login"), lambda _found: True),
    "uses_up_token": lambda found: found is None or _is_flag(found),
    "with_recipes": lambda found: isinstance(found, CredentialType),
    "expires_at": _is_time,
    "read": lambda found: isinstance(found, Secret),
    "redact": lambda found: isinstance(found, Mapping),
    "refresh": lambda found: isinstance(found, RefreshAnswer),
    "refresh_token": lambda found: found is None or isinstance(found, Secret),
    "revoke_tokens": lambda found: found is None,
}
"""By method: whether an answer has its shape. A type has the last one if its capabilities say so."""
