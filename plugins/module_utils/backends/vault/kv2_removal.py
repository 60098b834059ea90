# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing values of KV version 2: all of them for good, the newest one recoverably, or a single older one."""

from __future__ import annotations

from typing import Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import absent
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import mark_outcome
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_descriptions import read_revision
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_metadata import (
    mark_deleted,
    newest_deleted_version,
    newest_revoked_version,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_records import (
    describe_older,
    find_older,
    is_marked,
    record_of,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv2_requests import Kv2Requests, LostRace, Value
from ansible_collections.nebula.credential.plugins.module_utils.errors import Revoked
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record


class Removal:
    """Removes and restores versions of one secret."""

    def __init__(self, requests: Kv2Requests, tenant: str) -> None:
        """Take the requests of the engine, and the tenant of values that other tools wrote."""
        self._requests = requests
        self._tenant = tenant

    def check_hidden(self, place: str, found: Record, number: int) -> None:
        """Check a recoverable delete of a version. Undelete it if it was replaced or changed first, because KV does not compare there.

        A version that was written over the deleted one is taken back by its writer, which finds out as this method does.

        Raises:
            LostRace: another version was written, or the metadata was changed.
        """
        with mark_outcome(unknown=True):
            sheet = self._requests.sheet(place)
        next_one = None if sheet is None else sheet.find(number + 1)
        is_taken_back = next_one is not None and next_one.destroyed
        if sheet is None or is_taken_back or sheet.is_replaced_after_delete(number):
            return
        if (sheet.current, read_revision(sheet.custom, number, found.name)) != (number, found.revision):
            with mark_outcome(unknown=True):
                self._requests.undelete(place, [number])
            raise LostRace("another run changed it at the same time", name=found.name, remedy="Read it again and repeat.")

    def bury(self, place: str, value: Value) -> None:
        """Remove the metadata, and destroy every version up to this one. The number of the last one stays."""
        number = value.version.number
        used_before = 0 < newest_deleted_version(value.custom) < number
        self._requests.describe(place, mark_deleted(value.custom, number), None)
        whole = self._whole(place, number) if used_before else range(1, number + 1)
        if whole:
            self._requests.destroy(place, whole)

    def _whole(self, place: str, last: int) -> Sequence[int]:
        """Return the versions up to `last` that are not destroyed: an earlier credential of the name may have left undeletable ones."""
        sheet = self._requests.sheet(place)
        return [version.number for version in sheet.versions if version.number <= last and not version.destroyed] if sheet else []

    def bury_marked(self, place: str, value: Optional[Value]) -> None:
        """Finish a delete whose process was killed, or lost the connection, before the older values were destroyed."""
        if value is not None and is_marked(value):
            self.bury(place, value)

    def remove_older(self, place: str, name: str, version: str, recoverable: bool, check: bool) -> None:
        """See `VersionRemover.remove_version`."""
        found = find_older(self._requests.sheet(place), name, version)
        if recoverable and found.deleted:
            raise absent(name, version)
        if not check:
            (self._requests.delete if recoverable else self._requests.destroy)(place, [found.number])

    def restore_older(self, place: str, name: str, version: str, check: bool) -> Record:
        """See `VersionRemover.restore_version`."""
        sheet = self._requests.sheet(place)
        found = find_older(sheet, name, version)
        if sheet is not None and found.number <= newest_revoked_version(sheet.custom):
            what = "version {0} is of a credential that was revoked, for good, and deleted".format(version)
            raise Revoked(what, name=name, remedy="Write a new value with state 'present'.")
        if check and sheet is not None:
            return describe_older(sheet, name, found, self._tenant)
        if found.deleted:
            self._requests.undelete(place, [found.number])
        record = record_of(name, CURRENT, self._requests.read(place, found.number), self._tenant, deleted=True)
        if record is None:
            raise absent(name, version)
        return record
