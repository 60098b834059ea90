# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One credential of a migration: what it is called in the source, and what it is to be in the destination."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Portable
from ansible_collections.nebula.credential.plugins.module_utils.types.custom import DECLARATION, Custom
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named


class Item(NamedTuple):
    """One credential.

    Attributes:
        name: its name in the source.
        to: its name in the destination.
        tags: the tags of its current value in the destination; None for those of the source. Older versions keep theirs.
        type: the type of all its values in the destination; None for that of the source.
    """

    name: str
    to: str
    tags: Optional[Mapping[str, str]] = None
    type: Optional[str] = None


def transform(portable: Portable, item: Item) -> Portable:
    """Return an exported credential as it is to be in the destination.

    Raises:
        InvalidInput: a value does not fit the other type.
        UnsupportedType: there is no such type.
    """
    versions = [_change(record, item) for record in portable.versions]
    if item.tags is not None:
        versions[-1] = versions[-1].with_metadata(tags=dict(item.tags))
    previous = None if portable.previous is None else _change(portable.previous, item)
    return replace(portable, versions=tuple(versions), previous=previous)


def _change(record: Record, item: Item) -> Record:
    renamed = replace(record, name=item.to)
    return renamed if item.type in (None, record.type) else _change_type(renamed, str(item.type))


def _change_type(record: Record, name: str) -> Record:
    """Return the record with another type. The primary field gets that type's name for it if the type does not know the old one."""
    attributes = dict(record.full_metadata.attributes)
    before, after = type_named(record.type, attributes), type_named(name, attributes)
    if record.state:
        what = "version {0} has been refreshed, which belongs to type '{1}'".format(record.version, record.type)
        raise InvalidInput(what, name=record.name, option="transform.type", remedy="Leave its type as it is.")
    fields: Dict[str, Secret] = dict(record.fields)
    old = before.primary_of(fields)
    new = after.primary_of(fields)
    if old in fields and new not in fields and (not after.fields or old not in {field.name for field in after.fields}):
        fields[new] = fields.pop(old)
    try:
        fields = after.validate(fields)
    except InvalidInput as error:
        what = "version {0} is no credential of type '{1}': {2}".format(record.version, name, error.what)
        raise InvalidInput(what, name=record.name, option="transform.type", remedy=error.remedy) from None
    if name != Custom.name:
        attributes.pop(DECLARATION, None)
    return replace(record, type=name, fields=fields).with_metadata(attributes=attributes)
