# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type contract (C14): the fields of a credential of a type, and its operations.

A type is data (its fields, its primary field, its capabilities) and a few methods that do not use a store.
"""

from __future__ import annotations

import json
from abc import ABC
from copy import copy
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Mapping, NoReturn, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    InvalidInput,
    NoToken,
    Package,
    RefreshUnsupported,
)
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Record, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import REDACTED, Secret, not_text_error
from ansible_collections.nebula.credential.plugins.module_utils.types import generation

RECIPES = "refreshes"  # the option of a store that says how values of custom types are renewed
SHOWN = 4  # characters of a secret id that are shown
SHORTEST_ID = 16  # of a shorter one nothing is shown: too little of it would be left to guess
DUE_AT_ONCE = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""The expiry of a credential whose first value comes from a refresh: the first read makes it."""

ROTATE = "Write a new value, or rotate it."  # how a value is renewed by a person
SIGNED_AGAIN = "Run the module credential with it: that signs it again when it is due, and keeps the key."
"""What renews a certificate that another credential of the store, or its own key, signs."""


@dataclass(frozen=True)
class Field:
    """One field of a type. Every value is kept as a `Secret`, secret or not; `secret` decides whether it may be shown.

    Attributes:
        default: stored if the field is not given.
        binary: any bytes are accepted; else the value is UTF-8 text.
        choices: the only values allowed; empty if any value is.
        identifies: its value says which credential it is, as a user name or the id of a key does. `redact` shows the beginning of it even
            if it is secret: a key's id is half of a login, and people look for it in the lists of a service.
        mapping: a task may give a mapping. It is stored as its JSON text, which may be given too.
    """

    name: str
    secret: bool = False
    required: bool = False
    default: Optional[str] = None
    description: str = ""
    binary: bool = False
    choices: Tuple[str, ...] = ()
    mapping: bool = False
    identifies: bool = False


@dataclass(frozen=True)
class TypeCapabilities:
    """S2's matrix: whether a person takes part, whether a value can be refreshed, whether it can be rotated.

    Attributes:
        generation: whether a new primary value can be made here. False if only the service makes it, as a cloud does its keys.
        cached: whether caches may keep what was read, the session's and the shared one. False for a value that is needed at the moment
            of a read only: then each read is a request.
        composed: its values are those of other credentials (`types.composed`).
        revocation: its service ends its tokens on request (`revoke_tokens`), before the credential is deleted.
        agreed: its service has the same value and makes it, so a new one that is sent nowhere is useless.
    """

    interactive: bool = False
    refresh: bool = False
    rotation: bool = True
    generation: bool = True
    cached: bool = True
    composed: bool = False
    agreed: bool = False
    revocation: bool = False


@dataclass(frozen=True)
class RefreshAnswer:
    """The result of a refresh.

    Attributes:
        state: the whole new state; it replaces the old one. If the response contains no new refresh token, the state holds the one
            that was sent (RFC 6749 section 6).
        expires_at: when the value in it expires (aware, UTC); None if the server does not say.
    """

    state: Fields = dataclass_field(repr=False)
    expires_at: Optional[datetime] = None


class CredentialType(ABC):
    """One kind of credential."""

    name: str = ""
    description: str = ""
    fields: Tuple[Field, ...] = ()
    primary: str = ""
    """The field that `get` returns and `value` sets."""
    capabilities: TypeCapabilities = TypeCapabilities()
    packages: Tuple[Package, ...] = ()
    """The packages that its methods load when they are first used, each `when` it is needed. None of them is loaded before."""
    generated_kind: str = generation.PASSWORD
    internal: Tuple[str, ...] = ()
    """Parts of the state that no read returns and that a refresh leaves as they are."""
    refresh_margin: timedelta = timedelta(seconds=300)
    """How long before its expiry a value is refreshed; a fifth of its lifetime if that is shorter."""
    refresh_is_single_use: bool = True
    """Whether a refresh uses up the token that it sends. It is False for a type whose server continues to accept the token.
    A response that brings another token shows that it does not."""

    def primary_of(self, fields: Fields) -> str:
        """Return the primary field of a credential that holds `fields`."""
        return self.primary

    def choose_field(self, fields: Fields) -> str:
        """Return the field that is read if the caller names none.

        Raises:
            InvalidInput: only the caller can say which one is meant.
        """
        return self.primary_of(fields)

    def lacks_value(self, fields: Fields) -> bool:
        """Return True if a credential of these fields has no value yet, so that one is generated."""
        return self.primary_of(fields) not in find_values(fields)

    def is_secret(self, field: str) -> bool:
        """Return True if a field's value is hidden. A field that the type does not know is hidden."""
        known = self._field(field)
        return known is None or known.secret

    def is_hidden(self, field: str, fields: Fields) -> bool:
        """Return True if the value of a field is masked where a result shows it. `fields` are all of the credential."""
        return self.is_secret(field)

    def is_known_secret(self, field: str, fields: Fields) -> bool:
        """Return True if a field is the primary one of `fields`, or if the type declares it secret."""
        known = self._field(field)
        return field == self.primary_of(fields) or (known is not None and known.secret)

    def expand(self, fields: Fields) -> Dict[str, Secret]:
        """Replace a field that combines others (a connection string) by those fields. Most types have none."""
        return dict(fields)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields, and return them completed by their defaults, as they are stored.

        Raises:
            InvalidInput: a field is unknown, missing, not among its choices, or binary although it must be text.
        """
        self._refuse_unknown(fields)
        complete = {field.name: Secret(field.default) for field in self.fields if field.default is not None}
        complete.update(fields)
        for field in self.fields:
            self._check(field, complete.get(field.name))
        return complete

    def complete(self, name: str, fields: Fields, read: Callable[[str], Record], now: datetime) -> Dict[str, Secret]:
        """Return checked fields with what another credential of the store makes for them (a certificate). Most types need none.

        A second call with the same credentials returns the same fields, as long as they do not have to be renewed.

        Args:
            name: the credential that the fields are of.
            fields: as `validate` returned them.
            read: returns the current record of a credential of the same store; the caller's scope and the audit trail apply.
            now: the time of the write.

        Raises:
            InvalidInput: the other credential cannot make it.
            CredentialError: as `read`.
        """
        return dict(fields)

    def check_given(self, given: Fields, merged: Fields) -> None:
        """Check that the secrets that a task gives are text. Other fields may be numbers and booleans, and mappings if the type says so.

        Args:
            given: the fields that the task gives.
            merged: these over the stored ones, which show what the primary field is.

        Raises:
            InvalidInput: the primary field, or one that the type declares secret, is a number or a boolean; or a field is a mapping
                that the type takes as text.
        """
        for name, value in given.items():
            if value.is_text:
                continue
            data, known = json.loads(value.expose()), self._field(name)
            is_mapping = isinstance(data, dict) and not (known is not None and known.mapping)
            if is_mapping or self.is_known_secret(name, merged):
                raise not_text_error(data, "fields.{0}".format(name))

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return the value of one field: from the last refresh, else as written. It may be computed from other fields.

        Raises:
            NoToken: there is no such value.
        """
        value = state[field] if field in state else fields.get(field)
        if field in self.internal or value is None or value.is_null:
            raise NoToken("there is no value in field '{0}'".format(field), remedy=self._has(fields))
        return value

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        """Return the expiry time that the value itself contains (aware, UTC); None if it contains none."""
        return None

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Return `fields` with a new primary value; without one if the service makes the value at the first refresh.

        Args:
            options: see `generation.generate_value`.
            fields: the other fields, given or kept.

        Raises:
            InvalidInput: the options do not fit, or this type's value cannot be generated.
        """
        if not self.capabilities.generation:
            self.refuse(self.primary_of(fields), "cannot be generated", "Make it at the service, and give it.")
        return dict(fields, **{self.primary_of(fields): generation.generate_value(options, self.generated_kind)})

    def can_refresh(self, fields: Fields) -> bool:
        """Return True if a credential that holds `fields` can be refreshed; by default as the capabilities of the type say."""
        return self.capabilities.refresh

    def with_recipes(self, recipes: Mapping[str, Any]) -> CredentialType:
        """Return the type as it refreshes values in a store with these recipes; most types need none."""
        return self

    def uses_up_token(self, fields: Fields) -> Optional[bool]:
        """Return True if a refresh of these fields uses up the token that it sends; by default as `refresh_is_single_use` says.

        Return False if the service always takes a used token again, whatever its responses bring; None if it uses up its tokens as soon
        as a response brings another one.
        """
        return self.refresh_is_single_use or None

    def keeps_state(self, before: Fields, after: Fields) -> bool:
        """Return True if the state of the last refresh still belongs to fields that have changed from `before` to `after`."""
        return False

    def explain_restart(self, fields: Fields) -> str:
        """Return what a person does to get a value again after a refusal, one or more sentences."""
        return "Get a new one from the service, and write it with state 'present'."

    def explain_no_refresh(self, fields: Fields) -> str:
        """Return how a person renews fields that cannot be refreshed, one or more sentences."""
        return ROTATE

    def explain_no_rotation(self) -> str:
        """Return what a person does instead of a rotation of a type that has none."""
        return "Write the new value with state 'present'."

    def refresh_token(self, fields: Fields, state: Fields) -> Optional[Secret]:
        """Return the token that a refresh sends; None if this type needs none. Use no network.

        Raises:
            NoRefreshToken: this type needs one, and the credential has none.
        """
        return None

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Get a new value from the service, within the deadline of the operation (`context.deadline`).

        A request that may have been carried out is sent again only if that uses up no token.

        Args:
            fields: what was written by a person or a rotation. A refresh never changes them.
            state: the state of the last refresh; empty before the first one.

        Raises:
            RefreshFailed: the service refuses, and would refuse again.
            LoginFailed: the service refuses; another try does no harm, and may succeed once a person has mended what the message names.
            InteractionRequired: the service wants a person to act first.
            Unavailable, Timeout: there was no response. `outcome_unknown` is set if the request may have been carried out.
            RefreshUnsupported: the type has nothing to refresh.
        """
        raise refresh_unsupported_error(self, fields)

    def try_login(self, fields: Fields) -> None:
        """Log in to the service, and change nothing there. Raises LoginFailed, Unavailable, Timeout, or MissingLibrary."""
        raise InvalidInput("type '{0}' has no login that can be tried".format(self.name), option="check", remedy="Leave it out.")

    def redact(self, fields: Fields) -> Dict[str, str]:
        """Return the fields as they may be shown, with secret values replaced and binary ones escaped.

        Of a field that is secret and identifies the credential the first four characters are left, if it has 16 or more.
        """
        return {name: self._redact(name, value, fields) for name, value in sorted(fields.items())}

    @property
    def identifying(self) -> Tuple[str, ...]:
        """The fields by which a person knows the credential."""
        return tuple(field.name for field in self.fields if field.identifies)

    def _redact(self, name: str, value: Secret, fields: Fields) -> str:
        if not self.is_hidden(name, fields):
            return _text(value)
        known, text = self._field(name), _text(value)
        is_id = known is not None and known.secret and known.identifies and name != self.primary_of(fields)
        return text[:SHOWN] + "***" if is_id and len(text) >= SHORTEST_ID else REDACTED

    def _field(self, name: str) -> Optional[Field]:
        for field in self.fields:
            if field.name == name:
                return field
        return None

    def _refuse_unknown(self, fields: Fields) -> None:
        unknown = sorted(name for name in fields if self._field(name) is None)
        if unknown:
            remedy = "Fields of type '{0}': {1}.".format(self.name, ", ".join(field.name for field in self.fields))
            raise InvalidInput("unknown: {0}".format(", ".join(map(ascii, unknown))), option="fields", remedy=remedy)

    def _check(self, field: Field, value: Optional[Secret]) -> None:
        if value is None or value.is_null:
            if field.required:
                self.refuse(field.name, "is missing", "Give it under 'fields', or 'value' if it is the primary field.")
            return
        if not field.binary and _is_binary(value):
            self.refuse(field.name, "is not UTF-8 text", "Use type 'opaque', or 'custom' with a binary field.")
        if field.choices and _text(value) not in field.choices:
            self.refuse(field.name, "is none of the values allowed", "Use one of: {0}.".format(", ".join(field.choices)))

    def refuse(self, field: str, what: str, remedy: str) -> NoReturn:
        """Raise InvalidInput about one field; the value is not shown."""
        raise InvalidInput("field '{0}' of type '{1}' {2}".format(field, self.name, what), option="fields", remedy=remedy)

    def _has(self, fields: Fields) -> str:
        return "It has: {0}.".format(", ".join(sorted(find_values(fields))) or "no field at all")


def read_named(read: Callable[[str], Record], name: str, reader: str) -> Record:
    """Return the record of a credential that another one, the reader, names. An error names both."""
    try:
        return read(name)
    except CredentialError as error:
        shown = copy(error)  # a copy: callers that wait share the error
        shown.what = "{0} ('{1}' names it)".format(error.what, reader)
        raise shown from None


def read_texts(fields: Fields) -> Dict[str, str]:
    """Return the fields that have a value, as text."""
    return {name: value.expose().decode("utf-8") for name, value in find_values(fields).items()}


def read_public_texts(kind: CredentialType, fields: Fields) -> Dict[str, str]:
    """Return the fields that have a value and that their type does not declare secret, as text."""
    return read_texts({field.name: fields[field.name] for field in kind.fields if not field.secret and field.name in fields})


def refresh_unsupported_error(kind: CredentialType, fields: Fields) -> RefreshUnsupported:
    """Return the error for a type, or for fields of it, that have nothing to refresh with."""
    what = "what is stored has nothing to refresh with" if kind.capabilities.refresh else "type '{0}' cannot be refreshed".format(kind.name)
    return RefreshUnsupported(what, remedy=kind.explain_no_refresh(fields))


def _is_binary(value: Secret) -> bool:
    try:
        value.expose().decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _text(value: Secret) -> str:
    return value.expose().decode("utf-8", "backslashreplace")
