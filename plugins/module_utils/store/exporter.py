# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exporting a credential as it is: every readable version with its metadata, and the value of `previous`."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Located, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.crypto.store_document import store_id_of
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    InvalidInput,
    NotFound,
    RotationInProgress,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import incomplete_import, is_importing, without_marks
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import JOURNAL, PENDING, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Place, Portable
from ansible_collections.nebula.credential.plugins.module_utils.types.interactive import FLOW
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

_ROTATES = (lifecycle.ROTATING, lifecycle.GRACE_PERIOD)
_IN_A_FLOW = (lifecycle.REFRESHING, lifecycle.PENDING_INTERACTION, lifecycle.AUTHENTICATING)


def read_portable(backend: Backend, name: str, store: str, tenant: str, place: Optional[Place] = None) -> Portable:
    """Read a credential with all its readable versions and its value of `previous`.

    Check the caller's scope once, on the current value: the scopes of older versions are ignored. `place` is that of the store, if it
    is known already.

    Raises:
        NotFound: there is no such credential.
        AccessDenied: its scope does not match the caller.
        InvalidInput: the backend stores no credentials.
        RotationInProgress: a rotation owns its values.
        Unusable: a refresh, a login flow or an import is under way.
        Conflict: it was changed while it was read.
    """
    refuse_leased(backend, name)
    current = backend.get(check_name(name))
    if is_importing(current.full_metadata):
        raise incomplete_import(name)
    with scope_checked(name):
        return read_with(backend, current, store, tenant, place)


def read_with(backend: Backend, current: Record, store: str, tenant: str, place: Optional[Place] = None) -> Portable:
    """Read what belongs to a current value that was just read. The caller has checked the scope. Raises as `read_portable`.

    The stages are looked for after the current value was read, and a rotation changes that before it stores a pending one. A single
    value without `previous` was read in one step; of several the current one is read again at the end.
    """
    _check_at_rest(current)
    stages = backend.find_stages(current.name)
    _refuse_rotation(backend, current.name, stages)
    portable = read_parts(backend, current, Portable(store, place or read_place(backend), tenant, ()), previous=PREVIOUS in stages)
    if len(portable.versions) > 1 or portable.previous is not None:
        again = backend.get(current.name)
        if (again.version, again.revision) != (current.version, current.revision):
            raise _change_conflict(current.name)
    return portable


def read_parts(backend: Backend, current: Record, into: Portable, *, previous: bool, older: bool = True) -> Portable:
    """Return `into` with a current value, its `older` versions and its `previous`, as far as they are wanted."""
    there = find_stage(backend, current.name, PREVIOUS) if previous else None
    plain = without_marks(current)
    return replace(into, versions=_read_versions(backend, plain) if older else (plain,), previous=there)


def refuse_leased(backend: Backend, name: Optional[str] = None) -> None:
    """Check that a store keeps credentials.

    Raises:
        InvalidInput: it issues leased values and keeps none.
    """
    if backend.capabilities.leased:
        raise InvalidInput("the backend issues leased values and stores none", name=name, remedy="Name a store that keeps its credentials.")


def read_place(backend: Backend) -> Place:
    """Return where a store keeps its records."""
    document, located = backend.read_store_document(), find_protocol(backend, Located)
    return Place(None if document is None else store_id_of(document), None if located is None else located.location())


def find_stage(backend: Backend, name: str, stage: str) -> Optional[Record]:
    """Return the value of a stage, or None if there is none."""
    try:
        return backend.get(name, stage=stage)
    except NotFound:
        return None


def _read_versions(backend: Backend, current: Record) -> Tuple[Record, ...]:
    if not backend.capabilities.versions:
        return (current,)
    try:
        older = [info for info in backend.versions(current.name) if not info.current]
        return (*(without_marks(backend.get(current.name, info.version)) for info in reversed(older)), current)
    except NotFound:
        raise _change_conflict(current.name) from None


def _check_at_rest(current: Record) -> None:
    state = current.full_metadata.lifecycle
    if state in _ROTATES:
        raise _rotates(current.name, "its state is '{0}'".format(state))
    if state in _IN_A_FLOW:
        remedy = "Wait until that has ended, and run the export again."
        raise Unusable("its state is '{0}'".format(state), name=current.name, remedy=remedy)
    if FLOW in current.state and FLOW in type_named(current.type, current.full_metadata.attributes).internal:
        remedy = "Complete it, or wait until it has expired and complete it then to end it; run the export again."
        raise Unusable("a login is open", name=current.name, remedy=remedy)


def _refuse_rotation(backend: Backend, name: str, stages: Sequence[str]) -> None:
    for stage in (PENDING, JOURNAL):
        if stage in stages and find_stage(backend, name, stage) is not None:
            raise _rotates(name, "there is a value in stage '{0}'".format(stage))


def _rotates(name: str, what: str) -> CredentialError:
    return RotationInProgress(what, name=name, remedy="Finish the rotation with credential_rotate, and run the export again.")


def _change_conflict(name: str) -> Conflict:
    return Conflict("it was changed while it was exported", name=name, remedy="Run the export again.")
