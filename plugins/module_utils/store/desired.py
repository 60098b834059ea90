# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The input of `create` and `ensure`: the credential that a caller wants to have stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.record import OPAQUE, ROTATES, Fields, Metadata
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType
from ansible_collections.nebula.credential.plugins.module_utils.types.custom import Custom
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

IDEMPOTENCY_KEY = "key"
FREE_METADATA = "metadata"
LONGEST_METADATA = 65536
"""The longest free metadata, in bytes as JSON. A backend may take less."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class DesiredCredential:
    """The desired state of a credential. An attribute that is None keeps the stored value, or takes its default for a new credential.

    Attributes:
        type: one of `types.registry.TYPES`; defaults to `opaque` for a new credential.
        value: the primary field's value.
        fields: values by field, merged over the stored ones. None removes a field; the primary one, and one that the type declares
            secret, it leaves as it is stored. A path (`a.b.c`) into a stored field with JSON changes that part (`store.json_parts`).
        generate: options of `generation.generate_value`, used if the primary field has no value yet.
        declared: the fields of type `custom`.
        metadata: free JSON, at most `LONGEST_METADATA` bytes, replaced as a whole; never secret.
        tags: replaced as a whole; so are `scope` (its tenant is always the store's), `policy` and `rotation`.
        rotation: the rotation target (`model.assignment`), checked; empty for none.
        expires_at: aware, UTC.
        ttl: lifetime of a value, from the moment it is written; used only if this call writes a value.
        idempotency_key: a second create with the same key returns the credential that the first one created (B2).
        check: log in to the service with the fields before they are stored.
    """

    name: str
    type: Optional[str] = None
    value: Optional[Secret] = None
    fields: Optional[Mapping[str, Optional[Secret]]] = None
    generate: Optional[Mapping[str, Any]] = None
    declared: Optional[Sequence[Mapping[str, Any]]] = None
    description: Optional[str] = None
    tags: Optional[Mapping[str, str]] = None
    metadata: Optional[Mapping[str, Any]] = None
    scope: Optional[Scope] = None
    policy: Optional[Mapping[str, Any]] = None
    rotation: Optional[Mapping[str, Any]] = None
    expires_at: Optional[datetime] = None
    ttl: Optional[timedelta] = None
    idempotency_key: Optional[str] = None
    check: bool = False

    def kind(self, stored_type: Optional[str] = None, stored: Mapping[str, Any] = _NOTHING) -> CredentialType:
        """Return the wanted type, else the stored one, else `opaque`.

        Raises:
            UnsupportedType: there is no such type.
            InvalidInput: fields are declared for a type other than `custom`, or the declaration is invalid.
        """
        name = self.type or stored_type or OPAQUE
        if self.declared is not None and name != Custom.name:
            remedy = "Leave it out, or use type 'custom'."
            raise InvalidInput("type '{0}' declares its own fields".format(name), option="declared_fields", remedy=remedy)
        return type_named(name, stored) if self.declared is None else Custom.declare(self.declared)

    def read_expiry(self, now: datetime) -> Optional[datetime]:
        """Return when a value that is written now expires; None if that is not said."""
        return now + self.ttl if self.ttl is not None else self.expires_at

    def resolve(self, kind: CredentialType, stored: Fields) -> Tuple[Dict[str, Secret], bool]:
        """Merge the given fields over the stored ones, and generate the primary value if there is none.

        Returns:
            The validated fields, and whether a value was generated.

        Raises:
            InvalidInput: a field, or an option of `generate`, does not fit the type, or a secret is given as a number.
        """
        wanted = self._merge_parts(kind, stored)
        given = {name: value for name, value in wanted.items() if value is not None}
        removed = {name for name in wanted if name not in given and not kind.is_known_secret(name, stored)}
        kept = {name: value for name, value in stored.items() if name not in removed}
        primary = kind.primary_of(kept)
        if self.value is not None:
            self._refuse_twice(primary, given)
        merged = dict(kept, **kind.expand(given if self.value is None else {**given, primary: self.value}))
        # What was merged into stored JSON was checked there.
        kind.check_given({name: value for name, value in given.items() if name in (self.fields or {})}, merged)
        if self.value is not None or not kind.lacks_value(merged):
            return kind.validate(merged), False
        made = kind.validate(kind.generate(self.generate or {}, merged))
        return made, kind.primary_of(made) in made

    def try_login(self, kind: CredentialType, fields: Fields, generated: bool) -> None:
        """Log in to the service with complete fields, if that is wanted.

        Raises:
            InvalidInput: the value was generated just now, so the service does not have it; or the type has no login.
            LoginFailed, Unavailable, Timeout, MissingLibrary: see `CredentialType.try_login`.
        """
        if self.check and generated:
            remedy = "Give the value that the service has; or leave 'check' out, and set the new value there."
            raise InvalidInput("the value would be generated, so no service has it yet", option="check", remedy=remedy)
        if self.check:
            kind.try_login(fields)

    def check_recipe(self, kind: CredentialType, recipes: Mapping[str, Any]) -> None:
        """Check that the store has the recipe that the wanted declaration names. Raises InvalidInput."""
        if self.declared is not None and isinstance(kind, Custom):
            kind.check_recipe(recipes)

    def attributes(self, kind: CredentialType, stored: Mapping[str, Any]) -> Dict[str, Any]:
        """Return the library's own metadata: the stored one, with the declaration of a custom type and the idempotency key merged in."""
        attributes = dict(stored)
        if isinstance(kind, Custom):
            attributes.update(kind.attributes())
        if self.metadata is not None:
            attributes = write_free_metadata(attributes, self.metadata)
        if self.rotation is not None:
            attributes = {name: part for name, part in attributes.items() if name != ROTATES}
            attributes.update({ROTATES: dict(self.rotation)} if self.rotation else {})
        if self.idempotency_key is not None:
            attributes[IDEMPOTENCY_KEY] = self.idempotency_key
        return attributes

    def apply(self, metadata: Metadata) -> Dict[str, Any]:
        """Return the changes to plain metadata as keyword arguments of `replace`: only attributes that differ."""
        wanted: Dict[str, Any] = {
            "description": self.description,
            "tags": self.tags,
            "policy": self.policy,
            "expires_at": self.expires_at,
        }
        return {name: value for name, value in wanted.items() if value is not None and value != getattr(metadata, name)}

    def _merge_parts(self, kind: CredentialType, stored: Fields) -> Mapping[str, Optional[Secret]]:
        """Return the given fields, with each path into stored JSON (`a.b.c`) replaced by the whole field."""
        given = self.fields or {}
        if not stored or not any("." in name for name in given):
            return given
        # Imported here: few write a part.
        from ansible_collections.nebula.credential.plugins.module_utils.store.json_parts import merge_parts

        declared = frozenset(field.name for field in kind.fields)
        return merge_parts(given, stored, lambda name: name in declared)

    def _refuse_twice(self, primary: str, given: Fields) -> None:
        if primary in given:
            remedy = "Give it in one place."
            raise InvalidInput("'value' and 'fields' both set '{0}'".format(primary), option="value", name=self.name, remedy=remedy)


def write_free_metadata(attributes: Mapping[str, Any], free: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a record's attributes with this free metadata in place of what they have; an empty mapping removes it.

    Raises:
        InvalidInput: it is no JSON.
        TooLarge: it is longer than `LONGEST_METADATA`.
    """
    others = {name: value for name, value in attributes.items() if name != FREE_METADATA}
    if not free:
        return others
    try:
        text = json.dumps(free, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        remedy = "Use text, numbers, booleans, null, lists, and mappings with text as keys."
        raise InvalidInput("it cannot be written as JSON", option="metadata", remedy=remedy) from None
    if len(text.encode("utf-8")) > LONGEST_METADATA:
        raise TooLarge("the metadata is longer than {0} bytes as JSON".format(LONGEST_METADATA), option="metadata", remedy="Store less.")
    return {**others, FREE_METADATA: text}


def read_free_metadata(attributes: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the free metadata in a record's attributes; empty if there is none, or if another tool has changed it to something else."""
    written = attributes.get(FREE_METADATA)
    if not written:
        return {}
    try:
        found = json.loads(written)
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
