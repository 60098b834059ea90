# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes before the delete of a current value: reading it, and deleting the other stages.

The current value goes last: as long as it exists, an interrupted delete can be repeated.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import swap_conflict
from ansible_collections.nebula.credential.plugins.module_utils.errors import EncryptionError, NotFound, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import refuse_copy
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ABSENT, Etag, Record
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Reader
from ansible_collections.nebula.credential.plugins.module_utils.store.refusals import with_way_out


def read_deletable(reader: Reader, name: str, expected_version: Optional[str]) -> Credential:
    """Return the credential that is to be deleted.

    Raises:
        ReadOnly: it is a copy.
        CredentialError: as `Reader.inspect`; the error of an unreadable value says how to delete it.
    """
    try:
        found = reader.inspect(name)
        refuse_copy(found.record)
        return found
    except (EncryptionError, Unusable) as error:
        raise with_way_out(error, expected_version) from None


def delete_stages(backend: Backend, name: str, current: Optional[Record] = None) -> None:
    """Delete every value of a credential but the current one.

    A rotation may have begun since `current` was read, and a service may take its pending value by now. It changes the current value
    before it stores a pending one. So if the current value is still the one that was read, what was found before may be deleted.

    Args:
        backend: the store.
        name: the credential.
        current: its current value, as it was read; None to delete even during a rotation.

    Raises:
        Conflict: another process has changed the current value since it was read, or one of the stages.
    """
    stages = backend.find_stages(name)
    found = {stage: None if current is None else _find_state(backend, name, stage) for stage in stages}
    there = {stage: state for stage, state in found.items() if state != ABSENT}
    if current is not None and there:
        _check_unchanged(backend, current)
    for stage, state in there.items():
        with suppress(NotFound):
            backend.delete(name, stage=stage, expected=state)


def _find_state(backend: Backend, name: str, stage: str) -> Optional[Etag]:
    """Return the state of a stage: `ABSENT` if it has no value, None if its value cannot be opened."""
    try:
        return backend.get(name, stage=stage).etag
    except NotFound:
        return ABSENT
    except (EncryptionError, Unusable):
        return None


def _check_unchanged(backend: Backend, current: Record) -> None:
    now = backend.get(current.name)
    if not current.etag.matches(now):
        raise swap_conflict(current.name, current.etag, now)
