# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential as the manager returns it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import ATTRIBUTE, is_copy
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import (
    DATES,
    Schedule,
    read_rotated_at,
    read_schedule,
    version_created_at,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import is_importing
from ansible_collections.nebula.credential.plugins.module_utils.model.record import (
    REFRESH,
    ROTATES,
    Fields,
    Metadata,
    Record,
    find_values,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import read_free_metadata
from ansible_collections.nebula.credential.plugins.module_utils.types.base import DUE_AT_ONCE, CredentialType
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named


@dataclass(frozen=True)
class Credential:
    """One value of one credential. Fields are `Secret`: no repr shows them. A row of `list` has no fields; one whose record has a
    `problem` has no metadata either.

    `at` is the time of the read; `expired` compares the expiry with it.
    """

    record: Record
    at: datetime

    @property
    def name(self) -> str:
        """The credential's name."""
        return self.record.name

    @property
    def version(self) -> Optional[str]:
        """The backend's token of this version."""
        return self.record.version

    @property
    def metadata(self) -> Metadata:
        """The metadata of the value; nothing in it is secret."""
        return self.record.full_metadata

    @property
    def fields(self) -> Fields:
        """All fields, secret or not, wrapped in `Secret`."""
        return self.record.fields

    @property
    def kind(self) -> CredentialType:
        """The type, with the declaration of a custom one.

        Raises:
            UnsupportedType: this version of the collection does not know the type.
        """
        return type_named(self.record.type, self.metadata.attributes)

    @property
    def expires_at(self) -> Optional[datetime]:
        """When the value ends: at its own expiry, or before if the service deletes it by itself. None if it does not end."""
        own, ends_at = self.metadata.expires_at, self.record.ends_at
        return ends_at if own is None or (ends_at is not None and ends_at < own) else own

    @property
    def is_expired(self) -> bool:
        """Whether the value was past its end when it was read."""
        ends_at = self.expires_at
        return ends_at is not None and ends_at <= self.at

    @property
    def own_expiry(self) -> Optional[datetime]:
        """The expiry that the value itself contains; None if it contains none, or if another tool has written one that cannot be read."""
        try:
            return self.kind.expires_at(self.fields)
        except CredentialError:
            return None

    def restate_expiry(self, kind: CredentialType) -> Dict[str, Any]:
        """Return the expiry as a change of the metadata if `kind`, another declaration of the fields, reads another one out of them.

        One that a task has set stays, so nothing is returned then.
        """
        before, after = self.own_expiry, kind.expires_at(self.fields)
        return {"expires_at": after} if self.metadata.expires_at == before != after else {}

    @cached_property
    def state(self) -> str:
        """The lifecycle state when it was read: expired if its expiry had passed."""
        known = self.metadata if self.record.ends_at is None else replace(self.metadata, expires_at=self.expires_at)
        return lifecycle.current_state(known, self.at)

    @cached_property
    def schedule(self) -> Schedule:
        """When it is due to be rotated."""
        return read_schedule(self.metadata, self.name)

    @property
    def requires_interaction(self) -> bool:
        """Whether a person must act before it has a new value."""
        if self.metadata.lifecycle == lifecycle.PENDING_INTERACTION or REFRESH not in self.metadata.attributes:
            return self.metadata.lifecycle == lifecycle.PENDING_INTERACTION
        # Loaded here: a session reads many credentials of which none is ever refreshed.
        from ansible_collections.nebula.credential.plugins.module_utils.model.refresh_status import read_refresh_status

        return read_refresh_status(self.record).problem is not None

    @property
    def usable(self) -> bool:
        """Whether the value may be returned to a caller."""
        return lifecycle.usable(self.metadata.lifecycle, self.is_expired) and not is_importing(self.metadata)

    def token(self, field: Optional[str] = None) -> Secret:
        """Return the value of one field, by default the primary one.

        Raises:
            NoToken: the field has no value.
            InvalidInput: no field is named, and there are several of which none is primary.
        """
        return self.read(field or self.choose_field())

    def choose_field(self) -> str:
        """Return the field that is read if the caller names none (`CredentialType.choose_field`)."""
        return self.kind.choose_field(self.fields)

    def list_fields(self) -> List[str]:
        """Return the names of the fields that have a value, without those that are kept for the type alone."""
        return sorted(set(find_values({**self.fields, **self.record.state})) - set(self.kind.internal))

    def read(self, field: str) -> Secret:
        """Return the value of a field. Raises NoToken if there is none."""
        return self.kind.read(self.fields, self.record.state, field)

    def is_hidden(self, field: str) -> bool:
        """Return True if the value of a field is masked where a result shows it."""
        return self.kind.is_hidden(field, self.fields)

    @property
    def rotation(self) -> Dict[str, Any]:
        """The rotation target that it is assigned to, as JSON-like data; empty if there is none, or if it cannot be read."""
        written = self.metadata.attributes.get(ROTATES)
        return dict(written) if isinstance(written, Mapping) else {}

    def describe(self) -> Dict[str, Any]:
        """Return the metadata and the field names as JSON-like data: no value of any field, times in ISO 8601 (UTC).

        A credential whose first value is still to be requested from its service has neither an end nor expired.

        `field_names` is None for a row of a list, which was read without its fields. `verified` is False if the
        metadata was read without the key that authenticates it.
        """
        record, known, schedule = self.record, self.metadata, self.schedule
        is_awaited = self.expires_at == DUE_AT_ONCE
        state, expires_at = (known.lifecycle, None) if is_awaited else (self.state, self.expires_at)
        attributes = known.attributes
        created_at = format_time(known.created_at)
        return {
            "name": record.name,
            "type": record.type,
            "stage": record.stage,
            "version": record.version,
            "serial": record.serial,
            "revision": record.revision,
            "state": state,
            "expired": self.is_expired and not is_awaited,
            "usable": self.usable,
            "requires_interaction": self.requires_interaction,
            "is_terminal": state in lifecycle.TERMINAL,
            "created_at": created_at,
            "version_created_at": created_at if DATES not in attributes else format_time(version_created_at(known)),
            "rotated_at": format_time(read_rotated_at(known)),
            "updated_at": format_time(known.updated_at),
            "expires_at": format_time(expires_at),
            "due_at": format_time(schedule.due_at),
            "warning_from": format_time(schedule.warning_from),
            "overdue": schedule.is_overdue(self.at),
            "description": known.description,
            "tags": dict(known.tags),
            "metadata": read_free_metadata(attributes),
            "scope": describe_scope(known.scope),
            "policy": dict(known.policy),
            "rotation": self.rotation,
            "declared_fields": attributes.get("fields"),
            "orphaned": bool(attributes.get("orphaned")),
            "field_names": sorted(record.fields) or None,
            "verified": record.verified,
            **({ATTRIBUTE: attributes[ATTRIBUTE]} if is_copy(known) else {}),
        }


def describe_scope(scope: Scope) -> Dict[str, Any]:
    """Return a scope as JSON-like data."""
    return {"tenant": scope.tenant, "workflow": scope.workflow, "user": scope.user, "tags": dict(scope.tags)}


def format_time(time: Optional[datetime]) -> Optional[str]:
    """Return a time in ISO 8601, UTC, with `Z`; None for None."""
    return None if time is None else time.isoformat().replace("+00:00", "Z")
