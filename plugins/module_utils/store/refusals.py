# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations that the state of a credential forbids, and their errors."""

from __future__ import annotations

from datetime import datetime
from typing import Iterable, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    Damaged,
    Duplicate,
    InvalidInput,
    Misplaced,
    NotEncrypted,
    NotFound,
    Revoked,
    RolledBack,
    RotationInProgress,
    Tampered,
    TypeMismatch,
    Unusable,
    WrongKey,
)
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import refuse_copy
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import incomplete_import, is_importing
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import BEFORE_EXPIRY
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import IDEMPOTENCY_KEY, DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import is_refreshable

_FAULTY_VALUE = (Damaged, Misplaced, NotEncrypted, RolledBack, Tampered, Unusable, WrongKey)

_WAYS_OUT = {
    lifecycle.ROTATING: "Finish the rotation with credential_rotate: its 'phase: status' shows where it stands.",
    lifecycle.GRACE_PERIOD: "The grace period ends at 'retire_after', which credential_rotate shows with 'phase: status'. After that,"
    " 'phase: settle' drops the previous value and the credential can be changed; 'phase: rollback' goes back to the previous value.",
}
"""What to do in each state in which a rotation owns the values."""


UPDATABLE = ("description", "tags", "policy", "expires_at")
"""The parts of a credential that change without a new value."""


def refuse_value(name: str, changes: Iterable[str]) -> None:
    """Refuse a change of a part that needs a new value.

    Raises:
        InvalidInput: one of `changes` is such a part.
    """
    for option in changes:
        if option not in UPDATABLE:
            what, remedy = "'update' changes {0}".format(", ".join(UPDATABLE)), "Use 'ensure' (state: present), which writes a new value."
            raise InvalidInput(what, name=name, option=option, remedy=remedy)


def check_expected(credential: Credential, expected_version: Optional[str]) -> None:
    """Refuse a version other than the expected one.

    Raises:
        Conflict: the versions differ; the message names both.
    """
    if expected_version is not None and credential.version != expected_version:
        what = "its version is {0}, not {1}".format(credential.version, expected_version)
        raise Conflict(what, name=credential.name, remedy="Read it again and decide again.")


def check_created_by(found: Credential, key: Optional[str]) -> None:
    """Check that a credential was created with an idempotency key.

    Raises:
        Duplicate: it was created with another one, or without; or there is no key.
        Revoked: it is revoked since.
    """
    if key is None or found.metadata.attributes.get(IDEMPOTENCY_KEY) != key:
        remedy = "To change it, use 'state: present' without an idempotency key."
        raise Duplicate("it exists already", name=found.name, remedy=remedy)
    refuse_revoked(found)


def is_kept(stored: Credential, wanted: DesiredCredential) -> bool:
    """Return True if a credential that exists stays as it is: the caller wants that, or has an idempotency key, which must have made it.

    Raises:
        Duplicate, Revoked: as `check_created_by`.
    """
    if not wanted.keep and wanted.idempotency_key is not None:
        check_created_by(stored, wanted.idempotency_key)
    return wanted.keep or wanted.idempotency_key is not None


def check_type(stored: Credential, wanted: DesiredCredential) -> None:
    """Refuse another type than the stored one.

    Raises:
        TypeMismatch: the message names both.
    """
    if stored.record.record_id is None:
        return  # another tool wrote it, so its type is not known yet
    if wanted.type is not None and wanted.type != stored.record.type:
        what = "it is stored as type '{0}', not '{1}'".format(stored.record.type, wanted.type)
        raise TypeMismatch(what, name=stored.name, remedy="Leave 'type' out, use another name, or delete it first.")


def check_expiry_ahead(wanted: DesiredCredential, now: datetime) -> None:
    """Refuse to create a credential that has expired already. One that is stored may be given a time that has passed: it expires.

    Raises:
        InvalidInput: the time has passed.
    """
    if wanted.expires_at is not None and wanted.expires_at <= now:
        remedy = "Write a later time, or 'ttl'; or leave it out."
        raise InvalidInput("the time has passed, and the credential is to be created", name=wanted.name, option="expires_at", remedy=remedy)


def check_policy_has_expiry(wanted: DesiredCredential, record: Record) -> None:
    """Refuse to store a policy that counts from an expiry for a value without one: it would never be due.

    Raises:
        InvalidInput: the wanted policy is of that kind, and neither the record nor a refresh of its type has an expiry.
    """
    if (wanted.policy or {}).get("kind") == BEFORE_EXPIRY and record.full_metadata.expires_at is None and not is_refreshable(record.type):
        remedy = "Give 'expires_at', or 'ttl' if this task writes a value; or use another 'kind', for example periodic."
        raise InvalidInput("the value does not expire, so it would never be due", name=wanted.name, option="policy.kind", remedy=remedy)


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


def with_way_out(error: CredentialError, expected_version: Optional[str]) -> CredentialError:
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
    if state in _WAYS_OUT:
        remedy = "{0} Only a delete can be forced ('state: absent' with 'force: true').".format(_WAYS_OUT[state])
        raise RotationInProgress("its state is '{0}'".format(state), name=credential.name, remedy=remedy)


def refuse_revoked(credential: Credential) -> None:
    """Refuse to use or to change a credential that is revoked.

    Raises:
        Revoked: it is.
    """
    if credential.metadata.lifecycle == lifecycle.REVOKED:
        raise Revoked("it was revoked, for good", name=credential.name, remedy="Use state 'absent' first, or another name.")


def check_changeable(credential: Credential) -> None:
    """Refuse to change a copy, or a credential whose import is not complete.

    Raises:
        ReadOnly: it is a copy.
        Unusable: it is being imported.
    """
    refuse_copy(credential.record)
    if is_importing(credential.metadata):
        raise incomplete_import(credential.name)


def refuse_other(there: Credential, version: Optional[str]) -> None:
    """Refuse to restore a deleted credential as another version than the one whose file is in place.

    Raises:
        NotFound: the version differs.
    """
    if version not in (None, there.version):
        what = "version {0} was deleted, and version {1} is in place".format(ascii(version), there.version)
        remedy = "Put the file of that version in place first; or restore version {0}.".format(there.version)
        raise NotFound(what, name=there.name, remedy=remedy)


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
