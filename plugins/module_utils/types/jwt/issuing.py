# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuing a token: its claims from the fields of a credential, and its signature (RFC 7519 section 7.1)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Mapping, NamedTuple, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.compact import MAX_BYTES
from ansible_collections.nebula.credential.plugins.module_utils.types.jwt.keys import (
    ALGORITHMS,
    OCT,
    SignatureKey,
    load_joserfc,
    read_keys,
    read_secret,
)

SHORTEST, LONGEST = timedelta(seconds=60), timedelta(days=366)
DEFAULT_LIFETIME = "1h"

_CLAIM_OF = {"issuer": "iss", "subject": "sub", "audience": "aud"}
_OURS = ("exp", "iat", "jti")
"""The claims that each token gets anew."""


class Issued(NamedTuple):
    """A new token, and when it expires (aware, UTC)."""

    token: str
    expires_at: datetime


def read_signing_key(text: bytes, algorithm: str) -> SignatureKey:
    """Return the key that signs with `algorithm`: a text for HS256, HS384 and HS512, else PEM or a JWK.

    Raises:
        InvalidInput: it is no private key, or does not fit the algorithm. It is not shown.
    """
    is_text = ALGORITHMS[algorithm].key_type == OCT and not text.lstrip().startswith(b"{")
    keys = [read_secret(text)] if is_text else read_keys(text)
    if len(keys) != 1 or not keys[0].is_private:
        _refuse("key", "is not one private key", "Give the private key, as PEM without a passphrase or as a JWK.")
    if not keys[0].takes(algorithm, "sign"):
        remedy = "Use a key for {0} of at least the size that RFC 7518 demands, or set 'algorithm' as the key needs it."
        _refuse("key", "does not fit the algorithm {0}".format(algorithm), remedy.format(algorithm))
    return keys[0]


def read_lifetime(text: str) -> timedelta:
    """Return how long each token is valid.

    Raises:
        InvalidInput: it is no duration, or not between 60 seconds and 366 days.
    """
    found = duration(text, "fields.lifetime")
    if not SHORTEST <= found <= LONGEST:
        _refuse("lifetime", "is not between 60 seconds and 366 days", "Write for example 1h.")
    return found


def build_claims(parts: Mapping[str, str]) -> Dict[str, Any]:
    """Return the claims that the fields `issuer`, `subject`, `audience` and `claims` give.

    Raises:
        InvalidInput: `claims` is no JSON object, or has a claim that another field or the type itself sets.
    """
    named = {claim: parts[field] for field, claim in _CLAIM_OF.items() if field in parts}
    given = _read_claims(parts.get("claims", "{}"))
    twice = sorted(set(given) & {*named, *_OURS})
    if twice:
        _refuse("claims", "sets {0}, which is set elsewhere".format(", ".join(twice)), "Leave it out there; 'lifetime' sets 'exp'.")
    return dict(given, **named)


def issue_token(key: SignatureKey, parts: Mapping[str, str], now: datetime) -> Issued:
    """Return a token that is valid from now on for the `lifetime` of the fields.

    Args:
        key: as `read_signing_key` returns it.
        parts: the fields as text, with `algorithm` and `lifetime`.
        now: aware, UTC.

    Raises:
        InvalidInput: as `build_claims`.
    """
    import uuid

    load_joserfc()
    from joserfc import jws

    begins = int(now.timestamp())
    ends = begins + int(read_lifetime(parts["lifetime"]).total_seconds())
    claims = dict(build_claims(parts), iat=begins, exp=ends, jti=str(uuid.uuid4()))
    algorithm = parts["algorithm"]
    header = {"typ": "JWT", "alg": algorithm, "kid": find_key_id(key, parts.get("key_id"))}
    registry = jws.JWSRegistry(algorithms=[algorithm])
    registry.max_header_length = registry.max_payload_length = MAX_BYTES
    payload = json.dumps(claims, separators=(",", ":"), allow_nan=False).encode("utf-8")
    return Issued(jws.serialize_compact(header, payload, key.native, registry=registry), datetime.fromtimestamp(ends, timezone.utc))


def find_key_id(key: SignatureKey, wanted: Optional[str]) -> str:
    """Return the `kid` of tokens and of the public key: the wanted one, else that of the JWK, else the thumbprint."""
    return wanted or key.key_id


def _read_claims(text: str) -> Dict[str, Any]:
    try:
        found = read_json(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or len(text) > MAX_BYTES // 2:
        _refuse("claims", "is not a mapping", "Write one, or its JSON as text.")
    return found


def _refuse(field: str, what: str, remedy: str) -> NoReturn:
    raise InvalidInput("field '{0}' of type 'jwt' {1}".format(field, what), option="fields", remedy=remedy)
