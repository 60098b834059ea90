# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every error of the library, each with a code that callers match on (never its text).

A message names the option, the credential and the store first, says what happened, then what to do. It never holds a
value, a token, the text of an SDK, or a chained exception of one: raise these with ``from None``.
"""

from __future__ import annotations

import os
import traceback
from typing import Optional


class CredentialError(Exception):
    """The root of the tree. ``code`` is stable; the text is for people.

    Attributes:
        retry_after: seconds that the backend asked to wait before the request is made again; None where it did not say.
        outcome_unknown: the request may have been carried out, or may be still: whoever wants to know has to read.
    """

    code = "internal"
    retry_after: Optional[float] = None
    outcome_unknown = False

    def __init__(
        self,
        what: str,
        *,
        remedy: str = "",
        option: Optional[str] = None,
        name: Optional[str] = None,
        store: Optional[str] = None,
    ) -> None:
        """Describe a failure.

        Args:
            what: what happened, one clause without a final stop.
            remedy: what the user can do, one or more sentences.
            option: the option whose value is at fault.
            name: the credential.
            store: the store, by the name the user gave it.
        """
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.option = option
        self.name = name
        self.store = store

    def within(self, *, option: Optional[str] = None, name: Optional[str] = None, store: Optional[str] = None) -> CredentialError:
        """Add where it happened, where the place that raised it could not know. What is set already stays."""
        self.option = self.option or option
        self.name = self.name or name
        self.store = self.store or store
        return self

    def happened(self, *, retry_after: Optional[float] = None, outcome_unknown: bool = False) -> CredentialError:
        """Add what the layer that repeats requests has to know (the attributes of this class)."""
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        return self

    def __str__(self) -> str:
        places = (("option", self.option), ("credential", self.name), ("store", self.store))
        where = ", ".join("{0} '{1}'".format(label, value) for label, value in places if value)
        text = "{0}: {1}".format(where, self.what) if where else self.what
        return "{0}. {1}".format(text.rstrip("."), self.remedy) if self.remedy else text

    def __reduce__(self):  # type: ignore[no-untyped-def]  # the base class types it with Any
        state = {"retry_after": self.retry_after, "outcome_unknown": self.outcome_unknown}
        return (_rebuild, (type(self), self.what, self.remedy, self.option, self.name, self.store), state)


def _rebuild(kind, what, remedy, option, name, store):  # type: ignore[no-untyped-def]  # called by pickle alone
    return kind(what, remedy=remedy, option=option, name=name, store=store)


class InvalidInput(CredentialError):
    """An argument, a field or a name cannot be accepted as it is."""

    code = "invalid_input"


class InvalidConfiguration(InvalidInput):
    """A store, or a place that names one, is configured wrongly. Found before any network is used."""

    code = "invalid_configuration"


class MissingLibrary(InvalidConfiguration):
    """A Python package or an Ansible collection is needed and absent. The remedy is the exact install line."""

    code = "missing_library"


class Duplicate(CredentialError):
    """A credential of that name exists already."""

    code = "duplicate"


class UnsupportedType(InvalidInput):
    """There is no credential type of that name."""

    code = "unsupported_type"


class TypeMismatch(CredentialError):
    """The stored credential is of another type than the one asked for."""

    code = "type_mismatch"


class NotFound(CredentialError):
    """No such credential, version or stage. Deleted and never-existing are told alike."""

    code = "not_found"


class AccessDenied(CredentialError):
    """The scope of the credential, or the backend's own access control, refuses."""

    code = "access_denied"


class LoginFailed(CredentialError):
    """The backend does not accept the login of the store: a wrong, expired or revoked one. Never hidden behind a denial."""

    code = "login_failed"


class Expired(CredentialError):
    """The current value is past its expiry."""

    code = "expired"


class Revoked(CredentialError):
    """The credential was revoked. Nothing brings it back; create another."""

    code = "revoked"


class Unusable(CredentialError):
    """The credential is in a state in which it has no usable value."""

    code = "unusable"


class NoToken(CredentialError):
    """The credential has no value in the field asked for."""

    code = "no_token"


class InvalidToken(CredentialError):
    """The value cannot be given out in the form asked for (binary as text, for one)."""

    code = "invalid_token"


class RefreshUnsupported(CredentialError):
    """The type cannot be refreshed."""

    code = "refresh_unsupported"


class RefreshFailed(CredentialError):
    """A refresh was refused or did not answer."""

    code = "refresh_failed"


class NoRefreshToken(CredentialError):
    """There is nothing to refresh with."""

    code = "no_refresh_token"


class RotationFailed(CredentialError):
    """A rotation did not reach its end. The store agrees with what the target takes."""

    code = "rotation_failed"


class RotationInProgress(CredentialError):
    """Another rotation of the same credential is under way."""

    code = "rotation_in_progress"


class RotationParked(RotationFailed):
    """The outcome is open and cannot be asked for now. Both values are kept; a later run settles it."""

    code = "rotation_parked"


class RotationLost(RotationFailed):
    """The target takes neither the current nor the new value."""

    code = "rotation_lost"


class IllegalTransition(CredentialError):
    """The lifecycle does not allow that event in that state."""

    code = "illegal_transition"


class StorageError(CredentialError):
    """The backend failed in a way that has no class of its own."""

    code = "storage"


class Conflict(StorageError):
    """Compare-and-swap lost: another writer came first. The message names both versions."""

    code = "conflict"


class TooLarge(StorageError):
    """More bytes, tags or records than the backend takes. Checked before the call."""

    code = "too_large"


class ReadOnly(StorageError):
    """The place cannot be written."""

    code = "read_only"


class StorageFull(StorageError):
    """The place has no room left. What was stored before is intact."""

    code = "storage_full"


class InsecurePermissions(StorageError):
    """Somebody else could read the place."""

    code = "insecure_permissions"


class Unavailable(StorageError):
    """The backend cannot be reached, is sealed, or asks to be left alone for a while. Passing: the request may be made again."""

    code = "unavailable"


class Timeout(StorageError):
    """An operation took longer than it may. The message names the operation and the seconds. Passing, as `Unavailable`."""

    code = "timeout"


class CircuitOpen(Unavailable):
    """The backend failed so often that it is left alone for a while."""

    code = "circuit_open"


class EncryptionError(CredentialError):
    """The root of what an envelope or a key can do wrong."""

    code = "encryption"


class Damaged(EncryptionError):
    """The bytes are not what was written: cut, flipped or half-copied. Restore them from a backup or a version."""

    code = "damaged"


class WrongKey(EncryptionError):
    """The envelope was written with a key that this store does not hold."""

    code = "wrong_key"


class WrongPassphrase(EncryptionError):
    """The key source does not open its slot, and the slot is intact."""

    code = "wrong_passphrase"


class MissingKey(EncryptionError):
    """The store has records and its key is gone. A new key is never made for it."""

    code = "missing_key"


class KeySourceUnavailable(EncryptionError):
    """A key source cannot be used on this machine. Nothing weaker is put in its place."""

    code = "key_source_unavailable"


class Misplaced(EncryptionError):
    """A whole, genuine envelope in the wrong place: another name, stage, tenant or store."""

    code = "misplaced"


class Tampered(EncryptionError):
    """Authentication failed: somebody changed the envelope."""

    code = "tampered"


class RolledBack(EncryptionError):
    """A genuine envelope that is older than what this controller has seen."""

    code = "rolled_back"


class NotEncrypted(EncryptionError):
    """A plain value in a store that is configured as encrypted."""

    code = "not_encrypted"


class UnknownFormat(EncryptionError):
    """A later release of the collection wrote it. It is whole; upgrade to read it."""

    code = "unknown_format"


class AuditFailed(CredentialError):
    """The audit trail cannot be written, and the store is configured to refuse then."""

    code = "audit_failed"


class InteractionRequired(CredentialError):
    """A person has to act first."""

    code = "interaction_required"


class FlowExpired(CredentialError):
    """The interactive flow was not completed in time."""

    code = "flow_expired"


class InvalidCallback(CredentialError):
    """What came back from the interactive flow does not belong to it."""

    code = "invalid_callback"


class Internal(CredentialError):
    """Something nobody foresaw. It carries the exception's class, never its text."""

    code = "internal"


def neutral(error: Exception) -> CredentialError:
    """An error of the neutral tree as it is; of any other one only its class and the line that raised it, for its text may hold a value."""
    if isinstance(error, CredentialError):
        return error
    remedy = "This is a bug; report it with what was asked, without any value."
    return Internal("an unforeseen {0} was raised{1}".format(type(error).__name__, _place(error)), remedy=remedy)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return " in {0}, line {1}".format(os.path.basename(frames[-1].filename), frames[-1].lineno) if frames else ""
