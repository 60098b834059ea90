# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for a failed lookup: `on_missing`, `on_denied` and `on_error`, each independent of the others (J2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.lookups import DEFAULT, ERROR, REACTIONS, WARN
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    AuditFailed,
    CredentialError,
    Internal,
    InvalidInput,
    InvalidToken,
    Misplaced,
    NotEncrypted,
    NotFound,
    NoToken,
    RolledBack,
    Tampered,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.session.messages import kinds_by_code

_BY_OPTION = (("on_missing", (NotFound, NoToken)), ("on_denied", (AccessDenied,)), ("on_error", (CredentialError,)))

ALWAYS_RAISED = (InvalidInput, InvalidToken, Tampered, Misplaced, RolledBack, NotEncrypted, AuditFailed, Internal)
"""A mistake in the play, a sign of an attack, or a bug: no option hides these."""


def error_from(described: Mapping[str, str]) -> CredentialError:
    """Return the error that an operation described as `code` and `message`."""
    kind = kinds_by_code().get(described["code"], CredentialError)
    return kind(described["message"])


class FailureOptions:
    """The three options of one lookup call, and their effect."""

    def __init__(self, options: Mapping[str, Any], default: list[Any], warn: Callable[[str], None]) -> None:
        """Take the validated options, and `default` as a list of one element, or empty if it was not given (it may be None).

        Raises:
            InvalidInput: an option is `default`, and no default is given.
        """
        self._options = options
        self._default = default
        self._warn = warn
        for option, _kinds in _BY_OPTION:
            if options.get(option) == DEFAULT and not default:
                remedy = "Give 'default', or use one of: {0}.".format(", ".join(other for other in REACTIONS if other != DEFAULT))
                raise InvalidInput("it is 'default', and no default is given", option=option, remedy=remedy)

    @property
    def accept_missing(self) -> bool:
        """True if the call has an answer for a missing credential, so that an earlier miss may answer it."""
        return bool(self._default) or self._options.get("on_missing") not in (None, ERROR)

    def apply(self, error: CredentialError) -> list[Any]:
        """Return `[default]`, or `[]` to leave the value out.

        Raises:
            CredentialError: `error` itself, if no option says otherwise.
        """
        reaction = ERROR if isinstance(error, ALWAYS_RAISED) else self._reaction(error)
        if reaction == ERROR:
            raise error
        if reaction == WARN:
            self._warn(str(error))
        return list(self._default) if reaction in (DEFAULT, WARN) else []

    def _reaction(self, error: CredentialError) -> str:
        option = next(name for name, kinds in _BY_OPTION if isinstance(error, kinds))
        unless_told = DEFAULT if option == "on_missing" and self._default else ERROR
        return str(self._options.get(option) or unless_told)
