# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exit codes of the command, as a table: a script may rely on them."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    AuditFailed,
    Conflict,
    CredentialError,
    Duplicate,
    EncryptionError,
    Expired,
    IllegalTransition,
    InteractionRequired,
    InvalidInput,
    LoginFailed,
    NotFound,
    NoToken,
    ReadOnly,
    Revoked,
    RotationFailed,
    RotationInProgress,
    StorageError,
    Unusable,
)

OK, FAILED, USAGE, TROUBLE, INTERRUPTED = 0, 1, 2, 10, 130


class ExitCode(NamedTuple):
    """An exit code, the errors that have it, and what it means."""

    status: int
    errors: tuple[type[CredentialError], ...]
    meaning: str


CODES = (
    ExitCode(OK, (), "done; of `set` and `edit` also if nothing had to be changed"),
    ExitCode(FAILED, (), "another failure; its message says which"),
    ExitCode(USAGE, (InvalidInput,), "the command line or the configuration is wrong; nothing was done"),
    ExitCode(3, (NotFound, NoToken), "there is no such credential, version or field"),
    ExitCode(4, (AccessDenied, LoginFailed, ReadOnly), "the scope, the store or its login denies access; a store that is read only"),
    ExitCode(5, (Expired, Revoked, Unusable, InteractionRequired), "the credential has expired, is revoked or has no usable value"),
    ExitCode(6, (Conflict, Duplicate, IllegalTransition, RotationInProgress), "somebody else changed it meanwhile, or a rotation is open"),
    ExitCode(7, (StorageError, RotationFailed), "the store or the service of a rotation failed, or cannot be reached; it may be repeated"),
    ExitCode(8, (EncryptionError,), "the key, or what is stored, is not what it should be: look before you repeat it"),
    ExitCode(9, (AuditFailed,), "the audit trail cannot be written"),
    ExitCode(TROUBLE, (), "`doctor`, `preflight` or `scan` has found something that is wrong"),
    ExitCode(INTERRUPTED, (), "it was interrupted by Ctrl-C"),
)
"""The first row whose errors an error is one of has its exit code."""

NOT_RUN, NOT_EXECUTABLE, NO_PROGRAM = 125, 126, 127
"""Those of `run`, apart from the program's own, as env(1) has them: no credential could be read; it cannot be executed; there is none."""


def find_status(error: Exception) -> int:
    """Return the exit code of an error; `FAILED` for one that has none of its own."""
    return next((row.status for row in CODES if isinstance(error, row.errors)), FAILED)
