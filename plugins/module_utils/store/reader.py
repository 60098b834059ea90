# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading through the manager: the order is decrypt and authenticate, scope, lifecycle, expiry."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime, timezone
from typing import Callable, Dict, Iterable, Iterator, Mapping, Optional, Protocol, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import note_use
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    Damaged,
    EncryptionError,
    Expired,
    InvalidInput,
    InvalidToken,
    NotFound,
    Revoked,
    StorageError,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import incomplete_import, is_importing, without_marks
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential, format_time
from ansible_collections.nebula.credential.plugins.module_utils.types.base import DUE_AT_ONCE, ROTATE
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import is_composed, is_refreshable

FOREIGN_NAME = " What another tool keeps under any other name cannot be read: let that tool write it under such a name, too."
"""Added to the error about a name, where other tools write beside the collection."""

_Held = Dict[Tuple[int, str], Optional[Credential]]
_HELD: ContextVar[_Held] = ContextVar("nebula_credential_read_together", default={})  # noqa: B039  # this one is never changed
"""What this batch has read and not yet used, by store and name; None for a name without a value."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time now, aware, UTC."""
    return datetime.now(timezone.utc)


class RefreshesValues(Protocol):
    """Refreshes a value if that is due."""

    def refresh_if_due(self, credential: Credential) -> Credential:
        """See `store.refresh.refresher.Refresher`."""


class Reader:
    """Reads credentials from a backend whose layers decrypt, authenticate and check the scope."""

    def __init__(self, backend: Backend, clock: Clock = utc_now, refresher: Optional[Callable[[], RefreshesValues]] = None) -> None:
        """Read from `backend`.

        Args:
            backend: the store.
            clock: returns the time that expiry is compared with.
            refresher: returns the refresher; called only for values of refreshable types. With None, nothing is refreshed.
        """
        self._backend = backend
        self._clock = clock
        self._refresher = refresher

    @contextmanager
    def reading_together(self, names: Iterable[str]) -> Iterator[None]:
        """Read current values in one request, if the backend has one. In the `with` block, the first `inspect` of a name returns its own.

        Each further one reads it anew, as after a lost race. A failure fails nothing here: then each name is read by itself.
        """
        wanted, held = list(names), dict(_HELD.get())
        try:
            found = self.many(wanted) if len(wanted) > 1 else None
        except CredentialError:
            found = None
        if found is not None:
            held.update({(id(self._backend), name): found.get(name) for name in wanted})
        token = _HELD.set(held)
        try:
            yield
        finally:
            _HELD.reset(token)

    def _take_held(self, name: str) -> Optional[Credential]:
        """Return what was read together with others, once; None if it was not.

        Raises:
            NotFound: there was none.
        """
        held, key = _HELD.get(), (id(self._backend), name)
        if key not in held:
            return None
        credential = held.pop(key)
        if credential is None:
            raise absent(name)
        return credential

    def inspect(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Credential:
        """Read a credential in any state.

        Raises:
            InvalidInput: `name` is not a valid name.
            NotFound: there is no such credential.
            AccessDenied: its scope does not match the caller.
            EncryptionError: it cannot be opened; the subclass says why.
        """
        self._check_name(name)
        held = self._take_held(name) if version is None and stage == CURRENT else None
        if held is not None:
            return held
        try:
            record = self._backend.get(name, version, stage)
        except CredentialError as error:
            raise error.within(name=name) from None
        return Credential(record if version is None else without_marks(record), self._clock())

    def find(self, name: str) -> Optional[Credential]:
        """Return what `inspect` returns, or None if there is no such credential."""
        try:
            return self.inspect(name)
        except NotFound:
            return None

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Credential:
        """Read a credential whose value may be used now. Refresh a current value first if its type can be refreshed and it is due.

        If its values are those of other credentials, these are read, too, in one request if the backend has one.

        Raises:
            Revoked, Expired, Unusable: it may not be used now; Unusable also while it is imported.
            CredentialError: as `inspect` and `Refresher.refresh_if_due`.
        """
        credential = self.inspect(name, version, stage)
        if version is None and stage == CURRENT:
            return self._usable(credential)
        credential = _leave_out_requested(credential)
        refuse_unusable(credential)
        # Revocation and the import mark are stored with the current value, and apply to every other one.
        self._refuse_revoked(name)
        return self._compose(credential)

    def _usable(self, credential: Credential) -> Credential:
        # An import continues from the version that is stored, so nothing else may write one before it is complete.
        if self._refresher is not None and is_refreshable(credential.record.type) and not is_importing(credential.metadata):
            credential = self._refresher().refresh_if_due(credential)
        if not credential.usable:
            refuse_unusable(credential)
        return self._compose(credential)

    def _compose(self, credential: Credential) -> Credential:
        """Return the credential, which may be used, with those that its values are read from, if it is of such a type."""
        note_use(credential.name, credential.version, credential.expires_at)
        if not is_composed(credential.record.type):
            return credential
        from ansible_collections.nebula.credential.plugins.module_utils.store.composed import compose

        return compose(credential, self.many, lambda name, found: self.get(name) if found is None else self.usable(name, found))

    def many(self, names: Iterable[str]) -> Optional[Dict[str, Credential]]:
        """Read current values in any state, in one request. Names without a value are left out.

        Returns:
            The credentials by name. None if the backend needs one request each, or one of them may not or cannot be read: the caller
            then reads each by itself, for an error of its own.

        Raises:
            StorageError, LoginFailed: as `inspect`.
        """
        if not self._backend.capabilities.batch_get:
            return None
        try:
            found = self._backend.get_many([self._check_name(name) for name in names])
        except (AccessDenied, InvalidInput, InvalidToken, EncryptionError):
            return None
        except StorageError as error:
            if error.code == StorageError.code and error.name is not None:  # not one that the others have, too
                return None
            raise
        return {name: Credential(record, self._clock()) for name, record in found.items()}

    def usable(self, name: str, found: Mapping[str, Credential]) -> Credential:
        """Return one of the credentials of `many` if its value may be used now; refresh it as `get` does.

        Raises:
            NotFound: it is not among them.
            Revoked, Expired, Unusable: it may not be used.
            CredentialError: as `Refresher.refresh_if_due`.
        """
        if name not in found:
            raise absent(name)
        return self._usable(found[name])

    def list(self, wanted: Filter = Filter()) -> Iterator[Credential]:
        """Yield the credentials that match, without any field. Rows out of the caller's scope are left out."""
        rows = self._backend.list(wanted)
        return (Credential(row, self._clock()) for row in rows)

    def _check_name(self, name: str) -> str:
        try:
            return check_name(name)
        except InvalidInput as error:
            if self._backend.capabilities.native:
                error.remedy += FOREIGN_NAME
            raise

    def _refuse_revoked(self, name: str) -> None:
        try:
            current = self.find(name)
        except Damaged:
            # Only an older version can be read then, and that has its own state.
            return
        if current is not None and (current.metadata.lifecycle == lifecycle.REVOKED or is_importing(current.metadata)):
            refuse_unusable(current)


def _leave_out_requested(credential: Credential) -> Credential:
    """Return a value that is not the current one without what was requested with it, and so without an end: that is not renewed any more.

    What was entered (the keytab of an old key) does not end with it.
    """
    if not is_refreshable(credential.record.type) or credential.own_expiry != DUE_AT_ONCE:
        return credential
    record = credential.record.with_metadata(expires_at=None)
    return replace(credential, record=replace(record, state={}))


def refuse_unusable(credential: Credential) -> None:
    """Refuse to return the value of a credential that may not be used now.

    Raises:
        Revoked, Expired, Unusable: its state says so; Unusable also while it is imported.
    """
    state = credential.metadata.lifecycle
    if is_importing(credential.metadata):
        raise incomplete_import(credential.name)
    if state == lifecycle.REVOKED:
        raise Revoked("it was revoked", name=credential.name, remedy="Delete it and create another.")
    if credential.is_expired:
        when = format_time(credential.expires_at)
        raise Expired("it expired at {0}".format(when), name=credential.name, remedy=_explain_renewal(credential))
    if not credential.usable:
        remedy = "Write a new value with state 'present'."
        raise Unusable("its state is '{0}', which has no usable value".format(state), name=credential.name, remedy=remedy)


def _explain_renewal(credential: Credential) -> str:
    """Return how a person renews an expired value: as its type says if the value itself has ended, and not a time that a task has set;
    or if the type has no rotation.
    """
    try:
        kind, fields = credential.kind, credential.fields
        is_own = not kind.capabilities.rotation or kind.expires_at(fields) == credential.expires_at
        return kind.explain_no_refresh(fields) if is_own else ROTATE
    except CredentialError:  # the value is damaged as well, or its type is missing
        return ROTATE
