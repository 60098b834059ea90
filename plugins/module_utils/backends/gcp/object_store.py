# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of one project as places of objects. `alias_swap` writes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Iterator, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp import payload as payloads
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.alias_swap import (
    DOCUMENT,
    AliasSwap,
    build_conflict,
    is_unchanged,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.connection import Connection, Secret, Version
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.errors import METHODS, access_denied
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.known_states import KnownStates
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.secret_names import (
    build_document_id,
    build_secret_id,
    find_place,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.secret_state import (
    ALIAS,
    ANNOTATION,
    STAGE,
    GoogleObject,
    apply_note,
    build_first_labels,
    find_note,
    is_version,
    name_alias,
    read_listed,
    read_note,
    write_secret,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import mark_outcome
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, StorageError, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model.names import note_other
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record

LATEST = "latest"
_REPLACING = ("add_secret_version", "update_secret")
"""What replaces a value."""


class GooglePlaces(ObjectStore):
    """One secret per credential and stage; its older values are versions of it."""

    keeps_replaced = True

    def __init__(self, connection: Connection, reading: payloads.Reading, warn: Callable[[str], object]) -> None:
        """Take the connection, how payloads are read, and the function for warnings."""
        self._connection = connection
        self._prefix = connection.settings.prefix
        self._reading = reading
        self._states = KnownStates()
        self._swap = AliasSwap(connection, self._states, warn)

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        if payloads.is_tombstone(place):
            return self._read_tombstone(place)
        secret = self._find_id(place)
        found = self._access_alias(secret, name_alias(place))
        has_alias = found != "NOT_FOUND"
        if not has_alias and place.kind == CURRENT:
            found = self._access_foreign(secret)
        if not isinstance(found, Version):
            return None if found == "NOT_FOUND" else self._build_unreadable(place, secret)
        if is_version(place):
            return self._read_older(place, found)
        read = self._read_version(place, secret, found)
        return self._add_history(read, secret, found) if has_alias and not payloads.is_ours(found.payload) else read

    def check_writable(self, place: ObjectKey) -> None:
        """Check that this login may replace the value of a place, as far as IAM says so.

        Raises:
            AccessDenied: it has not one of the permissions. The error names it.
        """
        secret = self._find_id(place)
        wanted = {method: "secretmanager." + METHODS[method].permission for method in _REPLACING}
        try:
            allowed = self._connection.list_allowed(secret, list(wanted.values()))
        except AccessDenied:
            return
        for method, permission in wanted.items():
            # A secret that is gone is one on which nothing is allowed.
            if allowed and permission not in allowed:
                raise access_denied(method, self._connection.place.secret(secret))

    def _find_id(self, place: ObjectKey) -> str:
        return build_secret_id(self._prefix, place)

    def _access_alias(self, secret: str, alias: str) -> Any:
        """Read the version that an alias names, by its number if this process has moved the alias: Google may return the former one."""
        found = self._connection.access(secret, alias)
        state = self._states.get(secret)
        number = state.aliases.get(alias, 0) if state is not None else 0
        if number <= (found.number if isinstance(found, Version) else 0):
            return found
        moved = self._connection.access(secret, str(number))
        if isinstance(moved, Version):
            return moved
        self._states.drop(secret)  # Another run has made the secret again.
        return found

    def _access_foreign(self, secret: str) -> Any:
        """Read a secret without our alias: its newest version that is enabled and not ours.

        A version of ours there was never current: its writer was killed, or is about to move the alias.
        """
        found = self._connection.access(secret, LATEST)
        if found == "NOT_FOUND" or (isinstance(found, Version) and not payloads.is_ours(found.payload)):
            return found
        if isinstance(found, Version) and self._has_lost_alias(secret):
            return "FAILED_PRECONDITION"
        for number in self._connection.list_enabled(secret):
            found = self._connection.access(secret, str(number))
            if isinstance(found, Version) and not payloads.is_ours(found.payload):
                return found
        return "NOT_FOUND"

    def _has_lost_alias(self, secret: str) -> bool:
        """Return True if a secret has our annotation, which is written together with the alias, and no alias any more."""
        state = self._connection.read(secret)
        return state is not None and ANNOTATION in state.annotations and ALIAS not in state.aliases

    def _read_older(self, place: ObjectKey, version: Version) -> StoredObject:
        found = payloads.read_payload(place, version.payload, version.number, self._reading)
        # The value of another tool has no serial of its own: it was kept under this one.
        return replace(found, record=replace(found.record, serial=int(place.kind[1:])), foreign_token="")

    def _read_version(self, place: ObjectKey, secret: str, version: Version) -> GoogleObject:
        found = payloads.read_payload(place, version.payload, version.number, self._reading)
        state = self._states.get(secret)
        return GoogleObject(
            found.record,
            found.token,
            older=found.older,
            foreign_token=found.foreign_token,
            written_at=found.written_at,
            problem=found.problem,
            secret=state if state is not None and state.aliases.get(ALIAS) == version.number else None,
        )

    def _add_history(self, found: GoogleObject, secret: str, version: Version) -> StoredObject:
        """Return a value of another tool, to which our alias was moved, with the history of ours that it replaced."""
        state = found.secret or self._connection.read(secret)
        note = None if state is None else find_note(state)
        if note is None:
            return found
        described = apply_note(found, note)
        record = replace(found.record, serial=described.record.serial, record_id=described.record.record_id)
        return replace(found, record=record, older=described.older, foreign_token=str(version.number), secret=state)

    def _build_unreadable(self, place: ObjectKey, secret: str) -> StoredObject:
        problem = Unusable(
            "the alias '{1}' of the secret '{0}' is missing, or names a version that is disabled or destroyed".format(
                secret, name_alias(place)
            ),
            remedy="Enable the version ('gcloud secrets versions enable'), or set the alias ('gcloud secrets update').",
        )
        return GoogleObject(Record(place.name, stage=place.kind if place.is_stage else CURRENT), problem=problem)

    def _read_tombstone(self, place: ObjectKey) -> Optional[StoredObject]:
        state = self._connection.read(self._find_id(place))
        if state is None:
            return None
        note = read_note(state)  # A damaged one is an error: the serial in it must not be used again.
        found = GoogleObject(Record(place.name), state.etag, secret=state)
        return found if note is None else apply_note(found, note)

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        if payloads.is_tombstone(place):
            return self._create_tombstone(place, content)
        with mark_outcome(unknown=False):
            secret = self._find_id(place)
            payloads.write_payload(content)  # Checks its size, and that of the annotation, before anything is sent.
            write_secret(Secret(secret, "", {}, {}, {}), content, {}, 0, ())
            state = self._begin(place, secret)
        return self._swap.write(place, content, state, None)

    def _begin(self, place: ObjectKey, secret: str) -> Secret:
        """Return the state of a new secret, or of one without a value: an empty one of another tool, or of a killed writer.

        Raises:
            Conflict: it has a value.
        """
        state = self._connection.create(secret, build_first_labels(place), {}) or self._connection.read(secret)
        if state is None or ALIAS in state.aliases:
            raise build_conflict(place)
        if STAGE not in state.labels and self._access_foreign(secret) != "NOT_FOUND":
            raise build_conflict(place)
        return state

    def _create_tombstone(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        secret = self._find_id(place)
        empty = Secret(secret, "", {}, {}, {})
        wanted = write_secret(empty, _as_tombstone(content), {}, None, ())
        state = self._connection.create(secret, {**wanted.labels, STAGE: place.kind}, wanted.annotations)
        if state is None:
            raise build_conflict(place)
        return GoogleObject(content.record, state.etag, garbage=content.garbage, secret=state)

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        if payloads.is_tombstone(place):
            return self._replace_tombstone(place, content, found)
        with mark_outcome(unknown=False):
            state = getattr(found, "secret", None) or self._states.get(self._find_id(place)) or self._connection.read(self._find_id(place))
            state = self._check_unchanged(place, state, found)
        return self._swap.write(place, content, state, found)

    def _replace_tombstone(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        state = getattr(found, "secret", None) or Secret(self._find_id(place), found.token or "", {}, {}, {})
        wanted = write_secret(state, _as_tombstone(content), {}, None, ())
        updated = self._connection.update(wanted._replace(labels={**wanted.labels, STAGE: place.kind}))
        if updated is None:
            raise build_conflict(place)
        return GoogleObject(content.record, updated.etag, garbage=content.garbage, secret=updated)

    def _check_unchanged(self, place: ObjectKey, state: Optional[Secret], found: StoredObject) -> Secret:
        """Return the state of a secret that still has the version that was read. An old state that is remembered is read again.

        Raises:
            Conflict: it has another one.
        """
        if state is not None and not is_unchanged(place, state, found):
            state = self._connection.read(state.id)
            self._states.note(self._find_id(place), state)  # The next read of this process is then of the present value.
        if state is None or not is_unchanged(place, state, found):
            raise build_conflict(place)
        return state

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        secret = self._find_id(place)
        with mark_outcome(unknown=False):
            state = self._connection.read(secret)
        self._states.drop(secret)
        if state is None:
            return
        if found is not None and found.problem is None and not is_unchanged(place, state, found):
            self._states.note(secret, state)
            raise build_conflict(place)
        if not self._connection.delete(secret, state.etag):
            raise build_conflict(place)

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        for state in self._connection.list(self._prefix):
            place = self._find_listed(state, stage)
            if place is None or not place.name.startswith(prefix):
                continue
            if self._reading.encrypted and not names_only:
                found = self.read_listed(place)
                if found is not None:
                    yield found
                continue
            self._states.put(state)
            yield read_listed(place, state, self._reading.tenant)

    def _find_listed(self, state: Secret, stage: str) -> Optional[ObjectKey]:
        """Return the place that a secret keeps, if it is of the stage and has a value, as far as a listing shows that."""
        note = find_note(state)
        noted = None if note is None else note.ours.get("name")
        place = find_place(self._prefix, state.id, noted if isinstance(noted, str) else None)
        if place is None and STAGE not in state.labels and state.id.startswith(self._prefix):
            note_other(state.id[len(self._prefix) :])
        is_unfinished = STAGE in state.labels and ALIAS not in state.aliases
        return None if place is None or place.kind != stage or is_unfinished else place

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        found = self._connection.access(build_document_id(self._prefix), ALIAS)
        if found == "NOT_FOUND":
            return None
        if not isinstance(found, Version):
            what = "the version of the store's document that the alias '{0}' names is disabled or destroyed".format(ALIAS)
            raise StorageError(what, remedy="Enable it ('gcloud secrets versions enable').")
        return payloads.read_document(found.payload), str(found.number)

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        secret = build_document_id(self._prefix)
        with mark_outcome(unknown=False):
            state = self._connection.create(secret, {STAGE: "store"}, {}) if found is None else None
            state = state or self._connection.read(secret)
            expected = None if found is None else int(found[1] or 0)
            if state is None or state.aliases.get(ALIAS) != expected:
                raise build_conflict(DOCUMENT)
            number = self._connection.add(secret, payloads.write_document(content))
        if number is None or self._connection.update(state._replace(aliases={**state.aliases, ALIAS: number})) is None:
            self._swap.destroy(secret, [] if number is None else [number])
            raise build_conflict(DOCUMENT)
        self._swap.destroy(secret, [] if expected is None else [expected])


def _as_tombstone(content: StoredObject) -> StoredObject:
    return StoredObject(Record(content.record.name, serial=content.record.serial))
