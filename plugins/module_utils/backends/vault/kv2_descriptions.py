# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing the metadata of KV version 2, in step with its values.

The server compares a value's version when it stores a value, and (OpenBao) the revision of the metadata when it stores metadata, but
never both in one request. So each writer looks at the other half after its own request: the response to a new value shows the metadata
at that moment, and a change of metadata reads the current version afterwards. Of a new value and a change of metadata that were made
from the same state, at least one finds that it came second, and takes back what it did.
"""

from __future__ import annotations

from typing import Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import swap_conflict
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import attempts, mark_outcome
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import Description
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_metadata import (
    check_room,
    describe_version,
    find_description,
    has_description,
    mark_recreated,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import (
    Kv2Requests,
    LostRace,
    SecretMetadata,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Damaged
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag, Record


class Descriptions:
    """Writes descriptions of versions."""

    def __init__(self, requests: Kv2Requests) -> None:
        """Take the requests of the engine."""
        self._requests = requests

    def write(
        self,
        place: str,
        name: str,
        value: Value,
        description: Description,
        *,
        sheet: Optional[SecretMetadata],
        new: bool,
        most: Optional[int],
    ) -> None:
        """Describe a version that was just written. May be repeated.

        Args:
            place: the path of the secret.
            name: the credential.
            value: the response to the write.
            description: what is to be written.
            sheet: the metadata after the write; None if it is to be read.
            new: the version before was deleted.
            most: the number of versions that the server keeps; None leaves it.

        Raises:
            Conflict: another run has changed the metadata of this version meanwhile.
        """
        number = value.version.number
        for _each in attempts(name):
            known = sheet or self._requests.sheet(place)
            custom, revision = (known.custom, known.revision) if known else (value.custom, None)
            if has_description(custom, number):
                if find_description(custom, number, name).description == description:
                    return
                raise _race_conflict(name)
            marks = mark_recreated(custom, number - 1, name) if new else {}
            change = describe_version(dict(custom, **marks), number, description)
            change.update(marks)
            try:
                self._requests.describe(place, change, most, revision)
                return
            except LostRace:
                sheet = None

    def patch(self, place: str, name: str, sheet: SecretMetadata, description: Description) -> None:
        """Replace the description of the current version. `check_patched` follows.

        Raises:
            TooLarge: the description does not fit.
            LostRace: the metadata was changed since `sheet` was read.
        """
        check_room(description, name)
        self._requests.describe(place, describe_version(sheet.custom, sheet.current, description), None, sheet.revision)

    def check_patched(self, place: str, name: str, sheet: SecretMetadata, description: Description) -> None:
        """Check that nothing else came at the same time as a description that replaced that of `sheet`.

        Raises:
            Conflict: another value or another change did.
        """
        with mark_outcome(unknown=True):
            now = self._requests.sheet(place)
        newest = None if now is None else now.newest
        if now is None or newest is None or newest.deleted or now.current != sheet.current:
            there = None if newest is None or newest.deleted else Record(name, version=str(newest.number))
            raise swap_conflict(name, Etag(str(sheet.current), description.revision - 1), there)
        found = find_description(now.custom, now.current, name).description
        if found is not None and found.revision == description.revision and found != description:
            raise _race_conflict(name)

    def check_expected(self, place: str, name: str, value: Value, number: int, expected: Optional[Etag]) -> None:
        """Check, by the response to a write, that the metadata of version `number` was the expected one when it was replaced.

        Raises:
            Conflict: it had been changed. The version is stored again.
        """
        there = read_revision(value.custom, number, name)
        if expected is not None and expected.revision not in (None, there):
            with mark_outcome(unknown=True):
                self.give_back(place, name, number, value)
            raise swap_conflict(name, expected, Record(name, version=expected.version, revision=there))

    def check_not_deleted(self, place: str, name: str, value: Value, number: int, sheet: SecretMetadata) -> None:
        """Check after a put that version `number` was not deleted first: the compare-and-swap of KV does not see that.

        Raises:
            Conflict: it was. It is deleted again.
        """
        if sheet.is_replaced_after_delete(number):
            with mark_outcome(unknown=True):
                self.take_back(place, name, number, value)
            raise swap_conflict(name, Etag(str(number)), None)

    def take_back(self, place: str, name: str, number: int, value: Value) -> None:
        """Remove a version that was written over version `number` after that was deleted recoverably. `restore` brings back the older one.

        Only the newest version can be brought back, so the older value is written once more, and deleted again at once: a writer that
        has seen it finds out that it was deleted.
        """
        self._requests.destroy(place, [value.version.number])
        self._requests.undelete(place, [number])
        back = self._write_again(place, number, value)
        self._requests.delete(place, [number] if back is None else [number, back.version.number])
        if back is not None:
            self._describe_again(place, name, number, back)

    def give_back(self, place: str, name: str, number: int, value: Value) -> None:
        """Store version `number` again, over a version that was written although the metadata had changed.

        If that version is not kept, or another writer came first, nothing is written: a version without a description of its own has
        the description of the one before, so a revoked credential stays revoked. If it was deleted before the other one was written,
        it is deleted again.
        """
        back = self._write_again(place, number, value)
        if back is not None:
            self._describe_again(place, name, number, back)
            return
        sheet = self._requests.sheet(place)
        if sheet is not None and sheet.is_replaced_after_delete(number):
            self.take_back(place, name, number, value)

    def _write_again(self, place: str, number: int, value: Value) -> Optional[Value]:
        kept = self._requests.read(place, number)
        if kept is None or kept.data is None:
            return None
        try:
            return self._requests.write(place, kept.data, value.version.number)
        except LostRace as lost:
            return self._find_written(place, kept, value.version.number + 1) if lost.outcome_unknown else None

    def _find_written(self, place: str, kept: Value, number: int) -> Optional[Value]:
        """Return version `number` if it holds that value: the response to its write was lost. Else None."""
        there = self._requests.read(place)
        return there if there is not None and (there.version.number, there.data) == (number, kept.data) else None

    def _describe_again(self, place: str, name: str, number: int, back: Value) -> None:
        description = find_description(back.custom, number, name).description
        if description is not None:
            self.write(place, name, back, description, sheet=None, new=False, most=None)


def read_revision(custom: Mapping[str, str], number: int, name: str) -> int:
    """Return how often the metadata of a version was changed. 0 if it has no description of its own, -1 if that is damaged."""
    try:
        found = find_description(custom, number, name)
    except Damaged:
        return -1
    return found.description.revision if found.own and found.description is not None else 0


def _race_conflict(name: str) -> Conflict:
    return Conflict("another run changed its metadata at the same time", name=name, remedy="Read it again and repeat.")
