# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of one vault as places of objects.

Key Vault does not compare and swap: each write reads the secret again and compares it, and the writers of a store exclude each other.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.bundles import Bundle, Secrets
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.errors import Asked, busy
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_format import (
    Reader,
    VaultObject,
    build_token,
    write_secret,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_names import (
    document_name,
    is_hashed,
    more_name,
    own_name,
    place_of,
    secret_name,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_tags import (
    MORE,
    NAME,
    damage_error,
    is_gone,
    is_ours,
    read_details,
    read_serial,
    write_gone,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.secret_value import write_value
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import document_conflict
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import (
    ObjectKey,
    ObjectStore,
    StoredObject,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, Damaged, InvalidInput, ReadOnly
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record


class VaultPlaces(ObjectStore):
    """One secret per object. The older values of an encrypted store are secrets of their own."""

    def __init__(self, secrets: Secrets, prefix: str, tenant: str, *, encrypted: bool) -> None:
        """Take the requests, the prefix of the secrets' names, and the store's tenant."""
        self.secrets = secrets
        self._prefix = prefix
        self._encrypted = encrypted
        self._reader = Reader(tenant, encrypted)
        self._own_names: Dict[str, str] = {}

    def find_name(self, name: str) -> str:
        """Return the name of a credential's secret: its own if another tool made it and it was read here, else as we name it."""
        return self._own_names.get(name) or secret_name(self._prefix, ObjectKey(check_name(name)))

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        return self._open(place, self._find(place))

    def _find(self, place: ObjectKey) -> Optional[Bundle]:
        """Return the secret of a place, which may be marked as removed; None if there is none."""
        return self._look(place)[0]

    def _look(self, place: ObjectKey) -> Tuple[Optional[Bundle], Optional[Bundle]]:
        """Return the secret of a place, and one of another credential that has the name which it would get."""
        standard, own = secret_name(self._prefix, place), own_name(self._prefix, place)
        bundle = self.secrets.get(standard)
        if bundle is not None and bundle.tags.get(NAME, place.name) == place.name:
            self._note_name(place, None)
            return bundle, None
        foreign = None if own is None else self.secrets.get(own)
        if foreign is None or (is_ours(foreign.tags) and foreign.tags.get(NAME) != place.name):
            return None, bundle
        self._note_name(place, foreign.name)
        return foreign, None

    def _note_name(self, place: ObjectKey, own: Optional[str]) -> None:
        if place.kind == CURRENT and own is not None:
            self._own_names[place.name] = own
        elif place.kind == CURRENT:
            self._own_names.pop(place.name, None)

    def _open(self, place: ObjectKey, bundle: Optional[Bundle]) -> Optional[VaultObject]:
        if bundle is None or is_gone(bundle):
            return None
        try:
            details = self._read_more(bundle) if MORE in bundle.tags else read_details(bundle.tags)
        except Damaged as problem:
            return replace(self._reader.read(place, bundle, ""), problem=problem)
        return self._reader.read(place, bundle, details)

    def _read_more(self, bundle: Bundle) -> str:
        found = self.secrets.get(more_name(bundle.name), bundle.tags[MORE])
        if found is None or found.value is None:
            raise damage_error()
        return found.value

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        write_value(content.record)
        bundle, others = self._look(place)
        if others is not None:
            what = "the secret '{0}' holds the credential {1}".format(others.name, ascii(others.tags.get(NAME)))
            raise InvalidInput(what, name=place.name, remedy="Choose another name.")
        if bundle is not None and not is_gone(bundle):
            raise Conflict("the secret '{0}' exists".format(bundle.name), name=place.name, remedy="Read it again and repeat.")
        return self._set(place, content, None, bundle, content.record.serial or 0)

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        bundle = self._compare(place, found)
        since = found.since if isinstance(found, VaultObject) and found.record.serial is not None else self._find_since(bundle)
        if _is_same_value(content, found) and not _drops_expiry(content, bundle):
            return self._patch(place, content, found, bundle, since)
        return self._set(place, content, found, bundle, since)

    def _find_since(self, bundle: Bundle) -> int:
        """Return the first serial of a credential whose newest value another tool wrote; 0 if none of its values is ours."""
        return 0

    def _compare(self, place: ObjectKey, found: StoredObject) -> Bundle:
        check_unmanaged(found)
        bundle = self._find(place)
        if bundle is None or build_token(bundle) != found.token:
            raise Conflict("another writer came first", name=place.name, remedy="Read it again and repeat.")
        return bundle

    def _set(
        self, place: ObjectKey, content: StoredObject, found: Optional[StoredObject], bundle: Optional[Bundle], since: int
    ) -> StoredObject:
        """Write a new version. Metadata that does not fit is written first, and the new version names it."""
        name = secret_name(self._prefix, place) if bundle is None else bundle.name
        draft = write_secret(content, found, self._find_noted_name(place, name), since)
        self._write_more(name, draft.body["tags"], draft.more)
        written = self.secrets.set(name, draft.body) or self._take_over(place, name, content, draft.body)
        return self._build_object(content, written, since)

    def _find_noted_name(self, place: ObjectKey, name: str) -> Optional[str]:
        is_plain = name.lower() == secret_name(self._prefix, place) and not is_hashed(self._prefix, place.name)
        return None if is_plain else place.name

    def _write_more(self, name: str, tags: Dict[str, str], more: Optional[str]) -> None:
        if more is not None:
            body = {"value": more, "contentType": "application/json", "attributes": {"enabled": True}, "tags": {}}
            written = self.secrets.set(more_name(name), body) or self._recover(more_name(name), body)
            tags[MORE] = written.version

    def _take_over(self, place: ObjectKey, name: str, content: StoredObject, body: Mapping[str, Any]) -> Bundle:
        """Write to the name of a deleted secret: recover it, then write. Its serials are not used again.

        Raises:
            Conflict: it had our serial, which is noted. Plan the write again.
        """
        deleted = self.secrets.get_deleted(name) if place.is_stage else None
        last = (deleted and read_serial(deleted)) or 0
        if last >= (content.record.serial or 0) > 0:
            self._note_serial(place, last)
            raise Conflict("serial {0} is already used".format(last), name=place.name, remedy="Read it again and repeat.")
        return self._recover(name, body)

    def _note_serial(self, place: ObjectKey, serial: int) -> None:
        noted = ObjectKey.of_tombstone(place.name, place.kind)
        there = self._find(noted)
        record = Record(place.name, serial=max(serial, (there and read_serial(there)) or 0))
        self._set(noted, StoredObject(record), None, there, 0)

    def _recover(self, name: str, body: Mapping[str, Any]) -> Bundle:
        """Recover a deleted secret and write a new version of it, as soon as Key Vault has it back."""
        self.secrets.recover(name)
        written = self.secrets.set(name, body)
        if written is None:
            raise busy(Asked("recover", self.secrets.vault, name))
        return written

    def _patch(self, place: ObjectKey, content: StoredObject, found: StoredObject, bundle: Bundle, since: int) -> StoredObject:
        """Write new metadata to the version that is there."""
        draft = write_secret(content, found, self._find_noted_name(place, bundle.name), since)
        self._write_more(bundle.name, draft.body["tags"], draft.more)
        body = {key: value for key, value in draft.body.items() if key != "value"}
        written = self.secrets.update(bundle.name, bundle.version, body)
        if written is None:
            raise Conflict("the secret is gone", name=place.name, remedy="Read it again and repeat.")
        return self._build_object(content, written, since)

    def _build_object(self, content: StoredObject, written: Bundle, since: int) -> VaultObject:
        return VaultObject(
            content.record,
            build_token(written),
            older=content.older,
            garbage=content.garbage,
            foreign_token=written.version if content.record.serial is None and content.record.metadata is not None else "",
            written_at=content.written_at,
            bundle=replace(written, value=None),
            since=since,
        )

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        """Mark a secret as removed: a deleted secret would block its name for a while."""
        bundle = self._find(place) if found is None else self._compare(place, found)
        if bundle is not None and not is_gone(bundle):
            self.secrets.set(bundle.name, write_gone(bundle))

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        held: List[Tuple[ObjectKey, Bundle]] = []
        shown = set()
        for bundle in self.secrets.list():
            place = place_of(self._prefix, bundle.name, bundle.tags.get(NAME), foreign=not is_ours(bundle.tags))
            if place is None or place.kind != stage or not place.name.startswith(prefix) or is_gone(bundle):
                continue
            if bundle.name.lower() != secret_name(self._prefix, place):
                held.append((place, bundle))  # another secret may have the name that we give
                continue
            shown.add(place.name)
            yield from self._list(place, bundle, names_only)
        for place, bundle in held:
            if place.name not in shown:
                yield from self._list(place, bundle, names_only)

    def _list(self, place: ObjectKey, bundle: Bundle, names_only: bool) -> Iterator[StoredObject]:
        found: Optional[StoredObject] = StoredObject(Record(place.name, stage=place.kind))
        if not names_only:
            found = self.read_listed(place) if self._encrypted else self._open(place, bundle)
        if found is not None:
            yield found

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        bundle = self.secrets.get(document_name(self._prefix))
        if bundle is None:
            return None
        try:
            return base64.b64decode(str(bundle.value), validate=True), build_token(bundle)
        except ValueError:
            remedy = "Restore an older version of the secret '{0}'.".format(bundle.name)
            raise Damaged("the store's document is not what was written", remedy=remedy) from None

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        name = document_name(self._prefix)
        body = {"value": base64.b64encode(content).decode("ascii"), "contentType": "application/vnd.nebula.store", "tags": {}}
        there = self.secrets.get(name)
        if (None if there is None else build_token(there)) != (found and found[1]):
            raise document_conflict()
        self.secrets.set(name, body) or self._recover(name, body)


def _is_same_value(content: StoredObject, found: StoredObject) -> bool:
    """Return True if only metadata changes, so that no new version is needed."""
    parts = ("serial", "fields", "state", "envelope")
    return found.problem is None and all(getattr(content.record, part) == getattr(found.record, part) for part in parts)


def _drops_expiry(content: StoredObject, bundle: Bundle) -> bool:
    """Return True if the secret has an expiry and is to have none: only a new version has none."""
    metadata = content.record.metadata
    return bundle.expires is not None and (metadata is None or metadata.expires_at is None)


def check_unmanaged(found: StoredObject) -> None:
    """Refuse a write to the secret of a certificate: Key Vault makes it."""
    if isinstance(found, VaultObject) and found.bundle.managed:
        raise ReadOnly("the secret belongs to a certificate of Key Vault", remedy="Change the certificate, or choose another name.")
