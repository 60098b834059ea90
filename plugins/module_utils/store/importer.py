# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Importing a credential as it is: its versions one by one, oldest first, each by compare-and-swap.

Until the last version is written the current value carries the mark `importing`, and `get` refuses it: otherwise readers would get
an old password. A crash leaves that mark, and the next import continues from it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import current_caller, scope_checked
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    Duplicate,
    InvalidInput,
    RotationInProgress,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import ATTRIBUTE, Importing, read_importing
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, PREVIOUS, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import check_access
from ansible_collections.nebula.credential.plugins.module_utils.store.exporter import find_stage, read_place, read_portable
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Portable, for_tenant, with_references

CREATE = "create"
RESUME = "resume"
NOTHING = "nothing"
COLLIDES = "collides"

NEVER_KEPT = ("revisions of metadata", "the times at which the versions were stored")
"""Properties that no import keeps."""


@dataclass(frozen=True)
class Plan:
    """What an import would do.

    Attributes:
        action: create, resume (an interrupted import), nothing (it is already imported) or collides (another credential has the name).
        lost: parts that this store cannot keep; an import with `lossy` leaves them out.
        not_kept: properties of an imported credential that no store keeps.
        tenants: the source's and this store's, if they differ.
        may_be_source: neither record has an id, as of values that another tool wrote, so both may be one record under two names.
    """

    name: str
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
            raise AccessDenied(what, name=self.name, remedy="Write 'other_tenant: true' if the credential is to change its tenant.")
        if self.lost and not lossy:
            remedy = "Use a store that keeps it, or accept the loss with 'lossy: true'."
            raise InvalidInput("it would lose {0}".format("; ".join(self.lost)), name=self.name, option="lossy", remedy=remedy)
        if self.action == COLLIDES:
            remedy = "Compare both. Delete the one in this store if it is to be replaced."
            raise Duplicate("another credential of that name is there", name=self.name, remedy=remedy)


class Importer:
    """Imports into one store."""

    def __init__(self, backend: Backend, store: str, tenant: str) -> None:
        """Write to `backend`, for the store's tenant."""
        self._backend = backend
        self._store = store
        self._tenant = tenant

    def plan(self, portable: Portable, key: bytes) -> Plan:
        """Compare the stored credential with `portable`; change nothing.

        Raises:
            InvalidInput: both stores are the same place, or this one stores no credentials.
            AccessDenied: the credential's scope does not match the caller.
        """
        return self._plan(portable, key)[0]

    def _plan(self, portable: Portable, key: bytes) -> Tuple[Plan, Portable, Optional[Record]]:
        """Return the plan, the part of `portable` that this store can keep, and the stored record."""
        kept, lost = self._fit(portable)
        current = self._find_current(portable)
        tenants = None if portable.tenant == self._tenant else (portable.tenant, self._tenant)
        may_be_source = current is not None and current.record_id is None and portable.current.record_id is None
        plan = Plan(portable.name, self._choose_action(kept, current, key), lost, tenants=tenants, may_be_source=may_be_source)
        return plan, kept, current

    def write(self, portable: Portable, *, other_tenant: bool, lossy: bool) -> Dict[str, str]:
        """Write every version. Change nothing if the import is complete already.

        Returns:
            The new version for each old one.

        Raises:
            AccessDenied, Duplicate, InvalidInput: as `plan` and `Plan.check`.
            Conflict: another writer came first.
        """
        plan, kept, current = self._plan(portable, secrets.token_bytes(32))
        plan.check(other_tenant=other_tenant, lossy=lossy)
        with scope_checked(portable.name):
            return self._read_map(kept) if plan.action == NOTHING else self._write(kept, current)

    def _fit(self, portable: Portable) -> Tuple[Portable, Tuple[str, ...]]:
        """Return the part of `portable` that this store can keep, and descriptions of the parts that it cannot."""
        able = self._backend.capabilities
        if able.leased:
            raise InvalidInput(
                "the backend issues leased values and stores none", name=portable.name, remedy="Name a store that keeps credentials."
            )
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
        if same_record or portable.place.is_same(read_place(self._backend)):
            what = "the stores '{0}' and '{1}' are one place under two names".format(portable.store, self._store)
            raise InvalidInput(what, name=portable.name, remedy="Name another store.")

    def _choose_action(self, kept: Portable, current: Optional[Record], key: bytes) -> str:
        if current is None:
            return CREATE
        importing = read_importing(current.full_metadata)
        if importing is not None:
            same = (importing.version, importing.revision) == (str(kept.current.version), kept.current.revision)
            return RESUME if same and importing.written < len(kept.versions) else COLLIDES
        with scope_checked(kept.name):
            return NOTHING if self._holds(kept, key) else COLLIDES

    def _holds(self, kept: Portable, key: bytes) -> bool:
        """Whether the store holds exactly `kept`."""
        try:
            stored = read_portable(self._backend, kept.name, self._store, self._tenant)
        except (RotationInProgress, Unusable):
            return False
        return stored.digest(key, self._tenant) == kept.digest(key, self._tenant)

    def _write(self, kept: Portable, current: Optional[Record]) -> Dict[str, str]:
        importing = None if current is None else read_importing(current.full_metadata)
        written = 0 if importing is None else importing.written
        new_versions = self._read_map(replace(kept, versions=kept.versions[:written])) if written else {}
        last_serial = self._backend.last_serial(kept.name)
        for number, record in enumerate(kept.versions[written:], written + 1):
            is_last = number == len(kept.versions)
            if is_last and kept.previous is not None:
                self._write_previous(kept.previous, new_versions)
            offered = self._offer(record, new_versions, last_serial)
            if not is_last:
                offered = _mark(offered, Importing(str(kept.current.version), kept.current.revision, number))
            current = self._backend.put(offered, current.etag if current else None, create=current is None)
            last_serial = max(last_serial, current.serial or 0)
            new_versions[str(record.version)] = str(current.version)
        return new_versions

    def _write_previous(self, previous: Record, new_versions: Dict[str, str]) -> None:
        found = find_stage(self._backend, previous.name, PREVIOUS)
        offered = self._offer(previous, new_versions, self._backend.last_serial(previous.name, PREVIOUS))
        self._backend.put(offered, found.etag if found else None, create=found is None)

    def _offer(self, record: Record, new_versions: Dict[str, str], last_serial: int) -> Record:
        """Return the record for this store. Keep its serial if that is higher than every serial used here."""
        kept_serial = record.serial if record.serial is not None and record.serial > last_serial else None
        offered = with_references(for_tenant(record, self._tenant), new_versions)
        return replace(offered, version=None, serial=kept_serial, record_id=None, revision=0)

    def _read_map(self, portable: Portable) -> Dict[str, str]:
        """Return the new version for each version of `portable` that is stored already."""
        able = self._backend.capabilities.versions
        infos = self._backend.versions(portable.name) if able else []
        stored = [info.version for info in reversed(infos)] if able else [str(self._backend.get(portable.name).version)]
        if len(stored) != len(portable.versions):
            remedy = "Delete it in this store and import it anew."
            raise Conflict("its versions are not those of the import that was cut off", name=portable.name, remedy=remedy)
        return {str(record.version): version for record, version in zip(portable.versions, stored)}


def _mark(record: Record, importing: Importing) -> Record:
    return record.with_metadata(attributes=dict(record.full_metadata.attributes, **{ATTRIBUTE: importing.write()}))


def _read_keep_versions(backend: Backend) -> Optional[int]:
    """Return the store's option `keep_versions`, the number of older versions that it keeps; None for all."""
    while backend.inner is not None:
        backend = backend.inner
    return backend.setting("keep_versions") if "keep_versions" in backend.options else None
