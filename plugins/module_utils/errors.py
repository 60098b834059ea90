# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every error of the library, each with a code that callers match on (never its text).

A message first names the option, the credential and the store, then says what happened, then what to do. It never holds a
value, a token, the text of an SDK or a chained SDK exception: raise these errors with ``from None``.
"""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from dataclasses import dataclass
from importlib.machinery import PathFinder
from typing import Any, Callable, Iterable, List, Optional


class CredentialError(Exception):
    """The root of the tree. ``code`` is stable; the text is for people.

    Attributes:
        retry_after: seconds to wait before the next attempt, as the backend requested; None if it named none.
        outcome_unknown: the backend may have carried out the request, or may still do so. Only a read shows the outcome.
        throttled: the backend works, and accepts no more requests for now.
        rest: finishes a write of which a part was carried out, from where it stopped, and returns the write's result. None if there is
            nothing to finish. It stays in this process.
    """

    code = "internal"
    retry_after: Optional[float] = None
    outcome_unknown = False
    throttled = False
    rest: Optional[Callable[[], Any]] = None

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
            what: what happened, one clause without a full stop.
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
        """Add the place of the failure if the code that raised it did not know it. Values that are already set stay."""
        self.option = self.option or option
        self.name = self.name or name
        self.store = self.store or store
        return self

    def annotate(self, *, retry_after: Optional[float] = None, outcome_unknown: bool = False, throttled: bool = False) -> CredentialError:
        """Add what the retry layer needs to know (the attributes of this class)."""
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        self.throttled = throttled
        return self

    def __str__(self) -> str:
        places = (("option", self.option), ("credential", self.name), ("store", self.store))
        where = ", ".join("{0} '{1}'".format(label, value) for label, value in places if value)
        text = "{0}: {1}".format(where, self.what) if where else self.what
        return "{0}. {1}".format(text.rstrip("."), self.remedy) if self.remedy else text

    def __reduce__(self):  # type: ignore[no-untyped-def]  # the base class types it with Any
        state = {"retry_after": self.retry_after, "outcome_unknown": self.outcome_unknown, "throttled": self.throttled}
        return (_rebuild, (type(self), self.what, self.remedy, self.option, self.name, self.store), state)


def _rebuild(kind, what, remedy, option, name, store):  # type: ignore[no-untyped-def]  # called by pickle alone
    return kind(what, remedy=remedy, option=option, name=name, store=store)


class InvalidInput(CredentialError):
    """An argument, a field or a name cannot be accepted as it is."""

    code = "invalid_input"


class InvalidConfiguration(InvalidInput):
    """A store, or an option that names one, is configured wrongly. Found before any network is used."""

    code = "invalid_configuration"


class MissingLibrary(InvalidConfiguration):
    """A required Python package or Ansible collection is missing. The remedy is the exact install command."""

    code = "missing_library"


class Duplicate(CredentialError):
    """A credential of that name already exists."""

    code = "duplicate"


class UnsupportedType(InvalidInput):
    """There is no credential type of that name."""

    code = "unsupported_type"


class TypeMismatch(CredentialError):
    """The stored credential has another type than the requested one."""

    code = "type_mismatch"


class NotFound(CredentialError):
    """No such credential, version or stage. A deleted credential gives the same error as one that never existed."""

    code = "not_found"


class AccessDenied(CredentialError):
    """The scope of the credential, or the backend's own access control, denies access."""

    code = "access_denied"


class LoginFailed(CredentialError):
    """The backend does not accept the login of the store, or a service the key of a credential. Never reported as a denial of access."""

    code = "login_failed"


class Expired(CredentialError):
    """The current value is past its expiry."""

    code = "expired"


class Revoked(CredentialError):
    """The credential was revoked. It cannot be restored; create another."""

    code = "revoked"


class Unusable(CredentialError):
    """The credential is in a state in which it has no usable value."""

    code = "unusable"


class WriteOnly(Unusable):
    """The store takes values and gives none back."""

    code = "write_only"


class NoToken(CredentialError):
    """The credential has no value in the requested field."""

    code = "no_token"


class InvalidToken(CredentialError):
    """The value cannot be returned in the requested form (for example binary as text), or a token is not accepted."""

    code = "invalid_token"


class RefreshUnsupported(CredentialError):
    """The type cannot be refreshed."""

    code = "refresh_unsupported"


class RefreshFailed(CredentialError):
    """A refresh was refused or got no response."""

    code = "refresh_failed"


class NoRefreshToken(CredentialError):
    """There is no refresh token."""

    code = "no_refresh_token"


class RotationFailed(CredentialError):
    """A rotation failed. The store holds the value that the target accepts."""

    code = "rotation_failed"


class RotationInProgress(CredentialError):
    """Another rotation of the same credential is in progress."""

    code = "rotation_in_progress"


class RotationParked(RotationFailed):
    """The outcome is unknown and cannot be checked now. Both values are kept; a later run settles it."""

    code = "rotation_parked"


class RotationLost(RotationFailed):
    """The target accepts neither the current nor the new value."""

    code = "rotation_lost"


class IllegalTransition(CredentialError):
    """The lifecycle does not allow that event in that state."""

    code = "illegal_transition"


class StorageError(CredentialError):
    """The backend failed in a way that has no class of its own here."""

    code = "storage"


class Conflict(StorageError):
    """Compare-and-swap failed: another writer came first. The message names both versions."""

    code = "conflict"


class Drift(StorageError):
    """A copy differs from what was copied: it was changed outside. It is overwritten only if that is written out."""

    code = "drift"


class TooLarge(StorageError):
    """More bytes, tags or records than the backend accepts. Checked before the call."""

    code = "too_large"


class ReadOnly(StorageError):
    """The store, or a file that it needs, cannot be written."""

    code = "read_only"


class StorageFull(StorageError):
    """There is no space left. What was stored before is intact."""

    code = "storage_full"


class InsecurePermissions(StorageError):
    """Other users could read the file or directory."""

    code = "insecure_permissions"


class Unavailable(StorageError):
    """The backend cannot be reached, is sealed, or requests a pause. Transient: the request may be repeated."""

    code = "unavailable"


class Timeout(StorageError):
    """An operation exceeded its time limit. The message names the operation and the seconds. Transient, as `Unavailable`."""

    code = "timeout"


class CircuitOpen(Unavailable):
    """The backend failed so often that no requests are sent to it for a while."""

    code = "circuit_open"


class EncryptionError(CredentialError):
    """The root of all errors of envelopes and keys."""

    code = "encryption"


class Damaged(EncryptionError):
    """The bytes are not what was written: cut, flipped or half-copied. Restore them from a backup or a version."""

    code = "damaged"


class WrongKey(EncryptionError):
    """The envelope was written with a key that this store does not hold."""

    code = "wrong_key"


class WrongPassphrase(EncryptionError):
    """The key source does not open its slot, although the slot is intact."""

    code = "wrong_passphrase"


class MissingKey(EncryptionError):
    """The store has records but its key is gone. The collection never makes a new key for it."""

    code = "missing_key"


class KeySourceUnavailable(EncryptionError):
    """A key source cannot be used on this machine. No weaker source replaces it."""

    code = "key_source_unavailable"


class Misplaced(EncryptionError):
    """A complete, genuine envelope in the wrong place: another name, stage, tenant or store."""

    code = "misplaced"


class Tampered(EncryptionError):
    """Authentication failed: the envelope was changed without the key."""

    code = "tampered"


class RolledBack(EncryptionError):
    """A genuine envelope that is older than one this controller has already seen."""

    code = "rolled_back"


class NotEncrypted(EncryptionError):
    """A plain value in a store that is configured as encrypted."""

    code = "not_encrypted"


class UnknownFormat(EncryptionError):
    """A later release of the collection wrote it. It is intact; upgrade to read it."""

    code = "unknown_format"


class AuditFailed(CredentialError):
    """The audit trail cannot be written, and the store is configured to refuse operations in that case."""

    code = "audit_failed"


class InteractionRequired(CredentialError):
    """A person has to act first."""

    code = "interaction_required"


class FlowExpired(CredentialError):
    """The interactive flow was not completed in time."""

    code = "flow_expired"


class InvalidCallback(CredentialError):
    """The response of the interactive flow does not belong to the flow that was started."""

    code = "invalid_callback"


class Exposed(CredentialError):
    """A stored value lies about outside the store."""

    code = "exposed"


class Internal(CredentialError):
    """An unexpected failure. It carries the exception's class, never its text."""

    code = "internal"


@dataclass(frozen=True)
class Package:
    """A Python package that is needed where Ansible runs.

    Attributes:
        requirement: as pip takes it, with its lower bound.
        module: the module that is imported from it. Of a namespace that packages share, the whole name: `google.cloud.secretmanager_v1`.
        when: what needs it, for the README; empty if every store of the backend does.
    """

    requirement: str
    module: str
    when: str = ""


TENACITY = Package("tenacity>=8.3", "tenacity")
"""Needed by every store on a server, for its repeats."""


def pip_install(*packages: Package) -> str:
    """Return the command that installs these packages for the Python that runs this."""
    return " ".join([shlex.quote(sys.executable or "python3"), "-m pip install", *(shlex.quote(each.requirement) for each in packages)])


def check_packages(packages: Iterable[Package]) -> None:
    """Check that packages are installed, without loading them.

    Raises:
        MissingLibrary: some are not; the message names all of them, and the command that installs them.
    """
    missing: List[Package] = [package for package in dict.fromkeys(packages) if not _is_installed(package.module)]
    if missing:
        names = ", ".join(package.module for package in missing)
        what = "Python packages are not installed: {0}".format(names)
        raise MissingLibrary(what, remedy="Run: {0}".format(pip_install(*missing)))


def _is_installed(module: str) -> bool:
    """Return True if a module can be found, without loading it or the packages that it is in."""
    places: Optional[List[str]] = None
    for part in module.split("."):
        found = PathFinder.find_spec(part, places)
        if found is None:
            return False
        places = list(found.submodule_search_locations or ())
    return True


def find_closest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like a mistyped one; empty if none is close."""
    # Imported here: this file is loaded by everything, and most processes meet no mistyped name.
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), 1)), "")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean '…'? ", with a blank after it, for the closest known name; empty if none is close."""
    close = find_closest(name, known)
    return "Did you mean '{0}'? ".format(close) if close else ""


def as_credential_error(error: Exception) -> CredentialError:
    """Return an error of the neutral tree unchanged, else an `Internal` that names only its class and the line that raised it.

    The text of a foreign error may hold a value.
    """
    if isinstance(error, CredentialError):
        return error
    remedy = "This is a bug; report it with the operation and its options, without any value."
    return Internal("an unforeseen {0} was raised{1}".format(type(error).__name__, _place(error)), remedy=remedy)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return " in {0}, line {1}".format(os.path.basename(frames[-1].filename), frames[-1].lineno) if frames else ""
