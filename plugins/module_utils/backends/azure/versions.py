# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The older values of a plain store: versions of the credential's secret. And what is deleted, but can be recovered."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Set, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.bundles import Bundle, Secrets, pauses
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.errors import Asked, busy
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.object_store import VaultPlaces
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_format import Reader, VaultObject
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_names import more_name
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_tags import is_gone, read_serial
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import mark_outcome
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import (
    KeptVersion,
    ObjectKey,
    ServiceVersions,
    StoredObject,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES


class VersionedPlaces(VaultPlaces, ServiceVersions):
    """The secrets of a plain store: the older values of a credential are the versions of its secret."""

    keeps_replaced = True

    def __init__(self, secrets: Secrets, prefix: str, tenant: str, *, encrypted: bool) -> None:
        """As `VaultPlaces`."""
        super().__init__(secrets, prefix, tenant, encrypted=encrypted)
        self._unfinished: Set[str] = set()

    def list_replaced(self, name: str, found: StoredObject) -> Sequence[KeptVersion]:
        bundle = found.bundle if isinstance(found, VaultObject) else Bundle(self.find_name(name), "")
        rows = self._list_numbered(bundle)
        newest = found.record.serial if found.record.serial is not None else 2**63
        since = _read_since(rows[0][1]) if rows and found.record.serial is None else getattr(found, "since", 0)
        return [_describe(serial, row, self._reader) for serial, row in rows if since <= serial < newest]

    def _list_numbered(self, bundle: Bundle) -> List[Tuple[int, Bundle]]:
        """Return the enabled versions that have a serial, except the newest one, by their serials, the highest first."""
        rows: Dict[int, Bundle] = {}
        for row in self.secrets.list_versions(bundle.name):
            serial = read_serial(row)
            if serial is not None and row.enabled and row.version != bundle.version:
                known = rows.get(serial)
                rows[serial] = row if known is None or (known.created or 0) < (row.created or 0) else known
        return sorted(rows.items(), reverse=True)

    def _find_since(self, bundle: Bundle) -> int:
        rows = self._list_numbered(bundle)
        return _read_since(rows[0][1]) if rows else 0

    def read_kept(self, name: str, kept: KeptVersion) -> Optional[StoredObject]:
        return self._open(ObjectKey(name), self.secrets.get(self.find_name(name), kept.token))

    def number_replaced(self, name: str, found: StoredObject, serial: int) -> StoredObject:
        bundle = self._compare(ObjectKey(name), found)
        since = self._find_since(bundle) or serial
        # Its tags are another tool's, and stay on the secret.
        record = replace(found.record, serial=serial).with_metadata(tags={})
        numbered = replace(found, record=record, foreign_token="")
        return self._patch(ObjectKey(name), numbered, found, bundle, since)

    def remove_replaced(self, name: str, kept: KeptVersion) -> None:
        """Disable the version, without our tags: Key Vault removes no single version."""
        body = {"attributes": {"enabled": False}, "tags": {}}
        self.secrets.update(self.find_name(name), kept.token, body)

    def hide(self, place: ObjectKey, found: StoredObject) -> None:
        """Delete a secret so that it can be recovered."""
        self.secrets.delete(self._compare(place, found).name)

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        """Delete and purge a credential; of stages, and what is the collection's own, only mark the secret as removed."""
        if place.kind != CURRENT:
            super().remove(place, found)
            return
        try:
            if found is not None:
                self.hide(place, found)
        except CredentialError as problem:
            if problem.outcome_unknown:
                self._unfinished.add(place.name)
            raise
        with mark_outcome(unknown=True):
            self._purge_deleted(place.name)

    def finish_removal(self, name: str) -> None:
        """Purge what this process has deleted for good, if it did not get that far: a response may have been lost in between."""
        if name not in self._unfinished:
            return
        is_there = self.secrets.get(self.find_name(name)) is not None
        self._unfinished.discard(name)
        if not is_there:
            self._purge_deleted(name)

    def _purge_deleted(self, name: str) -> None:
        """Purge, and remember the name if that has to be tried again."""
        try:
            self.purge(name)
        except (Unavailable, Timeout):
            self._unfinished.add(name)
            raise

    def read_deleted(self, name: str) -> Optional[StoredObject]:
        """Return a deleted credential that can be recovered, without its fields, or None."""
        return self._open(ObjectKey(name), self.secrets.get_deleted(self.find_name(name)))

    def recover(self, name: str) -> None:
        """Recover a deleted credential, and wait until it can be read."""
        secret = self.find_name(name)
        self.secrets.recover(secret)
        for _each in pauses():
            if self.secrets.get(secret) is not None:
                return
        raise busy(Asked("recover", self.secrets.vault, secret))

    def purge(self, name: str) -> None:
        """Remove a deleted credential for good, with its metadata, and the secrets of stages that are marked as removed."""
        secret = self.find_name(name)
        stages = (self._find(ObjectKey(name, stage)) for stage in STAGES if stage != CURRENT)
        for left in (more_name(secret), *(bundle.name for bundle in stages if bundle is not None and is_gone(bundle))):
            if self.secrets.delete(left):
                self.secrets.purge(left)
        self.secrets.purge(secret)


def _read_since(bundle: Bundle) -> int:
    return Reader("", False).read(ObjectKey("x"), replace(bundle, value=None), "").since


def _describe(serial: int, bundle: Bundle, reader: Reader) -> KeptVersion:
    return KeptVersion(serial, reader.read(ObjectKey("x"), replace(bundle, value=None), "").written_at, bundle.version)
