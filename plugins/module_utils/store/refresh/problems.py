# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of a value that is not refreshed, and the problem that is stored with the credential after a failed request."""

from __future__ import annotations

from typing import Mapping, Optional, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InteractionRequired,
    Internal,
    RefreshFailed,
    RotationInProgress,
    Timeout,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import DENIED, INTERACTION, LOST
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.types.base import DUE_AT_ONCE

_WHAT: Mapping[str, str] = {
    LOST: "the response to its last refresh was lost, and the token that was sent works only once",
    DENIED: "the service refused its last refresh",
    INTERACTION: "the service wants a person to act before it is refreshed again",
}
_CLASSES: Mapping[str, Type[CredentialError]] = {LOST: InteractionRequired, DENIED: RefreshFailed, INTERACTION: InteractionRequired}


def problem_error(credential: Credential, problem: str) -> CredentialError:
    """Return the error of a value that is not refreshed until a person acts."""
    remedy = credential.kind.explain_restart(credential.fields)
    again = "" if problem == LOST else " If the reason is gone at the service, run credential_refresh."
    return _CLASSES[problem](_WHAT[problem], name=credential.name, remedy=remedy + again)


def problem_of(error: CredentialError, is_single_use: bool) -> Optional[str]:
    """Return what a failed request means for the next ones, one of `PROBLEMS`; None if the next one may succeed.

    Args:
        error: what the type's `refresh` raised.
        is_single_use: the token that was sent works only once. Sending it again could revoke every token derived from it.
    """
    if isinstance(error, RefreshFailed):
        return DENIED
    if isinstance(error, InteractionRequired):
        return INTERACTION
    return LOST if is_single_use and (error.outcome_unknown or isinstance(error, Internal)) else None


def no_answer_error(credential: Credential, error: CredentialError) -> RefreshFailed:
    """Return the error of an expired or first value whose service cannot be reached now."""
    lack = "it has no value yet" if credential.expires_at == DUE_AT_ONCE else "it has expired"
    what = "{0}, and the service gave no new value: {1}".format(lack, error.what)
    return RefreshFailed(what, name=credential.name, remedy=error.remedy)


def no_write_right_error(name: str, error: CredentialError) -> AccessDenied:
    """Return the error of an expired value that this login may read but not write."""
    what = "it has expired, and a refresh has to be written, which this login may not do: {0}".format(error.what)
    return AccessDenied(what, name=name, remedy=error.remedy)


def no_swap_error(name: str) -> RefreshFailed:
    """Return the error of an expired value in a store where two refreshes could race."""
    what = "it has expired, and this backend cannot compare and swap, so two processes could use its token at the same time"
    return RefreshFailed(what, name=name, remedy="Keep credentials that are refreshed in a store of another backend.")


def rotating_error(name: str) -> RotationInProgress:
    """Return the error of a value that expires during a rotation."""
    remedy = "Finish the rotation with credential_rotate."
    return RotationInProgress("it is not refreshed while it is rotated", name=name, remedy=remedy)


def wait_timeout_error(name: str, seconds: float) -> Timeout:
    """Return the error of a reader that waited too long for another process's refresh."""
    what = "it has expired, and another process that refreshes it did not end within {0:.0f} s".format(seconds)
    return Timeout(what, name=name, remedy="Run it again.")
