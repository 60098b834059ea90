# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type that a value seems to have, and why. A type is taken only if it returns the value byte for byte."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.model.record import OPAQUE
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.custom import Custom
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import TYPES, type_named

_URL = re.compile(rb"[a-z][a-z0-9+]*://[^\s]+\Z")
_SQL_SERVER = re.compile(rb"(?i)(?:server|data source)\s*=")
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_PEM_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")
_PEM_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_JWT = re.compile(rb"eyJ[\w-]+\.[\w-]+\.[\w-]+\Z")
_AWS_ID = re.compile(rb"(?:AKIA|ASIA)[A-Z2-7]{16}\Z")
_AWS_PAIR = {"access_key_id", "secret_access_key"}
PLAIN = "no form that is known"


class Recognized(NamedTuple):
    """What a credential is to be.

    Attributes:
        type: its type.
        reason: why, for people. Nothing of the value is in it.
        fields: its fields, as they are given to the type.
        reads: the values that must be read back, by the field that returns each.
        single: whether it was found as one value, not as fields.
    """

    type: str
    reason: str
    fields: Mapping[str, bytes]
    reads: Mapping[str, bytes]
    single: bool

    def __repr__(self) -> str:  # values are secret
        return "Recognized({0!r}, {1!r})".format(self.type, self.reason)


def recognize(value: Optional[bytes], fields: Mapping[str, bytes], stated: Optional[str], detect: bool = True) -> Recognized:
    """Return the type of an entry.

    Args:
        value: the value, for an entry with one.
        fields: the values of an entry with several.
        stated: the type that its file states.
        detect: whether the type is worked out from the values. If not, and the file states none, it is `opaque`.
    """
    single = value is not None
    given = {"value": value} if value is not None else dict(fields)
    plain = Recognized(OPAQUE, PLAIN if single else "several fields, of no type that is known", given, given, single)
    if stated is not None:
        reason = "the file says '{0}'".format(stated)
        found = _shape(stated, reason, given, single) if stated in TYPES and stated != Custom.name else None
        return found or plain._replace(reason=reason)
    if not detect:
        return plain._replace(reason="types are not worked out")
    return (_recognize_value(value, plain) if value is not None else _recognize_fields(fields)) or plain


def _recognize_fields(fields: Mapping[str, bytes]) -> Optional[Recognized]:
    if set(fields) == {"username", "password"}:
        return _shape("basic", "a user name and a password", fields, False)
    if _AWS_PAIR <= set(fields) <= {*_AWS_PAIR, "session_token"}:
        return _shape("aws", "the id and the secret of an AWS key", fields, False)
    return None


def _recognize_value(value: bytes, plain: Recognized) -> Recognized:
    kind, field, reason = _guess(value)
    if kind == OPAQUE:
        return plain._replace(reason=reason)
    fields = {field: value}
    found = _shape(kind, reason, fields, True)
    return found or plain._replace(reason="{0}, but type '{1}' would not return it byte for byte".format(reason, kind))


def _guess(value: bytes) -> Tuple[str, str, str]:
    """Return the type that a value may have, the field of it that the value is, and the reason."""
    if _URL.match(value) or _SQL_SERVER.match(value):
        kind = "database" if _has_login(value) else OPAQUE
        return kind, "connection_string", "a connection string of a database" if kind != OPAQUE else "a URL"
    if value.startswith(_OPENSSH):
        return "ssh_key", "private_key", "a private key in OpenSSH's format"
    if _PEM_KEY.match(value):
        return OPAQUE, "value", "a private key in PEM"
    if value.startswith(_PEM_CERTIFICATE):
        return OPAQUE, "value", "a certificate in PEM"
    if _AWS_ID.match(value):
        return OPAQUE, "value", "the id of an AWS key, without its secret"
    claims = _read_claims(value)
    if claims is None:
        return OPAQUE, "value", PLAIN
    end = claims.get("exp")
    if isinstance(end, (int, float)) and end <= time.time():
        return OPAQUE, "value", "a JSON Web Token that has expired"
    return "jwt", "token", "a JSON Web Token"


def _has_login(value: bytes) -> bool:
    """Whether a type reads a value as the login of a database. Another URL is a plain value."""
    try:
        type_named("database", {}).expand({"connection_string": Secret(value)})
    except CredentialError:
        return False
    return True


def _read_claims(value: bytes) -> Optional[Mapping[str, Any]]:
    if not _JWT.match(value):
        return None
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))) for part in value.split(b".")[:2])
    except (ValueError, binascii.Error, RecursionError):
        return None
    return claims if isinstance(header, dict) and "alg" in header and isinstance(claims, dict) else None


def _shape(name: str, reason: str, fields: Mapping[str, bytes], single: bool) -> Optional[Recognized]:
    """Return the entry as a type, if the type takes it and returns each value byte for byte, else None."""
    kind = type_named(name, {})
    given = {kind.primary: fields["value"]} if single and set(fields) == {"value"} else dict(fields)
    secrets: Dict[str, Secret] = {field: Secret(value) for field, value in given.items()}
    try:
        made = kind.validate(kind.expand(secrets))
        kept = all(kind.read(made, {}, field) == Secret(value) for field, value in given.items())
    except CredentialError:
        return None
    return Recognized(name, reason, given, given, single) if kept else None
