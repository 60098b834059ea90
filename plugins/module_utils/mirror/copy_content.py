# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a copy holds of a credential: its current value, and what is known of it. It has no older values, no policy and no rotation."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Dict, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, InvalidToken
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import ATTRIBUTE, CopyMark, refuse_copy
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import DATES
from ansible_collections.nebula.credential.plugins.module_utils.model.importing import incomplete_import, is_importing
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record, without_forms
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import FREE_METADATA
from ansible_collections.nebula.credential.plugins.module_utils.store.ensure import differing
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Place
from ansible_collections.nebula.credential.plugins.module_utils.types.custom import DECLARATION
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import is_composed, is_refreshable, type_named

_KEPT = (DECLARATION, FREE_METADATA, DATES)
"""The attributes that a copy has, too."""


def check_copyable(record: Record) -> None:
    """Check that a credential may be copied.

    Raises:
        Unusable: its import is not complete.
        ReadOnly: it is a copy itself.
        InvalidInput: a copy of it would not stay usable.
    """
    if is_importing(record.full_metadata):
        raise incomplete_import(record.name)
    refuse_copy(record)
    if is_composed(record.type):
        remedy = "Copy the credentials that it is made of, and write one like it there."
        raise InvalidInput("its value is made of other credentials of this store", name=record.name, remedy=remedy)
    if is_refreshable(record.type) and type_named(record.type, record.full_metadata.attributes).can_refresh(record.fields):
        what = "its value is refreshed, so a copy would be out of date, and a refresh of the copy could use up the token"
        raise InvalidInput(what, name=record.name, remedy="Leave it out of 'mirror', and read it from this store.")


def is_revoked(record: Record) -> bool:
    """Return True if the credential was revoked."""
    return record.full_metadata.lifecycle == lifecycle.REVOKED


class Origin(NamedTuple):
    """The store that copies are made of: its name, and what identifies it."""

    store: str
    place: str


def identify(store: str, place: Place) -> Origin:
    """Return the origin of copies of a store. Its id or its location identifies it, as 16 hexadecimal digits of a digest."""
    known = place.store_id or (place.location or "store " + store).encode("utf-8")
    return Origin(store, hashlib.sha256(known).hexdigest()[:16])


def build_copy(record: Record, origin: Origin, to: str, tenant: str, *, json_fields: bool) -> Record:
    """Return the copy of a record.

    Args:
        record: the current value of the source.
        origin: the source's store.
        to: the name of the copy.
        tenant: the tenant of the store that gets it.
        json_fields: whether that store keeps the JSON types of fields.
    """
    known = record.full_metadata
    mark = CopyMark(origin.store, origin.place, record.name, str(record.version), record.revision)
    kept = {name: known.attributes[name] for name in _KEPT if name in known.attributes}
    metadata = Metadata(
        known.created_at,
        known.updated_at,
        known.expires_at,
        known.description,
        dict(known.tags),
        replace(known.scope, tenant=tenant),
        lifecycle.REVOKED if is_revoked(record) else lifecycle.ACTIVE,
        attributes={**kept, ATTRIBUTE: mark.write()},
    )
    fields = record.fields if json_fields else without_forms(record.fields)
    return Record(to, record.type, fields, metadata=metadata)


def has_same_value(one: Record, other: Record) -> bool:
    """Whether two records have the same fields; the texts of JSON count as what they stand for where one store keeps no JSON."""
    return not differing(one.fields, other.fields) or not differing(without_forms(one.fields), without_forms(other.fields))


def has_same_metadata(one: Record, other: Record) -> bool:
    """Whether two records are described alike."""
    return one.type == other.type and _describe(one) == _describe(other)


def _describe(record: Record) -> Dict[str, Any]:
    known = record.full_metadata
    return {
        "expires_at": known.expires_at,
        "description": known.description,
        "tags": dict(known.tags),
        "scope": known.scope,
        "revoked": is_revoked(record),
        "kept": {name: known.attributes[name] for name in _KEPT if name in known.attributes},
    }


def read_single_value(record: Record) -> Secret:
    """Return the one text that a place without fields holds: the value of the field that `get` returns.

    Raises:
        InvalidInput: there are several fields, and none is primary.
        InvalidToken: the value is no text.
    """
    kind = type_named(record.type, record.full_metadata.attributes)
    value = record.fields[kind.choose_field(record.fields)]
    try:
        value.expose().decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidToken("its value is no text", name=record.name, remedy="Store it as base64, and decode it there.") from None
    return value
