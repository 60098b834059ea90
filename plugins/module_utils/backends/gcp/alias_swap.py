# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A write: it adds a version, then moves an alias to it by compare-and-swap.

The alias is the commit point: `UpdateSecret` compares the secret's etag, and changes alias and annotation together. So a version
that no alias names was never current, and the next write destroys it. `AddSecretVersion` compares nothing, and does not change the etag.

The versions are numbered by the service. A number higher than expected means that others have added versions meanwhile: of
writers that lost, or that were killed, or of another tool, whose value must not be passed over.
"""

from __future__ import annotations

from typing import Callable, Iterable, List, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp import payload as payloads
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.connection import Connection, Secret, Version
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.errors import ForeignVersion
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.known_states import KnownStates
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.secret_state import (
    ALIAS,
    STAGE,
    GoogleObject,
    find_note,
    is_version,
    name_alias,
    split_aliases,
    write_secret,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import mark_outcome
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, Conflict, CredentialError

DOCUMENT = ObjectKey("store", "document")
"""The place of the store's document, for errors."""
_SWAPS = 3
"""How often an update is tried whose etag was changed by a change of others that is not the value."""


class AliasSwap:
    """Writes the versions of one store."""

    def __init__(self, connection: Connection, states: KnownStates, warn: Callable[[str], object]) -> None:
        """Take the connection, what is known of secrets, and the function for warnings."""
        self._connection = connection
        self._states = states
        self._warn = warn

    def write(self, place: ObjectKey, content: StoredObject, state: Secret, found: Optional[StoredObject]) -> StoredObject:
        """Make `content` the value of a place, instead of `found` (None: there is none) in a secret of this state.

        Raises:
            Conflict: another writer was faster.
            ForeignVersion: another tool has added a value.
            TooLarge, InvalidInput: Secret Manager would not take it. Raised before anything is sent.
        """
        replaced = None if found is None else int(found.token or 0)
        with mark_outcome(unknown=False):
            payload = payloads.write_payload(content)
            self._write_state(place, state, content, replaced, 0)  # Checks the limits before anything is sent.
            number = self._connection.add(state.id, payload)
            if number is None:
                raise build_conflict(place)
            orphans = self._check_numbers(place, state, replaced, number)
        updated, gone = self._commit(place, content, state, found, number)
        self._states.put(updated)
        self.destroy(state.id, [*gone, *orphans])
        return GoogleObject(
            content.record,
            str(number),
            older=content.older,
            foreign_token=content.foreign_token,
            written_at=content.written_at,
            secret=updated,
        )

    def _write_state(
        self, place: ObjectKey, state: Secret, content: StoredObject, replaced: Optional[int], number: int
    ) -> Tuple[Secret, List[int]]:
        aliases, gone = split_aliases(state, place, content, replaced)
        aliases[name_alias(place)] = number
        if is_version(place):  # The annotation describes the current value, which stays.
            return state._replace(aliases=aliases), gone
        note = find_note(state)
        gone.extend(note.gone if note is not None else ())
        gone = [each for each in gone if not self._states.is_destroyed(state.id, each)]
        return write_secret(state, content, aliases, number, gone), gone

    def _check_numbers(self, place: ObjectKey, state: Secret, replaced: Optional[int], number: int) -> List[int]:
        """Check the versions that were added between the expected one and ours. Return those that no one will use.

        Ours that no alias names were left by writers that lost or were killed, or are of one that has not committed yet. It cannot
        after our commit: it has read an etag from before that.

        Raises:
            ForeignVersion: another tool has added a value. Our version is destroyed.
            Conflict: the same, and the alias was moved meanwhile.
        """
        known = max((0, replaced or 0, *state.aliases.values()))
        if number == known + 1:
            return []
        orphans = []
        for each in self._connection.list_enabled(state.id):
            if each >= number:
                continue
            if each <= known:
                break
            found = self._connection.access(state.id, str(each))
            if isinstance(found, Version) and not payloads.is_ours(found.payload):
                now = self._connection.read(state.id)
                self._states.drop(state.id)
                self.destroy(state.id, [number])
                is_current = now is not None and now.etag == state.etag
                raise _build_foreign_conflict(place, state.id, each) if is_current else build_conflict(place)
            orphans.append(each)
        return orphans

    def _commit(
        self, place: ObjectKey, content: StoredObject, state: Secret, found: Optional[StoredObject], number: int
    ) -> Tuple[Secret, List[int]]:
        """Move the alias to our version.

        Raises:
            Conflict: another writer was faster. Our version is destroyed.
        """
        replaced = None if found is None else int(found.token or 0)
        now: Optional[Secret] = None
        for _each in range(_SWAPS):
            wanted, gone = self._write_state(place, state, content, replaced, number)
            updated = self._connection.update(wanted)
            if updated is not None:
                return updated, gone
            with mark_outcome(unknown=True):  # A refusal may be that of a repeated request whose first response was lost.
                now = self._connection.read(state.id)
            if now is not None and now.aliases.get(name_alias(place)) == number:
                return now, gone
            if now is None or not (ALIAS not in now.aliases if found is None else is_unchanged(place, now, found)):
                break
            state = now
        self._states.note(state.id, now)
        self.destroy(state.id, [number])
        raise build_conflict(place)

    def destroy(self, secret: str, numbers: Iterable[int]) -> None:
        """Destroy versions that nothing names any more. What fails is tried again by the next write."""
        for number in dict.fromkeys(numbers):
            try:
                self._connection.destroy(secret, number)
                self._states.note_destroyed(secret, number)
            except AccessDenied as problem:
                self._warn("An older version cannot be destroyed: {0}".format(problem))
            except CredentialError:
                pass


def is_unchanged(place: ObjectKey, state: Secret, found: StoredObject) -> bool:
    """Return True if a secret is in the state of an object that was read.

    A number alone is not enough: a secret that was deleted and created again counts from 1.
    """
    number = state.aliases.get(name_alias(place))
    if number is None:
        return found.record.serial is None and STAGE not in state.labels
    if str(number) != found.token:
        return False
    note = find_note(state)
    if note is None or is_version(place) or note.number != number:
        return True  # A value with a damaged annotation can be replaced.
    return (note.ours.get("serial"), note.ours.get("revision")) == (found.record.serial, found.record.revision)


def build_conflict(place: ObjectKey) -> Conflict:
    """Return the error for a secret that another run has changed."""
    name = None if place == DOCUMENT else place.name
    return Conflict("the secret was changed by another run", name=name, remedy="Read it again and repeat.")


def _build_foreign_conflict(place: ObjectKey, secret: str, number: int) -> ForeignVersion:
    return ForeignVersion(
        "another tool has added version {0} to the secret '{1}', which is not the one that is read".format(number, secret),
        name=place.name,
        remedy="Read it with: gcloud secrets versions access {0} --secret={1}. To use it: gcloud secrets update {1} "
        "--update-version-aliases={2}={0}. To drop it: gcloud secrets versions destroy {0} --secret={1}. Then repeat.".format(
            number, secret, ALIAS
        ),
    )
