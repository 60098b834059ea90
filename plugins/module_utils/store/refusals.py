# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations that the state of a credential forbids, and their errors."""

from __future__ import annotations

from typing import Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    Damaged,
    EncryptionError,
    InvalidInput,
    Misplaced,
    NotEncrypted,
    Revoked,
    RolledBack,
    RotationInProgress,
    Tampered,
    WrongKey,
)
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import incomplete_import, is_importing
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential

_FAULTY_VALUE = (Damaged, Misplaced, NotEncrypted, RolledBack, Tampered, WrongKey)


def check_expected(credential: Credential, expected_version: Optional[str]) -> None:
    """Refuse a version other than the expected one.

    Raises:
        Conflict: the versions differ; the message names both.
    """
    if expected_version is not None and credential.version != expected_version:
        what = "its version is {0}, not {1}".format(credential.version, expected_version)
        raise Conflict(what, name=credential.name, remedy="Read it again and decide again.")


def refuse_missing(name: str, expected_version: Optional[str]) -> None:
    """Refuse to create a credential that is expected to exist.

    Raises:
        Conflict: a version was expected.
    """
    if expected_version is not None:
        what = "it does not exist, so it is not version {0}".format(expected_version)
        raise Conflict(what, name=name, remedy="Leave 'expected_version' out.")


def refuse_deleted_since(seen: Sequence[Credential], name: str) -> None:
    """Refuse to repeat a write if an earlier attempt found the credential: `seen` is what the attempts found.

    Raises:
        Conflict: it was deleted since then. Only another task may create or restore it.
    """
    if seen:
        what = "version {0} was read, and another run deleted it meanwhile".format(seen[-1].version)
        raise Conflict(what, name=name, remedy="Repeat the task if it is wanted all the same.")


def with_way_out(error: EncryptionError, expected_version: Optional[str]) -> EncryptionError:
    """Add to the error of an unreadable value how to delete it unread, and return the error.

    Do not add it if only the key is missing or wrong: the value can be read with the right key.
    """
    if isinstance(error, _FAULTY_VALUE):
        how = ", without 'expected_version'" if expected_version else ""
        error.remedy = "{0} To delete it unread: 'state: absent' with 'force: true'{1}.".format(error.remedy, how).strip()
    return error


def refuse_while_rotating(credential: Credential) -> None:
    """Refuse the states in which a rotation owns the values.

    Raises:
        RotationInProgress: it is rotating or in its grace period.
    """
    state = credential.metadata.lifecycle
    if state in (lifecycle.ROTATING, lifecycle.GRACE_PERIOD):
        remedy = "Finish it with credential_rotate (commit or rollback); only a delete can be forced."
        raise RotationInProgress("its state is '{0}'".format(state), name=credential.name, remedy=remedy)


def refuse_revoked(credential: Credential) -> None:
    """Refuse to use or to change a credential that is revoked.

    Raises:
        Revoked: it is.
    """
    if credential.metadata.lifecycle == lifecycle.REVOKED:
        raise Revoked("it was revoked, for good", name=credential.name, remedy="Use state 'absent' first, or another name.")


def refuse_importing(credential: Credential) -> None:
    """Refuse to change a credential whose import is not complete.

    Raises:
        Unusable: it is being imported.
    """
    if is_importing(credential.metadata):
        raise incomplete_import(credential.name)


def choose_recoverable(name: str, recoverable: Optional[bool], undeletes: bool, force: bool) -> bool:
    """Return whether a delete is recoverable: if that is not given, as far as the backend can.

    Raises:
        InvalidInput: as `check_recoverable`, if it is given.
    """
    if recoverable is None:
        return undeletes and not force
    if recoverable:
        check_recoverable(name, undeletes, force)
    return recoverable


def check_recoverable(name: str, undeletes: bool, force: bool) -> None:
    """Refuse a recoverable delete that could not be undone.

    Raises:
        InvalidInput: the backend cannot restore, or `force` is given too.
    """
    if force:
        what, remedy = "what is removed by force cannot be brought back", "Leave out 'force' or 'recoverable'."
    elif not undeletes:
        what = "what is deleted from this store cannot be brought back"
        remedy = "Leave it out: what is deleted is then gone for good."
    else:
        return
    raise InvalidInput(what, name=name, option="recoverable", remedy=remedy)
