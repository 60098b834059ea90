# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a caller wants to be stored: the input of `create` and `ensure`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import OPAQUE, Fields, Metadata
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType
from ansible_collections.nebula.credential.plugins.module_utils.types.custom import DECLARATION, Custom
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

IDEMPOTENCY_KEY = "key"

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Wanted:
    """A credential as it should be. What is None is left as it is, or takes its default where nothing is stored.

    Attributes:
        type: one of `types.registry.TYPES`; for a new credential `opaque` unless told.
        value: the primary field's value.
        fields: values by field, put over what is stored; None removes a field.
        generate: options of `generation.generate_value`, for the case that the primary field has no value yet.
        declared: the fields of type `custom`.
        tags: replaced as a whole; so are `scope` (its tenant is always the store's) and `policy`.
        expires_at: aware, UTC.
        ttl: how long a value lives from the moment it is written; counts only where this call writes one.
        idempotency_key: creating again with the same key answers what was created the first time (B2).
    """

    name: str
    type: Optional[str] = None
    value: Optional[Secret] = None
    fields: Optional[Mapping[str, Optional[Secret]]] = None
    generate: Optional[Mapping[str, Any]] = None
    declared: Optional[Sequence[Mapping[str, Any]]] = None
    description: Optional[str] = None
    tags: Optional[Mapping[str, str]] = None
    scope: Optional[Scope] = None
    policy: Optional[Mapping[str, Any]] = None
    expires_at: Optional[datetime] = None
    ttl: Optional[timedelta] = None
    idempotency_key: Optional[str] = None

    def kind(self, stored_type: Optional[str] = None, stored: Mapping[str, Any] = _NOTHING) -> CredentialType:
        """The type: the one wanted, else the stored one, else opaque.

        Raises:
            UnsupportedType: there is no such type.
            InvalidInput: fields are declared for another type than custom, or wrongly.
        """
        name = self.type or stored_type or OPAQUE
        if self.declared is not None and name != Custom.name:
            remedy = "Leave it out, or use type 'custom'."
            raise InvalidInput("type '{0}' declares its own fields".format(name), option="declared_fields", remedy=remedy)
        return type_named(name, stored if self.declared is None else {DECLARATION: self.declared})

    def resolve(self, kind: CredentialType, stored: Fields) -> Tuple[Dict[str, Secret], bool]:
        """The fields to store: what is stored, the given put over it, the primary value generated where there is none.

        Returns:
            The validated fields, and whether a value was generated.

        Raises:
            InvalidInput: a field does not fit the type, or the options of `generate` do not.
        """
        given = {name: value for name, value in (self.fields or {}).items() if value is not None}
        removed = set(self.fields or {}) - set(given)
        merged = {name: value for name, value in stored.items() if name not in removed}
        merged.update(kind.expand(given))
        if self.value is not None:
            self._refuse_twice(kind.primary_of(merged))
            merged[kind.primary_of(merged)] = self.value
        generated = self.value is None and self._lacks_value(kind, merged)
        return kind.validate(kind.generate(self.generate or {}, merged) if generated else merged), generated

    def attributes(self, kind: CredentialType, stored: Mapping[str, Any]) -> Dict[str, Any]:
        """The library's own metadata: the declaration of a custom type and the idempotency key, put over what is stored."""
        attributes = dict(stored)
        if isinstance(kind, Custom):
            attributes.update(kind.attributes())
        if self.idempotency_key is not None:
            attributes[IDEMPOTENCY_KEY] = self.idempotency_key
        return attributes

    def apply(self, metadata: Metadata) -> Dict[str, Any]:
        """The changes to plain metadata, as keyword arguments of `replace`: only what differs."""
        wanted: Dict[str, Any] = {
            "description": self.description,
            "tags": self.tags,
            "policy": self.policy,
            "expires_at": self.expires_at,
        }
        return {name: value for name, value in wanted.items() if value is not None and value != getattr(metadata, name)}

    def _lacks_value(self, kind: CredentialType, fields: Fields) -> bool:
        # An opaque credential with fields of its own needs no 'value' beside them.
        return kind.primary_of(fields) not in fields and not (kind.name == OPAQUE and fields)

    def _refuse_twice(self, primary: str) -> None:
        if self.fields and primary in self.fields:
            remedy = "Give it in one place."
            raise InvalidInput("'value' and 'fields' both set '{0}'".format(primary), option="value", name=self.name, remedy=remedy)
