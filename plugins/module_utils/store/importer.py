# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Importing a credential as it is: its versions one by one, oldest first, each by compare-and-swap.

Until the last version is written the current value carries the mark `importing`, and `get` refuses it: otherwise readers would get
an old password. A crash leaves that mark, and the next import continues from what is stored.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import FitChecker, Located, check_rules, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller, scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    Duplicate,
    InvalidInput,
    RotationInProgress,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import is_copy
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import (
    ATTRIBUTE,
    Importing,
    is_moving,
    read_importing,
    without_marks,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ABSENT, CURRENT, PREVIOUS, Etag, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import check_access
from ansible_collections.nebula.credential.plugins.module_utils.store.exporter import (
    find_stage,
    read_parts,
    read_place,
    read_with,
    refuse_leased,
)
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Place, Portable, for_tenant, with_references

CREATE = "create"
RESUME = "resume"
UPDATE = "update"
NOTHING, COLLIDES = "nothing", "collides"

NEVER_KEPT = ("revisions of metadata", "the times at which the versions were stored")
"""Properties that no import keeps."""


@dataclass(frozen=True)
class Plan:
    """What an import would do.

    Attributes:
        name, store: where the credential is to be.
        action: create, resume (an interrupted import), update (an earlier state of the same credential is there), nothing (it is
            already imported) or collides (another credential has the name).
        lost: parts that this store cannot keep; an import with `lossy` leaves them out.
        not_kept: properties of an imported credential that no store keeps.
        tenants: the source's and this store's, if they differ.
        may_be_source: neither record has an id, as of values that another tool wrote, so both may be one record under two names.
    """

    name: str
    store: str
    action: str
    lost: Tuple[str, ...] = ()
    not_kept: Tuple[str, ...] = NEVER_KEPT
    tenants: Optional[Tuple[str, str]] = None
    may_be_source: bool = False

    def check(self, *, other_tenant: bool, lossy: bool) -> None:
        """Refuse an import that is not allowed.

        Raises:
            AccessDenied: the tenant would change and `other_tenant` was not given.
            InvalidInput: something would be lost and `lossy` was not given.
            Duplicate: the store has another credential of that name.
        """
        if self.tenants is not None and not other_tenant:
            what = "the source's tenant is '{0}' and this store's is '{1}'".format(*self.tenants)
            remedy = "Write 'other_tenant: true' if the credential is to change its tenant."
            raise AccessDenied(what, name=self.name, store=self.store, remedy=remedy)
        if self.lost and not lossy:
            remedy = "Use a store that keeps it, or accept the loss with 'lossy: true'."
            raise InvalidInput(
                "it would lose {0}".format("; ".join(self.lost)), name=self.name, store=self.store, option="lossy", remedy=remedy
            )
        if self.action == COLLIDES:
            remedy = "Compare both. Delete the one in store '{0}' if it is to be replaced.".format(self.store)
            raise Duplicate("another credential of that name is there", name=self.name, store=self.store, remedy=remedy)


class _Found(NamedTuple):
    """The current value, all that is stored if it is at rest, and how many of the import's oldest versions are the newest ones there."""

    current: Optional[Record]
    stored: Optional[Portable] = None
    shared: int = 0


class Importer:
    """Imports into one store."""

    def __init__(self, backend: Backend, store: str, tenant: str, place: Optional[Place] = None) -> None:
        """Write to `backend`, for the store's tenant. `place` is where it keeps its records, if that is known already."""
        self._backend = backend
        self._store = store
        self._tenant = tenant
        self._place = place

    def plan(self, portable: Portable, key: bytes) -> Plan:
        """Compare the stored credential with `portable`; change nothing.

        Raises:
            InvalidInput: both stores are the same place, or this one stores no credentials, or cannot hold the name.
            TooLarge: a version is too large, or has too many tags.
            AccessDenied: the credential's scope does not match the caller.
        """
        return self._plan(portable, key, None)[0]

    def write(self, portable: Portable, *, other_tenant: bool, lossy: bool) -> Dict[str, str]:
        """Write every version that is missing, as `bring`. Return the new version for each old one."""
        return self.bring(portable, secrets.token_bytes(32), None, other_tenant=other_tenant, lossy=lossy)[1]

    def bring(
        self, portable: Portable, key: bytes, ours: Optional[Etag], *, other_tenant: bool, lossy: bool
    ) -> Tuple[Plan, Dict[str, str], int]:
        """Write what is missing. Change nothing if the import is complete already.

        Args:
            portable: the exported credential.
            key: random and used in this run only.
            ours: the state that an earlier import of the same run has written; in that state the credential may be brought up to date.
            other_tenant: import even if the source has another tenant.
            lossy: import even if this store cannot keep all of it.

        Returns:
            What was done, the new version for each old one, and how many versions were stored before.

        Raises:
            AccessDenied, Duplicate, InvalidInput, TooLarge: as `plan` and `Plan.check`.
            Conflict: another writer came first.
        """
        plan, kept, found = self._plan(portable, key, ours)
        plan.check(other_tenant=other_tenant, lossy=lossy)
        with scope_checked(portable.name):
            versions = _map_versions(kept, found) if plan.action == NOTHING else self._write(kept, found)
        return plan, versions, found.shared

    def verify(self, portable: Portable, key: bytes, since: int) -> Etag:
        """Read the credential, and return its state if it is what `bring` has written. `since` is the number of versions before that.

        Raises:
            Conflict: it is something else.
        """
        kept, current = self._fit(portable)[0], self._find_current(portable)
        stored = None
        if current is not None and read_importing(current.full_metadata) is None:
            with scope_checked(portable.name):
                stored = read_parts(self._backend, current, kept, previous=kept.previous is not None, older=len(kept.versions) > 1)
        if current is None or stored is None or not self._holds(stored, kept, key, min(since, len(kept.versions) - 1)):
            what = "store '{0}' does not hold what was written".format(self._store)
            remedy = "Another run changed it. Compare both stores; the source was not deleted."
            raise Conflict(what, name=portable.name, remedy=remedy)
        return replace(current.etag, source=None)

    def _plan(self, portable: Portable, key: bytes, ours: Optional[Etag]) -> Tuple[Plan, Portable, _Found]:
        """Return the plan, the part of `portable` that this store can keep, and what it holds."""
        kept, lost = self._fit(portable)
        current = self._find_current(portable)
        tenants = None if portable.tenant == self._tenant else (portable.tenant, self._tenant)
        may_be_source = current is not None and current.record_id is None and portable.current.record_id is None
        with scope_checked(kept.name):
            action, found = self._choose_action(kept, current, key, ours)
        if action not in (NOTHING, COLLIDES):
            self._check_fits(kept)
        return Plan(portable.name, self._store, action, lost, tenants=tenants, may_be_source=may_be_source), kept, found

    def _fit(self, portable: Portable) -> Tuple[Portable, Tuple[str, ...]]:
        """Return the part of `portable` that this store can keep, and descriptions of the parts that it cannot."""
        able = self._backend.capabilities
        refuse_leased(self._backend, portable.name)
        most = _read_keep_versions(self._backend) if able.versions else 0
        kept = portable.reduce_to(None if most is None else most + 1, able.stages)
        lost: List[str] = []
        if len(kept.versions) < len(portable.versions):
            lost.append("{0} older versions".format(len(portable.versions) - len(kept.versions)))
        if portable.previous is not None and kept.previous is None:
            lost.append("the value of stage 'previous'")
        if kept.json_fields and not able.json_fields:
            lost.append("the JSON types of the fields {0}, which become text".format(", ".join(kept.json_fields)))
            kept = kept.without_forms()
        return kept, tuple(lost)

    def _check_fits(self, kept: Portable) -> None:
        """Raise InvalidInput or TooLarge if the store cannot hold the name, or a version, before one of them is written."""
        check_rules(self._backend, kept.current)
        located, checker = find_protocol(self._backend, Located), find_protocol(self._backend, FitChecker)
        if located is not None:
            located.locate(kept.name)
        if checker is not None:
            for record in (*kept.versions, *((kept.previous,) if kept.previous else ())):
                checker.check_fits(for_tenant(record, self._tenant))

    def _find_current(self, portable: Portable) -> Optional[Record]:
        """Return the record that is stored under the name, if the caller may import over it."""
        check_access(for_tenant(portable.current, self._tenant).full_metadata.scope, current_caller().context, portable.name)
        with scope_checked(portable.name):
            current = find_stage(self._backend, check_name(portable.name), CURRENT)
        self._refuse_same_place(portable, current)
        return current

    def _refuse_same_place(self, portable: Portable, current: Optional[Record]) -> None:
        # A record id is random, and an import generates a new one. So the same id means the same record, whatever the store's name.
        same_record = current is not None and current.record_id is not None and current.record_id == portable.current.record_id
        if same_record or portable.place.is_same(self._place or read_place(self._backend)):
            raise same_place_error(portable.store, self._store).within(name=portable.name)

    def _choose_action(self, kept: Portable, current: Optional[Record], key: bytes, ours: Optional[Etag]) -> Tuple[str, _Found]:
        if current is None:
            return CREATE, _Found(None)
        importing = read_importing(current.full_metadata)
        stored = None if is_copy(current.full_metadata) else self._read_stored(without_marks(current))
        if stored is None:
            return COLLIDES, _Found(current)
        if importing is None and self._holds(stored, kept, key, len(kept.versions) - 1):
            return NOTHING, _Found(current, stored, len(kept.versions))
        found = _Found(current, stored, self._count_shared(stored, kept, key))
        if importing is not None:
            return (RESUME if found.shared or importing.source == _name_record(kept) else COLLIDES), found
        is_ours = ours is not None and ours.matches(current)
        is_known = is_ours or _is_earlier(kept, found) or _is_undescribed(kept, current)
        return (UPDATE if found.shared and is_known else COLLIDES), found

    def _read_stored(self, current: Record) -> Optional[Portable]:
        """Return all that the store holds of a credential; None if it is not at rest."""
        try:
            return read_with(self._backend, current, self._store, self._tenant, self._place)
        except (RotationInProgress, Unusable):
            return None

    def _holds(self, stored: Portable, kept: Portable, key: bytes, since: int) -> bool:
        """Whether the newest stored versions, and `previous`, are those of `kept`.

        Of the versions before number `since` the values must be equal. Their metadata is that of the time at which they were imported:
        some servers keep metadata for the newest version only, so an older one seems to change with it.
        """
        newest = stored.reduce_to(len(kept.versions), True)
        if newest.digest(key, self._tenant) == kept.digest(key, self._tenant):
            return True
        values = [self._digest_each(one, key, values_only=True)[:since] for one in (newest, kept)]
        later = [replace(one, versions=one.versions[since:]).digest(key, self._tenant) for one in (newest, kept)]
        return values[0] == values[1] and later[0] == later[1]

    def _digest_each(self, portable: Portable, key: bytes, *, values_only: bool) -> Tuple[bytes, ...]:
        return portable.digest_each(key, self._tenant, values_only=values_only)

    def _count_shared(self, stored: Portable, kept: Portable, key: bytes) -> int:
        """Return how many of the oldest versions of `kept` have the values of the newest stored ones. 0 if something else is stored."""
        there, wanted = (self._digest_each(one, key, values_only=True) for one in (stored, kept))
        counts = range(min(len(there), len(wanted)), 0, -1)
        return next((count for count in counts if there[-count:] == wanted[:count]), 0)

    def _write(self, kept: Portable, found: _Found) -> Dict[str, str]:
        current, new_versions = found.current, _map_versions(kept, found)
        missing = kept.versions[found.shared :]
        if not missing and current is not None:
            self._set_previous(kept, found, new_versions)
            self._describe(kept.current, current, new_versions)
        last_serial = self._backend.last_serial(kept.name) if missing else 0
        for number, record in enumerate(missing, found.shared + 1):
            is_last = number == len(kept.versions)
            if is_last:
                self._set_previous(kept, found, new_versions)
            offered = self._offer(record, new_versions, last_serial)
            if not is_last:
                offered = _mark(offered, Importing(str(kept.current.version), kept.current.revision, number, _name_record(kept)))
            current = self._backend.put(offered, current.etag if current else ABSENT, create=current is None)
            last_serial = max(last_serial, current.serial or 0)
            new_versions[str(record.version)] = str(current.version)
        return new_versions

    def _describe(self, wanted: Record, current: Record, new_versions: Dict[str, str]) -> None:
        """Give the current value, which is stored already, the metadata of the import."""
        metadata = with_references(for_tenant(wanted, self._tenant), new_versions).full_metadata
        self._backend.patch_metadata(replace(current, type=wanted.type, metadata=metadata), current.revision)

    def _set_previous(self, kept: Portable, found: _Found, new_versions: Dict[str, str]) -> None:
        name = kept.name
        there = None if found.stored is None else found.stored.previous
        if kept.previous is not None:
            offered = self._offer(kept.previous, new_versions, self._backend.last_serial(name, PREVIOUS))
            self._backend.put(offered, there.etag if there else None, create=there is None)
        elif there is not None:
            self._backend.delete(name, stage=PREVIOUS, expected=there.etag)

    def _offer(self, record: Record, new_versions: Dict[str, str], last_serial: int) -> Record:
        """Return the record for this store. Keep its serial if that is higher than every serial used here."""
        kept_serial = record.serial if record.serial is not None and record.serial > last_serial else None
        offered = with_references(for_tenant(record, self._tenant), new_versions)
        return replace(offered, version=None, serial=kept_serial, record_id=None, revision=0, source=None)


def same_place_error(source: str, destination: str) -> InvalidInput:
    """Return the error for an import of a store into itself."""
    what = "the stores '{0}' and '{1}' are one place under two names".format(source, destination)
    return InvalidInput(what, remedy="Name another store.")


def _is_earlier(kept: Portable, found: _Found) -> bool:
    """Whether an earlier state of the source is stored, and nobody has changed it since: each change of metadata raises the revision.

    So does the mark of a move, which counts as none.
    """
    if found.current is None or found.shared == len(kept.versions):
        return False
    if found.current.revision and not is_moving(found.current, kept.record_id):
        return False
    return found.current.full_metadata.lifecycle == kept.versions[found.shared - 1].full_metadata.lifecycle


def _is_undescribed(kept: Portable, current: Record) -> bool:
    """Whether the current value has no metadata of ours, though the source's has: some servers take value and metadata in two requests.

    Nobody has described it since. The import adds the metadata only if it has the value of the source.
    """
    return current.record_id is None and not current.revision and kept.current.record_id is not None


def _map_versions(kept: Portable, found: _Found) -> Dict[str, str]:
    """Return the stored version for each version of `kept` that is stored."""
    if found.stored is None or not found.shared:
        return {}
    stored = found.stored.versions[-found.shared :]
    return {str(record.version): str(there.version) for record, there in zip(kept.versions, stored)}


def _name_record(portable: Portable) -> str:
    """Return the id of the exported record, for the mark. A record without one gets a mark that matches no other."""
    return (portable.current.record_id or secrets.token_bytes(16)).hex()


def _mark(record: Record, importing: Importing) -> Record:
    return record.with_metadata(attributes=dict(record.full_metadata.attributes, **{ATTRIBUTE: importing.write()}))


def _read_keep_versions(backend: Backend) -> Optional[int]:
    """Return the store's option `keep_versions`, the number of older versions that it keeps; None for all."""
    while backend.inner is not None:
        backend = backend.inner
    return backend.setting("keep_versions") if "keep_versions" in backend.options else None
